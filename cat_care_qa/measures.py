"""How varied the records are, and how often an answer sends to the vet: for the card, and the limits that rules set."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

MOST_SHARED_SENTENCE = 0.03  # of the answers may begin, or end, with the same sentence
LEAST_DISTINCT_BEGINNINGS = 0.90  # of the questions begin with ten characters of their own
BEGINNING = 10

_SENTENCE = r"[^。！？]*[。！？]?"
_VET = r"病院|獣医|受診|診察|診ても|救急"


def first_sentences(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The first sentence of each text, with its 。"""
    return pc.struct_field(pc.extract_regex(texts, rf"^(?P<sentence>{_SENTENCE})"), "sentence")


def last_sentences(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The last sentence of each text, with its 。"""
    return pc.struct_field(pc.extract_regex(texts, r"(?P<sentence>[^。！？]*[。！？]*)$"), "sentence")


def beginnings(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The first ten characters of each text."""
    return pc.utf8_slice_codeunits(texts, 0, BEGINNING)


def most_shared(values: pa.ChunkedArray) -> float:
    """Share of the most common value; 0 when no two are the same."""
    [(_, count)] = Counter(values.to_pylist()).most_common(1)
    return count / len(values) if count > 1 else 0.0


def distinct(values: pa.ChunkedArray) -> float:
    """Share of distinct values."""
    return len(pc.unique(values)) / len(values)


def sends_to_vet(answers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether an answer speaks of a vet, a clinic or an examination."""
    return pc.match_substring_regex(answers, _VET)


def vet_share(table: pa.Table) -> dict[str, float]:
    """Share of such answers, by urgency."""
    marked = pa.table({"urgency": table["urgency"], "sends": pc.cast(sends_to_vet(table["answer"]), pa.float64())})
    shares = marked.group_by("urgency").aggregate([("sends", "mean")])
    return dict(zip(shares["urgency"].to_pylist(), shares["sends_mean"].to_pylist(), strict=True))
