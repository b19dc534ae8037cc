"""What a user of the built datasets relies on: they load everywhere, as declared, and hold every record."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard

from build_steps.loading import PROJECT
from cat_care_qa import CatCareQA
from dolly_16k_ja import Dolly16kJa
from tests.conftest import write_jsonl

BUILDERS = {builder.NAME: builder for builder in (CatCareQA, Dolly16kJa)}


def card_of(folder: Path) -> dict:
    return DatasetCard.load(folder / "README.md", ignore_metadata_errors=False).data.to_dict()


def configs_of(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Configs, splits and files as the card's YAML names them."""
    return {
        config["config_name"]: {split["split"]: split["path"] for split in config["data_files"]}
        for config in card_of(folder)["configs"]
    }


@pytest.mark.parametrize("streaming", [False, True], ids=["loaded", "streamed"])
@pytest.mark.parametrize("name", BUILDERS)
def test_load_dataset_gives_every_config_as_declared(name: str, streaming: bool, dist: Path, tmp_path: Path):
    declared = {config.name: config for config in BUILDERS[name].BUILDER_CONFIGS}
    infos = {info["config_name"]: info for info in card_of(dist / name)["dataset_info"]}
    configs = configs_of(dist / name)
    assert set(configs) == set(infos) <= set(declared)
    assert set(declared) - set(configs) <= {"changes"}
    for config in configs:
        loaded = datasets.load_dataset(str(dist / name), config, cache_dir=str(tmp_path), streaming=streaming)
        sizes = {split["name"]: split["num_examples"] for split in infos[config]["splits"]}
        assert set(loaded) == set(sizes)
        for split, dataset in loaded.items():
            assert dataset.features == declared[config].features
            assert sum(1 for _ in dataset) == sizes[split] if streaming else dataset.num_rows == sizes[split]


@pytest.mark.parametrize("name", BUILDERS)
def test_without_a_config_the_default_is_loaded(name: str, dist: Path, tmp_path: Path):
    loaded = datasets.load_dataset(str(dist / name), cache_dir=str(tmp_path))
    manifest = json.loads((dist / name / "manifest.json").read_text(encoding="utf-8"))
    assert sum(dataset.num_rows for dataset in loaded.values()) == manifest["rows"]


@pytest.mark.parametrize("name", BUILDERS)
def test_pandas_polars_and_duckdb_read_the_same_rows(name: str, dist: Path):
    for paths in configs_of(dist / name).values():
        for path in {path for of_split in paths.values() for path in of_split}:
            file = str(dist / name / path)
            rows = pq.read_table(file).to_pylist()
            assert pl.read_parquet(file).to_dicts() == rows
            by_duckdb = duckdb.sql(f"select * from read_parquet('{file}')").fetchall()
            assert by_duckdb == [tuple(row.values()) for row in rows]
            by_pandas = pd.read_parquet(file)
            assert len(by_pandas) == len(rows)
            assert list(by_pandas.columns) == list(rows[0])


@pytest.mark.parametrize("name", BUILDERS)
def test_parquet_is_written_for_the_hub(name: str, dist: Path):
    """One row group, zstd, page index, and no metadata that an older `datasets` cannot read."""
    for path in (dist / name).glob("*/*.parquet"):
        metadata = pq.read_metadata(path)
        assert metadata.num_row_groups == 1
        assert b"huggingface" not in (pq.read_schema(path).metadata or {})
        for at in range(metadata.num_columns):
            column = metadata.row_group(0).column(at)
            assert column.compression == "ZSTD"
            assert column.has_offset_index
            encoded = any("DICTIONARY" in encoding for encoding in column.encodings)
            assert encoded == (column.path_in_schema in BUILDERS[name].FEW_VALUES)


