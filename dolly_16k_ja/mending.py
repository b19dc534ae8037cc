"""Review by rule: mends of upstream's text that are certain and change no meaning, each over whole columns.

A mend is tried in the order below; what it is not sure of stays as it is, and the checks count it. The last one,
`ONE_STYLE`, comes after the hand edits. Each has a fixture in `tests/mends/<id>.jsonl`: texts before and after.
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
from dolly_16k_ja import one_style

Column: TypeAlias = "pa.Array"

_CODE = r"(?m)^\s*(?:def|class|import|from|for|while|if|return|int|public) .*[:;({]\s*$|\bprint\(|\bSELECT\b"
_PAGE = r"[：:] ?\d{1,3}(?:[-–]\d{1,3})?([^0-9年月日人,.、]|$)"  # of what a citation mark cites
_CONTEXT = 6  # characters around a change that `changes` shows
_AGREES, _LONGEST = 8, 60


@dataclass(frozen=True)
class Mend:
    """What a rule of the review does to a column of texts."""

    id: str
    says: str
    apply: Callable[[Column], Column]


def _replacing(*steps: tuple[str, str], within: str = "") -> Callable[[Column], Column]:
    """RE2 replacements one after the other; a text that looks like a program is left alone.

    `within` is a pattern of every text that a step may change, where one is found faster than all of them.
    """
    pattern = within or "|".join(f"(?:{step[0]})" for step in steps)

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


def _in_even_quotes(pattern: str, replacement: str) -> Callable[[Column], Column]:
    """A replacement where straight quotes pair up, each pair around a text that does not begin with a space."""
    in_pairs = r"^[^\"]*(?:\"[^\" ][^\"]*\"[^\"]*)+$"

    def apply(texts: Column) -> Column:
        return pc.if_else(pc.match_substring_regex(texts, in_pairs), _replaced(texts, ((pattern, replacement),)), texts)

    return lambda texts: _where(pc.match_substring(texts, ' "'), texts, apply)


def _in_turn(*mends: Callable[[Column], Column]) -> Callable[[Column], Column]:
    return lambda texts: reduce(lambda column, mend: mend(column), mends, texts)


_OUTSIDE = r"[^「」『』（）()。、\n：:！？!?]"  # a title, and no sentence


def _opened(opening: str, closing: str) -> Callable[[Column], Column]:
    """A lost opening bracket put back before a title that begins the text, a line, an item of a list or a sentence."""
    in_sentence = rf"({_OUTSIDE}{{1,30}}{closing}(?:[はがをのもや（、]|$))"
    return _in_turn(
        _balancing(opening, closing, (rf"^({_OUTSIDE}{{1,40}}{closing})", rf"{opening}\1")),
        _balancing(opening, closing, (rf"(?m)(^(?:\d+[.)）] ?|[-・*•] ?)?|。){in_sentence}", rf"\1{opening}\2")),
    )


MENDS = (
    Mend("nfc", "characters composed (NFC)", _composed),
    Mend(
        "citation-mark",
        "citation marks of an encyclopedia deleted",
        _replacing(
            (rf"([{JAPANESE}」』）])[ 　]*(?:{CITATION_MARK})+[ 　]*\.([^.0-9A-Za-z]|$)", r"\1。\2"),
            (rf"(?:{CITATION_MARK})+{_PAGE}", r"\1"),
            (rf"([るすただいんう])(?:{CITATION_MARK})+ ([{JAPANESE}0-9A-Za-z「『\"])", r"\1。\2"),
            (CITATION_MARK, ""),
            (r"。[ 　]?\d{1,3}[\]］】][ 　]?", "。"),  # the second half of one
            within=r"[\]］】]",
        ),
    ),
    Mend(
        "bracket-width",
        "a half-width bracket that belongs to a full-width one widened",
        _balancing("（", "）", (r"（([^（）()\n]*)\)", r"（\1）"), (r"\(([^（）()\n]*)）", r"（\1）")),
    ),
    Mend(
        "lost-opening-bracket",
        "the bracket before a title that begins a text, a line or a sentence, which the translation dropped, put back",
        _in_turn(_opened("「", "」"), _opened("『", "』")),
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
            (r"([。！？])[ 　]+([0-9A-Za-z])", r"\1\2"),
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
            (rf"([{JAPANESE}」』]) ?\(([{JAPANESE}][^()\n（）]*)\)", r"\1（\2）"),
            (rf"([{JAPANESE}]);[ 　]?(\n|$|[{JAPANESE}])", r"\1；\2"),
        ),
    ),
    Mend(
        "space-before-mark",
        "a space between a word and the mark behind it deleted",
        _replacing((rf"([{JAPANESE}A-Za-z0-9」』）\"])[ 　]+([。、）」』])", r"\1\2")),
    ),
    Mend(
        "space-in-quotes",
        "the space before a closing straight quote deleted",
        _in_even_quotes(r'"([^"]*[^" ]) *"', r'"\1"'),
    ),
    Mend(
        "doubled-mark",
        "a full stop or comma that stands twice written once",
        _replacing((r"([^。])。。([^。]|$)", r"\1。\2"), (r"([^、])、、([^、])", r"\1、\2")),
    ),
    Mend(
        "doubled-number",
        "the number of an item of a list that stands twice written once",
        _replacing(
            *((rf"(?m)^{number}\.{number}\.(\d)", rf"{number}. \1") for number in range(1, 21)),
            *((rf"(?m)^{number}\.{number}\.", f"{number}.") for number in range(1, 21)),
            within=r"(?m)^\d{1,2}\.\d{1,2}\.",
        ),
    ),
    Mend(
        "label-sentence",
        "a label before a colon that the translation made a sentence (カメラです：) made a label again",
        _replacing((r"(?m)^([-・*•]? ?(?:[ァ-ヺー・A-Za-z]{2,12}|[一-鿿]{1,8}))です：([^\n])", r"\1：\2")),
    ),
    Mend("outer-space", "white space at the beginning and the end deleted", _replacing((r"^[\s　]+|[\s　]+$", ""))),
)
ONE_STYLE = Mend(
    "one-style",
    "the last predicate of each sentence of the rarer style, 敬体 or 常体, put into the style of most of the answer",
    one_style.unify,
)

COLUMNS = ("instruction", "input", "output")


@dataclass(frozen=True)
class Revised:
    """Rows before and after a revision, and its edits, each in the form of a hand edit."""

    before: pa.RecordBatch
    after: pa.RecordBatch
    edits: list[dict[str, Any]]


def mend(batch: pa.RecordBatch) -> Revised:
    """Upstream's rows through every mend, one after the other, on every column."""
    after = batch
    edits: list[dict[str, Any]] = []
    for name, stages in _stages(batch):
        after = after.set_column(batch.schema.get_field_index(name), name, stages[-1])
        for rule, column, mended in zip(MENDS, stages, stages[1:], strict=False):
            edits += _edits(rule, name, batch["index"], column, mended)
    return Revised(batch, after, edits)


