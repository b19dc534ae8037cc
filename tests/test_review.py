"""The review of upstream: edits, withdrawn rows and additions, each at its place and each counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_steps.errors import DataError
from build_steps.fact_checks import read_fact_checks
from build_steps.loading import prepare
from build_steps.reading import read_records
from dolly_16k_ja import Dolly16kJa
from dolly_16k_ja.builder import CHANGES, UPSTREAM_FIELDS
from dolly_16k_ja.mending import Revised, mend
from dolly_16k_ja.review import Review
from dolly_16k_ja.signals import SIGNALS
from tests.conftest import PROJECT


def batches(texts: list[str], sizes: list[int]) -> list[Revised]:
    """Upstream of these outputs, cut in batches of these sizes, with nothing to mend."""
    texts_of = ((name, pa.string()) for name in ("instruction", "input", "output", "category", "file"))
    schema = pa.schema([("index", pa.int64()), *texts_of, ("line", pa.int32())])
    rows = [
        {
            "index": at,
            "instruction": f"問{at}",
            "input": "",
            "output": text,
            "category": "open_qa",
            "file": "u",
            "line": at + 1,
        }
        for at, text in enumerate(texts)
    ]
    cut = []
    while rows:
        size = sizes[len(cut) % len(sizes)]
        cut.append(pa.RecordBatch.from_pylist(rows[:size], schema))
        rows = rows[size:]
    return [Revised(batch, batch, []) for batch in cut]


def edit(index: int, find: str, replace: str) -> dict:
    place = {"file": "e", "line": 1}
    return {"index": index, "field": "output", "find": find, "replace": replace, "rule": "r", "reason": "w"} | place


def addition(index: int) -> dict:
    texts = {"instruction": f"新{index}", "input": "", "output": "新しい", "category": "style_control"}
    return {"index": index, **texts, "file": "a", "line": 1}


def withdrawn(index: int) -> dict:
    return {"index": index, "rule": "r", "reason": "w", "file": "w", "line": 1}


@given(st.data())
def test_every_slot_is_filled_once_however_the_batches_are_cut(data: st.DataObject):
    count = data.draw(st.integers(1, 30))
    gone = data.draw(st.sets(st.integers(0, count - 1)))
    edited = data.draw(st.sets(st.integers(0, count - 1))) - gone
    beyond = range(count, count + data.draw(st.integers(0, 5)))
    sizes = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    review = Review(
        "d",
        edits={at: [edit(at, "古", "今")] for at in edited},
        withdrawn={at: withdrawn(at) for at in gone},
        additions={at: addition(at) for at in {*gone, *beyond}},
    )
    reviewed = list(review.apply(batches(["古い"] * count, sizes)))
    rows = [row for batch in reviewed for row in batch.after.to_pylist()]
    assert [row["index"] for row in rows] == list(range(count + len(beyond)))
    for row in rows:
        at = row["index"]
        origin = "addition" if at in gone or at >= count else "reviewed" if at in edited else "upstream"
        assert row["origin"] == origin
        assert row["output"] == {"addition": "新しい", "reviewed": "今い", "upstream": "古い"}[origin]
    changes = list(review.changes(reviewed, CHANGES.arrow_schema))
    kinds = [change["change"] for batch in changes for change in batch.to_pylist()]
    assert kinds.count("edit") == len(edited)
    assert kinds.count("withdrawal") == len(gone)
    assert kinds.count("addition") == len(gone) + len(beyond)


def test_edits_of_one_row_follow_one_another():
    review = Review("d", {0: [edit(0, "一", "二"), edit(0, "二三", "四")]}, {}, {})
    [batch] = review.apply(batches(["一三"], [1]))
    assert batch.after["output"].to_pylist() == ["四"]


def test_a_slot_that_nothing_fills_is_named():
    review = Review("d", {}, {0: withdrawn(0)}, {})
    with pytest.raises(DataError, match=r"L5-slot d w:1 record 0: .*no addition takes its place"):
        list(review.apply(batches(["古い"], [1])))


@pytest.mark.upstream
def test_upstream_rows_that_stay_are_cut_as_the_original_program_cut_them(upstream: Path, dist: Path):
    """Each line of a shard, byte for byte, at its slot."""
    data = json.loads(upstream.read_text(encoding="utf-8"))
    review = Review.read(PROJECT / "dolly_16k_ja", "dolly_16k_ja")
    changed = pq.read_table(dist / "dolly_16k_ja/changes/train-00000-of-00001.parquet")["index"].to_pylist()
    untouched = set(range(len(data))) - set(changed)
    assert len(untouched) > 7_500
    slots = 0
    for k in range(4):
        path = dist / f"dolly_16k_ja/jsonl/databricks-dolly-16k-line_ja-{k + 1}_of_4.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        for slot, line in enumerate(lines, start=4000 * k):
            assert list(json.loads(line)) == ["instruction", "input", "output"]
            if slot in untouched:
                triple = {key: data[slot][key] for key in ("instruction", "input", "output")}
                assert line == (json.dumps(triple, ensure_ascii=False) + "\n").encode()
        slots += len(lines)
    assert slots == len(data) + sum(index >= len(data) for index in review.additions)


@pytest.mark.upstream
def test_the_edits_say_all_that_differs_from_upstream(upstream: Path, tmp_path: Path):
    before = pa.Table.from_batches(read_records(upstream, UPSTREAM_FIELDS, "dolly_16k_ja"))
    after = prepare(Dolly16kJa(upstream, cache_dir=str(tmp_path)))["train"].slice(0, before.num_rows)
    changes = prepare(Dolly16kJa(upstream, cache_dir=str(tmp_path), config_name="changes"))["train"].to_pylist()
    differ = {
        index
        for column in ("instruction", "input", "output", "category")
        for index, (old, new) in enumerate(zip(before[column].to_pylist(), after[column].to_pylist(), strict=True))
        if old != new
    }
    assert differ == {change["index"] for change in changes if change["index"] < before.num_rows}
    for change in changes:
        if change["change"] == "edit":
            assert change["before"] != change["after"]
            assert change["field"] in ("instruction", "input", "output")
            assert change["reason"]
            assert change["rule"]


def test_the_rows_that_were_read_by_hand_are_named_with_the_signals_that_picked_them():
    path = PROJECT / "dolly_16k_ja/review/read.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 600
    assert [row["index"] for row in rows] == sorted({row["index"] for row in rows})
    assert {signal for row in rows for signal in row["signals"]} == set(SIGNALS)


@pytest.mark.upstream
def test_the_signals_still_find_the_rows_that_they_picked(upstream: Path):
    mended = [mend(batch) for batch in read_records(upstream, UPSTREAM_FIELDS, "dolly_16k_ja")]
    as_it_is, after = (
        pa.Table.from_batches(tables) for tables in zip(*((m.before, m.after) for m in mended), strict=True)
    )
    picked = [json.loads(line) for line in (PROJECT / "dolly_16k_ja/review/read.jsonl").read_text().splitlines()]
    for name, signal in SIGNALS.items():
        found = {row for rows in (as_it_is, after) for row in pc.indices_nonzero(signal(rows)).to_pylist()}
        missing = {row["index"] for row in picked if name in row["signals"]} - found
        assert not missing, name


def test_what_was_looked_up_for_the_additions_is_on_record():
    additions = {
        addition["index"]
        for file in (PROJECT / "dolly_16k_ja/additions").iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
        if (addition := json.loads(line))
    }
    checks = read_fact_checks(PROJECT / "dolly_16k_ja", "index", int).to_pylist()
    assert {check["index"] for check in checks} == additions
    without_facts = {check["index"] for check in checks if check["verdict"] == "no fact"}
    assert not without_facts & {check["index"] for check in checks if check["verdict"] != "no fact"}
    for check in checks:
        assert bool(check["source"]) == (check["verdict"] in ("confirmed", "mended"))
        assert check["verdict"] in ("confirmed", "mended", "removed", "no fact")
