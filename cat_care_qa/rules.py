"""The rules of cat_care_qa: the general ones, and its own of level 5."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from build_steps import style
from build_steps.errors import DataError
from build_steps.rules import Find, Hit, Rows, Rule, encoding, hit, language, positions, sameness, shape, typography
from cat_care_qa import grounding, measures, safety

TOPICS = {
    "feeding": "食事",
    "water": "水分",
    "litter": "トイレ",
    "environment": "住環境",
    "behavior": "行動・しつけ",
    "body_language": "気持ちの読み取り",
    "grooming": "お手入れ",
    "health_signs": "体調のサイン",
    "prevention": "予防・避妊去勢",
    "emergency": "緊急・中毒",
    "kitten": "子猫",
    "senior": "シニア・看取り",
    "social": "多頭・人との関係",
    "society": "迎え方・法律・災害・お金",
}
KINDS = {"knowledge": "知識", "experience": "経験", "feeling": "感情・感覚"}
URGENCIES = {"daily": "ふだん", "consult": "受診を", "emergency": "すぐ病院へ"}
ORIGINS = ("authored", "feedback")

REFERENCE_FIELDS = {"title": str, "publisher": str, "year": int, "url": str}


def read_references(path: Path) -> dict[str, dict[str, Any]]:
    """The documents that records rest on, by key; DataError when the file is not as `REFERENCE_FIELDS` says."""
    name = f"{path.parent.name}/{path.name}"
    try:
        references = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError([shape.violation(shape.JSON, path.parent.name, name, found=str(error))]) from None
    if type(references) is not dict or not all(type(reference) is dict for reference in references.values()):
        raise DataError(
            [shape.violation(shape.WRONG_TYPE, path.parent.name, name, found="an object of objects is expected")]
        )
    wrong = [
        shape.violation(shape.WRONG_TYPE, path.parent.name, name, id=key, field=field, found=f"must be {kind.__name__}")
        for key, reference in references.items()
        for field, kind in REFERENCE_FIELDS.items()
        if type(reference.get(field, "" if field == "url" else None)) is not kind
    ]
    if wrong:
        raise DataError(wrong)
    return references


def _id_not_of_topic(rows: Rows) -> Iterator[Hit]:
    expected = pc.match_substring_regex(rows.table["id"], r"^[a-z_]+-[0-9]{4}$")
    same_topic = pc.equal(pc.replace_substring_regex(rows.table["id"], "-[0-9]+$", ""), rows.table["topic"])
    yield hit(rows, "id", pc.invert(pc.and_(expected, same_topic)))


def _knowledge_without_reference(rows: Rows) -> Iterator[Hit]:
    knowledge = pc.equal(rows.table["kind"], "knowledge")
    yield hit(rows, "references", pc.and_(knowledge, pc.equal(pc.list_value_length(rows.table["references"]), 0)))


def _context_against_kind(rows: Rows) -> Iterator[Hit]:
    empty = pc.equal(rows.table["context"], "")
    with_context = pc.and_(pc.equal(rows.table["kind"], "knowledge"), pc.invert(empty))
    without = pc.and_(pc.equal(rows.table["kind"], "experience"), empty)
    yield hit(rows, "context", pc.or_(with_context, without))


def _answer_not_polite(rows: Rows) -> Iterator[Hit]:
    styles = style.classify(rows.table["answer"])
    yield hit(rows, "answer", pc.is_in(styles, pc.cast(["plain", "none"], styles.type)))


def _reference_unused(references: dict[str, Any]) -> Rule:
    def find(rows: Rows) -> Iterator[Hit]:
        used = set(pc.list_flatten(rows.table["references"]).to_pylist())
        unused = sorted(references.keys() - used)
        yield Hit(
            "references",
            np.arange(min(1, len(unused))),
            lambda row: ", ".join(unused),
            file="cat_care_qa/references.json",
        )

    return Rule(
        id="L5-unused-reference",
        says="no record rests on an entry of references.json",
        mend="remove the entry, or name it in the record that it backs",
        example="an entry left behind when its record was rewritten",
        find=find,
    )


def _split_not_of_id(split_of: Callable[[str], str]) -> Rule:
    def find(rows: Rows) -> Iterator[Hit]:
        mask = [split_of(record_id) != split for record_id, split in zip(rows.ids, rows.split, strict=True)]
        yield Hit("id", np.flatnonzero(mask))

    return Rule(
        id="L5-split",
        says="the record is not in the split that follows from its id",
        mend="leave the choice of the split to split_of in builder.py",
        example="a record of test that was put into train",
        find=find,
    )


def _added_later(version: str) -> Rule:
    def find(rows: Rows) -> Iterator[Hit]:
        wrong = {value for value in pc.unique(rows.table["added_in"]).to_pylist() if not _up_to(value, version)}
        yield Hit("added_in", np.flatnonzero([value in wrong for value in rows.table["added_in"].to_pylist()]))

    return Rule(
        id="L5-added-in",
        says=f"this is not a version up to {version}",
        mend="write the version that first holds the record, or raise the version in builder.py",
        example='"added_in": "9.0.0"',
        find=find,
    )


def _up_to(value: str, version: str) -> bool:
    if not re.fullmatch(r"\d+\.\d+\.\d+", value):
        return False
    return [int(part) for part in value.split(".")] <= [int(part) for part in version.split(".")]


OWN = (
    Rule(
        id="L5-id-topic",
        says="the id is not the topic, a hyphen and four digits",
        mend="write it so; a record of another topic gets a new id",
        example="water-12, or feeding-0007 with the topic water",
        find=_id_not_of_topic,
    ),
    Rule(
        id="L5-knowledge-without-reference",
        says="a knowledge record names no reference",
        mend="name the document that backs it",
        example='"kind": "knowledge", "references": []',
        find=_knowledge_without_reference,
    ),
    Rule(
        id="L5-context-kind",
        says="the context is empty in an experience record, or filled in a knowledge record",
        mend="give an experience the notes that it draws on, and knowledge none",
        example='"kind": "experience", "context": ""',
        find=_context_against_kind,
    ),
    Rule(
        id="L5-answer-not-polite",
        says="the answer is not in 敬体",
        mend="write its sentences in です・ます",
        example="よく寝る。",
        find=_answer_not_polite,
    ),
)


def _not_in_notes(missing: Callable[[str, str], list[str]], documents: dict[str, Any], in_all: bool = True) -> Find:
    """A `find` for answers that quote what neither the notes nor the question hold.

    A document is quoted with its year, and its amounts cannot be known: `in_all` says whether answers with references
    are looked at, too.
    """

    def find(rows: Rows) -> Iterator[Hit]:
        drawn = pc.not_equal(rows.table["context"], "")
        if not in_all:
            drawn = pc.and_(drawn, pc.equal(pc.list_value_length(rows.table["references"]), 0))
        where = positions(drawn)
        found = {}
        for row, record in zip(where.tolist(), rows.table.take(where).to_pylist(), strict=True):
            years = (f"{documents[key]['year']}年" for key in record["references"] if key in documents)
            if what := missing("\n".join((record["context"], record["question"], *years)), record["answer"]):
                found[row] = what
        yield Hit("answer", np.array(list(found), dtype=np.int64), lambda row: ", ".join(found[row]))

    return find


def _strange_names(documents: dict[str, Any]) -> Find:
    def find(rows: Rows) -> Iterator[Hit]:
        names = {name for notes in rows.table["context"].to_pylist() for name in grounding.names_in(notes)}
        yield from _not_in_notes(partial(grounding.names_not_in, names=names), documents)(rows)

    return find


def _shared_sentence(sentences: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> Find:
    def find(rows: Rows) -> Iterator[Hit]:
        found = sentences(rows.table["answer"])
        limit = max(1, measures.MOST_SHARED_SENTENCE * len(found))
        common = [text for text, count in Counter(found.to_pylist()).items() if count > limit]
        yield hit(rows, "answer", pc.is_in(found, pa.array(common, pa.string())))

    return find


def _same_beginnings(rows: Rows) -> Iterator[Hit]:
    found = measures.beginnings(rows.table["question"])
    if measures.distinct(found) < measures.LEAST_DISTINCT_BEGINNINGS:
        repeated = [text for text, count in Counter(found.to_pylist()).items() if count > 1]
        yield hit(rows, "question", pc.is_in(found, pa.array(repeated, pa.string())))


VARIETY = (
    Rule(
        id="L5-shared-opening",
        says=f"more than {measures.MOST_SHARED_SENTENCE:.0%} of the answers begin with this sentence",
        mend="begin the answer in its own way",
        example="ご心配ですね。",
        find=_shared_sentence(measures.first_sentences),
    ),
    Rule(
        id="L5-shared-closing",
        says=f"more than {measures.MOST_SHARED_SENTENCE:.0%} of the answers end with this sentence",
        mend="end the answer in its own way",
        example="早めに獣医師に相談しましょう。",
        find=_shared_sentence(measures.last_sentences),
    ),
    Rule(
        id="L5-same-beginnings",
        says=f"fewer than {measures.LEAST_DISTINCT_BEGINNINGS:.0%} of the questions begin in a way of their own",
        mend="ask in other words",
        example="うちの猫が最近よく… in every tenth question",
        find=_same_beginnings,
    ),
)


def _grounding(documents: dict[str, Any]) -> tuple[Rule, ...]:
    return (
        Rule(
            id="L5-date-not-in-notes",
            says="the answer quotes a date that the notes do not hold",
            mend="quote the notes as they are",
            example="「3月8日にも」 where the notes know nothing of March",
            find=_not_in_notes(grounding.dates_not_in, documents),
        ),
        Rule(
            id="L5-amount-not-in-notes",
            says="the answer quotes an amount that is neither in the notes nor worked out from two of them",
            mend="quote the notes as they are, or name the document that the amount comes from",
            example="「4.5kgでした」 where the notes say 4.2kg",
            find=_not_in_notes(grounding.amounts_not_in, documents, in_all=False),
        ),
        Rule(
            id="L5-name-not-in-notes",
            says="the answer speaks of a cat that the notes do not know",
            mend="speak of the cat of the notes",
            example="the name of another record's cat",
            find=_strange_names(documents),
        ),
    )


def rules(references_file: Path, version: str, split_of: Callable[[str], str]) -> list[Rule]:
    """All rules of the dataset, in the order of their levels."""
    references = read_references(references_file)
    return [
        *encoding.RULES,
        *shape.RULES,
        shape.one_of("topic", TOPICS, "the topics in cat_care_qa/rules.py"),
        shape.one_of("kind", KINDS, ", ".join(KINDS)),
        shape.one_of("urgency", URGENCIES, ", ".join(URGENCIES)),
        shape.one_of("origin", ORIGINS, ", ".join(ORIGINS)),
        shape.one_of("references", references, "the keys of cat_care_qa/references.json"),
        *typography.RULES,
        *language.RULES,
        *sameness.RULES,
        *OWN,
        *safety.RULES,
        *_grounding(references),
        *VARIETY,
        _reference_unused(references),
        _split_not_of_id(split_of),
        _added_later(version),
    ]
