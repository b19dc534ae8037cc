"""A push, by the command line and the real clients, to a Hub on 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import datasets
import pytest

from tests.conftest import Edition, contents, edition, run_build, start_build
from tests.faults import REPO, SECRET
from tests.hub import Fault, Hub, Token

FIRST = ["create qeu/cat_care_qa", "commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]


class Maintainer:
    """Somebody with a token who pushes what an edition built."""

    def __init__(self, hub: Hub, home: Path, made: Edition, token: str | None = SECRET, **env: str):
        self.hub, self.made = hub, made
        self.env = {**hub.env(home, token), **env}

    def push(self, *args: str) -> subprocess.CompletedProcess[str]:
        done = run_build(*self.args(*args), project=self.made.project, **self.env)
        said = done.stdout + done.stderr
        assert SECRET not in said
        assert "hf_jwt" not in said
        assert "Traceback" not in said
        return done

    def args(self, *args: str) -> list[str]:
        return ["push", "cat_care_qa", "--out", str(self.made.out), *args]


@pytest.fixture
def maintainer(hub: Hub, tmp_path: Path, editions: tuple[Edition, Edition]) -> Maintainer:
    """Of the first edition."""
    hub.tokens[SECRET] = Token("qeu")
    return Maintainer(hub, tmp_path / "home", editions[0])


@pytest.fixture
def successor(maintainer: Maintainer, tmp_path: Path, editions: tuple[Edition, Edition]) -> Maintainer:
    """Of the second one, after the first was published."""
    assert maintainer.push().returncode == 0
    maintainer.hub.writes.clear()
    maintainer.hub.requests.clear()
    return Maintainer(maintainer.hub, tmp_path / "another home", editions[1])


def on_the_hub(hub: Hub, revision: str = "main") -> dict[str, str]:
    return hub.contents(REPO, revision)


def files_of(made: Edition) -> dict[str, str]:
    return contents(made.folder)


def at_once(maintainer: Maintainer, tmp_path: Path) -> None:
    """Two pushes, started together; both succeed."""
    homes = [maintainer.env | {"HF_HOME": str(tmp_path / f"home {number}")} for number in range(2)]
    running = [start_build(*maintainer.args(), project=maintainer.made.project, **env) for env in homes]
    codes = [process.wait(timeout=60) for process in running]
    assert codes == [0, 0], [process.stderr.read() for process in running if process.stderr]


@pytest.mark.parametrize("with_xet", [False, True], ids=["plain large files", "xet"])
def test_a_release_is_one_commit_that_a_tag_names_and_that_loads(
    with_xet: bool, editions: tuple[Edition, Edition], tmp_path: Path
):
    with Hub(tmp_path / "of the hub", with_xet) as hub:
        hub.tokens[SECRET] = Token("qeu")
        done = Maintainer(hub, tmp_path / "home", editions[0]).push()
        assert done.returncode == 0, done.stderr
        assert hub.writes == FIRST
        repo = hub.repos[REPO]
        assert repo.head.title == "cat_care_qa 1.0.0: 600 added, 0 edited, 0 withdrawn"
        assert repo.tags == {"v1.0.0": repo.head.sha}
        assert on_the_hub(hub) == files_of(editions[0])
        assert "load_dataset with revision='v1.0.0' gives the rows of the manifest" in done.stdout
        stored = any(" /api/" in request and "/xet-write-token/" in request for request in hub.requests)
        assert stored == with_xet
        for path, file in repo.head.files.items():
            if path != ".gitattributes":
                assert hub.content(file) == (editions[0].folder / path).read_bytes()


def test_a_second_push_changes_nothing(maintainer: Maintainer):
    assert maintainer.push().returncode == 0
    again = maintainer.push()
    assert again.returncode == 0
    assert maintainer.hub.writes == FIRST
    assert "v1.0.0 is there already" in again.stdout


def test_the_next_release_replaces_adds_and_deletes(successor: Maintainer, editions: tuple[Edition, Edition]):
    hub = successor.hub
    hub.add(REPO, {"data/left-over.parquet": b"old", "jsonl/old name.jsonl": b"{}"})
    done = successor.push()
    assert done.returncode == 0, done.stderr
    assert hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]
    assert on_the_hub(hub) == files_of(editions[1])
    assert on_the_hub(hub, "v1.0.0") == files_of(editions[0])
    assert "v2.0.0, since v1.0.0: 1 added, 1 edited, 1 withdrawn" in done.stdout
    assert hub.repos[REPO].head.title == "cat_care_qa 2.0.0: 1 added, 1 edited, 1 withdrawn"
    assert hub.repos[REPO].head.description == "Another edition"


def test_a_dry_run_tells_everything_and_changes_nothing(successor: Maintainer):
    hub = successor.hub
    hub.add(REPO, {"data/left-over.parquet": b"old"})
    done = successor.push("--dry-run")
    assert done.returncode == 0
    assert hub.writes == []
    assert not [request for request in hub.requests if not request.startswith(("GET", "HEAD"))]
    assert "since v1.0.0: 1 added, 1 edited, 1 withdrawn" in done.stdout
    size = (successor.made.folder / "data/train-00000-of-00001.parquet").stat().st_size
    assert f"put data/train-00000-of-00001.parquet, {size:,} bytes" in done.stdout
    assert "delete data/left-over.parquet" in done.stdout


def test_without_a_build_it_says_how_to_make_one(maintainer: Maintainer, tmp_path: Path):
    done = run_build("push", "cat_care_qa", "--out", str(tmp_path / "nothing"), **maintainer.env)
    assert done.returncode == 2
    assert "`python build.py`" in done.stderr
    assert maintainer.hub.requests == []


@pytest.mark.parametrize("damage", ["changed", "missing", "not of this build"])
def test_a_build_that_was_touched_is_refused(damage: str, maintainer: Maintainer, tmp_path: Path):
    out = tmp_path / "dist"
    shutil.copytree(maintainer.made.folder, out / "cat_care_qa")
    path = out / "cat_care_qa/jsonl/cats_stories_test.jsonl"
    if damage == "changed":
        path.write_text(path.read_text(encoding="utf-8") + "{}\n", encoding="utf-8")
    elif damage == "missing":
        path.unlink()
    else:
        path.with_name("notes.txt").write_text("mine")
    done = run_build("push", "cat_care_qa", "--out", str(out), **maintainer.env)
    assert done.returncode == 1
    assert damage in done.stderr
    assert "build again" in done.stderr
    assert maintainer.hub.requests == []


def test_a_build_is_refused_once_its_records_have_changed(maintainer: Maintainer, project: Path):
    records = project / "cat_care_qa/records/water.jsonl"
    records.write_text(records.read_text(encoding="utf-8").replace("水", "お水", 1), encoding="utf-8")
    done = run_build(*maintainer.args(), project=project, **maintainer.env)
    assert done.returncode == 1
    assert "cat_care_qa/records/water.jsonl" in done.stderr
    assert maintainer.hub.requests == []


def test_a_version_that_understates_the_change_is_refused(successor: Maintainer, project: Path, tmp_path: Path):
    records = project / "cat_care_qa/records/water.jsonl"
    kept = [line for line in records.read_text(encoding="utf-8").splitlines() if '"water-0003"' not in line]
    records.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    made = edition(project, "1.1.0", "0 | 0 | 1")
    done = Maintainer(successor.hub, tmp_path / "home", made).push()
    assert done.returncode == 1
    assert "understates what changed since 1.0.0 (0 added, 0 edited, 1 withdrawn" in done.stderr
    assert "at least 2.0.0" in done.stderr
    assert successor.hub.writes == []


def test_a_changelog_that_counts_otherwise_is_refused_with_the_line_to_write(
    successor: Maintainer, project: Path, tmp_path: Path
):
    made = edition(project, "1.0.1", "7 | 0 | 0")
    done = Maintainer(successor.hub, tmp_path / "home", made).push()
    assert done.returncode == 1
    assert "`| 1.0.1 | 0 | 0 | 0 | Another edition |`" in done.stderr
    assert successor.hub.writes == []


def test_a_published_version_never_changes(successor: Maintainer, project: Path, tmp_path: Path):
    card = project / "cat_care_qa/card.md"
    card.write_text(card.read_text(encoding="utf-8") + "\nOne line more.\n", encoding="utf-8")
    out = tmp_path / "dist"
    assert run_build("build", "cat_care_qa", "--out", str(out), project=project).returncode == 0
    done = Maintainer(successor.hub, tmp_path / "home", Edition(project, out)).push()
    assert done.returncode == 1
    assert "the tag v1.0.0 has other content" in done.stderr
    assert "README.md" in done.stderr
    assert successor.hub.writes == []


def test_a_version_below_the_last_one_is_refused(successor: Maintainer, editions: tuple[Edition, Edition]):
    assert successor.push().returncode == 0
    repo = successor.hub.repos[REPO]
    del repo.refs["refs/tags/v1.0.0"]
    done = Maintainer(successor.hub, Path(successor.env["HF_HOME"]), editions[0]).push()
    assert done.returncode == 1
    assert "1.0.0 does not follow 2.0.0" in done.stderr


def test_another_tag_than_the_version_gives_is_refused(maintainer: Maintainer):
    done = maintainer.push("--tag", "v1.0.1")
    assert done.returncode == 2
    assert "its tag is v1.0.0, not v1.0.1" in done.stderr
    assert maintainer.hub.requests == []
    assert maintainer.push("--tag", "v1.0.0", "--dry-run").returncode == 0


def test_a_commit_beside_it_is_never_overwritten(successor: Maintainer):
    hub = successor.hub
    hub.faults = [Fault("^POST .*/commit/main", meanwhile=lambda: hub.add(REPO, {"README.md": b"by another"}))]
    done = successor.push()
    assert done.returncode == 3
    assert "somebody else has committed" in done.stderr
    assert hub.writes == []
    assert set(hub.repos[REPO].tags) == {"v1.0.0"}
    assert successor.push().returncode == 0


def test_two_pushes_at_once_make_one_release(successor: Maintainer, editions: tuple[Edition, Edition], tmp_path: Path):
    at_once(successor, tmp_path)
    assert successor.hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]
    assert on_the_hub(successor.hub, "v2.0.0") == files_of(editions[1])


def test_two_first_pushes_at_once_make_one_repository_and_one_release(
    maintainer: Maintainer, editions: tuple[Edition, Edition], tmp_path: Path
):
    at_once(maintainer, tmp_path)
    assert maintainer.hub.writes == FIRST
    assert on_the_hub(maintainer.hub, "v1.0.0") == files_of(editions[0])


def test_a_repository_that_somebody_else_makes_meanwhile_is_looked_at_first(maintainer: Maintainer):
    hub = maintainer.hub
    hub.faults = [Fault("^POST /api/repos/create", meanwhile=lambda: hub.new_repo(REPO, {"data/theirs.parquet": b"-"}))]
    done = maintainer.push()
    assert done.returncode == 3
    assert "somebody else has created it meanwhile" in done.stderr
    assert hub.writes == []
    assert "  delete data/theirs.parquet" in maintainer.push("--dry-run").stdout.splitlines()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("/xet-write-token/", status=503), 0),
        (Fault("/xet-write-token/", drop=True), 0),
        (Fault("/xet-write-token/", status=403, times=99), 3),
        (Fault("/xet-read-token/", status=503), 0),
    ],
    ids=["503 once", "dropped once", "403 for ever", "503 once on the way back"],
)
def test_the_storage_of_large_files_fails(fault: Fault, code: int, editions: tuple[Edition, Edition], tmp_path: Path):
    """hf_xet tries again by itself; what it does not take is told, and the next run completes."""
    with Hub(tmp_path / "of the hub", with_xet=True) as hub:
        hub.tokens[SECRET] = Token("qeu")
        maintainer = Maintainer(hub, tmp_path / "home", editions[0])
        hub.faults = [fault]
        done = maintainer.push()
        assert done.returncode == code, done.stderr
        assert fault.seen > 0
        assert not code or len(done.stderr.strip().splitlines()) == 1
        hub.faults = []
        assert maintainer.push().returncode == 0
        assert hub.writes == FIRST
        assert on_the_hub(hub, "v1.0.0") == files_of(editions[0])


def test_an_answer_that_was_lost_is_looked_for(successor: Maintainer):
    """The commit was made, and only its answer did not arrive."""
    successor.hub.faults = [Fault("^POST .*/commit/main", drop=True, answered=True)]
    assert successor.push().returncode == 0
    assert successor.hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]


def test_nothing_is_tagged_that_is_not_what_was_built(successor: Maintainer, editions: tuple[Edition, Edition]):
    successor.hub.left_out = {"data/test-00000-of-00001.parquet", "references.json"}
    done = successor.push()
    assert done.returncode == 1
    assert "nothing was tagged" in done.stderr
    assert set(successor.hub.repos[REPO].tags) == {"v1.0.0"}
    successor.hub.left_out = set()
    assert successor.push().returncode == 0
    assert on_the_hub(successor.hub, "v2.0.0") == files_of(editions[1])


def test_a_pull_request_instead_and_the_tag_once_it_is_merged(successor: Maintainer, editions: tuple[Edition, Edition]):
    hub = successor.hub
    done = successor.push("--create-pr")
    assert done.returncode == 0, done.stderr
    assert on_the_hub(hub) == files_of(editions[0])
    assert on_the_hub(hub, "refs/pr/1") == files_of(editions[1])
    assert set(hub.repos[REPO].tags) == {"v1.0.0"}
    again = successor.push("--create-pr")
    assert again.returncode == 0
    assert hub.writes == ["commit qeu/cat_care_qa"]
    hub.merge(REPO, 1)
    assert "main has these files already" in successor.push("--create-pr").stdout
    assert successor.push().returncode == 0
    assert hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]
    assert on_the_hub(hub, "v2.0.0") == files_of(editions[1])


@pytest.mark.parametrize(
    ("token", "said"),
    [(None, "there is no token"), ("hf_wrong", "the token was refused"), ("hf_other", "the token may not do this")],
    ids=["none", "wrong", "for another repository"],
)
def test_a_token_that_does_not_do_is_told(
    token: str | None, said: str, successor: Maintainer, tmp_path: Path, editions: tuple[Edition, Edition]
):
    successor.hub.tokens["hf_other"] = Token("somebody", only="qeu/another")
    done = Maintainer(successor.hub, tmp_path / "home", editions[1], token).push()
    assert done.returncode == 3
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert token is None or token not in done.stdout + done.stderr
    assert successor.hub.writes == []


def test_a_token_that_expires_on_the_way(successor: Maintainer):
    hub = successor.hub
    for pattern in ("^POST .*/preupload/", "^POST .*/commit/main", "^GET .*/tree/", "^POST .*/tag/"):
        hub.tokens[SECRET] = Token("qeu")
        hub.faults = [Fault(pattern, meanwhile=lambda: hub.tokens.update({SECRET: Token("qeu", expires_at=0)}))]
        done = successor.push()
        assert done.returncode == 3
        assert "has expired" in done.stderr
    hub.tokens[SECRET] = Token("qeu")
    assert successor.push().returncode == 0
    assert hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]


CLAIMS = {
    "repository_id": "1",
    "workflow_ref": "qeu/datasets/.github/workflows/publish.yml@refs/tags/v",
    "ref_type": "tag",
}


def test_from_ci_without_a_stored_token(successor: Maintainer, tmp_path: Path, editions: tuple[Edition, Edition]):
    """The id token of the job is exchanged for one that may write this repository, and no other."""
    hub = successor.hub
    hub.publishers[REPO] = {"repository_id": "1", "ref_type": "tag"}
    hub.id_token_requests["job"] = CLAIMS
    ci = {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{hub.endpoint}/ci/id-token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job",
    }
    job = Maintainer(hub, tmp_path / "ci", editions[1], None, **ci, HF_OIDC_RESOURCE=f"datasets/{REPO}")
    other = Maintainer(hub, tmp_path / "ci", editions[1], None, **ci, HF_OIDC_RESOURCE="datasets/qeu/another")
    assert other.push().returncode == 3
    hub.id_token_requests["job"] = CLAIMS | {"ref_type": "branch"}
    refused = job.push()
    assert refused.returncode == 3
    assert "takes this job for no trusted publisher of it" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert hub.writes == []
    hub.id_token_requests["job"] = CLAIMS
    done = job.push()
    assert done.returncode == 0, done.stderr
    assert hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]
    assert [token.only for token in hub.tokens.values()] == [None, REPO]


def test_a_repository_that_does_not_exist_cannot_be_made_from_ci(
    hub: Hub, tmp_path: Path, editions: tuple[Edition, Edition]
):
    hub.tokens["hf_jwt_1"] = Token("ci", only=REPO)
    done = Maintainer(hub, tmp_path / "ci", editions[0], "hf_jwt_1").push()
    assert done.returncode == 3
    assert "create the repository first (RELEASING.md)" in done.stderr


def test_killed_at_any_moment_the_hub_has_the_old_release_or_the_new_one(
    successor: Maintainer, editions: tuple[Edition, Edition]
):
    """30 times kill -9, spread over the time that a push takes, ten times in a row without a new beginning."""
    hub = successor.hub
    old, new = files_of(editions[0]), files_of(editions[1])
    repo = hub.repos[REPO]
    refs = dict(repo.refs)
    start = time.monotonic()
    assert successor.push().returncode == 0
    takes = time.monotonic() - start
    outcomes = set()
    for number in range(30):
        if number % 10 == 0:
            repo.refs = dict(refs)
        running = start_build(*successor.args(), project=successor.made.project, **successor.env)
        time.sleep(takes * (number % 10 + 1) / 10)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert on_the_hub(hub) in (old, new)
        assert "v2.0.0" not in repo.tags or on_the_hub(hub, "v2.0.0") == new
        outcomes.add((on_the_hub(hub) == new, "v2.0.0" in repo.tags))
    assert outcomes >= {(False, False), (True, True)}
    assert successor.push().returncode == 0
    assert on_the_hub(hub, "v2.0.0") == new


def test_what_load_dataset_gives_is_what_was_built(
    maintainer: Maintainer, tmp_path: Path, editions: tuple[Edition, Edition]
):
    """By a user, in a process of their own, without a token."""
    assert maintainer.push().returncode == 0
    program = """
import sys, json, datasets
loaded = datasets.load_dataset("qeu/cat_care_qa", sys.argv[1], revision="v1.0.0", cache_dir=sys.argv[2])
print(json.dumps({split: rows.to_list() for split, rows in loaded.items()}))
"""
    for config in ("default", "alpaca", "chat"):
        done = subprocess.run(
            [sys.executable, "-c", program, config, str(tmp_path / "cache")],
            env=os.environ | maintainer.hub.env(tmp_path / "user"),
            capture_output=True,
            text=True,
            check=True,
        )
        local = datasets.load_dataset(str(editions[0].folder), config, cache_dir=str(tmp_path / "local"))
        assert json.loads(done.stdout) == {split: rows.to_list() for split, rows in local.items()}
