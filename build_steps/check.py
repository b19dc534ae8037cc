"""Check: every rule of a dataset over its rows, waivers applied, counted and named.

A waiver is data: `waivers.jsonl` in the dataset's folder, one `{"rule", "id", "reason"}` a line; the id `*` waives a
rule for all of upstream's rows, never for ours. A waiver that waives nothing is itself an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from build_steps.loading import RecordsBuilder, where
from build_steps.reading import FILE, LINE, read_our_files
from build_steps.rules import Hit, Rows, Rule, Violation
from build_steps.rules.shape import violation

WAIVER_FIELDS = {"rule": str, "id": str, "reason": str}
EVERY_UPSTREAM_ROW = "*"
THREADS = 2

UNNEEDED_WAIVER = Rule(
    id="L5-unneeded-waiver",
    says="the waiver waives nothing",
    mend="remove it from waivers.jsonl, or correct its rule and id",
    example="a waiver for a record that was mended since",
)


@dataclass(frozen=True)
class Counts:
    """Records that break a rule, by what that means."""

    errors: int = 0
    notes: int = 0
    waived: int = 0


@dataclass(frozen=True)
class Report:
    """What a check found: counts for every rule of the dataset, and each violation that is an error."""

    dataset: str
    rows: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)
    errors: list[Violation] = field(default_factory=list)
    noted: dict[str, list[str]] = field(default_factory=dict)  # rule: ids of the records
    waivers: list[dict[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        return {
            "dataset": self.dataset,
            "rows": self.rows,
            "rules": {rule: vars(counts) for rule, counts in self.counts.items()},
            "errors": [violation.to_json() for violation in self.errors],
            "notes": self.noted,
            "waivers": self.waivers,
            "remarks": self.remarks,
        }

    def lines(self) -> Iterator[str]:
        """The report as text, the errors aside."""
        for rule, count in self.counts.items():
            if count.notes or count.waived:
                parts = [f"{count.notes:,} noted"] * bool(count.notes) + [f"{count.waived:,} waived"] * bool(
                    count.waived
                )
                yield f"{self.dataset} {rule}: {', '.join(parts)}"
        yield from (f"{self.dataset}: {remark}" for remark in self.remarks)
        yield f"{self.dataset}: {self.rows:,} rows, {len(self.errors):,} errors"


@dataclass(frozen=True)
class _Found:
    rule: Rule
    hit: Hit
    row: int

    def severity(self, rows: Rows) -> str:
        return self.rule.ours if rows.ours[self.row] else self.rule.upstream


def check(builder: RecordsBuilder, tables: dict[str, pa.Table]) -> Report:
    """Hold the rows of a dataset, by split, against its rules."""
    rules = builder.rules()
    rows = _rows_of(builder, tables)
    waiver_lines = _read_waivers(builder.FOLDER / "waivers.jsonl", builder.NAME)
    waivers = {(line["rule"], line["id"]) for line in waiver_lines}
    with ThreadPoolExecutor(THREADS) as pool:
        hits = list(pool.map(lambda rule: list(rule.find(rows)) if rule.find else [], rules))

    counts: dict[str, Counts] = {}
    noted: dict[str, list[str]] = {}
    errors: list[_Found] = []
    used: set[tuple[str, str]] = set()
    for rule, of_rule in zip(rules, hits, strict=True):
        broken = _by_row(rule, of_rule)
        waived_by = {row: waiver for row in broken if (waiver := _waiver_for(rule, rows, row, waivers))}
        used |= set(waived_by.values())
        rest = {row: found for row, found in broken.items() if row not in waived_by}
        notes = [row for row, found in rest.items() if found[0].severity(rows) == "note"]
        counts[rule.id] = Counts(len(rest) - len(notes), len(notes), len(waived_by))
        noted |= {rule.id: [rows.ids[row] for row in notes]} if notes else {}
        errors += [found for of_row in rest.values() for found in of_row if found.severity(rows) == "error"]
    violations = _located(builder, rows, errors)
    if not builder.remarks():
        unneeded = list(_unneeded(waiver_lines, used, builder.NAME))
        counts[UNNEEDED_WAIVER.id] = Counts(len(unneeded))
        violations += unneeded
    texts = [{key: line[key] for key in WAIVER_FIELDS} for line in waiver_lines]
    return Report(builder.NAME, rows.table.num_rows, counts, violations, noted, texts, builder.remarks())


def _rows_of(builder: RecordsBuilder, tables: dict[str, pa.Table]) -> Rows:
    table = pa.concat_tables(tables.values())
    return Rows(
        table=table,
        split=np.repeat(list(tables), [part.num_rows for part in tables.values()]),
        id_column=builder.ID,
        prompt=builder.PROMPT,
        answer=builder.ANSWER,
        ours=builder.ours(table).to_numpy(),
    )


def _by_row(rule: Rule, hits: list[Hit]) -> dict[int, list[_Found]]:
    broken: dict[int, list[_Found]] = {}
    for hit in hits:
        for row in hit.rows.tolist():
            broken.setdefault(row, []).append(_Found(rule, hit, row))
    return dict(sorted(broken.items()))


def _read_waivers(path: Path, dataset: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return read_our_files([path], WAIVER_FIELDS, dataset, path.parent.parent)[0].to_pylist()


def _waiver_for(rule: Rule, rows: Rows, row: int, waivers: set[tuple[str, str]]) -> tuple[str, str] | None:
    for record in (rows.ids[row], *([] if rows.ours[row] else [EVERY_UPSTREAM_ROW])):
        if (rule.id, record) in waivers:
            return rule.id, record
    return None


def _unneeded(lines: list[dict[str, Any]], used: set[tuple[str, str]], dataset: str) -> Iterator[Violation]:
    for line in lines:
        if (line["rule"], line["id"]) not in used:
            found = f"{line['rule']} for {line['id']}"
            yield violation(UNNEEDED_WAIVER, dataset, str(line[FILE]), line[LINE], found=found)


def _located(builder: RecordsBuilder, rows: Rows, errors: list[_Found]) -> list[Violation]:
    places = where(builder, (rows.ids[found.row] for found in errors)) if errors else {}
    return [_violation(builder.NAME, rows, found, places) for found in errors]


def _violation(dataset: str, rows: Rows, found: _Found, places: dict[str, tuple[str, int]]) -> Violation:
    rule, hit, record = found.rule, found.hit, rows.ids[found.row]
    detail: Callable[[int], str] | None = hit.detail
    says = f"{rule.says} ({detail(found.row)})" if detail else rule.says
    if hit.file:
        return Violation(rule.id, "error", dataset, says, rule.mend, file=hit.file, field=hit.field)
    file, line = places.get(record, (None, None))
    return Violation(rule.id, "error", dataset, says, rule.mend, file, line, record, hit.field)
