"""Where upstream's translation is likely to be wrong: signals by which rows are picked to be read by hand.

`python -m dolly_16k_ja.signals SOURCE` prints the rows of each signal that nobody has read yet, after the mends by
rule. `review/read.jsonl` names the rows that have been read, with the signals that picked them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from build_steps import style
from build_steps.rules.language import ENGLISH_SENTENCE
from build_steps.rules.typography import uneven
from dolly_16k_ja.review import READ

Signal = Callable[[pa.Table], pa.ChunkedArray]


def _matches(pattern: str, *columns: str) -> Signal:
    return lambda rows: pc.match_substring_regex(
        pc.binary_join_element_wise(*(rows[name] for name in columns), "\n"), pattern
    )


def _label_lost(rows: pa.Table) -> pa.ChunkedArray:
    """A classification in which some lines have their label and a colon, and others have lost the colon."""
    some = pc.match_substring(rows["output"], "：")
    not_all = pc.match_substring_regex(rows["output"], r"(?m)^[^：\n]*[^\s：][^：\n]*$")
    short = pc.less(pc.utf8_length(rows["output"]), 400)
    return pc.and_(pc.equal(rows["category"], "classification"), pc.and_(pc.and_(some, not_all), short))


def _mixed_and_short(rows: pa.Table) -> pa.ChunkedArray:
    short = pc.less(pc.utf8_length(rows["output"]), 90)
    return pc.and_(short, pa.chunked_array([pc.equal(style.classify(rows["output"]), "mixed")]))


def _row_by_row(judge: Callable[[dict[str, str]], bool]) -> Signal:
    """A signal that compares the texts of a row with one another."""
    texts = ["instruction", "input", "output", "category"]
    return lambda rows: pa.chunked_array([[judge(row) for row in rows.select(texts).to_pylist()]], pa.bool_())


def _name_spelt_two_ways(row: dict[str, str]) -> bool:
    """A word in katakana that the prompt spells nearly so: often one name, put into katakana in two ways."""
    asked, answered = (
        set(_KATAKANA.findall(text)) for text in (row["instruction"] + "\n" + row["input"], row["output"])
    )
    pairs = ((one, other) for one in answered - asked for other in asked if abs(len(one) - len(other)) <= 2)
    return any(
        one not in other and other not in one and SequenceMatcher(None, one, other).ratio() >= 0.8
        for one, other in pairs
    )


def _answers_something_else(row: dict[str, str]) -> bool:
    """An answer that should rest on the input, of whose words few stand in the prompt."""
    pieces = _pieces(row["output"])
    if row["category"] not in _ON_INPUT or not row["input"] or len(pieces) < 4:
        return False
    return len(pieces & _pieces(row["instruction"] + "\n" + row["input"])) < 0.35 * len(pieces)


def _pieces(text: str) -> set[str]:
    """The pairs of neighbouring characters in words of kanji, katakana or letters, and in numbers."""
    return {word[at : at + 2] for word in _WORD.findall(text) for at in range(max(1, len(word) - 1))}


def _broken_list(row: dict[str, str]) -> bool:
    """Numbers of items that do not follow one another, or several items on one line."""
    numbers = [int(number) for number in re.findall(r"(?m)^\s*(\d{1,2})[.．)）、 ]", row["output"])]
    skips = any(now not in (before + 1, 1) for before, now in pairwise(numbers))
    return (len(numbers) > 2 and skips) or _ITEMS_ON_ONE_LINE.search(row["output"]) is not None


_KATAKANA = re.compile("[ァ-ヺー]{5,}")
_WORD = re.compile("[一-鿿々]{2,}|[ァ-ヺー]{2,}|[A-Za-z]{2,}|[0-9]+")
_ITEMS_ON_ONE_LINE = re.compile(
    r"(?:^|[^\d.])1[.．)] ?[^\d\n][^\n]*[^\d.\n]2[.．)] ?[^\d\n][^\n]*[^\d.]3[.．)] ?[^\d]"
    r"|(?m:^[^\n]*(?:・|•|- )[^\n]{2,30}(?:・|•| - )[^\n]{2,}(?:•| - ))"
)
_ON_INPUT = ("closed_qa", "information_extraction", "summarization")
_TIMES_THE_INPUT = 3

SIGNALS: dict[str, Signal] = {
    "untranslated": _matches(ENGLISH_SENTENCE, "instruction", "output"),
    "answer-repeats-prompt": lambda rows: pc.or_(
        pc.equal(rows["output"], rows["instruction"]), pc.equal(rows["output"], rows["input"])
    ),
    "cut-off": _matches(r"(?s)^.{60,}[、はがをにでとのやもへ]$", "output"),
    "brackets": lambda rows: pc.or_(uneven(rows["instruction"]), uneven(rows["output"])),
    "word-game": _matches(
        "アルファベット|頭文字|で始まる(?:単語|言葉|名前|動物|国)|韻を|アナグラム|回文|スペル|綴り|母音|子音|文字目|何文字",
        "instruction",
    ),
    "debris": _matches(r"[↩↪⇄]|_\d\d|\}$|です、(?:\n|$)|、です。|のことです$|[A-Za-z]です、", "instruction", "output"),
    "label-lost": _label_lost,
    "mixed-short": _mixed_and_short,
    "name-two-ways": _row_by_row(_name_spelt_two_ways),
    "off-input": _row_by_row(_answers_something_else),
    "length-ratio": _row_by_row(
        lambda row: row["category"] in _ON_INPUT and len(row["output"]) > _TIMES_THE_INPUT * len(row["input"]) > 0
    ),
    "broken-list": _row_by_row(_broken_list),
    "code": _matches(r"[；｛｝]|[ァ-ヺ一-鿿ぁ-ゖ]\(\)|\b(?:def|import|print|return|function|SELECT)\b", "output"),
}


def main(source: str) -> None:
    """Print how many rows each signal finds, how many of them have been read, and the rest."""
    from build_steps.reading import read_records
    from dolly_16k_ja.builder import UPSTREAM_FIELDS
    from dolly_16k_ja.mending import mend

    rows = pa.Table.from_batches(
        [mend(batch).after for batch in read_records(Path(source), UPSTREAM_FIELDS, "dolly_16k_ja")]
    )
    read = {json.loads(line)["index"] for line in READ.read_text(encoding="utf-8").splitlines()}
    for name, signal in SIGNALS.items():
        found = set(pc.indices_nonzero(signal(rows)).to_pylist())
        left = sorted(found - read)
        sys.stdout.write(f"{name}: {len(found):,} rows, {len(found & read):,} read; left: {' '.join(map(str, left))}\n")


if __name__ == "__main__":
    main(sys.argv[1])
