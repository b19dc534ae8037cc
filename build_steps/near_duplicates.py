"""Texts that are nearly the same: Jaccard similarity of their character n-grams, every pair found.

Prefix filtering (Chaudhuri et al., 2006; Bayardo et al., 2007): when the n-grams of every text are put in one order,
rare ones first, two texts of similarity t or more share one among the first (1 - t) of each. So only pairs that share
a rare n-gram are compared, and none is missed, which a MinHash of usable size cannot promise.

What is held is 8 bytes for each distinct n-gram of each text; everything else goes by batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

THRESHOLD = 0.7
N = 5
# Full width, half width and voiced kana are told apart by their parts. pyarrow composes (NFKC) only from version 26 on.
NORMAL_FORM = "NFKD"

_BATCH = 2_000
# A word of 64 bits holds the number of a text (22 bits) and a hashed gram (36); to sort by rarity, the frequency of the
# gram's bucket (6 bits, what is more frequent counts as equal) stands between them.
_GRAM = 36
_FREQUENCY = 6
_MAX_TEXTS = 1 << (64 - _GRAM - _FREQUENCY)
_BUCKETS = 1 << 22
_EPSILON = 1e-9  # keeps a similarity that is just the threshold on the safe side of rounding


class Pair(NamedTuple):
    """Two positions in the texts, `first < second`, and their Jaccard similarity (0 to 1)."""

    first: int
    second: int
    similarity: float


def pairs(texts: pa.Array | pa.ChunkedArray, threshold: float = THRESHOLD, n: int = N) -> list[Pair]:
    """All pairs whose character n-gram sets, after NFKD, have a similarity of at least `threshold`, in order.

    A text is padded at its end, so that texts shorter than `n` have n-grams too; empty texts are in no pair.
    """
    if len(texts) > _MAX_TEXTS:
        raise ValueError(f"{len(texts):,} texts are more than the {_MAX_TEXTS:,} that can be compared at once")
    batches = [_distinct_grams(texts.slice(at, _BATCH), at, n) for at in range(0, len(texts), _BATCH)]
    grams = np.concatenate([*batches, np.empty(0, np.uint64)])
    frequency = np.bincount(_bucket(grams), minlength=_BUCKETS)
    starts = np.searchsorted(grams, np.arange(len(texts) + 1, dtype=np.uint64) << np.uint64(_GRAM))
    sizes = np.diff(starts)
    rare = np.concatenate([*(_rare(batch, frequency, sizes, threshold) for batch in batches), np.empty(0, np.uint64)])
    found = []
    for first, second in _sharing(rare, sizes, threshold):
        a, b = (_gram(grams[starts[text] : starts[text + 1]]) for text in (first, second))
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


def _distinct_grams(texts: pa.Array | pa.ChunkedArray, first: int, n: int) -> np.ndarray:
    """The hashed n-grams of each text, each once, as words that are ordered by text and gram."""
    strings = pc.utf8_normalize(texts, NORMAL_FORM).to_pylist()
    padding = "\0" * (n - 1)
    points = np.frombuffer((padding.join(strings) + padding).encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter(map(len, strings), dtype=np.int64, count=len(strings))
    text = np.repeat(np.arange(len(strings)), lengths)
    at = np.arange(len(text)) + text * (n - 1)
    hashed = np.zeros(len(at), dtype=np.uint64)
    for k in range(n):
        hashed = (hashed + points[at + k]) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    words = ((text + first).astype(np.uint64) << np.uint64(_GRAM)) | (hashed >> np.uint64(64 - _GRAM))
    words.sort()  # and not np.unique, which hashes first and takes five times as long
    return words[np.append(True, words[1:] != words[:-1])] if len(words) else words


def _rare(words: np.ndarray, frequency: np.ndarray, sizes: np.ndarray, threshold: float) -> np.ndarray:
    """Of each text the rare grams of which a similar text must share one, as far as another text has them at all."""
    often = np.minimum(frequency[_bucket(words)], (1 << _FREQUENCY) - 1).astype(np.uint64)
    by_rarity = (_text(words).astype(np.uint64) << np.uint64(_GRAM + _FREQUENCY)) | (often << np.uint64(_GRAM))
    by_rarity |= _gram(words)
    by_rarity.sort()
    text = (by_rarity >> np.uint64(_GRAM + _FREQUENCY)).astype(np.int64)
    often = (by_rarity >> np.uint64(_GRAM)) & np.uint64((1 << _FREQUENCY) - 1)
    is_first = np.append(True, text[1:] != text[:-1]) if len(text) else np.zeros(0, bool)
    place = np.arange(len(text)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    kept = (place <= sizes[text] - np.ceil(threshold * sizes[text] - _EPSILON)) & (often > 1)
    return (text[kept].astype(np.uint64) << np.uint64(_GRAM)) | _gram(by_rarity[kept])


def _sharing(words: np.ndarray, sizes: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Pairs of texts that share one of these grams, and whose sizes allow the similarity."""
    words = words[np.argsort(_gram(words), kind="stable")]
    text, gram = _text(words), _gram(words)
    bounds = np.flatnonzero(np.concatenate(([True], gram[1:] != gram[:-1], [True]))) if len(gram) else np.zeros(1, int)
    group_sizes = np.diff(bounds)
    found = [np.empty(0, np.int64)]
    for size in np.unique(group_sizes[group_sizes > 1]):
        members = text[bounds[:-1][group_sizes == size][:, None] + np.arange(size)]
        for left in range(size - 1):
            first = np.repeat(members[:, left], size - 1 - left)
            second = members[:, left + 1 :].ravel()
            small, large = np.sort([sizes[first], sizes[second]], axis=0)
            close = small >= threshold * large - _EPSILON
            found.append(first[close] * _MAX_TEXTS + second[close])
    return [divmod(pair, _MAX_TEXTS) for pair in np.unique(np.concatenate(found)).tolist()]


def _text(words: np.ndarray) -> np.ndarray:
    return (words >> np.uint64(_GRAM)).astype(np.int64)


def _gram(words: np.ndarray) -> np.ndarray:
    return words & np.uint64((1 << _GRAM) - 1)


def _bucket(words: np.ndarray) -> np.ndarray:
    return (_gram(words) >> np.uint64(_GRAM - 22)).astype(np.int64)
