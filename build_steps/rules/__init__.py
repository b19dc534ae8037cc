"""What a rule is, what it looks at and what it reports.

The rules themselves: `encoding` (level 1), `shape` (2), `typography` (3), `language` and `sameness` (4); a dataset's
own (5) stand in its folder. Each has a fixture in `tests/rules/<rule id>/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Severity = Literal["error", "note"]


@dataclass(frozen=True)
class Rows:
    """The rows of a dataset's `default` config, all splits one after the other, and which column is what."""

    table: pa.Table
    split: np.ndarray  # of str, the split of each row
    id_column: str
    prompt: tuple[str, ...]  # columns that ask
    answer: str  # the column that answers
    ours: np.ndarray  # of bool: written for this dataset, not taken from upstream

    @property
    def prose(self) -> tuple[str, ...]:
        return (*self.prompt, self.answer)

    @cached_property
    def ids(self) -> list[str]:
        return [str(value) for value in self.table[self.id_column].to_pylist()]

    def joined(self, columns: Iterable[str]) -> pa.ChunkedArray:
        """The columns of each row as one text, a line break between them."""
        return pc.binary_join_element_wise(*(self.table[column] for column in columns), "\n")


@dataclass(frozen=True)
class Hit:
    """Rows (positions) in which a rule finds a field wrong; `detail` says what was found in a row.

    `file` is named where the mistake stands in a file beside the records.
    """

    field: str
    rows: np.ndarray
    detail: Callable[[int], str] | None = None
    file: str | None = None


Find = Callable[[Rows], Iterable[Hit]]


@dataclass(frozen=True)
class Rule:
    """`find` is None for what shows while a file is read: there the reader reports it."""

    id: str
    says: str  # what is wrong, to stand behind "field …:"
    mend: str  # what to do
    example: str
    find: Find | None = None
    ours: Severity = "error"
    upstream: Severity = "error"


@dataclass(frozen=True)
class Violation:
    """One place where a rule is broken."""

    rule: str
    severity: Severity
    dataset: str
    says: str
    mend: str
    file: str | None = None
    line: int | None = None
    id: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        place = f"{self.file or self.dataset}{f':{self.line}' if self.line else ''}"
        record = f" record {self.id}" if self.id else ""
        field = f" field {self.field}" if self.field else ""
        return f"{self.severity} {self.rule} {self.dataset} {place}{record}{field}: {self.says}; {self.mend}."

    def to_json(self) -> dict[str, str | int | None]:
        return asdict(self)


def matching(pattern: str, columns: Callable[[Rows], Iterable[str]] | None = None) -> Find:
    """A `find` for every cell of prose (or of the given columns) in which the RE2 pattern matches."""

    def find(rows: Rows) -> Iterator[Hit]:
        for column in columns(rows) if columns else rows.prose:
            yield hit(rows, column, pc.match_substring_regex(rows.table[column], pattern), _showing(pattern))

    return find


def hit(rows: Rows, column: str, mask: pa.ChunkedArray, show: Callable[[str], str] | None = None) -> Hit:
    """The rows of a boolean column that are true, with what `show` takes out of the cell's text."""
    cells = rows.table[column]
    detail = (lambda row: show(cells[row].as_py())) if show else None
    return Hit(column, positions(mask), detail)


def positions(mask: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Where a boolean column is true, as int64 positions."""
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False) if isinstance(mask, pa.Array) else mask.to_numpy())


def excerpt(text: str, start: int = 0, end: int | None = None, around: int = 8) -> str:
    """A stretch of a text with a little of what stands around it, control characters made visible."""
    end = len(text) if end is None else end
    shown = text[max(0, start - around) : min(len(text), end + around, start + 60)]
    return "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in shown)


def _showing(pattern: str) -> Callable[[str], str]:
    def show(text: str) -> str:
        found = pc.extract_regex_span(pa.array([text]), pattern=f"(?P<found>{pattern})")[0].as_py()
        if not found:
            return excerpt(text, 0, 20)
        start, length = found["found"]
        before = len(text.encode()[:start].decode(errors="ignore"))
        return excerpt(text, before, before + len(text.encode()[start : start + length].decode(errors="ignore")))

    return show
