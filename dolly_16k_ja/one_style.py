"""Answers that mix 敬体 and 常体, brought into the style of most of their sentences, where that is certain.

A sentence of the other style changes its last predicate, and only by the tables below: endings that have one
counterpart whatever stands before them, or stands before them where that is said. An answer with a sentence that they
do not cover stays as it is. What is quoted or in brackets is not touched. Source: the conjugations of 学校文法.
"""

from __future__ import annotations

import re
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from build_steps import style

# Endings that are each other's only counterpart.
_BOTH = {
    "ではない": "ではありません",
    "でもない": "でもありません",
    "ではなかった": "ではありませんでした",
    "はない": "はありません",
    "もない": "もありません",
    "しかない": "しかありません",
    "ことがない": "ことがありません",
    "必要がない": "必要がありません",
    "違いない": "違いありません",
    "すぎない": "すぎません",
    "ていない": "ていません",
    "でいない": "でいません",
    "できない": "できません",
    "れない": "れません",
    "ならない": "なりません",
    "限らない": "限りません",
    "分からない": "分かりません",
    "わからない": "わかりません",
    "知らない": "知りません",
    "ていなかった": "ていませんでした",
    "できなかった": "できませんでした",
    "れなかった": "れませんでした",
    "ならなかった": "なりませんでした",
    "はなかった": "はありませんでした",
    "もなかった": "もありませんでした",
    "ている": "ています",
    "でいる": "でいます",
    "ていた": "ていました",
    "でいた": "でいました",
    "ていく": "ていきます",
    "てくる": "てきます",
    "てきた": "てきました",
    "ておく": "ておきます",
    "しまう": "しまいます",
    "しまった": "しまいました",
    "てもらう": "てもらいます",
    "てみる": "てみます",
    "した": "しました",
    "れる": "れます",
    "れた": "れました",
    "させる": "させます",
    "させた": "させました",
    "できる": "できます",
    "できた": "できました",
    "ある": "あります",
    "あった": "ありました",
    "になる": "になります",
    "となる": "となります",
    "くなる": "くなります",
    "になった": "になりました",
    "となった": "となりました",
    "くなった": "くなりました",
    "異なる": "異なります",
    "という": "といいます",
    "わかる": "わかります",
    "かかる": "かかります",
    "がる": "がります",
    "がった": "がりました",
    "わる": "わります",
    "わった": "わりました",
    "まる": "まります",
    "まった": "まりました",
    "もつ": "もちます",
    "にする": "にします",
    "をする": "をします",
}
# To 敬体 only: だった and であった are both でした, する and 示す both します. An empty string: not certain.
_TO_POLITE = {
    "である": "です",
    "であった": "でした",
    "だった": "でした",
    "だろう": "でしょう",
    "であろう": "でしょう",
    "する": "します",
    "しない": "しません",
    "しなかった": "しませんでした",
    "もたらす": "もたらします",
    "及ぼす": "及ぼします",
    "果たす": "果たします",
    "で知られる": "で知られています",
    "として知られる": "として知られています",
    "間もない": "間もないです",
    "味わった": "味わいました",
    "したがった": "",
}
# Behind kanji; to 常体 not behind those named, whose verbs end in いる, きる …
_VERBS = {
    "う": ("います", "用率強老悔"),
    "く": ("きます", "生起尽飽来"),
    "ぐ": ("ぎます", "過"),
    "ぶ": ("びます", "帯浴伸延滅詫錆"),
    "む": ("みます", "試顧省"),
    "える": ("えます", ""),
    "ける": ("けます", ""),
    "げる": ("げます", ""),
    "せる": ("せます", ""),
    "てる": ("てます", ""),
    "ねる": ("ねます", ""),
    "べる": ("べます", ""),
    "める": ("めます", ""),
    "えた": ("えました", ""),
    "けた": ("けました", ""),
    "げた": ("げました", ""),
    "せた": ("せました", ""),
    "てた": ("てました", ""),
    "ねた": ("ねました", ""),
    "べた": ("べました", ""),
    "めた": ("めました", ""),
}
_VERBS_TO_POLITE = {**_VERBS, "す": ("します", "")}
_ADVERBS = "多近早遠古深高長短低強弱軽重広若"  # 多く, 近く are no verbs
# Verbs of one kanji, or of its last one, by the form that the polite one has.
_STEMS = {
    ("る", "った", "り"): "取残送作入知語売乗移至釣渡戻減帰走座頼握限守誇図測探眠踊登贈回困迫塗散張掘触祈配切去断",
    ("う", "った", "い"): "使言戦失思買扱追会願従習争笑歌補負担養襲救誘競拾払違",
    ("つ", "った", "ち"): "持立勝打待育保放",
    ("む", "んだ", "み"): "読含住進飲望生産組富込励好営挑",
    ("ぶ", "んだ", "び"): "選学呼結並遊飛運及",
    ("ぬ", "んだ", "に"): "死",
    ("く", "いた", "き"): "書続描置働招導開聞動引届築抱泣焼抜",
    ("ぐ", "いだ", "ぎ"): "防注泳急継稼",
    ("る", "た", ""): "見出得着寝経似",
}
# fmt: off
_ADJECTIVES = (
    "しい", "多い", "少ない", "高い", "低い", "大きい", "小さい", "長い", "短い", "強い",
    "弱い", "良い", "よい", "近い", "遠い", "早い", "速い", "古い", "若い", "安い",
    "重い", "軽い", "広い", "深い", "暗い", "明るい", "いい", "やすい", "にくい", "づらい",
    "らしい",
)
# fmt: on

