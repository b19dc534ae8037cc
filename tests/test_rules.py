"""Every rule finds what its fixture breaks, and only that."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from build_steps.check import UNNEEDED_WAIVER, check
from build_steps.errors import DataError
from build_steps.loading import prepare
from cat_care_qa import CatCareQA
from dolly_16k_ja import Dolly16kJa
from dolly_16k_ja.rules import rules as dolly_rules
from tests.conftest import write_jsonl

FIXTURES = Path(__file__).parent / "rules"
RULES = sorted(path.name for path in FIXTURES.iterdir())
REFERENCES = {"aafp-isfm-2013-environment": {"title": "Feline Environmental Needs", "publisher": "AAFP", "year": 2013}}
UPSTREAM_ROWS = [
    {
        "index": "0",
        "instruction": "富士山はどんな山ですか。",
        "input": "",
        "output": "日本一高い山です。夏に行った。",
        "category": "open_qa",
    },
    {
        "index": "1",
        "instruction": "湖を一つ挙げてください。",
        "input": "",
        "output": "琵琶湖があります。",
        "category": "brainstorming",
    },
]
# A record that is the same as another asks the same, too, and begins and ends alike.
ALIKE = {"L5-same-beginnings", "L5-shared-opening", "L5-shared-closing"}
IMPLIED = {"L4-exact-duplicate": {"L4-repeated-prompt", *ALIKE}, "L4-repeated-prompt": {"L5-same-beginnings"}}


def broken_by(file: Path, folder: Path) -> set[str]:
    """The rules that a fixture breaks, in whatever part of a dataset it is a fixture of."""
    folder.mkdir()
    try:
        line = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    except (UnicodeDecodeError, ValueError, IndexError):
        line = {"question": "a file that cannot be parsed stands among the records of cats"}
    for key, prepared in (
        ("find", lambda: dolly_under_review(folder, {"review/edits.jsonl": file})),
        ("reason", lambda: dolly_under_review(folder, {"waivers.jsonl": file})),
        ("split", lambda: cat_tables(folder, file)),
        ("question", lambda: cat(folder, {"records/water.jsonl": file})),
        ("index", lambda: dolly_of(folder, file) if isinstance(line["index"], str) else added(folder, file)),
    ):
        if key in line:
            return rules_broken(prepared)
    raise AssertionError(f"{file} has no known form")


def rules_broken(prepared) -> set[str]:
    try:
        builder, tables = prepared()
        counts = check(builder, tables or prepare(builder)).counts
    except DataError as error:
        return {violation.rule for violation in error.violations}
    return {rule for rule, count in counts.items() if count.errors or count.notes}


def in_folder(builder: type, folder: Path, files: dict[str, Path]) -> type:
    """The loading script as it would be with these files in its folder."""
    own = folder / builder.NAME
    for name, file in files.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(file.read_bytes())
    return type(builder.__name__, (builder,), {"FOLDER": own, "__module__": builder.__module__})


def cat(folder: Path, files: dict[str, Path]):
    references = folder / "references.json"
    references.write_text(json.dumps(REFERENCES))
    script = in_folder(CatCareQA, folder, {"references.json": references, **files})
    return script(cache_dir=str(folder / "cache")), None


def cat_tables(folder: Path, file: Path):
    """Rows that say themselves in which split they stand."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    splits = {split: [row for row in rows if row.pop("split") == split] for split in {row["split"] for row in rows}}
    schema = CatCareQA.BUILDER_CONFIGS[0].features.arrow_schema.remove_metadata()
    builder, _ = cat(folder, {"records/water.jsonl": write_jsonl(folder / "rows.jsonl", rows)})
    return builder, {split: pa.Table.from_pylist(of_split, schema) for split, of_split in splits.items()}


def dolly(script: type, folder: Path, file: Path, slots: int):
    script = type(
        script.__name__, (script,), {"rules": lambda self: dolly_rules(slots, 2), "__module__": script.__module__}
    )
    return script(file, cache_dir=str(folder / "cache")), None


def dolly_of(folder: Path, file: Path):
    """The fixture is a whole source."""
    return dolly(in_folder(Dolly16kJa, folder, {}), folder, file, slots=2)


def dolly_under_review(folder: Path, files: dict[str, Path], rows: int = 2):
    """The fixture is a file beside the two rows above, which are taken for the pinned upstream."""
    empty = {"review/edits.jsonl": folder / "e", "review/withdrawn.jsonl": folder / "w"}
    write_jsonl(folder / "e", [edit_of(0, "日本一", "日本で一番")])
    write_jsonl(folder / "w", [{"index": 1, "rule": "hand", "reason": "test"}])
    addition = {"index": 1, "instruction": "「行く」の丁寧な形は？", "input": "", "output": "「行きます」です。"}
    write_jsonl(folder / "a", [addition | {"category": "style_control"}])
    files = {**empty, "additions/a.jsonl": folder / "a", **files}
    script = in_folder(Dolly16kJa, folder, files)
    script.is_pinned = True
    source = write_jsonl(folder / "source.jsonl", UPSTREAM_ROWS)
    if "waivers.jsonl" not in files:
        source.write_text(source.read_text().replace("夏に行った。", ""))
    return dolly(script, folder, source, slots=rows)


def added(folder: Path, file: Path):
    return dolly_under_review(folder, {"additions/b.jsonl": file}, rows=3)


def edit_of(index: int, find: str, replace: str) -> dict:
    return {"index": index, "field": "output", "find": find, "replace": replace, "rule": "hand", "reason": "test"}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_its_fixture_breaks(rule: str, tmp_path: Path):
    bad = FIXTURES / rule / "bad.jsonl"
    if rule == "L2-row-too-large":  # two megabytes are not worth keeping
        text = (FIXTURES / rule / "good.jsonl").read_text(encoding="utf-8")
        bad = tmp_path / "bad.jsonl"
        bad.write_text(text.replace("山山山山山山山", "山" * 700_000), encoding="utf-8")
    assert broken_by(bad, tmp_path / "x") - IMPLIED.get(rule, set()) == {rule}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_leaves_good_records_alone(rule: str, tmp_path: Path):
    assert broken_by(FIXTURES / rule / "good.jsonl", tmp_path / "x") == set()


def test_every_rule_has_a_fixture_and_explains_itself(tmp_path: Path):
    declared = [
        *CatCareQA(cache_dir=str(tmp_path)).rules(),
        *Dolly16kJa(cache_dir=str(tmp_path)).rules(),
        UNNEEDED_WAIVER,
    ]
    assert sorted({rule.id for rule in declared}) == RULES
    for rule in declared:
        assert rule.says, rule.id
        assert rule.mend, rule.id
        assert rule.example, rule.id
        assert rule.id[:3] in {"L1-", "L2-", "L3-", "L4-", "L5-"}
