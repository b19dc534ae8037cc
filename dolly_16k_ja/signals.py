"""Where upstream's translation is likely to be wrong: signals by which rows are picked to be read by hand.

`python -m dolly_16k_ja.signals SOURCE` prints the rows of each signal that nobody has read yet, after the mends by
rule. `review/read.jsonl` names the rows that have been read, with the signals that picked them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from build_steps import style
from build_steps.rules.language import ENGLISH_SENTENCE
from build_steps.rules.typography import uneven

READ = Path(__file__).parent / "review" / "read.jsonl"
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
    "debris": _matches(r"[↩↪⇄]|_\d\d|\}$|です、$|、です。|のことです$|[A-Za-z]です、", "instruction", "output"),
    "label-lost": _label_lost,
    "mixed-short": _mixed_and_short,
}


def main(source: str) -> None:
    """Print how many rows each signal finds, how many of them have been read, and the rest."""
    from build_steps.reading import read_records
    from dolly_16k_ja.builder import UPSTREAM_FIELDS
    from dolly_16k_ja.mending import mend

    rows = pa.Table.from_batches([mend(batch) for batch in read_records(Path(source), UPSTREAM_FIELDS, "dolly_16k_ja")])
    read = {json.loads(line)["index"] for line in READ.read_text(encoding="utf-8").splitlines()}
    for name, signal in SIGNALS.items():
        found = set(pc.indices_nonzero(signal(rows)).to_pylist())
        left = sorted(found - read)
        sys.stdout.write(f"{name}: {len(found):,} rows, {len(found & read):,} read; left: {' '.join(map(str, left))}\n")


if __name__ == "__main__":
    main(sys.argv[1])