def test_the_files_of_cats_hold_every_record_and_no_other(dist: Path):
    records = [
        json.loads(line)
        for path in sorted((PROJECT / "cat_care_qa/records").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    folder = dist / "cat_care_qa"
    stored = [
        row
        for split in ("train", "test")
        for row in pq.read_table(folder / f"data/{split}-00000-of-00001.parquet").to_pylist()
    ]
    assert sorted(stored, key=lambda row: row["id"]) == sorted(records, key=lambda row: row["id"])
    for split in ("train", "test"):
        rows = pq.read_table(folder / f"data/{split}-00000-of-00001.parquet").to_pylist()
        lines = (folder / f"jsonl/cats_stories_{split}.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == rows
        assert list(json.loads(lines[0]))[:3] == ["question", "answer", "context"]


def test_the_alpaca_file_is_what_the_original_program_would_write(dist: Path):
    """It read question and answer, line by line, and dumped a list with an indent of 4."""
    folder = dist / "cat_care_qa"
    for split in ("train", "test"):
        lines = (folder / f"jsonl/cats_stories_{split}.jsonl").read_text(encoding="utf-8").splitlines()
        stories = [json.loads(line) for line in lines]
        text = (folder / f"json/alpaca_cats_stories_{split}.json").read_text(encoding="utf-8")
        written = json.loads(text)
        assert text == json.dumps(written, ensure_ascii=False, indent=4)
        without_context = [at for at, story in enumerate(stories) if not story["context"]]
        assert without_context
        for at in without_context:
            story = stories[at]
            assert written[at] == {"instruction": story["question"], "input": "", "output": story["answer"]}


def test_the_shards_are_the_files_of_the_default_config(dist: Path):
    configs = configs_of(dist / "dolly_16k_ja")
    shards = [path for k in (1, 2, 3, 4) for path in configs[f"{k}_of_4"]["train"]]
    assert shards == configs["default"]["train"]
    for k, path in enumerate(shards):
        slots = pq.read_table(dist / "dolly_16k_ja" / path)["index"].to_pylist()
        assert slots == list(range(4000 * k, 4000 * k + len(slots)))
        assert len(slots) == 4000 or k == 3


@pytest.mark.parametrize("name", BUILDERS)
def test_the_card_is_complete_and_true(name: str, dist: Path):
    folder = dist / name
    data = card_of(folder)
    wanted = {"language", "license", "pretty_name", "task_categories", "size_categories", "annotations_creators"}
    wanted |= {"language_creators", "source_datasets", "tags", "configs", "dataset_info"}
    assert wanted <= {key for key, value in data.items() if value}
    assert data["license"] == {"cat_care_qa": "cc-by-4.0", "dolly_16k_ja": "cc-by-sa-3.0"}[name]
    assert [config["config_name"] for config in data["configs"] if config.get("default")] == ["default"]
    for info in data["dataset_info"]:
        files = {path for of_split in configs_of(folder)[info["config_name"]].values() for path in of_split}
        assert info["download_size"] == sum((folder / path).stat().st_size for path in files)
    text = (folder / "README.md").read_text(encoding="utf-8")
    rows = sum(pq.read_metadata(path).num_rows for path in folder.glob("data/*.parquet"))
    assert f"{rows:,}" in text
    assert "{{" not in text
    assert "machine" in text
    assert yaml.safe_load(text.split("---\n")[1])


def test_no_number_of_a_card_is_typed_by_hand():
    """Numbers in a template stand in code, names and licences; counts come from the files."""
    allowed = {"15", "16", "4", "3.0", "4.0", "16k", "15k", "4,000", "16,000", "0", "1", "2", "3", "2023"}
    for name in BUILDERS:
        body = (PROJECT / name / "card.md").read_text(encoding="utf-8").split("---\n", 2)[2]
        prose = "\n".join(line for line in body.split("```")[::2])
        import re

        prose = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|`[^`]*`|https?://\S+|\[[^\]]*\]\([^)]*\)", "", prose, flags=re.S)
        found = set(re.findall(r"(?<![A-Za-z0-9_])\d[\d,.]*\d|(?<![A-Za-z0-9_])\d", prose))
        assert found <= allowed, (name, found - allowed)


def test_a_source_of_a_few_rows_has_only_the_files_it_fills(tmp_path: Path):
    import build

    rows = [
        {
            "index": str(at),
            "instruction": f"{at}番目の山は？",
            "input": "",
            "output": f"山{at}です。",
            "category": "open_qa",
        }
        for at in range(3)
    ]
    source = write_jsonl(tmp_path / "rows.jsonl", rows)
    assert (
        build.main(["build", "dolly_16k_ja", "--source", f"dolly_16k_ja={source}", "--out", str(tmp_path / "d")]) == 0
    )
    folder = tmp_path / "d" / "dolly_16k_ja"
    assert set(configs_of(folder)) == {"default", "1_of_4", "chat"}
    assert datasets.load_dataset(str(folder), "1_of_4", split="train", cache_dir=str(tmp_path)).num_rows == 3


@pytest.mark.upstream
def test_sixteen_thousand_rows_stand_in_four_shards(upstream: Path, dist: Path):
    folder = dist / "dolly_16k_ja"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"] == 16_000
    for k in range(4):
        table = pq.read_table(folder / f"data/train-{k:05d}-of-00004.parquet")
        assert table["index"].to_pylist() == list(range(4000 * k, 4000 * (k + 1)))
        assert pq.read_metadata(folder / f"chat/train-{k:05d}-of-00004.parquet").num_rows == 4000
    assert not [waiver for waiver in manifest["waivers"] if waiver["id"] == "*"], "no rule is waived whole"


@pytest.mark.upstream
def test_every_withdrawn_row_has_its_reason_and_an_addition_in_its_place(upstream: Path, dist: Path):
    rows = pa.concat_tables(pq.read_table(path) for path in sorted((dist / "dolly_16k_ja/data").glob("*.parquet")))
    changes = pq.read_table(dist / "dolly_16k_ja/changes/train-00000-of-00001.parquet").to_pylist()
    withdrawn = {change["index"]: change["reason"] for change in changes if change["change"] == "withdrawal"}
    added = {change["index"] for change in changes if change["change"] == "addition"}
    assert len(withdrawn) <= 150
    assert all(withdrawn.values())
    assert added == {*withdrawn, *range(15_015, 16_000)}
    assert set(rows.filter(pc.equal(rows["origin"], "addition"))["index"].to_pylist()) == added


@pytest.mark.parametrize("name", BUILDERS)
def test_the_croissant_file_names_every_file_that_is_no_view_of_others(name: str, dist: Path):
    """That mlcroissant reads it is shown in test_clients.py."""
    described = json.loads((dist / name / "croissant.json").read_text(encoding="utf-8"))
    manifest = json.loads((dist / name / "manifest.json").read_text(encoding="utf-8"))
    for file in described["distribution"]:
        assert file["sha256"] == manifest["files"][file["@id"]]["sha256"]
        assert file["contentUrl"].endswith(f"/datasets/qeu/{name}/resolve/v{manifest['version']}/{file['@id']}")
    named = {file["@id"] for file in described["distribution"]}
    assert named == {path for path in manifest["files"] if path.startswith(("data/", "changes/"))}
    columns = {field["name"].rpartition("/")[2] for records in described["recordSet"] for field in records["field"]}
    assert columns >= {column.name for column in pq.read_schema(dist / name / sorted(named)[-1])}
    assert described["license"] == card_of(dist / name)["license"]
    assert len([key for key in described if key.startswith("rai:")]) >= 8
