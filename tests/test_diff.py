"""`diff` names every change, the version follows from it, and applied to the old release it gives the new one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_steps.diff import MAJOR, MINOR, PATCH, RowChanges, compare, compare_rows, least_version
from build_steps.errors import BuildError
from build_steps.release import Release
from cat_care_qa import CatCareQA
from tests.conftest import Edition, run_build

TYPES = {"text": pa.string(), "number": pa.int64(), "names": pa.list_(pa.string())}
VALUES = {
    "text": st.none() | st.text(max_size=3),
    "number": st.none() | st.integers(0, 3),
    "names": st.lists(st.sampled_from("ab"), max_size=2),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A table with some of the columns, each id once."""
    columns = draw(st.sets(st.sampled_from(sorted(TYPES))))
    ids = draw(st.sets(st.integers(0, 9)))
    rows = [{"id": row, **{name: draw(VALUES[name]) for name in sorted(columns)}} for row in sorted(ids)]
    schema = pa.schema([("id", pa.int64()), *((name, TYPES[name]) for name in sorted(columns))])
    return pa.Table.from_pylist(rows, schema=schema)


def applied(rows: list[dict], changes: RowChanges, columns: list[str], id_column: str) -> list[dict]:
    """What the docstring of Diff says."""
    left = {row[id_column]: dict(row) for row in rows if row[id_column] not in changes.withdrawn}
    for row, fields in changes.edited.items():
        for name, (before, after) in fields.items():
            assert left[row][name] == before
            left[row][name] = after
    for row, filled in changes.filled.items():
        left[row] |= filled
    left |= {row[id_column]: row for row in changes.added}
    return [{name: row[name] for name in columns} for _, row in sorted(left.items())]


@given(old=tables(), new=tables())
def test_applied_to_the_old_rows_it_gives_the_new_ones(old: pa.Table, new: pa.Table):
    changes = compare_rows(old, new, "id")
    assert applied(old.to_pylist(), changes, new.column_names, "id") == new.to_pylist()


@given(table=tables())
def test_a_table_does_not_differ_from_itself(table: pa.Table):
    assert compare_rows(table, table, "id") == RowChanges([], [], {}, {})


@pytest.mark.parametrize(
    ("level", "least"), [(MAJOR, (2, 0, 0)), (MINOR, (1, 3, 0)), (PATCH, (1, 2, 4)), (None, (1, 2, 3))]
)
def test_the_least_version_that_may_follow(level: int | None, least: tuple[int, ...]):
    assert least_version((1, 2, 3), level) == least


def test_applied_to_a_release_it_gives_the_next_one(editions: tuple[Edition, Edition]):
    """The JSON that the command prints, and nothing else, leads from one build to the other."""
    old, new = editions
    done = run_build("diff", "cat_care_qa", str(old.folder), "--json", "--out", str(new.out), project=new.project)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["level"] == "major"
    assert told["counts"] == {"added": 1, "edited": 1, "withdrawn": 1}
    changes = RowChanges(
        told["added"],
        told["withdrawn"],
        {row["id"]: {name: tuple(pair.values()) for name, pair in row["fields"].items()} for row in told["edited"]},
        {row["id"]: row["fields"] for row in told["filled"]},
    )
    before, after = (Release.read(edition.folder).rows() for edition in editions)
    in_order = after.sort_by("id")
    assert applied(before.to_pylist(), changes, after.column_names, "id") == in_order.to_pylist()


def test_as_text_it_names_rows_fields_and_files(editions: tuple[Edition, Edition]):
    old, new = editions
    done = run_build("diff", "cat_care_qa", str(old.folder), "--out", str(new.out), project=new.project)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "1 added, 1 edited, 1 withdrawn"
    assert "edited: water-0002 (answer)" in lines
    assert "withdrawn: water-0003" in lines
    assert "file changed: data/train-00000-of-00001.parquet" in lines
    assert lines[-1] == "the version has to rise in its major number"


def test_a_build_does_not_differ_from_itself(dist: Path):
    done = run_build("diff", "cat_care_qa", str(dist / "cat_care_qa"), "--out", str(dist))
    assert (done.returncode, done.stdout) == (0, "no difference\n")


def test_levels_follow_from_what_changed(editions: tuple[Edition, Edition]):
    old, new = (Release.read(edition.folder) for edition in editions)
    diff = compare(old, new, CatCareQA.ID)
    only = {"added": [], "withdrawn": [], "edited": {}}
    whole: dict[str, Any] = vars(diff)
    assert type(diff)(**{**whole, **only}).level == PATCH
    assert type(diff)(**{**whole, **only, "added": diff.added}).level == MINOR
    assert type(diff)(**{**whole, **only, "withdrawn": diff.withdrawn}).level == MAJOR
    assert type(diff)(**{**whole, **only, "edited": diff.edited}).level == MAJOR
    assert compare(old, old, CatCareQA.ID).level is None


def test_what_is_no_release_is_told(tmp_path: Path, dist: Path):
    done = run_build("diff", "cat_care_qa", str(tmp_path), "--out", str(dist))
    assert done.returncode == 2
    assert "manifest.json is not there" in done.stderr
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(BuildError, match="build again"):
        Release.read(tmp_path)


def test_a_release_that_was_touched_is_told(editions: tuple[Edition, Edition], dist: Path, tmp_path: Path):
    old = tmp_path / "old"
    shutil.copytree(editions[1].folder, old)
    (old / ".gitattributes").write_text("of a download")
    assert run_build("diff", "cat_care_qa", str(old), "--out", str(dist)).returncode == 1
    (old / "data/test-00000-of-00001.parquet").write_bytes(b"PAR1")
    done = run_build("diff", "cat_care_qa", str(old), "--out", str(dist))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "data/test-00000-of-00001.parquet was changed since the build" in done.stderr
