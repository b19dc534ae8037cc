"""What the original program of 2023 did, and nothing more: four JSONL files, the whole source parsed for each.

Usage: python benchmarks/original.py SOURCE FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd


def main(source: str, folder: str) -> None:
    """Write the four shards as that program did, nothing checked."""
    for shard in range(4):
        data = pd.read_json(source)
        with Path(folder, f"{shard + 1}_of_4.jsonl").open("w", encoding="utf-8") as file:
            for i in range(4000 * shard, min(4000 * (shard + 1), len(data))):
                row = {key: data.loc[i, key] for key in ("instruction", "input", "output")}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


main(*sys.argv[1:])
