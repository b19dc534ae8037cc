"""Texts that are nearly the same: Jaccard similarity of their character n-grams, every pair found.

Prefix filtering (Chaudhuri et al., 2006; Bayardo et al., 2007): when the n-grams of every text are put in one order,
rare ones first, two texts of similarity t or more share one among the first (1 - t) of each. So only pairs that share
a rare n-gram are compared, and none is missed, which a MinHash of usable size cannot promise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

THRESHOLD = 0.7
N = 5

_GRAM_BITS = 36  # a gram is hashed to 36 bits, beside 22 bits of text number and 6 of frequency
_FREQUENCY_BITS = 6
_MAX_TEXTS = 1 << (64 - _GRAM_BITS - _FREQUENCY_BITS)


class Pair(NamedTuple):
    """Two positions in the texts, `first < second`, and their Jaccard similarity (0 to 1)."""

    first: int
    second: int
    similarity: float


def pairs(texts: pa.Array | pa.ChunkedArray, threshold: float = THRESHOLD, n: int = N) -> list[Pair]:
    """All pairs whose character n-gram sets, after NFKC, have a similarity of at least `threshold`, in order.

    A text is padded at its end, so that texts shorter than `n` have n-grams too; empty texts are in no pair.
    """
    if len(texts) > _MAX_TEXTS:
        raise ValueError(f"{len(texts):,} texts are more than the {_MAX_TEXTS:,} that can be compared at once")
    text_of, grams = _distinct_grams(texts, n)
    starts = np.searchsorted(text_of, np.arange(len(texts) + 1))
    sizes = np.diff(starts)
    found = []
    for first, second in _candidates(text_of, grams, sizes, threshold):
        a = grams[starts[first] : starts[first + 1]]
        b = grams[starts[second] : starts[second + 1]]
        shared = len(np.intersect1d(a, b, assume_unique=True))
        similarity = shared / (len(a) + len(b) - shared)
        if similarity >= threshold:
            found.append(Pair(first, second, similarity))
    return found


def repeats(found: list[Pair]) -> dict[int, Pair]:
    """Which texts would have to go so that no pair is left: each by its position, with the pair that says so.

    The earlier text of a pair survives, unless it goes itself for one that is earlier still.
    """
    gone: dict[int, Pair] = {}
    for pair in sorted(found, key=lambda pair: (pair.second, pair.first)):
        if pair.second not in gone and pair.first not in gone:
            gone[pair.second] = pair
    return gone


def _distinct_grams(texts: pa.Array | pa.ChunkedArray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The hashed n-grams of each text, each once: text numbers and grams, ordered by both."""
    strings = pc.utf8_normalize(texts, "NFKC").to_pylist()
    padding = "\0" * (n - 1)
    points = np.frombuffer((padding.join(strings) + padding).encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter(map(len, strings), dtype=np.int64, count=len(strings))
    text_of = np.repeat(np.arange(len(strings)), lengths)
    at = np.arange(len(text_of)) + text_of * (n - 1)
    hashed = np.zeros(len(at), dtype=np.uint64)
    for k in range(n):
        hashed = (hashed + points[at + k]) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    packed = _pack(text_of, hashed >> np.uint64(64 - _GRAM_BITS))
    packed.sort()
    packed = packed[np.append(True, packed[1:] != packed[:-1])] if len(packed) else packed
    return _unpack(packed)


def _candidates(text_of: np.ndarray, grams: np.ndarray, sizes: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Pairs of texts that share a gram among the rare ones of each, and whose sizes allow the similarity."""
    buckets = (grams >> np.uint64(_GRAM_BITS - 22)).astype(np.int64)
    in_bucket = np.bincount(buckets, minlength=1 << 22)[buckets]
    frequency = np.minimum(in_bucket, (1 << _FREQUENCY_BITS) - 1).astype(np.uint64)
    ordered = (text_of.astype(np.uint64) << np.uint64(_GRAM_BITS + _FREQUENCY_BITS)) | (
        (frequency << np.uint64(_GRAM_BITS)) | grams
    )
    ordered.sort()
    frequency = (ordered >> np.uint64(_GRAM_BITS)) & np.uint64((1 << _FREQUENCY_BITS) - 1)
    place = np.arange(len(ordered)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # The margin keeps a similarity that is the threshold to the bit on the safe side of rounding.
    rare = place <= np.repeat(sizes - np.ceil(threshold * sizes - 1e-9), sizes)
    kept = rare & (frequency > 1)
    return _pairs_within_groups(text_of[kept], ordered[kept] & np.uint64((1 << _GRAM_BITS) - 1), sizes, threshold)


def _pairs_within_groups(
    text_of: np.ndarray, grams: np.ndarray, sizes: np.ndarray, threshold: float
) -> list[tuple[int, int]]:
    order = np.argsort(grams, kind="stable")
    grams, text_of = grams[order], text_of[order]
    bounds = np.flatnonzero(np.concatenate(([True], grams[1:] != grams[:-1], [True]))) if len(grams) else np.array([0])
    group_sizes = np.diff(bounds)
    found: set[tuple[int, int]] = set()
    for size in np.unique(group_sizes[group_sizes > 1]):
        members = text_of[bounds[:-1][group_sizes == size][:, None] + np.arange(size)]
        left, right = np.triu_indices(size, 1)
        first, second = members[:, left].ravel(), members[:, right].ravel()
        small, large = np.sort([sizes[first], sizes[second]], axis=0)
        close = small >= threshold * large - 1e-9
        found.update(zip(first[close].tolist(), second[close].tolist(), strict=True))
    return sorted(found)


def _pack(text_of: np.ndarray, grams: np.ndarray) -> np.ndarray:
    return (text_of.astype(np.uint64) << np.uint64(_GRAM_BITS)) | grams


def _unpack(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (packed >> np.uint64(_GRAM_BITS)).astype(np.int64), packed & np.uint64((1 << _GRAM_BITS) - 1)
