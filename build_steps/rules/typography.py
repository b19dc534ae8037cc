"""Level 3: Japanese typography."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from build_steps.rules import Hit, Rows, Rule, hit, matching

BRACKETS = (("「", "」"), ("『", "』"), ("（", "）"))
JAPANESE = "ぁ-ゖァ-ヺー一-鿿々〆"
CITATION_MARK = (
    r"[\[［](?:\d{1,3}|[a-zA-D]|(?:注|注釈|リスト|※) ?\d+|(?:note|nb|n\.?|N|T|p|web|Jp) ?\d+|note [a-z]"
    r"|(?:full )?citation needed|clarification needed|nonprimary source needed|un[a-z]+ source\?|dubious - discuss"
    r"|(?:when|who|buy to who)\?|要出典|要ページ|引用(?:者注釈|者註|者|元不明)?|検証失敗|完全引用"
    r"|より良い(?:ソース|情報源)が必要|非一次(?:資料|ソース必要)|ユーザー作成ソース\?|いつ\??|誰が?\?| )[\]］】]"
)


def uneven(texts: pa.ChunkedArray | pa.Array, brackets: Iterable[tuple[str, str]] = BRACKETS) -> pa.ChunkedArray:
    """Whether a text opens and closes one of these kinds of brackets a different number of times."""
    masks = (pc.not_equal(pc.count_substring(texts, one), pc.count_substring(texts, other)) for one, other in brackets)
    return reduce(pc.or_, masks)


def _unbalanced_brackets(rows: Rows) -> Iterator[Hit]:
    for column in rows.prose:
        yield hit(rows, column, uneven(rows.table[column]), _counted_brackets)


def _counted_brackets(text: str) -> str:
    uneven = [(a, b) for a, b in BRACKETS if text.count(a) != text.count(b)]
    return ", ".join(f"{text.count(a)} {a} and {text.count(b)} {b}" for a, b in uneven)


RULES = (
    Rule(
        id="L3-unbalanced-brackets",
        says="brackets are opened and closed a different number of times",
        mend="add the one that is missing, or delete the one too many",
        example="「猫の手も借りたい",
        find=_unbalanced_brackets,
        upstream="note",
    ),
    Rule(
        id="L3-citation-mark",
        says="a citation mark of an encyclopedia is left in the text",
        mend="delete the mark",
        example="運航を開始した[3]。",
        find=matching(CITATION_MARK),
    ),
    Rule(
        id="L3-ascii-punctuation",
        says="ASCII punctuation stands in Japanese prose",
        mend="write 、。！？：；",
        example="猫は,よく寝ます.",
        find=matching(rf"[{JAPANESE}][,.!?;:](?:\s|$|[{JAPANESE}])"),
    ),
    Rule(
        id="L3-doubled-space",
        says="two or more spaces follow Japanese text",
        mend="delete them",
        example="よく寝ます。  よく食べます。",
        find=matching(rf"[{JAPANESE}。、！？）」][ 　]{{2,}}[^ 　\n]"),
    ),
    Rule(
        id="L3-space-in-japanese",
        says="a space stands between Japanese characters, or behind a sentence",
        mend="delete it, or write the punctuation that it stands for",
        example="よく寝ます。 よく食べます。",
        find=matching(rf"[{JAPANESE}。、] [{JAPANESE}]|[。！？] [0-9A-Za-z]"),
        upstream="note",
    ),
    Rule(
        id="L3-half-width-kana",
        says="half-width kana stand in the text",
        mend="write them full-width",
        example="ｷｬｯﾄﾌｰﾄﾞ",
        find=matching(r"[\x{FF61}-\x{FF9F}]"),
    ),
    Rule(
        id="L3-html-markup",
        says="an HTML tag or entity stands in the text",
        mend="write the character that is meant, or delete the tag",
        example="AT&amp;T or <br>",
        find=matching(
            r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9A-Fa-f]{1,6});"
            r"|</?(?:a|b|br|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|span|strong|sub|sup|table|td|th|tr|u|ul)"
            r"(?:\s[^<>]*)?/?>"
        ),
    ),
)
