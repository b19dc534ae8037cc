"""What holds for the records of cat_care_qa beyond a single rule's fixture."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from build_steps.fact_checks import read_fact_checks
from cat_care_qa import grounding, measures
from cat_care_qa.rules import KINDS, TOPICS
from tests.conftest import PROJECT

RECORDS = [
    json.loads(line)
    for path in sorted((PROJECT / "cat_care_qa/records").glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
REFERENCES = json.loads((PROJECT / "cat_care_qa/references.json").read_text(encoding="utf-8"))
SHARES = {
    "feeding": 9, "water": 4, "litter": 8, "environment": 9, "behavior": 9, "body_language": 6, "grooming": 6,
    "health_signs": 14, "prevention": 7, "emergency": 8, "kitten": 6, "senior": 6, "social": 5, "society": 3,
}  # fmt: skip
KIND_SHARES = {"knowledge": 60, "experience": 25, "feeling": 15}
NOTES = "【小梅の記録】メス、6歳、3.9kg。2023-03-08 くしゃみ2回。2023-11 引っ越し。（今日は2024-03-11）"


FACT_CHECKS = read_fact_checks(PROJECT / "cat_care_qa", "id", str).to_pylist()


def share(column: str, value: str) -> float:
    return 100 * sum(record[column] == value for record in RECORDS) / len(RECORDS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_has_its_share_of_the_records(topic: str):
    assert share("topic", topic) == pytest.approx(SHARES[topic], abs=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_share_of_the_records(kind: str):
    assert share("kind", kind) == pytest.approx(KIND_SHARES[kind], abs=2)


def test_the_facts_of_every_record_were_looked_up_and_what_was_not_found_has_no_source():
    ids = [record["id"] for record in RECORDS]
    assert sorted({check["id"] for check in FACT_CHECKS}) == sorted(ids)
    for check in FACT_CHECKS:
        assert check["claim"]
        assert bool(check["source"]) == (check["verdict"] in ("confirmed", "mended"))
        assert check["verdict"] in ("confirmed", "mended", "removed", "no fact")


def test_no_cat_of_two_records_has_the_same_name():
    names = [name for record in RECORDS for name in grounding.names_in(record["context"])]
    assert len(names) == len(set(names))


def test_references_are_documents_with_title_publisher_and_year():
    for key, reference in REFERENCES.items():
        assert re.fullmatch(r"[a-z0-9-]+", key)
        assert 1890 <= reference["year"] <= 2026, key
        assert len(reference["title"]) > 3, key
        assert not reference.get("url") or reference["url"].startswith(("https://", "http://")), key
        assert set(reference) <= {"title", "publisher", "year", "url"}, key


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("二年前の3月8日にも2回しました。", []),
        ("2023年11月の引っ越しのあとです。", []),
        ("4月の終わりにもう一度量りましょう。", []),
        ("去年の12月にもありました。", ["12月"]),
        ("3月9日にもありました。", ["3月9日"]),
        ("2021年3月8日にもありました。", ["2021年"]),
        ("3月8日にもありました。", []),
        ("11月5日にもありました。", ["11月5日"]),
    ],
)
def test_dates_are_those_of_the_notes_or_ahead(answer: str, missing: list[str]):
    assert grounding.dates_not_in(NOTES, answer) == missing


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("3.9kgです。", []),
        ("6歳で2回。", []),
        ("8回になりました。", []),
        ("4.1kgです。", ["4.1kg"]),
        ("二回です。", []),
    ],
)
def test_amounts_are_those_of_the_notes_or_worked_out_from_two(answer: str, missing: list[str]):
    assert grounding.amounts_not_in(NOTES, answer) == missing


def test_names_of_other_cats_are_found_only_where_they_are_spoken_of():
    names = ["小梅", "とき", "小春"]
    assert grounding.names_not_in(NOTES, "食べるとき、小梅は静かです。小春はよく鳴きます。", names) == ["小春"]


def test_measures_count_sentences_and_beginnings():
    texts = pa.chunked_array([["はい。そうです。", "はい。違います。", "いいえ。"]])
    assert measures.first_sentences(texts).to_pylist() == ["はい。", "はい。", "いいえ。"]
    assert measures.last_sentences(texts).to_pylist() == ["そうです。", "違います。", "いいえ。"]
    assert measures.most_shared(measures.first_sentences(texts)) == pytest.approx(2 / 3)
    assert measures.most_shared(measures.last_sentences(texts)) == 0
    assert measures.distinct(measures.beginnings(texts)) == 1
