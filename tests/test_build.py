"""`python build.py`: whole or not at all, and the same bytes every time."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import build
from build_steps.errors import UsageError
from build_steps.staging import Staging
from tests.conftest import PROJECT, contents, run_build, write_jsonl

FILES = {
    "cat_care_qa": {
        "README.md",
        "croissant.json",
        "manifest.json",
        *(
            f"{config}/{split}-00000-of-00001.parquet"
            for config in ("data", "alpaca", "chat")
            for split in ("train", "test")
        ),
        *(f"jsonl/cats_stories_{split}.jsonl" for split in ("train", "test")),
        *(f"json/alpaca_cats_stories_{split}.json" for split in ("train", "test")),
        "references.json",
    },
    "dolly_16k_ja": {
        "README.md",
        "croissant.json",
        "manifest.json",
        *(f"{config}/train-0000{k}-of-00004.parquet" for config in ("data", "chat") for k in range(4)),
        "changes/train-00000-of-00001.parquet",
        *(f"jsonl/databricks-dolly-16k-line_ja-{k}_of_4.jsonl" for k in (1, 2, 3, 4)),
    },
}


def assert_whole(output: Path) -> None:
    """Every file is there as the manifest says, and none beside."""
    manifest = json.loads((output / "manifest.json").read_text(encoding="utf-8"))
    listed = {name: file["sha256"] for name, file in manifest["files"].items()}
    found = contents(output)
    found.pop("manifest.json")
    assert found == listed


@pytest.mark.parametrize("name", FILES)
def test_it_writes_the_files_of_the_design_and_no_other(name: str, dist: Path, request: pytest.FixtureRequest):
    found = set(contents(dist / name))
    pinned = "upstream" in json.loads((dist / name / "manifest.json").read_text(encoding="utf-8"))["made_from"]
    without_review = {"changes/train-00000-of-00001.parquet"} if name == "dolly_16k_ja" and not pinned else set()
    assert found == FILES[name] - without_review
    assert_whole(dist / name)


def test_two_builds_give_identical_bytes(project: Path, dist: Path, source: Path, tmp_path: Path):
    """Another folder, process, hash seed, and path of the source."""
    moved = tmp_path / "elsewhere" / source.name
    moved.parent.mkdir()
    moved.write_bytes(source.read_bytes())
    args = ["--source", f"dolly_16k_ja={moved}", "--out", str(tmp_path / "other")]
    done = run_build("build", *args, project=project, PYTHONHASHSEED="7", TZ="Asia/Tokyo", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    for name in FILES:
        assert contents(tmp_path / "other" / name) == contents(dist / name)


def test_a_killed_build_leaves_the_previous_one_whole(source: Path, tmp_path: Path):
    out = tmp_path / "dist"
    command = [
        sys.executable,
        str(PROJECT / "build.py"),
        "build",
        "--source",
        f"dolly_16k_ja={source}",
        "--out",
        str(out),
    ]
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    took = time.monotonic() - started
    before = {name: contents(out / name) for name in FILES}
    rng = random.Random(0)
    for moment in [*(rng.uniform(0.3, 1.0) * took for _ in range(6)), *(took * share for share in (0.95, 0.98, 1.0))]:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name in FILES:
            assert contents(out / name) == before[name]
    subprocess.run(command, check=True, capture_output=True)
    assert {name: contents(out / name) for name in FILES} == before
    assert len(list((out / ".builds").iterdir())) == 2, "what the killed builds left behind is gone"


def test_a_failed_build_leaves_the_previous_one_of_both_datasets(project: Path, tmp_path: Path):
    out = tmp_path / "dist"
    good = write_jsonl(tmp_path / "good.jsonl", [_row("0", "富士山です。")])
    bad = write_jsonl(tmp_path / "bad.jsonl", [_row("0", "富士山です。〒100-0001")])
    assert run_build("build", "--source", f"dolly_16k_ja={good}", "--out", str(out), project=project).returncode == 0
    before = {name: contents(out / name) for name in FILES}
    path = project / "cat_care_qa/records/water.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("計量カップ", "はかり", 1), encoding="utf-8")
    done = run_build("build", "--source", f"dolly_16k_ja={bad}", "--out", str(out), project=project)
    assert done.returncode == 1
    assert "L4-postal-code" in done.stderr
    assert {name: contents(out / name) for name in FILES} == before


def test_a_folder_that_no_build_made_is_left_alone(tmp_path: Path):
    (tmp_path / "cat_care_qa").mkdir()
    (tmp_path / "cat_care_qa" / "mine.txt").write_text("mine")
    with Staging(tmp_path) as staging, pytest.raises(UsageError, match="not made by a build"):
        staging.folder("cat_care_qa")
    assert (tmp_path / "cat_care_qa" / "mine.txt").read_text() == "mine"


def test_an_out_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    assert build.main(["build", "cat_care_qa", "--out", str(tmp_path / "file" / "dist")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "--out" in said
    assert len(said.splitlines()) == 1


def test_an_edit_in_one_shard_leaves_the_bytes_of_the_others_alone(
    project: Path, dist: Path, upstream: Path, tmp_path: Path
):
    edits = project / "dolly_16k_ja/review/edits.jsonl"
    lines = edits.read_text(encoding="utf-8").splitlines(keepends=True)
    [in_third] = [line for line in lines if json.loads(line)["index"] == 10124]
    edits.write_text("".join(line for line in lines if line != in_third), encoding="utf-8")
    args = ["--source", f"dolly_16k_ja={upstream}", "--out", str(tmp_path)]
    assert run_build("build", "dolly_16k_ja", *args, project=project).returncode == 0
    before, after = contents(dist / "dolly_16k_ja"), contents(tmp_path / "dolly_16k_ja")
    assert {name for name in before if before[name] != after[name]} == {
        "README.md",
        "croissant.json",
        "manifest.json",
        "changes/train-00000-of-00001.parquet",
        "data/train-00002-of-00004.parquet",
        "chat/train-00002-of-00004.parquet",
        "jsonl/databricks-dolly-16k-line_ja-3_of_4.jsonl",
    }


@pytest.mark.parametrize(
    "args",
    [["build", "dogs"], ["check", "--source", "dogs=x"], ["fly"], ["build", "--source", "cat_care_qa", "--out"]],
)
def test_a_wrong_command_line_is_exit_2(args: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        build.main(args)
    assert left.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_answers_without_heavy_imports():
    code = "import sys, build; print([name for name in ('datasets', 'pandas', 'pyarrow') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout.strip() == "[]"


def test_check_reports_as_json_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source = write_jsonl(tmp_path / "rows.jsonl", [_row("0", "富士山です。"), _row("1", "富士山です。〒100-0001")])
    assert build.main(["check", "dolly_16k_ja", "--source", f"dolly_16k_ja={source}", "--json"]) == 1
    [report] = json.loads(capsys.readouterr().out)
    assert report["rows"] == 2
    [error] = report["errors"]
    assert (error["rule"], error["line"], error["id"], error["field"]) == ("L4-postal-code", 2, "1", "output")
    assert report["rules"]["L4-postal-code"] == {"errors": 1, "notes": 0, "waived": 0}
    assert report["notes"]["L4-repeated-prompt"] == ["1"]


def test_debug_shows_where_an_error_came_from(tmp_path: Path):
    done = run_build("--debug", "check", "--source", f"dolly_16k_ja={tmp_path / 'nothing'}")
    assert "Traceback" in done.stderr


def _row(index: str, output: str) -> dict[str, str]:
    return {"index": index, "instruction": "日本で一番高い山は？", "input": "", "output": output, "category": "open_qa"}


def test_a_full_disk_leaves_the_last_build_whole(dist: Path, source: Path, tmp_path: Path):
    """No file may grow beyond a size that some outputs need: what a build then meets is what a full disk does to it."""
    out = tmp_path / "dist"
    assert run_build("build", "cat_care_qa", "--out", str(out)).returncode == 0
    before = contents(out / "cat_care_qa")
    limit = 500_000  # bytes
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2);"
        " sys.argv = ['build.py', *sys.argv[2:]]; runpy.run_path('build.py', run_name='__main__')"
    )
    for name, args in (("cat_care_qa", []), ("dolly_16k_ja", ["--source", f"dolly_16k_ja={source}"])):
        command = [sys.executable, "-c", code, str(limit), "build", name, *args, "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, timeout=120)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "File too large" in done.stderr
    assert contents(out / "cat_care_qa") == before
    assert not (out / "dolly_16k_ja").exists()
    assert run_build("build", "cat_care_qa", "--out", str(out)).returncode == 0
