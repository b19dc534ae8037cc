"""The rules of dolly_16k_ja: the general ones, and its own of level 5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from build_steps.rules import Hit, Rows, Rule, encoding, language, sameness, shape, typography
from dolly_16k_ja import review

UPSTREAM_CATEGORIES = (
    "open_qa",
    "general_qa",
    "classification",
    "closed_qa",
    "brainstorming",
    "information_extraction",
    "summarization",
    "creative_writing",
)
OWN_CATEGORIES = ("style_control", "multi_perspective")


def _slot_count(slots: int, shard_rows: int) -> Rule:
    def find(rows: Rows) -> Iterator[Hit]:
        count = rows.table.num_rows
        last = np.arange(count - 1, count) if count != slots else np.arange(0)
        yield Hit("index", last, lambda row: f"{count:,} rows, the last shard holds {count % shard_rows:,}")

    return Rule(
        id="L5-slot-count",
        says=f"there are not {slots:,} rows",
        mend="add rows to dolly_16k_ja/additions until every slot is filled",
        example="15,015 rows of upstream and no addition",
        find=find,
    )


def rules(slots: int, shard_rows: int) -> list[Rule]:
    """All rules of the dataset, in the order of their levels."""
    categories = (*UPSTREAM_CATEGORIES, *OWN_CATEGORIES)
    return [
        *encoding.RULES,
        *shape.RULES,
        shape.one_of("category", categories, "the categories in dolly_16k_ja/rules.py"),
        *typography.RULES,
        *language.RULES,
        *sameness.RULES,
        *review.RULES,
        _slot_count(slots, shard_rows),
    ]
