"""The published repositories as others read them: old and new versions, other libraries, trainers.

Each client has an environment of its own in `.clients`, made from `requirements/clients` when it is first needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from build_steps.release import Release
from tests.clients.seen import seen
from tests.conftest import PROJECT, run_build
from tests.hub import Hub, Token

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent / "clients"
REQUIREMENTS = PROJECT / "requirements/clients"
TABLE = PROJECT / ".clients/table.md"
DATASETS = ("datasets-2.14", "datasets-2.21", "datasets-3.6", "datasets-4", "datasets-5")


def python_of(name: str) -> Path:
    """The interpreter of a client's environment, made anew when its requirements have changed."""
    wanted = hashlib.sha256((REQUIREMENTS / f"{name}.txt").read_bytes()).hexdigest()
    folder = PROJECT / ".clients" / name
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin/pip", "install", "--quiet", "--no-input", "--requirement", REQUIREMENTS / f"{name}.txt"]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return folder / "bin/python"


@pytest.fixture(scope="module")
def releases(dist: Path) -> dict[str, Release]:
    """What is published, by repository; dolly_16k_ja only when it was built from the real upstream file."""
    found = {f"qeu/{folder.name}": Release.read(folder) for folder in sorted(dist.iterdir()) if folder.is_symlink()}
    return {repo: one for repo, one in found.items() if repo != "qeu/dolly_16k_ja" or "changes" in one.configs}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, dist: Path, releases: dict[str, Release]) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("clients")
    with Hub(folder / "of the hub") as hub:
        hub.tokens["hf_of_the_maintainer"] = Token("qeu")
        names = [repo.removeprefix("qeu/") for repo in releases]
        done = run_build("push", *names, "--out", str(dist), **hub.env(folder / "home", "hf_of_the_maintainer"))
        assert done.returncode == 0, done.stderr
        yield hub


def run(name: str, script: str, hub: Hub, releases: dict[str, Release], folder: Path) -> dict:
    """What a client's program reports, run as a user without a token."""
    configs = json.dumps({repo: list(release.configs) for repo, release in releases.items()})
    done = subprocess.run(
        [python_of(name), HERE / script],
        env=os.environ | hub.env(folder / "home") | {"QEU_REPOS": configs},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def note(client: str, versions: dict[str, str], what: str) -> None:
    """A line of the README's table; the run of a client replaces its own."""
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
    lines = [line for line in lines if not line.startswith(f"| {client} |")]
    TABLE.write_text("\n".join(sorted([*lines, f"| {client} | {named} | {what} |"])) + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_loads_and_streams_every_config(
    name: str, published: Hub, releases: dict[str, Release], tmp_path: Path
):
    told = run(name, "load.py", published, releases, tmp_path)
    expected, types = {}, {}
    for repo, release in releases.items():
        for config, splits in release.configs.items():
            for split in splits:
                table = release.table(config, split)
                expected[f"{repo}/{config}/{split}"] = seen(table.to_pylist())
                types[f"{repo}/{config}/{split}"] = {column.name: str(column.type) for column in table.schema}
    assert told["loaded"] == expected
    assert told["streamed"] == expected
    # The name of the inner field of a list is no part of its type.
    assert {
        name: {c: t.replace("item: ", "element: ") for c, t in of.items()} for name, of in told["types"].items()
    } == {name: {c: t.replace("item: ", "element: ") for c, t in of.items()} for name, of in types.items()}
    note(f"`{name.replace('-', ' ')}`", told["versions"], f"{len(expected)} splits loaded, and streamed")


def test_readers_over_hf(published: Hub, releases: dict[str, Release], tmp_path: Path):
    told = run("readers", "readers.py", published, releases, tmp_path)
    expected = {
        f"{repo}/{Path(path).name}": seen(pq.read_table(release.folder / path).to_pylist())
        for repo, release in releases.items()
        for paths in release.configs[release.default_config].values()
        for path in paths
    }
    ways = {
        "pandas": "`hf://`",
        "fsspec": "`hf://`",
        "polars": "`hf://` opened by fsspec",
        "duckdb": "`hf://` as an Arrow dataset",
        "hf download": "downloaded whole",
    }
    for client, found in told["found"].items():
        assert found == expected
        package = "huggingface_hub" if client == "hf download" else client
        versions = {package: told["versions"][package]}
        note(f"`{client}`", versions, f"{len(expected)} Parquet files, {ways[client]}")


def test_mlcroissant_reads_the_croissant_file_with_its_rai_fields(
    published: Hub, releases: dict[str, Release], tmp_path: Path
):
    told = run("croissant", "croissant.py", published, releases, tmp_path)
    assert told["found"]
    for name, found in told["found"].items():
        repo = "/".join(name.split("/")[:2])
        path = releases[repo].folder / f"{name.removeprefix(repo)[1:]}.parquet"
        assert found == seen(pq.read_table(path).to_pylist())
    assert all(text for texts in told["rai"].values() for text in texts)
    note("`mlcroissant`", told["versions"], f"{len(told['found'])} record sets, RAI fields")


def test_trl_trains_on_the_chat_config(published: Hub, releases: dict[str, Release], tmp_path: Path):
    told = run("trl", "sft.py", published, releases, tmp_path)
    rows = {repo: release.split_rows("chat")["train"] for repo, release in releases.items()}
    assert told["found"] == {repo: [count, True, True] for repo, count in rows.items()}
    note("`trl` SFTTrainer", told["versions"], "config `chat`, two steps of a tiny model")


def test_llama_factory_reads_the_alpaca_files(published: Hub, releases: dict[str, Release], tmp_path: Path):
    told = run("llama-factory", "alpaca.py", published, releases, tmp_path)
    assert told["found"]
    for taken, written, has_instruction, has_output in told["found"].values():
        assert taken == written
        assert has_instruction
        assert has_output
    note("LLaMA-Factory", told["versions"], f"{len(told['found'])} Alpaca files")
