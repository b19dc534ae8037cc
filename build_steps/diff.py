"""Diff: what one release of a dataset changes in another, row by row, and the version that follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from build_steps.errors import BuildError
from build_steps.release import Release, Version, parse_version

SHOWN = 20  # ids that the text names of each kind; --json has all
MAJOR, MINOR, PATCH = range(3)
LEVELS = ("major", "minor", "patch")


@dataclass(frozen=True)
class Sides:
    """Names that only one side has, and names that both have but not alike."""

    added: list[str]
    removed: list[str]
    changed: list[str]

    @classmethod
    def of(cls, old: dict[str, Any], new: dict[str, Any]) -> Sides:
        return cls(
            added=sorted(new.keys() - old.keys()),
            removed=sorted(old.keys() - new.keys()),
            changed=sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Diff:
    """From an old release to a new one. A row stands for itself by its id; its split counts as one of its fields.

    Applied to the rows of the old release in this order, it gives those of the new one: take `withdrawn` away, set the
    fields of `edited` and `filled`, append `added`, drop `columns.removed`, order by id.
    """

    id_column: str
    added: list[dict[str, Any]]
    withdrawn: list[Any]
    edited: dict[Any, dict[str, tuple[Any, Any]]]  # fields before and after, by id
    filled: dict[Any, dict[str, Any]]  # what rows that were there have in columns that were not
    columns: Sides
    splits: Sides
    files: Sides

    def __bool__(self) -> bool:
        return bool(self.files)

    @property
    def counts(self) -> dict[str, int]:
        return {"added": len(self.added), "edited": len(self.edited), "withdrawn": len(self.withdrawn)}

    @property
    def told(self) -> str:
        """The counts as text."""
        return ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())

    @property
    def level(self) -> int | None:
        """The number of the version that has to rise at least."""
        if self.edited or self.withdrawn or self.columns.removed or self.columns.changed or self.splits.removed:
            return MAJOR
        if self.added or self.columns.added or self.splits.added:
            return MINOR
        return PATCH if self else None

    def to_json(self) -> dict[str, Any]:
        return {
            "same": not self,
            "level": None if self.level is None else LEVELS[self.level],
            "counts": self.counts,
            "added": self.added,
            "withdrawn": self.withdrawn,
            "edited": [
                {
                    self.id_column: row,
                    "fields": {name: {"before": before, "after": after} for name, (before, after) in fields.items()},
                }
                for row, fields in self.edited.items()
            ],
            "filled": [{self.id_column: row, "fields": fields} for row, fields in self.filled.items()],
            "columns": vars(self.columns),
            "splits": vars(self.splits),
            "files": vars(self.files),
        }

    def lines(self) -> Iterator[str]:
        """The diff as text."""
        if not self:
            yield "no difference"
            return
        yield self.told
        ids = [row[self.id_column] for row in self.added]
        yield from _named("added", ids)
        yield from _named("withdrawn", self.withdrawn)
        yield from _named("edited", [f"{row} ({', '.join(fields)})" for row, fields in self.edited.items()])
        for what, sides in (("column", self.columns), ("split", self.splits), ("file", self.files)):
            for kind, names in vars(sides).items():
                yield from (f"{what} {kind}: {name}" for name in names)
        if self.level is not None:
            yield f"the version has to rise in its {LEVELS[self.level]} number"


def _named(kind: str, ids: list[Any]) -> Iterator[str]:
    yield from (f"{kind}: {row}" for row in ids[:SHOWN])
    if len(ids) > SHOWN:
        yield f"{kind}: … and {len(ids) - SHOWN:,} more (--json names all)"


@dataclass(frozen=True)
class RowChanges:
    """What leads from the rows of one table to those of another; see `Diff`."""

    added: list[dict[str, Any]]
    withdrawn: list[Any]
    edited: dict[Any, dict[str, tuple[Any, Any]]]
    filled: dict[Any, dict[str, Any]]


def compare(old: Release | None, new: Release, id_column: str) -> Diff:
    """What leads from `old` to `new`. Without an old release everything was added."""
    after = new.rows()
    rows = compare_rows(after.slice(0, 0) if old is None else old.rows(), after, id_column)
    return Diff(
        id_column=id_column,
        **vars(rows),
        columns=Sides.of({} if old is None else old.columns(), new.columns()),
        splits=Sides.of({} if old is None else dict.fromkeys(old.splits()), dict.fromkeys(new.splits())),
        files=Sides.of({} if old is None else old.files, new.files),
    )


def compare_rows(before: pa.Table, after: pa.Table, id_column: str) -> RowChanges:
    """What leads from one table to another whose rows have the same kind of id, each id once in a table."""
    place = pc.index_in(after[id_column], before[id_column])
    was_there = pc.is_valid(place)
    old, new = before.take(place.filter(was_there)), after.filter(was_there)
    types = dict(zip(before.schema.names, before.schema.types, strict=True))
    shared = [column.name for column in after.schema if types.get(column.name) == column.type]
    return RowChanges(
        added=after.filter(pc.invert(was_there)).to_pylist(),
        withdrawn=before[id_column].filter(pc.invert(pc.is_in(before[id_column], after[id_column]))).to_pylist(),
        edited=_edits(old, new, id_column, shared),
        filled=_filled(new, id_column, [name for name in after.column_names if name not in shared]),
    )


def _edits(old: pa.Table, new: pa.Table, id_column: str, columns: list[str]) -> dict[Any, dict[str, tuple[Any, Any]]]:
    """Fields that differ between rows in the same places of two tables."""
    edits: dict[Any, dict[str, tuple[Any, Any]]] = {}
    for name in columns:
        places = np.flatnonzero(_differ(old[name], new[name]))
        ids, before, after = (column.take(places).to_pylist() for column in (new[id_column], old[name], new[name]))
        for row, was, now in zip(ids, before, after, strict=True):
            edits.setdefault(row, {})[name] = (was, now)
    return dict(sorted(edits.items()))


def _differ(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    """Whether the values of two columns differ, row by row; Arrow compares no lists, so those go one by one."""
    if pa.types.is_nested(old.type):
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        return np.fromiter((was != now for was, now in pairs), bool, len(old))
    one_is_null = pc.xor(pc.is_null(old), pc.is_null(new))
    return pc.or_(pc.fill_null(pc.not_equal(old, new), False), one_is_null).to_numpy()


def _filled(rows: pa.Table, id_column: str, columns: list[str]) -> dict[Any, dict[str, Any]]:
    """What the rows have in these columns, by id."""
    if not columns:
        return {}
    return dict(zip(rows[id_column].to_pylist(), rows.select(columns).to_pylist(), strict=True))


def least_version(last: Version, level: int | None) -> Version:
    """The lowest version that may follow `last` after a change of this level."""
    if level is None:
        return last
    return (*last[:level], last[level] + 1, *[0] * (len(last) - level - 1))


def require_version(diff: Diff, last: str, version: str, where: str) -> None:
    """Raises BuildError when a version understates what changed since the last one."""
    least = least_version(parse_version(last), diff.level)
    if parse_version(version) < least:
        raise BuildError(
            f"version {version} understates what changed since {last} ({diff.told}; columns, splits and files are named"
            f" by `python build.py diff`): it must be at least {'.'.join(map(str, least))}; raise VERSION in {where}"
        )
