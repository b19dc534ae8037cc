"""Level 1: bytes and characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np

from build_steps.rules import Hit, Rows, Rule, matching

INVALID_UTF8 = Rule(
    id="L1-invalid-utf8",
    says="the bytes are not UTF-8",
    mend="save the file as UTF-8 (iconv -f SHIFT_JIS -t UTF-8 turns an old Japanese file)",
    example="猫 saved as Shift_JIS",
)
BOM = Rule(
    id="L1-bom",
    says="the file begins with a byte order mark",
    mend="save it as UTF-8 without BOM",
    example="the bytes EF BB BF before the first {",
)
CRLF = Rule(
    id="L1-crlf",
    says="the line ends in CR LF",
    mend="save the file with LF line ends (sed -i 's/\\r$//' FILE)",
    example="a file saved by an editor on Windows",
)
LONE_SURROGATE = Rule(
    id="L1-lone-surrogate",
    says="an escape stands for half a character",
    mend="write the character itself",
    example=r"\ud83d without the half that follows it",
)


def _not_nfc(rows: Rows) -> Iterator[Hit]:
    for column in rows.prose:
        texts = rows.table[column].to_pylist()
        yield Hit(column, np.flatnonzero([not unicodedata.is_normalized("NFC", text) for text in texts]))


RULES = (
    INVALID_UTF8,
    BOM,
    CRLF,
    LONE_SURROGATE,
    Rule(
        id="L1-control-character",
        says="a control character or Unicode line separator stands in the text",
        mend="delete it (a line break is \\n)",
        example="NUL, BEL, CR or U+2028 in an answer",
        find=matching(r"[\x00-\x08\x0B-\x1F\x7F-\x{9F}\x{2028}\x{2029}]"),
    ),
    Rule(
        id="L1-zero-width",
        says="a character without width stands in the text",
        mend="delete it",
        example="U+200B between two words copied from a web page",
        find=matching(r"[\x{AD}\x{180E}\x{200B}-\x{200D}\x{2060}\x{FEFF}]"),
    ),
    Rule(
        id="L1-bidi-control",
        says="a control for the writing direction stands in the text",
        mend="delete it",
        example="U+202E, which turns what follows from right to left",
        find=matching(r"[\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}]"),
    ),
    Rule(
        id="L1-replacement-character",
        says="U+FFFD stands where a character was lost",
        mend="write the character that was meant",
        example="ク�ワハラ",
        find=matching(r"\x{FFFD}"),
    ),
    Rule(
        id="L1-not-nfc",
        says="the text is not in Unicode's composed form (NFC)",
        mend="normalise it: unicodedata.normalize('NFC', text)",
        example="か followed by a separate voiced sound mark instead of が",
        find=_not_nfc,
    ),
)
