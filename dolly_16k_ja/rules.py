"""The rules of dolly_16k_ja: the general ones, and its own of level 5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from build_steps.rules import Hit, Rows, Rule, encoding, hit, language, sameness, shape, typography
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


_PLAIN = r"(?:常体|だ・である調|である調|だ・である体|である体|だ調|だ体)"
_POLITE = r"(?:敬体|です・ます調|です・ます体|丁寧体)"
_ASKED = (
    r"(?:だけ)?(?:に|で|へ|を使って)[^。？?」]{0,20}?"
    r"(?:書き換え|書き直|書いて|直して|改め|統一|そろえ|揃え|変え|換え|答え|説明して|まとめ|述べ|仕上げ|整え|訳し|紹介)"
)


def _style_not_as_asked(rows: Rows) -> Iterator[Hit]:
    """Where a style task names one style that it wants, the output has it."""
    asks = rows.table["instruction"]
    plain = pc.match_substring_regex(asks, _PLAIN + _ASKED)
    polite = pc.match_substring_regex(asks, _POLITE + _ASKED)
    of_task = pc.and_(pc.equal(rows.table["category"], "style_control"), pc.xor(plain, polite))
    wanted = pc.if_else(plain, "plain", "polite")
    yield hit(rows, "output", pc.and_(of_task, pc.not_equal(wanted, rows.table["style"])))


STYLE_ASKED = Rule(
    id="L5-style-asked",
    says="the output is not in the style that the instruction asks for",
    mend="write every sentence of it in that style",
    example="常体に書き換えてください, and an output in です・ます",
    find=_style_not_as_asked,
)


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


def rules(slots: int | None, shard_rows: int) -> list[Rule]:
    """All rules of the dataset, in the order of their levels; without `slots`, any number of rows is right."""
    categories = (*UPSTREAM_CATEGORIES, *OWN_CATEGORIES)
    return [
        *encoding.RULES,
        *shape.RULES,
        shape.one_of("category", categories, "the categories in dolly_16k_ja/rules.py"),
        *typography.RULES,
        *language.RULES,
        *sameness.RULES,
        *review.RULES,
        STYLE_ASKED,
        *([_slot_count(slots, shard_rows)] if slots else []),
    ]
