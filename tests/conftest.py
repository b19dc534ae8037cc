"""What the tests share: a source for dolly_16k_ja, both datasets built once, and the command line."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests.hub import Hub

PROJECT = Path(__file__).resolve().parent.parent
UPSTREAM_FILE = "databricks-dolly-15k-ja.json"
KANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ"

# A property holds or not, however busy the machine is.
settings.register_profile("qeu", deadline=None)
settings.load_profile("qeu")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def real_upstream() -> Path | None:
    """The real upstream file, where it is at hand."""
    named = os.environ.get("QEU_UPSTREAM")
    path = Path(named) if named else PROJECT.parent / "shared" / "upstream" / UPSTREAM_FILE
    return path if path.is_file() else None


def generated_rows(count: int = 15_015) -> list[dict[str, str]]:
    """Rows with upstream's keys that differ from one another and break no error rule."""
    rng = random.Random(count)
    rows = []
    for index in range(count):
        one, other, third, fourth = ("".join(rng.choices(KANA, k=rng.randint(8, 40))) for _ in range(4))
        rows.append(
            {
                "index": str(index),
                "instruction": f"{one}と{other}の違いを教えてください。",
                "input": f"{third}が見えます。" if index % 3 == 0 else "",
                "output": f"{one}は{fourth}のほうが大きいです。\n{other}もあります。",
                "category": rng.choice(("open_qa", "closed_qa", "brainstorming")),
            }
        )
    return rows


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def upstream() -> Path:
    path = real_upstream()
    if path is None:
        pytest.skip("the real upstream file is not at hand (QEU_UPSTREAM names it)")
    return path


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real upstream file, or as many generated rows in its form."""
    if path := real_upstream():
        return path
    path = tmp_path_factory.mktemp("upstream") / UPSTREAM_FILE
    path.write_text(json.dumps(generated_rows(), ensure_ascii=False, indent=4), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    """Both datasets, built once by the command line."""
    out = tmp_path_factory.mktemp("built") / "dist"
    done = run_build("build", "--source", f"dolly_16k_ja={source}", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """An empty Hub on 127.0.0.1."""
    with Hub(tmp_path / "of the hub") as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    return copy_project(tmp_path / "project")


def copy_project(copy: Path) -> Path:
    copy.mkdir()
    for name in ("build.py", "CHANGELOG.md", "build_steps", "cat_care_qa", "dolly_16k_ja"):
        original = PROJECT / name
        if original.is_dir():
            shutil.copytree(original, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(original, copy / name)
    return copy


def contents(folder: Path) -> dict[str, str]:
    """The sha256 of every file in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def start_build(*args: str, project: Path = PROJECT, **env: str) -> subprocess.Popen[str]:
    """Start `python build.py …` as a user runs it."""
    return subprocess.Popen(
        [sys.executable, str(project / "build.py"), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | env,
        cwd=project,
    )


def run_build(*args: str, project: Path = PROJECT, **env: str) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    running = start_build(*args, project=project, **env)
    out, err = running.communicate(timeout=120)
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


@dataclass(frozen=True)
class Edition:
    """A copy of the project, and what it built."""

    project: Path
    out: Path

    @property
    def folder(self) -> Path:
        return self.out / "cat_care_qa"


def edition(copy: Path, version: str, counts: str, records: dict[str, str | None] | None = None) -> Edition:
    """cat_care_qa built as `version` from a copy of the project that has other lines for the ids in `records`."""
    for path in (copy / "cat_care_qa" / "records").glob("*.jsonl"):
        lines = {json.loads(line)["id"]: line for line in path.read_text(encoding="utf-8").splitlines()}
        lines |= {name: line for name, line in (records or {}).items() if name.startswith(f"{path.stem}-")}
        path.write_text("".join(f"{line}\n" for line in lines.values() if line), encoding="utf-8")
    _replace(copy / "cat_care_qa" / "builder.py", 'Version("1.0.0")', f'Version("{version}")')
    _replace(copy / "CHANGELOG.md", "| 1.0.0 |", f"| {version} | {counts} | Another edition |\n| 1.0.0 |")
    made = Edition(copy, copy / "dist")
    done = run_build("build", "cat_care_qa", "--out", str(made.out), project=copy)
    assert done.returncode == 0, done.stderr
    return made


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="session")
def editions(tmp_path_factory: pytest.TempPathFactory, dist: Path) -> tuple[Edition, Edition]:
    return make_editions(tmp_path_factory.mktemp("edition"), dist)


def make_editions(folder: Path, dist: Path) -> tuple[Edition, Edition]:
    """cat_care_qa 1.0.0, and a 2.0.0 that edits, withdraws and adds one record each."""
    records = {
        record["id"]: record
        for line in (PROJECT / "cat_care_qa/records/water.jsonl").read_text(encoding="utf-8").splitlines()
        if (record := json.loads(line))
    }
    edited = records["water-0002"] | {"answer": records["water-0002"]["answer"] + "新しい一文を足しました。"}
    added = edited | {
        "id": "water-0099",
        "question": "水の器は、寝る前にも替えたほうがいいのかなと思って。",
        "answer": "夜に替えると、朝まで新しい水があります。ひと晩おいた水は、毛やほこりが浮いていることがあります。",
        "added_in": "2.0.0",
    }
    copy = copy_project(folder / "project")
    lines = {
        name: json.dumps(record, ensure_ascii=False) for name, record in (("water-0002", edited), ("water-0099", added))
    }
    new = edition(copy, "2.0.0", "1 | 1 | 1", {**lines, "water-0003": None})
    return Edition(PROJECT, dist), new
