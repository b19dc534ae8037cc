"""Level 4: records that are the same, or nearly. The first record stays, the later one is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from build_steps import near_duplicates
from build_steps.rules import Hit, Rows, Rule


def _repeated(columns: Callable[[Rows], Iterable[str]]) -> Callable[[Rows], Iterator[Hit]]:
    def find(rows: Rows) -> Iterator[Hit]:
        original = _first_equal(rows, columns(rows))
        later = np.flatnonzero(original != np.arange(len(original)))
        yield Hit(rows.answer, later, lambda row: f"as in {rows.ids[original[row]]}")

    return find


def _near_duplicates(rows: Rows) -> Iterator[Hit]:
    columns = (*rows.prompt, rows.answer)
    original = _first_equal(rows, columns)
    distinct = _order(rows)[(original == np.arange(len(original)))[_order(rows)]]
    repeats = near_duplicates.repeats(near_duplicates.pairs(rows.joined(columns).take(distinct)))
    found = {int(distinct[later]): pair for later, pair in repeats.items()}

    def detail(row: int) -> str:
        return f"{found[row].similarity:.0%} as in {rows.ids[distinct[found[row].first]]}"

    yield Hit(rows.answer, np.array(sorted(found), dtype=np.int64), detail)


def _first_equal(rows: Rows, columns: Iterable[str]) -> np.ndarray:
    """For each row the position of the first row, in `_order`, that has the same text in these columns."""
    order = _order(rows)
    texts = rows.joined(columns).take(order).to_numpy()
    seen: dict[str, int] = {}
    original = np.empty(len(texts), dtype=np.int64)
    original[order] = [seen.setdefault(text, position) for text, position in zip(texts, order.tolist(), strict=True)]
    return original


def _order(rows: Rows) -> np.ndarray:
    """Positions with upstream's rows first: of a pair, ours is the one too many, wherever it stands."""
    return np.argsort(rows.ours, kind="stable")


RULES = (
    Rule(
        id="L4-exact-duplicate",
        says="an earlier record has the same prompt and answer",
        mend="withdraw one of the two",
        example="a record that was pasted twice",
        find=_repeated(lambda rows: (*rows.prompt, rows.answer)),
        upstream="note",
    ),
    Rule(
        id="L4-repeated-prompt",
        says="an earlier record asks the same",
        mend="ask something else, or withdraw one of the two",
        example="two records that ask フランスの首都はどこ？",
        find=_repeated(lambda rows: rows.prompt),
        upstream="note",
    ),
    Rule(
        id="L4-near-duplicate",
        says=f"an earlier record is nearly the same (character {near_duplicates.N}-grams)",
        mend="write what it has not said, or withdraw one of the two",
        example="two records that differ in a name",
        find=_near_duplicates,
        upstream="note",
    ),
)
