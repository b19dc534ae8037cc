"""The whole build of both datasets, every check on, against the original program's four unchecked JSONL files.

Whole processes, side by side, in turns; medians. Usage: python benchmarks/build_time.py SOURCE [ROUNDS]
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 5


def seconds(*command: str) -> float:
    """How long a command takes, in seconds of the wall clock."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(source: str, rounds: int = ROUNDS) -> None:
    """Print the two medians and their ratio."""
    original, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        build = [
            str(HERE.parent / "build.py"),
            "build",
            "--source",
            f"dolly_16k_ja={source}",
            "--out",
            folder + "/dist",
        ]
        for _ in range(rounds):
            original.append(seconds(str(HERE / "original.py"), source, folder))
            ours.append(seconds(*build))
    one, other = statistics.median(original), statistics.median(ours)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"original program {one:.2f} s, whole build {other:.2f} s, ratio {other / one:.2f}, at most {memory} MB")


main(sys.argv[1], *map(int, sys.argv[2:3]))
