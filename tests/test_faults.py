"""Whatever a push asks of the Hub may fail; see tests/faults.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Edition
from tests.faults import KINDS, Faults, faults


@pytest.fixture(scope="module")
def with_faults(tmp_path_factory: pytest.TempPathFactory, editions: tuple[Edition, Edition]) -> Iterator[Faults]:
    with faults(tmp_path_factory.mktemp("faults"), editions) as made:
        yield made


QUICK = {("503", False), ("connection dropped", True), ("answer lost", False)}
CASES = [
    pytest.param(kind, for_ever, id=f"{kind}, {'for ever' if for_ever else 'once'}", marks=marks)
    for kind in KINDS
    for for_ever in (False, True)
    for marks in ([() if (kind, for_ever) in QUICK else pytest.mark.matrix])
]


@pytest.mark.parametrize(("kind", "for_ever"), CASES)
def test_a_request_that_fails(kind: str, for_ever: bool, with_faults: Faults):
    """The old release or the new one, whole; one clear sentence, no token in it; and the next run completes."""
    outcomes = [with_faults.try_out(request, kind, for_ever) for request in with_faults.requests()]
    assert len(outcomes) > 20
    assert [outcome for outcome in outcomes if not outcome.is_right] == []
    assert not for_ever or any(outcome.code for outcome in outcomes)
