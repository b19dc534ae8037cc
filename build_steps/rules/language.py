"""Level 4: language, translation and personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from build_steps import style
from build_steps.rules import Hit, Rows, Rule, hit, matching
from build_steps.rules.typography import JAPANESE

ENGLISH_SENTENCE = r"(?:[A-Za-z][A-Za-z'’-]*[ ,;:]+){7,}[A-Za-z'’-]+"


def _no_japanese(rows: Rows) -> Iterator[Hit]:
    asked_and_answered = rows.joined((rows.prompt[0], rows.answer))
    japanese = pc.match_substring_regex(asked_and_answered, f"[{JAPANESE}]")
    yield hit(rows, rows.answer, pc.invert(japanese))


def _answer_repeats_prompt(rows: Rows) -> Iterator[Hit]:
    for column in rows.prompt:
        yield hit(rows, rows.answer, pc.equal(rows.table[rows.answer], rows.table[column]))


def _mixed_style(rows: Rows) -> Iterator[Hit]:
    yield hit(rows, rows.answer, pc.equal(style.classify(rows.table[rows.answer]), "mixed"))


def has_valid_check_digit(my_number: str) -> bool:
    """Whether 12 digits are an individual number by its check digit (総務省令第85号, 2014)."""
    *digits, check = map(int, my_number)
    weighted = sum(digit * (n + 1 if n <= 6 else n - 5) for n, digit in enumerate(reversed(digits), start=1))
    remainder = weighted % 11
    return check == (0 if remainder <= 1 else 11 - remainder)


# Digits are looked for in ASCII and full width alike.
_D = r"[0-9０-９]"
_DASH = r"[-‐－ー―]?"
_NO_DIGIT = r"[^0-9０-９.,．，-]"
_TWELVE_DIGITS = rf"(?:^|{_NO_DIGIT})({_D}{{4}}[ 　-]?{_D}{{4}}[ 　-]?{_D}{{4}})(?:$|{_NO_DIGIT})"


def _my_number(rows: Rows) -> Iterator[Hit]:
    for column in rows.prose:
        cells = rows.table[column]
        candidates = np.flatnonzero(pc.match_substring_regex(cells, _TWELVE_DIGITS).to_numpy()).tolist()
        yield Hit(column, np.array([row for row in candidates if _has_my_number(cells[row].as_py())], dtype=np.int64))


def _has_my_number(text: str) -> bool:
    numbers = (re.sub(r"\D", "", number) for number in re.findall(_TWELVE_DIGITS, text))
    return any(has_valid_check_digit(number) for number in numbers)


RULES = (
    Rule(
        id="L4-no-japanese",
        says="neither what is asked nor the answer has any Japanese in it",
        mend="translate it, or withdraw it",
        example="a record left in English",
        find=_no_japanese,
    ),
    Rule(
        id="L4-untranslated-sentence",
        says="eight or more English words follow one another",
        mend="translate them, unless they are a quotation, a title or code",
        example="The cat sleeps on the roof of the house.",
        find=matching(ENGLISH_SENTENCE),
        upstream="note",
    ),
    Rule(
        id="L4-mixed-style",
        says="常体 and 敬体 are mixed in the answer",
        mend="write the whole answer in one style",
        example="猫は夜に動く。昼はよく寝ます。",
        find=_mixed_style,
        upstream="note",
    ),
    Rule(
        id="L4-answer-repeats-prompt",
        says="the answer only repeats what it was given",
        mend="write an answer, or withdraw the record",
        example="output equal to instruction",
        find=_answer_repeats_prompt,
        upstream="note",
    ),
    Rule(
        id="L4-phone-number",
        says="a Japanese telephone number stands in the text",
        mend="remove it",
        example="a number that begins with 090, 0120 or +81",
        find=matching(
            rf"(?:^|[^0-9０-９])(?:[0０][7-9７-９][0０]{_DASH}{_D}{{4}}{_DASH}{_D}{{4}}"
            rf"|(?:[0０][1１][2２][0０]|[0０][8８][0０][0０]){_DASH}{_D}{{3}}{_DASH}{_D}{{3,4}}"
            rf"|[+＋][8８][1１][- ]?(?:{_D}[- ]?){{8,9}}{_D})(?:$|[^0-9０-９])"
        ),
    ),
    Rule(
        id="L4-postal-code",
        says="a Japanese postal code stands in the text",
        mend="remove it with the address behind it",
        example="〒 and seven digits",
        find=matching(rf"〒\s*{_D}{{3}}{_DASH}{_D}{{4}}"),
    ),
    Rule(
        id="L4-email",
        says="an e-mail address stands in the text",
        mend="remove it",
        example="a name, @ and a domain",
        find=matching(r"[A-Za-z0-9._%+-]+[@＠][A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"),
        upstream="note",
    ),
    Rule(
        id="L4-my-number",
        says="twelve digits stand in the text that are an individual number by their check digit",
        mend="remove them",
        example="twelve digits, alone or in groups of four",
        find=_my_number,
    ),
)