_KANJI = re.compile("[一-鿿々]")
_QUOTED = r"「[^「」]*」|『[^『』]*』|（[^（）]*）|\([^()]*\)|\[[^\[\]\n]*\]|“[^“”]*”|\"[^\"\n]*\""
_PIECE = re.compile(rf"{_QUOTED}|[。！？!?\n]+")
_LONGEST = 10
# Beside a request, 選ぶ may be advice, and 選びます would be none.
_REQUEST = re.compile("(?:ましょう|ください|下さい)[。！\n]")
# Of a clause inside the sentence nothing tells whether it is the sentence's own or stands in what it says of something.
_POLITE_CLAUSE = re.compile("(?:ます|です|ました|でした|ません)(?:が|けれども?|けど|ので|から|し|と)?、")
_PLAIN_CLAUSE = re.compile("(?:ではない|である|だ|だった)、|(?:(?<!あな)た|[るだ]|ない|多い|しい)が、")


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    """Plain endings with their polite counterparts, and the reverse."""
    stems = {
        kanji + plain: kanji + stem + polite
        for (present, past, stem), verbs in _STEMS.items()
        for kanji in verbs
        for plain, polite in ((present, "ます"), (past, "ました"))
    }
    adjectives = {adjective: adjective + "です" for adjective in _ADJECTIVES} | {
        adjective[:-1] + "かった": adjective[:-1] + "かったです" for adjective in _ADJECTIVES
    }
    both = {**stems, **adjectives, **_BOTH}
    return {**both, **_TO_POLITE}, {polite: plain for plain, polite in both.items()}


_POLITE_OF, _PLAIN_OF = _tables()


def _polite(sentence: str) -> str | None:
    """A plain sentence in 敬体, None where that is not certain."""
    return None if _PLAIN_CLAUSE.search(sentence) else _polite_end(sentence)


def _plain(sentence: str) -> str | None:
    """A polite sentence in 常体, None where that is not certain."""
    return None if _POLITE_CLAUSE.search(sentence) else _plain_end(sentence)


def _polite_end(sentence: str) -> str | None:
    if (changed := _by_table(sentence, _POLITE_OF)) is not None:
        return changed or None
    for plain, (polite, _) in _VERBS_TO_POLITE.items():
        before = sentence[: -len(plain)]
        if sentence.endswith(plain) and _KANJI.match(before[-1:]) and (plain != "く" or before[-1] not in _ADVERBS):
            return before + polite
    if sentence.endswith("だ") and sentence[-2:-1] not in ("", *"んいまた"):  # 読んだ, 泳いだ, きれいだ, まだ, ただ
        return sentence[:-1] + "です"
    return None


def _plain_end(sentence: str) -> str | None:
    if (changed := _by_table(sentence, _PLAIN_OF)) is not None:
        return changed
    for plain, (polite, never) in _VERBS.items():
        before = sentence[: -len(polite)]
        if sentence.endswith(polite) and _KANJI.match(before[-1:]) and before[-1] not in never:
            return before + plain
    for polite, plain, never in (
        ("です", "である", "んいたる"),
        ("でした", "であった", "ん"),
        ("でしょう", "だろう", "ん"),
    ):
        before = sentence[: -len(polite)]
        if sentence.endswith(polite) and before and before[-1] not in never:
            return before + plain
    return None


def _by_table(sentence: str, table: dict[str, str]) -> str | None:
    """The sentence with the longest ending that the table has exchanged; empty where it is known not to be certain."""
    for length in range(min(_LONGEST, len(sentence)), 0, -1):
        if (other := table.get(sentence[-length:])) is not None:
            return sentence[:-length] + other if other else ""
    return None


def _spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends, its mark left out; as many before `unify` as after it."""
    ends = [match.span() for match in _PIECE.finditer(text) if match[0][0] in "。！？!?\n"]
    starts = [0, *(end for _, end in ends)]
    return [(start, stop) for start, stop in zip(starts, [start for start, _ in ends] + [len(text)], strict=True)]


def unify(texts: pa.Array) -> pa.Array:
    """Texts of two styles in the style of most of their sentences, 敬体 where they are even; the others unchanged."""
    mask = pc.equal(style.classify(texts), "mixed")
    mixed = texts.filter(mask).to_pylist()
    spans = [_spans(text) for text in mixed]
    flat = [text[start:stop] for text, of_text in zip(mixed, spans, strict=True) for start, stop in of_text]
    styles = style.classify(pa.array(flat, pa.string())).to_pylist()
    ends = list(accumulate(map(len, spans), initial=0))
    unified = [
        _unified(text, of_text, styles[at : at + len(of_text)])
        for text, of_text, at in zip(mixed, spans, ends, strict=False)
    ]
    of_one_style = pc.not_equal(style.classify(pa.array(unified, pa.string())), "mixed")
    return pc.replace_with_mask(
        texts, mask, pc.if_else(of_one_style, pa.array(unified, pa.string()), texts.filter(mask))
    )


def _unified(text: str, spans: list[tuple[int, int]], styles: list[str]) -> str:
    polite = styles.count("polite") >= styles.count("plain")
    minority, other = ("plain", _polite) if polite else ("polite", _plain)
    if polite and _REQUEST.search(text):
        return text
    unified = text
    for (start, stop), of_sentence in reversed(list(zip(spans, styles, strict=True))):
        if of_sentence == minority:
            changed = other(text[start:stop])
            if changed is None or _is_heading(text, start, stop):
                return text
            unified = unified[:start] + changed + unified[stop:]
    return unified


def _is_heading(text: str, start: int, stop: int) -> bool:
    """Whether a sentence has a line for itself and no mark at its end, as headings and entries of lists have."""
    at_end = stop == len(text) and "\n" in text
    return text[stop : stop + 1] in "\n" and (at_end or stop < len(text)) and text[start - 1 : start] in ("", "\n")
