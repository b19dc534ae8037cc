"""The workflows are sound, and what they run publishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dolly_16k_ja.builder import UPSTREAM
from tests.conftest import PROJECT, copy_project
from tests.hub import Hub

FOLDER = PROJECT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
TOOLS = Path(sys.executable).parent
INSTALL = "python3 -m venv .venv && .venv/bin/pip install --quiet --require-hashes -r requirements/build.txt"


def read(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def test_zizmor_finds_nothing():
    done = subprocess.run(
        [TOOLS / "zizmor", "--offline", "--persona=pedantic", FOLDER], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_it_is_valid_by_the_schema_of_github(path: Path):
    command = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_only_the_publishing_job_has_an_identity_and_only_after_the_checks():
    jobs = read("publish.yml")["jobs"]
    identified = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
    assert identified == {"publish"}
    assert jobs["publish"]["needs"] == "check"
    assert "if" not in jobs["publish"]
    assert [step["run"] for step in jobs["check"]["steps"] if "run" in step] == [".ci/run"]
    assert read("publish.yml")["permissions"] == {}


def test_no_workflow_asks_for_a_stored_secret():
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert "HF_TOKEN" not in text


class Runner:
    """Runs a job's steps on a tag: its own `run` lines, in its environment, with a CI provider that vouches for it."""

    def __init__(self, hub: Hub, project: Path, home: Path):
        self.hub, self.project, self.home = hub, project, home
        (project / ".venv").symlink_to(sys.prefix)  # instead of the step that installs
        (project / "requirements").symlink_to(PROJECT / "requirements")

    def run(self, job: dict, tag: str) -> list[subprocess.CompletedProcess[str]]:
        done: list[subprocess.CompletedProcess[str]] = []
        for step in job["steps"]:
            if "run" not in step or step["run"] == INSTALL or not self.is_wanted(step, tag):
                continue
            env = {name: value.replace("${{ github.ref_name }}", tag) for name, value in job["env"].items()}
            env |= self.identity() | step.get("env", {})
            assert not [value for value in env.values() if "${{" in value]
            done.append(
                subprocess.run(
                    ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
                    env=os.environ | self.hub.env(self.home) | env,
                    cwd=self.project,
                    capture_output=True,
                    text=True,
                    timeout=120,
                )
            )
            if done[-1].returncode:
                break
        return done

    @staticmethod
    def is_wanted(step: dict, tag: str) -> bool:
        condition = step.get("if")
        if condition is None:
            return True
        start = condition.removeprefix("startsWith(github.ref_name, '").removesuffix("')")
        assert condition == f"startsWith(github.ref_name, '{start}')"
        return tag.startswith(start)

    def identity(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.hub.endpoint}/ci/id-token",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
        }


@pytest.fixture
def runner(hub: Hub, tmp_path: Path) -> Runner:
    """With both repositories there, and their trusted publishers set as RELEASING.md says."""
    for name in ("cat_care_qa", "dolly_16k_ja"):
        hub.new_repo(f"qeu/{name}")
        hub.publishers[f"qeu/{name}"] = {"repository": "qeu/datasets", "workflow": "publish.yml"}
    hub.id_token_requests["of the job"] = {"repository": "qeu/datasets", "workflow": "publish.yml", "ref_type": "tag"}
    return Runner(hub, copy_project(tmp_path / "project"), tmp_path / "home")


def test_the_install_step_is_the_one_of_the_readme():
    job = read("publish.yml")["jobs"]["publish"]
    assert next(step["run"] for step in job["steps"] if "run" in step) == INSTALL
    assert INSTALL in (PROJECT / "README.md").read_text(encoding="utf-8")


def test_a_tag_publishes_its_dataset_with_a_token_for_it_alone(runner: Runner):
    done = runner.run(read("publish.yml")["jobs"]["publish"], "cat_care_qa-v1.0.0")
    assert [step.returncode for step in done] == [0, 0], done[-1].stderr
    assert runner.hub.repos["qeu/cat_care_qa"].tags.keys() == {"v1.0.0"}
    assert runner.hub.writes == ["commit qeu/cat_care_qa", "tag qeu/cat_care_qa"]
    [token] = runner.hub.tokens.values()
    assert token.only == "qeu/cat_care_qa"
    said = "".join(step.stdout + step.stderr for step in done)
    assert not [secret for secret in (*runner.hub.tokens, *runner.hub.id_tokens) if secret in said]


@pytest.mark.upstream
def test_the_other_tag_publishes_the_other_dataset(runner: Runner, upstream: Path):
    """Its source comes from the Hub, too."""
    repo = runner.hub.new_repo(UPSTREAM.repo_id, {UPSTREAM.filename: upstream.read_bytes()})
    repo.commits[UPSTREAM.revision] = repo.head
    done = runner.run(read("publish.yml")["jobs"]["publish"], "dolly_16k_ja-v1.0.0")
    assert [step.returncode for step in done] == [0, 0], done[-1].stderr
    assert runner.hub.repos["qeu/dolly_16k_ja"].tags.keys() == {"v1.0.0"}
    assert [token.only for token in runner.hub.tokens.values()] == ["qeu/dolly_16k_ja"]


def test_a_tag_that_names_another_version_publishes_nothing(runner: Runner):
    done = runner.run(read("publish.yml")["jobs"]["publish"], "cat_care_qa-v9.0.0")
    assert [step.returncode for step in done] == [0, 2]
    assert "its tag is v1.0.0, not v9.0.0" in done[-1].stderr
    assert runner.hub.writes == []


def test_a_mistake_in_the_records_publishes_nothing(runner: Runner):
    records = runner.project / "cat_care_qa/records/water.jsonl"
    records.write_text(records.read_text(encoding="utf-8").replace("、", ",", 1), encoding="utf-8")
    done = runner.run(read("publish.yml")["jobs"]["publish"], "cat_care_qa-v1.0.0")
    assert [step.returncode for step in done] == [1]
    assert runner.hub.writes == []


def test_another_workflow_or_repository_is_no_trusted_publisher(runner: Runner):
    for claim in ("repository", "workflow"):
        claims = runner.hub.id_token_requests["of the job"]
        runner.hub.id_token_requests["of the job"] = claims | {claim: "another"}
        done = runner.run(read("publish.yml")["jobs"]["publish"], "cat_care_qa-v1.0.0")
        assert done[-1].returncode == 3
        assert "takes this job for no trusted publisher" in done[-1].stderr
        runner.hub.id_token_requests["of the job"] = claims
    assert runner.hub.writes == []
