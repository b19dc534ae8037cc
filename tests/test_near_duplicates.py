"""Near duplicates: what the fast search finds is what comparing every pair finds."""

from __future__ import annotations

import unicodedata
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_steps.near_duplicates import NORMAL_FORM, N, Pair, pairs, repeats


def grams(text: str) -> set[str]:
    padded = unicodedata.normalize(NORMAL_FORM, text) + "\0" * (N - 1)
    return {padded[at : at + N] for at in range(len(padded) - N + 1)}


def by_comparing_all(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    found = []
    for first, second in combinations(range(len(texts)), 2):
        a, b = grams(texts[first]), grams(texts[second])
        if a and b and (similarity := len(a & b) / len(a | b)) >= threshold:
            found.append((first, second, similarity))
    return found


texts_of_few_letters = st.lists(st.text(alphabet="あいう猫ｶﾞ", max_size=30), max_size=25)


@given(texts_of_few_letters, st.sampled_from([0.5, 0.7, 0.9, 1.0]))
def test_it_finds_what_comparing_every_pair_finds(texts: list[str], threshold: float):
    found = pairs(pa.array(texts, pa.string()), threshold)
    expected = by_comparing_all(texts, threshold)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    assert [pair.similarity for pair in found] == pytest.approx([pair[2] for pair in expected])


@given(
    st.permutations("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめも"),
    st.integers(0, 34),
    texts_of_few_letters,
)
def test_a_copy_with_one_letter_changed_is_found_among_others(letters: list[str], at: int, others: list[str]):
    text = "".join(letters)
    changed = text[:at] + "ん" + text[at + 1 :]
    found = pairs(pa.array([text, *others, changed], pa.string()))
    assert (0, len(others) + 1) in {(pair.first, pair.second) for pair in found}


def test_full_width_and_half_width_are_the_same():
    assert pairs(pa.array(["ＡＢＣとｶﾅを書きました", "ABCとカナを書きました"])) == [Pair(0, 1, 1.0)]


def test_the_earlier_one_stays_and_a_chain_is_not_lost_whole():
    found = [Pair(0, 1, 0.8), Pair(1, 2, 0.8), Pair(2, 3, 0.8)]
    assert repeats(found) == {1: found[0], 3: found[2]}


@given(texts_of_few_letters)
def test_what_stays_holds_no_pair(texts: list[str]):
    gone = repeats(pairs(pa.array(texts, pa.string())))
    rest = [text for position, text in enumerate(texts) if position not in gone]
    assert pairs(pa.array(rest, pa.string())) == []


def test_no_texts_no_pairs():
    assert pairs(pa.array([], pa.string())) == []
    assert pairs(pa.array(["", ""])) == []