def to_one_style(batch: pa.RecordBatch) -> Revised:
    """Upstream's answers after the hand edits, each in one style where that is certain; creative writing as it is."""
    outputs = batch["output"]
    upstream = pc.and_(pc.not_equal(batch["origin"], "addition"), pc.not_equal(batch["category"], "creative_writing"))
    answers = pc.and_not(upstream, pc.match_substring_regex(outputs, _CODE))
    unified = _where(answers, outputs, ONE_STYLE.apply)
    edits = list(_edits(ONE_STYLE, "output", batch["index"], outputs, unified))
    origin = pc.if_else(pc.equal(outputs, unified), batch["origin"], "reviewed")
    after = batch.set_column(batch.schema.get_field_index("output"), "output", unified)
    return Revised(batch, after.set_column(batch.schema.get_field_index("origin"), "origin", origin), edits)


def _edits(rule: Mend, name: str, ids: Column, column: Column, mended: Column) -> Iterator[dict[str, Any]]:
    """An edit for each place that a mend has changed."""
    places = pc.indices_nonzero(pc.not_equal(column, mended))
    for index, was, now in zip(*(values.take(places).to_pylist() for values in (ids, column, mended)), strict=True):
        for find, replace in differences(was, now):
            edit = {"index": index, "field": name, "find": find, "replace": replace}
            yield edit | {"rule": rule.id, "reason": rule.says}


def _stages(batch: pa.RecordBatch) -> Iterator[tuple[str, list[Column]]]:
    """Each column as it is, and after each mend in turn."""

    def stages(name: str) -> list[Column]:
        return list(accumulate(MENDS, lambda column, rule: rule.apply(column), initial=batch[name]))

    with ThreadPoolExecutor(len(COLUMNS)) as pool:
        yield from zip(COLUMNS, pool.map(stages, COLUMNS), strict=True)


def differences(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The stretches in which two texts differ, each with a little around it; what follows the last one is the same.

    A stretch ends where `_AGREES` characters agree again, at most `_LONGEST` further on.
    """
    one = other = 0
    while (same := _shared(before[one:], after[other:])) < max(len(before) - one, len(after) - other):
        one, other = one + same, other + same
        gone, come = _until_they_agree(before[one:], after[other:])
        start, stop = max(0, one - _CONTEXT), max(0, other - _CONTEXT)
        one, other = one + gone, other + come
        yield before[start : one + _CONTEXT], after[stop : other + _CONTEXT]


def _until_they_agree(one: str, other: str) -> tuple[int, int]:
    """How many characters of each text to leave out so that they go on alike."""
    for total in range(1, _LONGEST):
        for gone in range(total, -1, -1):
            here, there = one[gone : gone + _AGREES], other[total - gone : total - gone + _AGREES]
            if here == there and (len(here) == _AGREES or gone + len(here) == len(one)):
                return gone, total - gone
    return len(one), len(other)


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    if one == other:
        return len(one)
    return bisect_left(range(min(len(one), len(other))), True, key=lambda at: one[: at + 1] != other[: at + 1])
