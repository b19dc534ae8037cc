"""Every request of a push made to fail, once and for ever; `python -m tests.faults` prints the table.

A push runs in a fork of a process that has imported everything, with the client's waiting between its own retries cut
short, so that hundreds of them take minutes; all else is as in `python build.py push`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Edition, contents, make_editions, run_build
from tests.hub import Fault, Hub, Token

REPO = "qeu/cat_care_qa"
SECRET = "hf_thisIsTheSecretOfTheTests"
FOR_EVER = float("inf")
SECONDS_TO_ANSWER = 1.0

# What goes wrong, by name: arguments of a Fault.
KINDS: dict[str, dict] = {
    "500": {"status": 500},
    "503": {"status": 503},
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "connection dropped": {"drop": True},
    "no answer in time": {"delay": 1.5 * SECONDS_TO_ANSWER, "drop": True},
    "answer lost": {"drop": True, "answered": True},
}

WORKER = f"""
import json, os, sys, time
import build, datasets, huggingface_hub
import build_steps.card, build_steps.diff, build_steps.hub, build_steps.push
import huggingface_hub.constants, huggingface_hub.hf_api, cat_care_qa
wait = time.sleep
time.sleep = lambda seconds: wait(min(seconds, 0.01))
build_steps.hub.SECONDS_TO_ANSWER = {SECONDS_TO_ANSWER}
huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT = {SECONDS_TO_ANSWER}
huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT = {SECONDS_TO_ANSWER}
for line in sys.stdin:
    said, *argv = json.loads(line)
    child = os.fork()
    if not child:
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1), os.dup2(out, 2)
        try:
            code = build.main(argv)
        except BaseException as error:
            code = 99
            print(repr(error))
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """How a push with a fault ended, and the run after it."""

    request: str
    kind: str
    for_ever: bool
    code: int
    said: str
    main: str
    tagged: bool
    next_code: int
    next_is_whole: bool

    @property
    def is_right(self) -> bool:
        lines = self.said.strip().splitlines()
        is_clear = self.code == 0 or (
            self.code in (1, 3) and lines[-1].startswith("error: ") and lines[-1].endswith(".")
        )
        is_safe = SECRET not in self.said and "Traceback" not in self.said
        is_whole = self.main in ("old", "new") and (not self.tagged or self.main == "new")
        return is_clear and is_safe and is_whole and self.next_code == 0 and self.next_is_whole


class Faults:
    """A Hub with the first edition on it, to which the second is pushed over and over."""

    def __init__(self, hub: Hub, home: Path, editions: tuple[Edition, Edition], worker: subprocess.Popen[str]):
        self.hub, self.home, self.worker = hub, home, worker
        self.editions = editions
        self.first_refs = dict(hub.repos[REPO].refs)
        self.first_blobs = {path.name for path in hub.blobs.folder.iterdir()}

    def push(self, edition: Edition) -> tuple[int, str]:
        """Its exit code, and what it said."""
        shutil.rmtree(self.home, ignore_errors=True)
        said = self.home.with_suffix(".said")
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        self.worker.stdin.write(json.dumps([str(said), "push", "cat_care_qa", "--out", str(edition.out)]) + "\n")
        self.worker.stdin.flush()
        return int(self.worker.stdout.readline()), said.read_text(encoding="utf-8")

    def requests(self) -> list[str]:
        """The kinds of requests of a push, in their order, as patterns."""
        self.reset()
        code, said = self.push(self.editions[1])
        assert code == 0, said
        return list(dict.fromkeys(map(pattern_of, self.hub.requests)))

    def reset(self) -> None:
        """The first edition, and nothing of the second."""
        self.hub.repos[REPO].refs = dict(self.first_refs)
        self.hub.faults = []
        self.hub.requests.clear()
        for path in self.hub.blobs.folder.iterdir():
            if path.name not in self.first_blobs:
                path.unlink()

    def state(self, revision: str = "main") -> str:
        """Which edition a revision holds, if it holds one whole."""
        files = self.hub.contents(REPO, revision)
        whole = {name: contents(edition.folder) for name, edition in zip(("old", "new"), self.editions, strict=True)}
        return next((name for name, built in whole.items() if files == built), "neither")

    def try_out(self, request: str, kind: str, for_ever: bool) -> Outcome:
        """A push in which this request fails, then one in which nothing does."""
        self.reset()
        self.hub.faults = [Fault(request, times=FOR_EVER if for_ever else 1, **KINDS[kind])]
        code, said = self.push(self.editions[1])
        main, tagged = self.state(), "v2.0.0" in self.hub.repos[REPO].tags
        self.hub.faults = []
        next_code, next_said = self.push(self.editions[1])
        is_whole = self.state() == self.state("v2.0.0") == "new"
        return Outcome(
            request, kind, for_ever, code, said + next_said * bool(next_code), main, tagged, next_code, is_whole
        )


def pattern_of(request: str) -> str:
    """Requests that differ only in a hash or the name of a file are one kind."""
    method, path = request.split(" ", 1)
    path = re.sub(r"\?.*", "", path)
    path = re.sub(r"[0-9a-f]{40,64}", "HASH", path)
    path = re.sub(r"(/resolve/[^/]+/).*\.parquet$", r"\1FILE.parquet", path)
    path = re.sub(r"(/resolve/[^/]+/)(json|jsonl)/.*$", r"\1\2/FILE", path)
    pattern = re.escape(f"{method} {path}").replace("HASH", "[0-9a-f]{40,64}").replace("FILE", ".*")
    return f"^{pattern}($|\\?)"


@contextmanager
def faults(folder: Path, editions: tuple[Edition, Edition]) -> Iterator[Faults]:
    """A Hub of its own with the first edition published."""
    with Hub(folder / "of the hub") as hub:
        hub.tokens[SECRET] = Token("qeu")
        env = hub.env(folder / "home", SECRET)
        first = run_build("push", "cat_care_qa", "--out", str(editions[0].out), project=editions[0].project, **env)
        assert first.returncode == 0, first.stderr
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=editions[1].project,
            env=os.environ | env,
        )
        with worker:
            yield Faults(hub, folder / "home", editions, worker)
            assert worker.stdin is not None
            worker.stdin.close()


def main() -> None:
    """The table: for each request, how the pushes ended in which it failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = run_build("build", "cat_care_qa", "--out", str(folder / "dist"))
        assert done.returncode == 0, done.stderr
        with faults(folder, make_editions(folder, folder / "dist")) as made:
            print("| request | faults | went on | stopped, old release | stopped, new release | next run completes |")
            print("| --- | ---: | ---: | ---: | ---: | ---: |")
            for request in made.requests():
                outcomes = [made.try_out(request, kind, for_ever) for kind in KINDS for for_ever in (False, True)]
                assert all(outcome.is_right for outcome in outcomes)
                ends = Counter("went on" if outcome.code == 0 else outcome.main for outcome in outcomes)
                counts = [len(outcomes), ends["went on"], ends["old"], ends["new"], len(outcomes)]
                readable = request.strip("^").replace("($|\\?)", "").replace("\\", "").replace("[0-9a-f]{40,64}", "…")
                print(f"| `{readable}` | {' | '.join(map(str, counts))} |", flush=True)


if __name__ == "__main__":
    main()
