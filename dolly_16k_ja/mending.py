"""Review by rule: mends of upstream's text that are certain and change no meaning, each over whole columns.

A mend is tried in the order below; what it is not sure of stays as it is, and the checks count it. Each has a fixture
in `tests/mends/<id>.jsonl`: texts before and after.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from build_steps.rules.typography import CITATION_MARK, JAPANESE, uneven

Column: TypeAlias = "pa.Array"

_CODE = r"(?m)^\s*(?:def|class|import|from|for|while|if|return|int|public) .*[:;({]\s*$|\bprint\(|\bSELECT\b"
_CONTEXT = 6  # characters around a change that `changes` shows


@dataclass(frozen=True)
class Mend:
    """What a rule of the review does to a column of texts."""

    id: str
    says: str
    apply: Callable[[Column], Column]


def _replacing(*steps: tuple[str, str]) -> Callable[[Column], Column]:
    """RE2 replacements one after the other; a text that looks like a program is left alone."""
    pattern = "|".join(f"(?:{step[0]})" for step in steps)

    def apply(texts: Column) -> Column:
        mended = _replaced(texts, steps)
        return pc.if_else(pc.match_substring_regex(texts, _CODE), texts, mended)

    return lambda texts: _where(pc.match_substring_regex(texts, pattern), texts, apply)


def _replaced(texts: Column, steps: tuple[tuple[str, str], ...]) -> Column:
    return reduce(lambda column, step: pc.replace_substring_regex(column, *step), steps, texts)


def _where(mask: pa.BooleanArray, texts: Column, apply: Callable[[Column], Column]) -> Column:
    """Apply to the masked texts only: few need a mend, and to look for one is faster than to try it."""
    return pc.replace_with_mask(texts, mask, apply(texts.filter(mask)))


def _composed(texts: Column) -> Column:
    return pa.array([unicodedata.normalize("NFC", text) for text in texts.to_pylist()], pa.string())


def _balancing(opening: str, closing: str, *steps: tuple[str, str]) -> Callable[[Column], Column]:
    """Replacements in texts where brackets of a kind don't balance, kept where they balance after it."""
    kind = ((opening, closing),)

    def apply(texts: Column) -> Column:
        mended = _replaced(texts, steps)
        return pc.if_else(uneven(mended, kind), texts, mended)

    return lambda texts: _where(uneven(texts, kind), texts, apply)


def _in_turn(*mends: Callable[[Column], Column]) -> Callable[[Column], Column]:
    return lambda texts: reduce(lambda column, mend: mend(column), mends, texts)


_OUTSIDE = r"[^「」『』（）()。、\n：:！？!?]"  # a title, and no sentence

MENDS = (
    Mend("nfc", "characters composed (NFC)", _composed),
    Mend(
        "citation-mark",
        "citation marks of an encyclopedia deleted",
        _replacing((rf"([るすただいんう])(?:{CITATION_MARK})+ ([{JAPANESE}])", r"\1。\2"), (CITATION_MARK, "")),
    ),
    Mend(
        "bracket-width",
        "a half-width bracket that belongs to a full-width one widened",
        _balancing("（", "）", (r"（([^（）()\n]*)\)", r"（\1）"), (r"\(([^（）()\n]*)）", r"（\1）")),
    ),
    Mend(
        "lost-opening-bracket",
        "the bracket before a title at the beginning of the text, which the translation dropped, put back",
        _in_turn(
            _balancing("「", "」", (rf"^({_OUTSIDE}{{1,40}}」)", r"「\1")),
            _balancing("『", "』", (rf"^({_OUTSIDE}{{1,40}}』)", r"『\1")),
        ),
    ),
    Mend(
        "lost-closing-bracket",
        "the bracket behind an aside or a title at the end of a line, which the translation dropped, put back",
        _in_turn(
            _balancing("（", "）", (r"(?m)(（[^（）()\n。]{1,60})$", r"\1）")),
            _balancing("『", "』", (r"(『[^『』「」\n。]{1,30})$", r"\1』")),
        ),
    ),
    Mend(
        "doubled-space",
        "runs of spaces behind Japanese text deleted, or made one before other text",
        _replacing(
            (rf"([。！？」』）])[ 　]+([{JAPANESE}「『（])", r"\1\2"),
            (r"([。！？」』）])[ 　]{2,}", r"\1"),
            (rf"([{JAPANESE}、])[ 　]{{2,}}([^ 　\n])", r"\1 \2"),
        ),
    ),
    Mend(
        "ascii-punctuation",
        "ASCII punctuation in Japanese prose written full-width",
        _replacing(
            (rf"([{JAPANESE}]),[ 　]?([{JAPANESE}])", r"\1、\2"),
            (rf"([{JAPANESE}]), ", r"\1、"),
            (rf"([{JAPANESE}])\.(\n|$)", r"\1。\2"),
            (rf"([るすただいんうくつぬむぶぐ])\.[ 　]?([{JAPANESE}0-9A-Z])", r"\1。\2"),
            (rf"([{JAPANESE}])!(\s|$|[{JAPANESE}])", r"\1！\2"),
            (rf"([{JAPANESE}])\?(\s|$|[{JAPANESE}])", r"\1？\2"),
            (rf"([{JAPANESE}]):[ 　]?([{JAPANESE}])", r"\1：\2"),
            (rf"([{JAPANESE}]):(\n|$)", r"\1：\2"),
            (rf"([{JAPANESE}]): ", r"\1："),
            (rf"([{JAPANESE}]);[ 　]?(\n|$|[{JAPANESE}])", r"\1；\2"),
        ),
    ),
    Mend("outer-space", "white space at the beginning and the end deleted", _replacing((r"^[\s　]+|[\s　]+$", ""))),
)


COLUMNS = ("instruction", "input", "output")


def mend(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Upstream's rows after every mend."""
    for name, stages in _stages(batch):
        batch = batch.set_column(batch.schema.get_field_index(name), name, stages[-1])
    return batch


def changes(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """What `mend` changes: a record for each row, column and mend, in the form of a hand edit."""
    for name, stages in _stages(batch):
        for rule, column, mended in zip(MENDS, stages, stages[1:], strict=False):
            places = pc.indices_nonzero(pc.not_equal(column, mended))
            rows = (values.take(places).to_pylist() for values in (batch["index"], column, mended))
            for index, was, now in zip(*rows, strict=True):
                before, after = difference(was, now)
                edit = {"index": index, "field": name, "find": before, "replace": after}
                yield edit | {"rule": rule.id, "reason": rule.says}


def _stages(batch: pa.RecordBatch) -> Iterator[tuple[str, list[Column]]]:
    """Each column as it is, and after each mend in turn."""

    def stages(name: str) -> list[Column]:
        return list(accumulate(MENDS, lambda column, rule: rule.apply(column), initial=batch[name]))

    with ThreadPoolExecutor(len(COLUMNS)) as pool:
        yield from zip(COLUMNS, pool.map(stages, COLUMNS), strict=True)


def difference(before: str, after: str) -> tuple[str, str]:
    """The stretches in which two texts differ, with a little around them."""
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    head, tail = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    return before[head : len(before) - tail], after[head : len(after) - tail]


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return bisect_left(range(min(len(one), len(other))), True, key=lambda at: one[: at + 1] != other[: at + 1])
