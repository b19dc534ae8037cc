"""How often the sentence style by rule agrees with the labels made by reading (dolly_16k_ja/review/style_labels.jsonl).

Usage: python benchmarks/style_agreement.py SOURCE, where SOURCE is the pinned upstream file.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa

from build_steps import style
from build_steps.reading import read_records
from dolly_16k_ja.builder import UPSTREAM_FIELDS
from dolly_16k_ja.review import STYLE_LABELS


def main(source: str) -> None:
    """Print the agreement, what differs, and how long all outputs take."""
    lines = STYLE_LABELS.read_text(encoding="utf-8").splitlines()
    labels = {label["index"]: label["label"] for label in map(json.loads, lines)}
    outputs = pa.chunked_array([batch["output"] for batch in read_records(Path(source), UPSTREAM_FIELDS, "upstream")])
    start = time.perf_counter()
    found = style.classify(outputs).to_pylist()
    took = time.perf_counter() - start
    pairs = Counter((label, found[index]) for index, label in labels.items())
    agreed = sum(count for (label, by_rule), count in pairs.items() if label == by_rule)
    print(f"{agreed} of {len(labels)} agree ({agreed / len(labels):.1%}); {len(found):,} outputs take {took:.2f} s")
    for (label, by_rule), count in sorted(pairs.items()):
        if label != by_rule:
            print(f"read as {label}, by rule {by_rule}: {count}")


main(sys.argv[1])
