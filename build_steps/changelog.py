"""The changelog of the data: for each dataset a table of its versions, the newest first, in CHANGELOG.md.

Its counts go into the dataset's card; a push holds them against what it finds changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from build_steps.errors import BuildError
from build_steps.loading import CHANGELOG

HEADER = ("version", "added", "edited", "withdrawn", "what changed")


@dataclass(frozen=True)
class Entry:
    """A version of a dataset, and how many rows it added, edited and withdrew."""

    version: str
    counts: dict[str, int]
    what: str

    def line(self) -> str:
        """The line of the table."""
        counts = " | ".join(f"{count:,}" for count in self.counts.values())
        return f"| {self.version} | {counts} | {self.what} |"


def entries(name: str) -> list[Entry]:
    """The versions of a dataset, the newest first. Raises BuildError, with the line, for what is no such table."""
    lines = CHANGELOG.read_text(encoding="utf-8").splitlines()
    try:
        start = lines.index(f"## {name}") + 1
    except ValueError:
        raise BuildError(
            f"{CHANGELOG.name} has no section `## {name}`; add it, with a table of its versions."
        ) from None
    found = []
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("## "):
            break
        if line.startswith("|") and not re.match(r"\| *(version|---)", line):
            found.append(_entry(line, number))
    return found


def _entry(line: str, number: int) -> Entry:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    try:
        version, *counts, what = cells
        numbers = [int(count.replace(",", "")) for count in counts]
        return Entry(version, dict(zip(HEADER[1:4], numbers, strict=True)), what)
    except ValueError:
        raise BuildError(
            f"{CHANGELOG.name}, line {number}: this is no line of the table {' | '.join(HEADER)}; mend it."
        ) from None


def require_entry(name: str, version: str, counts: dict[str, int]) -> Entry:
    """The entry of a version. Raises BuildError unless it is the newest and counts what changed."""
    newest = next(iter(entries(name)), None)
    if newest is None or newest.version != version or newest.counts != counts:
        what = newest.what if newest and newest.version == version else "what changed, in a sentence"
        raise BuildError(
            f"{CHANGELOG.name}: the first line of the table of {name} has to be"
            f" `{Entry(version, counts, what).line()}`; write it there and build again."
        )
    return newest
