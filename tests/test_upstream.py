"""The upstream file comes through the Hub's own client, and only the right one is taken."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from build_steps.upstream import HubFile, sha256_of
from dolly_16k_ja.builder import UPSTREAM
from tests.conftest import PROJECT, run_build
from tests.hub import Hub

BODY = json.dumps([{"index": "0"}]).encode()
REPO, NAME = "someone/some-data", "data.json"

DOWNLOAD = """
import sys
from build_steps.errors import SourceError
from build_steps.upstream import HubFile
try:
    print(HubFile(*eval(sys.argv[1])).download())
except SourceError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def hub_file(hub: Hub, files: dict[str, bytes]) -> HubFile:
    """What should be `BODY`, in a repository that has `files`."""
    revision = hub.new_repo(REPO, files).head.sha
    return HubFile(REPO, NAME, revision, len(BODY), hashlib.sha256(BODY).hexdigest())


def download(file: HubFile, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the client reads where the Hub is when it is imported."""
    arguments = repr((file.repo_id, file.filename, file.revision, file.size, file.sha256))
    return subprocess.run(
        [sys.executable, "-c", DOWNLOAD, arguments],
        capture_output=True,
        text=True,
        env=os.environ | env,
        cwd=PROJECT,
        timeout=60,
    )


def test_it_is_downloaded_once_into_the_cache_of_the_hub(hub: Hub, tmp_path: Path):
    file = hub_file(hub, {NAME: BODY})
    first, again = (download(file, hub.env(tmp_path)) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    path = Path(first.stdout.strip())
    assert path.read_bytes() == BODY
    assert path.is_relative_to(tmp_path / "hub" / "datasets--someone--some-data" / "snapshots" / file.revision)
    assert [request.split()[0] for request in hub.requests if "/resolve/" in request].count("GET") == 1


@pytest.mark.parametrize("other", [b"[]", BODY.replace(b"0", b"1")], ids=["another size", "another hash"])
def test_another_file_is_refused_with_both_hashes(other: bytes, hub: Hub, tmp_path: Path):
    file = hub_file(hub, {NAME: other})
    done = download(file, hub.env(tmp_path))
    assert done.returncode == 3
    assert file.sha256 in done.stderr
    assert hashlib.sha256(other).hexdigest() in done.stderr
    assert "delete it" in done.stderr


def test_a_file_that_the_hub_does_not_have_is_an_error_of_the_source(hub: Hub, tmp_path: Path):
    done = download(hub_file(hub, {"another.json": BODY}), hub.env(tmp_path))
    assert done.returncode == 3
    assert NAME in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_hub_cat_care_qa_is_built_and_the_last_line_tells_what_is_missing(tmp_path: Path):
    done = run_build("build", "--out", str(tmp_path / "dist"), HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("dolly_16k_ja was left out, because ")
    assert "--source dolly_16k_ja=FILE" in last
    assert (tmp_path / "dist" / "cat_care_qa" / "manifest.json").exists()
    assert not (tmp_path / "dist" / "dolly_16k_ja").exists()


@pytest.mark.parametrize("command", ["build", "check"])
def test_without_the_hub_a_dataset_that_was_named_is_an_error(command: str, tmp_path: Path):
    out = ["--out", str(tmp_path / "dist")] if command == "build" else []
    done = run_build(command, "dolly_16k_ja", *out, HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--source dolly_16k_ja=FILE" in done.stderr


def test_a_local_file_that_is_not_there_is_an_error_of_the_source(tmp_path: Path):
    done = run_build("check", "--source", f"dolly_16k_ja={tmp_path / 'nothing.json'}")
    assert done.returncode == 3
    assert "nothing.json" in done.stderr


@pytest.mark.upstream
def test_the_file_at_hand_is_the_pinned_one(upstream: Path):
    assert upstream.stat().st_size == UPSTREAM.size
    assert sha256_of(upstream) == UPSTREAM.sha256
    assert UPSTREAM.is_same_as(upstream)
