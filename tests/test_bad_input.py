"""Malformed input of every kind: one clear sentence, the right exit code, nothing written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import build
from cat_care_qa import CatCareQA
from dolly_16k_ja import Dolly16kJa
from tests.conftest import write_jsonl
from tests.test_rules import REFERENCES, UPSTREAM_ROWS

CAT = json.loads((Path(__file__).parent / "rules/L2-json/good.jsonl").read_text(encoding="utf-8"))
ROW = UPSTREAM_ROWS[1] | {"index": "0"}
EDIT = {"index": 0, "field": "output", "find": "日本一", "replace": "一番", "rule": "hand", "reason": "test"}
WITHDRAWN = {"index": 1, "rule": "hand", "reason": "test"}
FACT_CHECK = {"id": "water-0001", "claim": "test", "verdict": "confirmed", "source": "test"}
ADDITION = {
    "index": 1,
    "instruction": "「行く」の丁寧な形は？",
    "input": "",
    "output": "「行きます」です。",
    "category": "style_control",
}


def text(record: dict) -> str:
    return json.dumps(record, ensure_ascii=False)


def without(record: dict, key: str) -> dict:
    return {name: value for name, value in record.items() if name != key}


def array(*rows: str) -> str:
    return "[\n" + ",\n".join(rows) + "\n]"


def second_row(**changed: object) -> str:
    return array(text(ROW), text(ROW | {"index": "1", "instruction": "川を一つ挙げてください。"} | changed))


# What the file is, its content, and the line and the rule that the sentence must name.
CASES: dict[str, tuple[str, str | bytes, int | None, str]] = {
    # a source of dolly_16k_ja: a JSON array …
    "array without end": ("dolly", "[\n" + text(ROW), 2, "L2-json"),
    "array that ends in a comma": ("dolly", "[\n" + text(ROW) + ",\n]", 3, "L2-json"),
    "array without commas": ("dolly", "[\n" + text(ROW) + "\n" + text(ROW) + "]", 3, "L2-json"),
    "text behind the array": ("dolly", array(text(ROW)) + "\nend", 4, "L2-json"),
    "two arrays": ("dolly", array(text(ROW)) + "\n" + array(text(ROW)), 4, "L2-json"),
    "array of arrays": ("dolly", '[["0"]]', 1, "L2-json"),
    "array of texts": ("dolly", '[\n"猫"\n]', 2, "L2-json"),
    "empty array": ("dolly", "[]", None, "L2-empty-source"),
    "record cut in half": ("dolly", array(text(ROW))[:60], 2, "L2-json"),
    "quotation marks not escaped": ("dolly", array(text(ROW).replace("湖", '"湖"')), 2, "L2-json"),
    "line break inside a text": ("dolly", array(text(ROW).replace("湖", "\n湖")), 2, "L2-json"),
    "number with a leading zero": ("dolly", array(text(ROW).replace('"0"', "00")), 2, "L2-json"),
    "nested a hundred thousand deep": ("dolly", "[\n" + '{"index":' + "[" * 100_000, 2, "L2-json"),
    "second record without output": ("dolly", array(text(ROW), text(without(ROW, "output"))), 3, "L2-missing-field"),
    "unknown field": ("dolly", second_row(id="1"), 3, "L2-extra-field"),
    "null output": ("dolly", second_row(output=None), 3, "L2-null-field"),
    "number as output": ("dolly", second_row(output=5), 3, "L2-wrong-type"),
    "list as output": ("dolly", second_row(output=["琵琶湖"]), 3, "L2-wrong-type"),
    "object as output": ("dolly", second_row(output={"text": "琵琶湖"}), 3, "L2-wrong-type"),
    "truth value as output": ("dolly", second_row(output=True), 3, "L2-wrong-type"),
    "not a number as output": ("dolly", second_row(output=float("nan")), 3, "L2-wrong-type"),
    "index as a number": ("dolly", second_row(index=1), 3, "L2-wrong-type"),
    "index that skips one": ("dolly", second_row(index="2"), 3, "L2-id-order"),
    "index twice": ("dolly", second_row(index="0"), 3, "L2-id-order"),
    "key twice": ("dolly", array(text(ROW)[:-1] + ', "output": "諏訪湖"}'), 2, "L2-duplicate-key"),
    "half a surrogate pair": ("dolly", array(text(ROW).replace("湖", "\\ud83d")), 2, "L1-lone-surrogate"),
    "array in Shift_JIS": ("dolly", array(text(ROW)).encode("shift_jis"), 2, "L1-invalid-utf8"),
    "array with a byte order mark": ("dolly", array(text(ROW)).encode("utf-8-sig"), 1, "L1-bom"),
    "array with CR LF": ("dolly", array(text(ROW)).replace("\n", "\r\n"), 1, "L1-crlf"),
    "NUL in an output": ("dolly", second_row(output="琵琶\0湖があります。"), 3, "L1-control-character"),
    "blank output": ("dolly", second_row(output="　"), 3, "L2-blank-text"),
    "unknown category": ("dolly", second_row(category="chat"), 3, "L2-unknown-category"),
    "postal code": ("dolly", second_row(output="〒520-0001です。"), 3, "L4-postal-code"),
    # … or JSON Lines
    "lines: empty file": ("dolly", "", None, "L2-empty-source"),
    "lines: blank file": ("dolly", "\n\n", None, "L2-empty-source"),
    "lines: two records in one": ("dolly", text(ROW) + text(ROW), 1, "L2-json"),
    "lines: a comma behind a record": ("dolly", text(ROW) + ",\n", 1, "L2-json"),
    "lines: not JSON": ("dolly", "index,instruction\n0,猫\n", 1, "L2-json"),
    "lines: third line broken": ("dolly", text(ROW) + "\n\n{\n", 3, "L2-json"),
    # records of cat_care_qa as this project keeps them
    "records: a blank line": ("records", text(CAT) + "\n\n", 2, "L2-line-form"),
    "records: no final newline": ("records", text(CAT), 1, "L2-final-newline"),
    "records: ASCII escapes": ("records", json.dumps(CAT) + "\n", 1, "L2-line-form"),
    "records: keys in another order": (
        "records",
        text(without(CAT, "id") | {"id": CAT["id"]}) + "\n",
        1,
        "L2-key-order",
    ),
    "records: references as a text": ("records", text(CAT | {"references": "a"}) + "\n", 1, "L2-wrong-type"),
    "fact checks: a missing source": ("fact_checks", text(without(FACT_CHECK, "source")) + "\n", 1, "L2-missing-field"),
    "records: a number among references": ("records", text(CAT | {"references": [1]}) + "\n", 1, "L2-wrong-type"),
    "records: an array": ("records", "[]\n", 1, "L2-json"),
    "records: id of another topic": ("records", text(CAT | {"id": "feeding-0001"}) + "\n", 1, "L5-id-topic"),
    "references: not JSON": ("references", "{", None, "L2-json"),
    "references: a title alone": ("references", '{"a": "t"}', None, "L2-wrong-type"),
    "references: an array": ("references", "[]", None, "L2-wrong-type"),
    "references: year as a text": (
        "references",
        text({"a": {"title": "t", "publisher": "p", "year": "2013"}}),
        None,
        "L2-wrong-type",
    ),
    # the review of dolly_16k_ja
    "edit: text not there": ("edits", text(EDIT | {"find": "琵琶湖"}) + "\n", 1, "L5-edit-find"),
    "edit: text twice": ("edits", text(EDIT | {"field": "instruction", "find": "山"}) + "\n", 1, "L5-edit-find"),
    "edit: no text": ("edits", text(EDIT | {"find": ""}) + "\n", 1, "L5-edit-find"),
    "edit: unknown field": ("edits", text(EDIT | {"field": "answer"}) + "\n", 1, "L5-edit-place"),
    "edit: withdrawn row": ("edits", text(EDIT | {"index": 1}) + "\n", 1, "L5-edit-place"),
    "edit: row beyond the end": ("edits", text(EDIT | {"index": 9}) + "\n", 1, "L5-edit-place"),
    "edit: index as a text": ("edits", text(EDIT | {"index": "0"}) + "\n", 1, "L2-wrong-type"),
    "edit: index too large": ("edits", text(EDIT | {"index": 2**64}) + "\n", 1, "L2-wrong-type"),
    "edits out of order": ("edits", text(EDIT | {"index": 1}) + "\n" + text(EDIT) + "\n", 2, "L2-id-order"),
    "withdrawn twice": ("withdrawn", (text(WITHDRAWN) + "\n") * 2, 2, "L5-slot"),
    "withdrawn beyond the end": (
        "withdrawn",
        text(WITHDRAWN) + "\n" + text(WITHDRAWN | {"index": 7}) + "\n",
        2,
        "L5-slot",
    ),
    "addition in a slot that is taken": (
        "additions",
        text(ADDITION | {"index": 0}) + "\n" + text(ADDITION) + "\n",
        1,
        "L5-slot",
    ),
    "addition behind a gap": ("additions", text(ADDITION) + "\n" + text(ADDITION | {"index": 5}) + "\n", 2, "L5-slot"),
    "addition without category": ("additions", text(without(ADDITION, "category")) + "\n", 1, "L2-missing-field"),
    "waiver without reason": ("waivers", text({"rule": "L4-email", "id": "*"}) + "\n", 1, "L2-missing-field"),
    "waiver for nothing": (
        "waivers",
        text({"rule": "L4-email", "id": "0", "reason": "test"}) + "\n",
        1,
        "L5-unneeded-waiver",
    ),
}

FILES = {
    "records": "cat_care_qa/records/water.jsonl",
    "references": "cat_care_qa/references.json",
    "fact_checks": "cat_care_qa/fact_checks.jsonl",
    "edits": "dolly_16k_ja/review/edits.jsonl",
    "withdrawn": "dolly_16k_ja/review/withdrawn.jsonl",
    "additions": "dolly_16k_ja/additions/all.jsonl",
    "waivers": "dolly_16k_ja/waivers.jsonl",
}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both datasets with folders of their own, where everything is right."""
    write_jsonl(tmp_path / FILES["records"], [CAT])
    (tmp_path / FILES["references"]).write_text(json.dumps(REFERENCES))
    write_jsonl(tmp_path / FILES["edits"], [EDIT])
    write_jsonl(tmp_path / FILES["withdrawn"], [WITHDRAWN])
    write_jsonl(tmp_path / FILES["additions"], [ADDITION])
    write_jsonl(tmp_path / FILES["fact_checks"], [FACT_CHECK])
    write_jsonl(tmp_path / "dolly_16k_ja/fact_checks.jsonl", [{"index": 1, **without(FACT_CHECK, "id")}])
    (tmp_path / "cat_care_qa/card.md").write_text("---\nlanguage: ja\n---\n")
    for script in (CatCareQA, Dolly16kJa):
        shutil.copy(script.FOLDER / "rai.json", tmp_path / script.NAME / "rai.json")
        monkeypatch.setattr(script, "FOLDER", tmp_path / script.NAME)
    write_jsonl(tmp_path / FILES["waivers"], [{"rule": "L5-slot-count", "id": "*", "reason": "only two rows"}])
    return tmp_path


