"""Answers of two styles: brought into one where that is certain, and left alone where it is not."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_steps import style
from dolly_16k_ja.one_style import _PLAIN_OF, _POLITE_OF, _spans, unify

PAIRS = sorted(
    {*((plain, polite) for plain, polite in _POLITE_OF.items() if polite), *((b, a) for a, b in _PLAIN_OF.items())}
)


def sentences(text: str) -> list[str]:
    return [text[start:stop] for start, stop in _spans(text)]


def test_the_analyser_reads_both_sides_of_each_pair_of_endings_as_the_tables_do():
    """Behind kanji, as a predicate stands."""
    plain, polite = ([f"猫の手{pair[side]}。" for pair in PAIRS] for side in (0, 1))
    assert set(style.classify(pa.array(polite)).to_pylist()) == {"polite"}
    others = {
        text for text, of in zip(plain, style.classify(pa.array(plain)).to_pylist(), strict=True) if of != "plain"
    }
    assert not others


a_sentence = st.one_of(
    st.sampled_from([f"猫の手{ending}" for pair in PAIRS for ending in pair]),
    st.sampled_from(
        [
            "彼は「行くのだ。行った」と話す",
            "山へ行った",
            "絵は面白いです",
            "春の海",
            "本当ですか",
            "『坊っちゃん』",
            "来る",
            "",
        ]
    ),
)
some_text = st.lists(st.tuples(a_sentence, st.sampled_from("。！？\n")), max_size=6).map(
    lambda pairs: "".join(sentence + mark for sentence, mark in pairs)
)


@given(st.lists(some_text, max_size=5))
def test_what_changes_was_mixed_and_is_of_one_style_and_nothing_but_predicates_changes(texts: list[str]):
    unified = unify(pa.array(texts, pa.string())).to_pylist()
    before, after = (style.classify(pa.array(some, pa.string())).to_pylist() for some in (texts, unified))
    for text, one, was, now in zip(texts, unified, before, after, strict=True):
        assert text == one or (was == "mixed" and now in ("polite", "plain"))
        pairs = list(zip(*(sentences(of) for of in (text, one)), strict=True))
        assert all(old[:2] == new[:2] for old, new in pairs)
        assert text.count("「行くのだ。行った」") == one.count("「行くのだ。行った」")
    assert unify(pa.array(unified, pa.string())).to_pylist() == unified


@pytest.mark.parametrize(
    ("ending", "polite", "plain"),
    [
        ("を示す", "を示します", None),  # 示します may be of 示す or of 示する
        ("を用いる", None, None),
        ("を使う", "を使います", "を使う"),
        ("に生きる", None, None),  # not 生く
        ("が多く", None, None),
        ("を行った", None, None),  # いった or おこなった
        ("を味わった", "を味わいました", None),
        ("で読んだが、飽きる", None, None),
        ("で死んでしまった", "で死んでしまいました", "で死んでしまった"),
    ],
)
def test_an_ending_changes_as_the_grammar_has_it_or_not_at_all(ending: str, polite: str | None, plain: str | None):
    among_polite = f"猫です。犬です。鳥{ending}。"
    [one] = unify(pa.array([among_polite])).to_pylist()
    assert one == (among_polite if polite is None else f"猫です。犬です。鳥{polite}。")
    if polite and plain:
        [other] = unify(pa.array([f"猫である。犬である。鳥{polite}。"])).to_pylist()
        assert other == f"猫である。犬である。鳥{plain}。"


def test_no_text_and_texts_without_sentences_stay():
    assert unify(pa.array([], pa.string())).to_pylist() == []
    assert unify(pa.array(["", "春の海", "・犬\n・猫"])).to_pylist() == ["", "春の海", "・犬\n・猫"]
