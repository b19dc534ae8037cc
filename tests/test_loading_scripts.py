"""The loading scripts, used alone as any `datasets` builder, and never stale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_steps.loading import prepare
from cat_care_qa import CatCareQA
from cat_care_qa.builder import split_of
from dolly_16k_ja import Dolly16kJa
from tests.conftest import generated_rows, run_build, write_jsonl

FEATURES_OF_CATS = {
    "id": "string",
    "question": "string",
    "answer": "string",
    "context": "string",
    "kind": "string",
    "topic": "string",
    "urgency": "string",
    "references": "list<element: string>",
    "origin": "string",
    "added_in": "string",
}
FEATURES_OF_DOLLY = {
    "index": "int64",
    "instruction": "string",
    "input": "string",
    "output": "string",
    "category": "string",
    "style": "string",
    "origin": "string",
}


def types_of(table: pa.Table) -> dict[str, str]:
    return {field.name: str(field.type).replace("item", "element") for field in table.schema}


def test_cats_alone_give_the_columns_and_splits_of_the_design(tmp_path: Path):
    builder = CatCareQA(cache_dir=str(tmp_path))
    builder.download_and_prepare()
    loaded = builder.as_dataset()
    assert set(loaded) == {"train", "test"}
    for split, dataset in loaded.items():
        assert types_of(dataset.data.table) == FEATURES_OF_CATS
        assert {split_of(record_id) for record_id in dataset["id"]} == {split}


@pytest.mark.parametrize("config", ["alpaca", "chat"])
def test_the_views_of_cats_have_a_row_for_each_record(config: str, tmp_path: Path):
    records = prepare(CatCareQA(cache_dir=str(tmp_path)))
    views = prepare(CatCareQA(cache_dir=str(tmp_path), config_name=config))
    for split in records:
        for record, view in zip(records[split].to_pylist(), views[split].to_pylist(), strict=True):
            question, context, answer = record["question"], record["context"], record["answer"]
            if config == "alpaca":
                assert view == {"instruction": question, "input": context, "output": answer}
            else:
                asked = f"{question}\n\n{context}" if context else question
                assert view["messages"] == [
                    {"role": "user", "content": asked},
                    {"role": "assistant", "content": answer},
                ]


def test_cats_stream(tmp_path: Path):
    streamed = CatCareQA(cache_dir=str(tmp_path)).as_streaming_dataset("test")
    loaded = prepare(CatCareQA(cache_dir=str(tmp_path)))["test"]
    assert list(streamed) == loaded.to_pylist()


def test_dolly_of_another_source_keeps_every_row_at_its_slot(tmp_path: Path):
    rows = generated_rows(4_100)
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    table = prepare(Dolly16kJa(source, cache_dir=str(tmp_path / "cache")))["train"]
    assert types_of(table) == FEATURES_OF_DOLLY
    assert table["index"].to_pylist() == list(range(4_100))
    for column in ("instruction", "input", "output", "category"):
        assert table[column].to_pylist() == [row[column] for row in rows]
    assert set(table["origin"].to_pylist()) == {"upstream"}
    shards = [
        prepare(Dolly16kJa(source, cache_dir=str(tmp_path / "cache"), config_name=f"{k}_of_4")).get("train")
        for k in (1, 2, 3)
    ]
    assert [shard.num_rows if shard else 0 for shard in shards] == [4_000, 100, 0]
    assert pa.concat_tables(filter(None, shards)) == table


def test_a_json_array_and_json_lines_give_the_same_rows(tmp_path: Path):
    rows = generated_rows(50)
    lines = write_jsonl(tmp_path / "rows.jsonl", rows)
    array = tmp_path / "rows.json"
    array.write_text(json.dumps([dict(reversed(row.items())) for row in rows]), encoding="utf-8")
    one, other = (prepare(Dolly16kJa(path, cache_dir=str(tmp_path / "cache")))["train"] for path in (lines, array))
    assert one == other


@given(st.text(min_size=1))
def test_the_split_of_a_record_follows_from_its_id_alone(record_id: str):
    assert split_of(record_id) == split_of(str(record_id)) in {"train", "test"}


def test_the_split_of_known_ids_has_not_moved():
    ids = [f"water-{number:04d}" for number in range(1, 31)]
    in_test = [record_id for record_id in ids if split_of(record_id) == "test"]
    assert in_test == ["water-0003", "water-0006", "water-0020", "water-0021", "water-0027"]


def test_one_record_in_six_is_for_testing():
    ids = [f"feeding-{number:04d}" for number in range(10_000)]
    assert 0.15 < sum(split_of(record_id) == "test" for record_id in ids) / len(ids) < 0.18


ALONE = """
import sys
from cat_care_qa import CatCareQA
builder = CatCareQA(cache_dir=sys.argv[1])
builder.download_and_prepare()
print(builder.as_dataset("train+test").sort("id")["answer"][0])
"""


def test_an_edited_record_is_read_anew_whatever_lies_in_the_cache(project: Path, tmp_path: Path):
    """The builder alone and build.py, before and after an edit, with one cache between them."""
    cache, out = tmp_path / "cache", tmp_path / "dist"

    def alone() -> str:
        command = [sys.executable, "-c", ALONE, str(cache)]
        return subprocess.run(command, capture_output=True, text=True, cwd=project, check=True).stdout.strip()

    def built() -> str:
        done = run_build("build", "cat_care_qa", "--out", str(out), project=project, HF_DATASETS_CACHE=str(cache))
        assert done.returncode == 0, done.stderr
        records = (out / "cat_care_qa/jsonl").glob("*.jsonl")
        lines = [json.loads(line) for path in records for line in path.read_text(encoding="utf-8").splitlines()]
        return min(lines, key=lambda line: line["id"])["answer"]

    before = alone()
    assert built() == before
    path = project / "cat_care_qa/records/behavior.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(before, before + "試しに書き足しました。", 1), encoding="utf-8")
    assert alone() == built() == before + "試しに書き足しました。"
    path.write_text(text, encoding="utf-8")
    assert alone() == built() == before
