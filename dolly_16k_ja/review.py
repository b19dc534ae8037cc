"""Review of upstream: mends by rule, hand edits, withdrawn rows and additions, applied batch by batch.

- `mending`: rules over all rows, first of all; and one after the hand edits, which unifies the style of an answer.
- `review/edits.jsonl`: in row `index`, the stretch `find` of `field` becomes `replace`. `find` must stand there exactly
  once, so an edit fails loudly when the text below it is no longer the one it was made for.
- `review/withdrawn.jsonl`: rows that are beyond mending. Each slot is filled by an addition.
- `additions/*.jsonl`: rows written for this dataset, in withdrawn slots and from upstream's end on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from build_steps.errors import DataError
from build_steps.reading import FILE, LINE, read_our_files
from build_steps.rules import Rule, Violation
from build_steps.rules.shape import violation
from dolly_16k_ja.mending import COLUMNS, Revised, to_one_style

# Which rows were read one by one, with the signals that picked them; the style of some outputs, as readers saw it.
READ = Path(__file__).parent / "review" / "read.jsonl"
STYLE_LABELS = Path(__file__).parent / "review" / "style_labels.jsonl"
EDIT_FIELDS = {"index": int, "field": str, "find": str, "replace": str, "rule": str, "reason": str}
WITHDRAWN_FIELDS = {"index": int, "rule": str, "reason": str}
ADDITION_FIELDS = {"index": int, "instruction": str, "input": str, "output": str, "category": str}

EDIT_FIND = Rule(
    id="L5-edit-find",
    says="the edit does not find its text exactly once",
    mend="make find longer until it stands there once, or remove the edit",
    example='"find": "の" in a text with three of them',
)
EDIT_PLACE = Rule(
    id="L5-edit-place",
    says="there is no such field, or upstream has no such row, or it is withdrawn",
    mend="name a row of upstream that stays, and instruction, input or output",
    example="an edit to a row that withdrawn.jsonl names",
)
SLOT = Rule(
    id="L5-slot",
    says="each slot has to be filled once: upstream's rows that stay, additions in the others, without a gap",
    mend="add a row for the empty slot, or take another index",
    example="an addition with the index of an upstream row that stays",
)

RULES = (EDIT_FIND, EDIT_PLACE, SLOT)

_Rows = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Review:
    """What changes upstream's rows, by index; an edit as its record with `file` and `line`."""

    dataset: str
    edits: dict[int, list[dict[str, Any]]]
    withdrawn: _Rows
    additions: _Rows

    @staticmethod
    def files(folder: Path) -> list[Path]:
        return [folder / "review" / "edits.jsonl", folder / "review" / "withdrawn.jsonl", *_addition_files(folder)]

    @classmethod
    def none(cls) -> Review:
        return cls("", {}, {}, {})

    @classmethod
    def read(cls, folder: Path, dataset: str) -> Review:
        """Read the files of a dataset's folder; DataError with every mistake in them."""
        root = folder.parent
        edits: dict[int, list[dict[str, Any]]] = {}
        for edit in _records([folder / "review" / "edits.jsonl"], EDIT_FIELDS, dataset, root):
            edits.setdefault(edit["index"], []).append(edit)
        withdrawn = _records([folder / "review" / "withdrawn.jsonl"], WITHDRAWN_FIELDS, dataset, root)
        additions = _records(_addition_files(folder), ADDITION_FIELDS, dataset, root)
        violations = [*_repeated(withdrawn, dataset), *_repeated(additions, dataset)]
        if violations:
            raise DataError(violations)
        return cls(dataset, edits, {row["index"]: row for row in withdrawn}, {row["index"]: row for row in additions})

    def apply(self, mended: Iterable[Revised]) -> Iterator[Revised]:
        """Upstream's rows as they stand after the review, then the additions; a column `origin` says which is which."""
        end = 0
        for batch in mended:
            start, end = end, end + batch.after.num_rows
            last = to_one_style(self._apply_to(batch, start, end))
            by_hand = (edit for index in range(start, end) for edit in self.edits.get(index, []))
            edits = [edit for edit in batch.edits if edit["index"] not in self.withdrawn]
            yield Revised(batch.before, last.after, [*edits, *by_hand, *last.edits])
        rest = [row for index, row in sorted(self.additions.items()) if index >= end]
        self._check_beyond(end, rest)
        if rest:
            additions = _to_batch([{**row, "origin": "addition"} for row in rest])
            yield Revised(additions, additions, [])

    def _apply_to(self, mended: Revised, start: int, end: int) -> pa.RecordBatch:
        touched = sorted(index for index in {*self.edits, *self.withdrawn, *self.additions} if start <= index < end)
        by_rule = pa.array({edit["index"] for edit in mended.edits}, pa.int64())
        origin = pc.if_else(pc.is_in(mended.after["index"], by_rule), "reviewed", "upstream")
        batch = mended.after.append_column("origin", origin)
        if not touched:
            return batch
        rows = batch.take(pa.array([index - start for index in touched])).to_pylist()
        changed, violations = [], []
        for row in rows:
            new, wrong = self._reviewed(row)
            changed.append(new)
            violations += wrong
        if violations:
            raise DataError(violations)
        everything = pa.Table.from_batches([batch, _to_batch(changed).select(batch.schema.names).cast(batch.schema)])
        replaced_by = dict(zip(touched, range(batch.num_rows, batch.num_rows + len(touched)), strict=True))
        return everything.take([replaced_by.get(start + row, row) for row in range(batch.num_rows)]).to_batches()[0]

    def _reviewed(self, row: dict[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
        """An upstream row after the review, and what is wrong with the review of it."""
        index = row["index"]
        edits, withdrawn, addition = self.edits.get(index, []), self.withdrawn.get(index), self.additions.get(index)
        if withdrawn or addition:
            violations = [self._wrong(EDIT_PLACE, edit, "the row is withdrawn") for edit in edits if withdrawn]
            if addition and not withdrawn:
                violations.append(self._wrong(SLOT, addition, "upstream's row stays"))
            if withdrawn and not addition:
                violations.append(self._wrong(SLOT, withdrawn, "no addition takes its place"))
            return {**(addition or row), "origin": "addition"}, violations
        new, violations = {**row, "origin": "reviewed"}, []
        for edit in edits:
            if edit["field"] not in COLUMNS:
                violations.append(self._wrong(EDIT_PLACE, edit, f"field {edit['field']}"))
            elif (count := new[edit["field"]].count(edit["find"])) != 1 or not edit["find"]:
                violations.append(self._wrong(EDIT_FIND, edit, f"it stands there {count} times"))
            else:
                new[edit["field"]] = new[edit["field"]].replace(edit["find"], edit["replace"])
        return new, violations

    def _check_beyond(self, end: int, rest: list[dict[str, Any]]) -> None:
        beyond = [row for index, rows in self.edits.items() if index >= end or index < 0 for row in rows]
        violations = [self._wrong(EDIT_PLACE, row, f"upstream ends at {end - 1}") for row in beyond]
        beyond = [row for index, row in self.withdrawn.items() if index >= end or index < 0]
        violations += [self._wrong(SLOT, row, f"upstream ends at {end - 1}") for row in beyond]
        gaps = [row for expected, row in enumerate(rest, start=end) if row["index"] != expected][:1]
        violations += [self._wrong(SLOT, row, f"expected {end + rest.index(row)}") for row in gaps]
        violations += [self._wrong(SLOT, row, "below 0") for index, row in self.additions.items() if index < 0]
        if violations:
            raise DataError(violations)

    def _wrong(self, rule: Rule, row: dict[str, Any], found: str) -> Violation:
        return violation(rule, self.dataset, row[FILE], row[LINE], id=str(row["index"]), found=found)

    def changes(self, reviewed: Iterable[Revised], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """One row for each edit, by rule or by hand, withdrawal and addition, by index."""
        rows = [_change(row, "addition", "", "", row["instruction"]) for row in self.additions.values()]
        withdrawn = pa.array(sorted(self.withdrawn), pa.int64())
        for batch in reviewed:
            gone = batch.before.filter(pc.is_in(batch.before["index"], withdrawn))
            for row in gone.select(["index", "instruction"]).to_pylist():
                rows.append(_change(self.withdrawn[row["index"]], "withdrawal", "", row["instruction"], ""))
            rows += [_change(edit, "edit", edit["field"], edit["find"], edit["replace"]) for edit in batch.edits]
        rows.sort(key=lambda row: (row["index"], ("withdrawal", "addition", "edit").index(row["change"])))
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema)


def _change(row: dict[str, Any], change: str, field: str, before: str, after: str) -> dict[str, Any]:
    texts = {
        "field": field,
        "before": before,
        "after": after,
        "rule": row.get("rule", ""),
        "reason": row.get("reason", ""),
    }
    return {"index": row["index"], "change": change, **texts}


def _addition_files(folder: Path) -> list[Path]:
    return sorted((folder / "additions").glob("*.jsonl"))


def _records(paths: list[Path], fields: dict[str, type], dataset: str, root: Path) -> list[dict[str, Any]]:
    return [row for batch in read_our_files(paths, fields, dataset, root) for row in batch.to_pylist()]


def _repeated(rows: list[dict[str, Any]], dataset: str) -> Iterator[Violation]:
    seen: set[int] = set()
    for row in rows:
        if row["index"] in seen:
            yield violation(SLOT, dataset, row[FILE], row[LINE], id=str(row["index"]), found="the index stands twice")
        seen.add(row["index"])


def _to_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    types = {"index": pa.int64(), LINE: pa.int32()}
    names = [*ADDITION_FIELDS, FILE, LINE, "origin"]
    return pa.record_batch(
        [pa.array([row[name] for row in rows], types.get(name, pa.string())) for name in names], names
    )