def run(folders: Path, kind: str, content: str | bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Path]:
    content = content.encode() if isinstance(content, str) else content
    if kind == "dolly":
        source = folders / "source.json"
        source.write_bytes(content)
        (folders / FILES["waivers"]).unlink()
        monkeypatch.setattr(
            Dolly16kJa, "rules", lambda self: [rule for rule in rules(self) if rule.id != "L5-slot-count"]
        )
    else:
        (folders / FILES[kind]).write_bytes(content)
        source = write_jsonl(
            folders / "source.jsonl", [row | {"output": row["output"].split("。")[0] + "。"} for row in UPSTREAM_ROWS]
        )
        monkeypatch.setattr(Dolly16kJa, "is_pinned", True)
        if kind == "waivers":
            monkeypatch.setattr(
                Dolly16kJa, "rules", lambda self: [rule for rule in rules(self) if rule.id != "L5-slot-count"]
            )
    name = FILES.get(kind, "dolly_16k_ja").split("/")[0]
    args = [] if name == "cat_care_qa" else ["--source", f"dolly_16k_ja={source}"]
    return build.main(["build", name, *args, "--out", str(folders / "dist")]), folders / "dist" / name


rules = Dolly16kJa.rules


@pytest.mark.parametrize("case", CASES)
def test_malformed_input_is_named_and_nothing_is_written(
    case: str, folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    kind, content, line, rule = CASES[case]
    code, output = run(folders, kind, content, monkeypatch)
    said = capsys.readouterr().err.strip()
    named = f"{line}" if line else ""
    file = re.escape("source.json" if kind == "dolly" else FILES[kind].split("/")[-1])
    assert code == 1, said
    assert "Traceback" not in said
    assert not output.exists()
    for sentence in said.splitlines():
        assert re.match(rf"error L\d-[a-z0-9-]+ \w+ \S*{file}(:\d+)?( record \S+)?( field \S+)?: .+; .+\.$", sentence)
    assert re.match(rf"error {rule}\S* \w+ \S*{file}{':' if line else ''}{named}\b", said), said


def test_there_are_forty_cases_and_more():
    assert len(CASES) >= 40


@pytest.mark.parametrize("kind", ["records", "dolly"])
def test_what_is_right_builds_with_the_same_fixture(kind: str, folders: Path, monkeypatch: pytest.MonkeyPatch):
    (folders / "dolly_16k_ja/card.md").write_text("---\nlanguage: ja\n---\n")
    content = text(CAT) + "\n" if kind == "records" else second_row()
    code, output = run(folders, kind, content, monkeypatch)
    assert code == 0
    assert (output / "manifest.json").exists()
