"""Sentence style: what the rules say of single texts, and how often they agree with labels made by reading."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from build_steps import style
from build_steps.reading import read_records
from dolly_16k_ja.builder import UPSTREAM_FIELDS
from dolly_16k_ja.review import STYLE_LABELS

CASES = {
    "猫はよく寝ます。": "polite",
    "猫はよく寝る。": "plain",
    "猫はよく寝ます。犬は走る。": "mixed",
    "猫、犬、うさぎ": "none",
    "": "none",
    "お知らせください！": "polite",
    "一緒に行きましょうか？": "polite",
    "それは本当でしょうか": "polite",
    "準備が間に合わなかった": "plain",
    "とても美しい。": "plain",
    "明日は雨だろう。": "plain",
    "行かないと思うけど。": "plain",
    "彼は「行きます」と言った。": "plain",
    "彼女は『そうだ』と答えました。": "polite",
    "高い山です（日本で一番高い）。": "polite",
    "運航を開始しました[3]。": "polite",
    "次の通りです：\n- 水を飲む\n- よく眠る": "polite",
    "1. 玉ねぎを切る\n2. いためる": "none",
    "1. 玉ねぎを切ります。\n2. いためる。": "mixed",
    "目を覚ます。": "plain",
    "ぶどう、りんご、たいよう": "none",
    "はい": "none",
    "トープ": "none",
    "吾輩は猫である。名前はまだ無い。": "plain",
    "明日の会議は中止。": "none",
}


@pytest.mark.parametrize("text", CASES)
def test_the_style_of_a_text(text: str):
    assert style.classify(pa.array([text])).to_pylist() == [CASES[text]]


def test_texts_keep_their_order_and_count():
    texts = list(CASES) * 3
    assert style.classify(pa.chunked_array([texts[:7], texts[7:]])).to_pylist() == list(CASES.values()) * 3
    assert style.classify(pa.array([], pa.string())).to_pylist() == []


def labels() -> dict[int, str]:
    lines = STYLE_LABELS.read_text(encoding="utf-8").splitlines()
    return {label["index"]: label["label"] for label in map(json.loads, lines)}


def test_the_labels_are_enough_and_of_every_style():
    assert len(labels()) >= 500
    assert set(labels().values()) == set(style.STYLES)


@pytest.mark.upstream
def test_it_agrees_with_labels_made_by_reading(upstream: Path):
    batches = list(read_records(upstream, UPSTREAM_FIELDS, "dolly_16k_ja"))
    outputs = pa.chunked_array([batch["output"] for batch in batches])
    found = style.classify(outputs.take(pa.array(list(labels())))).to_pylist()
    agreed = sum(one == other for one, other in zip(found, labels().values(), strict=True))
    assert agreed / len(found) >= 0.99
