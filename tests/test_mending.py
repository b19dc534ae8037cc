"""Review by rule: each mend does to its fixture what it says, and nothing the second time."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dolly_16k_ja.mending import COLUMNS, MENDS, ONE_STYLE, differences, mend

FIXTURES = Path(__file__).parent / "mends"


def batch(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch([pa.array(range(len(texts))), *[pa.array(texts, pa.string())] * 3], ["index", *COLUMNS])


@pytest.mark.parametrize("rule", [*MENDS, ONE_STYLE], ids=lambda rule: rule.id)
def test_a_mend_does_what_its_fixture_shows(rule):
    pairs = [json.loads(line) for line in (FIXTURES / f"{rule.id}.jsonl").read_text(encoding="utf-8").splitlines()]
    before, after = ([pair[key] for pair in pairs] for key in ("before", "after"))
    assert rule.apply(pa.array(before)).to_pylist() == after
    assert any(one != other for one, other in zip(before, after, strict=True))
    assert any(one == other for one, other in zip(before, after, strict=True))
    assert rule.says


def test_every_mend_has_a_fixture():
    assert sorted(path.stem for path in FIXTURES.iterdir()) == sorted(rule.id for rule in (*MENDS, ONE_STYLE))


some_text = st.text(alphabet="あ日ア「」『』（）()[]1a,.:!? 　\n。、\u3099か", max_size=30)


@given(st.lists(some_text, min_size=1, max_size=5))
def test_every_change_is_told_and_nothing_else_changes(texts: list[str]):
    mended = mend(batch(texts))
    told = {(edit["index"], edit["field"]) for edit in mended.edits}
    for name in COLUMNS:
        for index, (before, after) in enumerate(zip(texts, mended.after[name].to_pylist(), strict=True)):
            assert ((index, name) in told) or before == after
    assert all(edit["rule"] in {rule.id for rule in MENDS} and edit["reason"] for edit in mended.edits)


@given(st.lists(st.tuples(some_text, some_text, some_text), max_size=3), some_text)
def test_differences_are_all_that_two_texts_do_not_share(parts: list[tuple[str, str, str]], tail: str):
    before, after = ("".join(same + pair[side] for same, *pair in parts) + tail for side in (0, 1))
    changed = list(differences(before, after))
    assert bool(changed) == (before != after)
    for old, new in changed:
        assert old != new
        assert old in before
        assert new in after


def test_a_text_changed_in_two_places_has_two_differences():
    before, after = (f"一つ目{mark}の文です。{'山' * 30}二つ目{mark}の文です。" for mark in ("[1]", ""))
    assert list(differences(before, after)) == [
        ("一つ目[1]の文です。山", "一つ目の文です。山"),
        ("山山山二つ目[1]の文です。", "山山山二つ目の文です。"),
    ]


@pytest.mark.upstream
def test_upstream_mended_twice_is_upstream_mended_once(upstream: Path):
    rows = json.loads(upstream.read_text(encoding="utf-8"))
    columns = [pa.array([row[name] for row in rows]) for name in COLUMNS]
    once = pa.record_batch([pa.array(range(len(rows))), *columns], ["index", *COLUMNS])
    first = mend(once)
    assert len({edit["index"] for edit in first.edits}) > 4_000
    assert len(mend(first.after).edits) <= len(first.edits) * 0.01
