"""The Hub that the tests publish to answers the real client as the Hub does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub import Fault, Hub, Token

# Each line is a question to the client and its answer, or the class and status of the error.
PROGRAM = """
import json, os
from huggingface_hub import CommitOperationAdd as Add, CommitOperationDelete as Delete, HfApi, HfFileSystem
api, repo, kind = HfApi(), "qeu/a", {"repo_type": "dataset"}
answers = {}
def ask(name, question):
    try:
        answers[name] = question()
    except Exception as error:
        answers[name] = [type(error).__name__, getattr(getattr(error, "response", None), "status_code", None)]
def add(path, content, **how):
    return api.create_commit(repo, [Add(path, content)], commit_message=path, **kind, **how)
def content():
    return open(api.hf_hub_download(repo, "data/b.parquet", **kind), "rb").read()
def refs():
    kinds = vars(api.list_repo_refs(repo, include_pull_requests=True, **kind)).values()
    return [[ref.ref for ref in of_kind] for of_kind in kinds]
def paths(*names):
    found = api.get_paths_info(repo, list(names), **kind)
    return [[item.path, item.size, item.lfs is not None] for item in found]
def files(revision):
    return sorted(api.list_repo_files(repo, revision=revision, **kind))
ask("who", lambda: api.whoami()["name"])
ask("no repository", lambda: api.dataset_info(repo).sha)
ask("create", lambda: str(api.create_repo(repo, **kind)).rpartition("/datasets/")[2])
ask("create again", lambda: api.create_repo(repo, **kind))
first = api.dataset_info(repo).sha
ask("small", lambda: add("a.txt", b"small", parent_commit=first).oid != first)
ask("stale parent", lambda: add("b.txt", b"b", parent_commit=first))
ask("large", lambda: bool(add("data/b.parquet", os.urandom(300_000)).oid))
head = api.dataset_info(repo).sha
ask("large again", lambda: add("data/b.parquet", content()).oid == head)
ask("tree", lambda: [[item.path, type(item).__name__] for item in api.list_repo_tree(repo, **kind)])
ask("paths", lambda: paths("data/b.parquet", "a.txt", "no"))
ask("at first", lambda: files(first))
ask("branch", lambda: api.create_branch(repo, branch="side/1", revision=first, **kind))
ask("on the branch", lambda: add("c.txt", b"c", revision="side/1").oid and files("side/1"))
ask("pull request", lambda: add("d.txt", b"d", create_pr=True).pr_revision)
ask("in it", lambda: files("refs/pr/1"))
ask("main", lambda: files("main"))
ask("tag", lambda: api.create_tag(repo, tag="v1", revision=first, **kind))
ask("tag again", lambda: api.create_tag(repo, tag="v1", revision=head, **kind))
ask("refs", refs)
ask("untag", lambda: api.delete_tag(repo, tag="v1", **kind))
ask("no revision", lambda: files("v1"))
ask("history", lambda: [made.title for made in api.list_repo_commits(repo, **kind)])
ask("delete", lambda: api.create_commit(repo, [Delete("a.txt")], commit_message="-", **kind).oid and files("main"))
ask("delete again", lambda: api.create_commit(repo, [Delete("a.txt")], commit_message="-", **kind))
ask("no file", lambda: api.hf_hub_download(repo, "a.txt", **kind))
with HfFileSystem().open("datasets/qeu/a/data/b.parquet", block_size=1000) as file:
    whole = content()
    file.seek(123_456)
    ask("range", lambda: file.read(1000) == whole[123_456:124_456])
print(json.dumps(answers))
"""
EXPECTED = {
    "who": "qeu",
    "no repository": ["RepositoryNotFoundError", 404],
    "create": "qeu/a",
    "create again": ["HfHubHTTPError", 409],
    "small": True,
    "stale parent": ["HfHubHTTPError", 412],
    "large": True,
    "large again": True,
    "tree": [[".gitattributes", "RepoFile"], ["a.txt", "RepoFile"], ["data", "RepoFolder"]],
    "paths": [["data/b.parquet", 300_000, True], ["a.txt", 5, False]],
    "at first": [".gitattributes"],
    "branch": None,
    "on the branch": [".gitattributes", "c.txt"],
    "pull request": "refs/pr/1",
    "in it": [".gitattributes", "a.txt", "d.txt", "data/b.parquet"],
    "main": [".gitattributes", "a.txt", "data/b.parquet"],
    "tag": None,
    "tag again": ["HfHubHTTPError", 409],
    "refs": [["refs/heads/main", "refs/heads/side/1"], [], ["refs/tags/v1"], ["refs/pr/1"]],
    "untag": None,
    "no revision": ["RevisionNotFoundError", 404],
    "history": ["data/b.parquet", "a.txt", "initial commit"],
    "delete": [".gitattributes", "data/b.parquet"],
    "delete again": ["RemoteEntryNotFoundError", 404],
    "no file": ["RemoteEntryNotFoundError", 404],
    "range": True,
}


def run(program: str, hub: Hub, home: Path, token: str | None = "hf_right") -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | hub.env(home, token) | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("with_xet", [False, True], ids=["plain large files", "xet"])
def test_the_client_gets_the_answers_of_the_hub(with_xet: bool, tmp_path: Path):
    with Hub(tmp_path / "of the hub", with_xet) as hub:
        hub.tokens["hf_right"] = Token("qeu")
        answers = json.loads(run(PROGRAM, hub, tmp_path / "home"))
    assert answers == EXPECTED


TRY_TO_WRITE = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
for repo in ("qeu/mine", "qeu/other"):
    try:
        HfApi().create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="a", repo_type="dataset")
        print("written", end=" ")
    except Exception as error:
        print(error.response.status_code, end=" ")
"""


@pytest.mark.parametrize(
    ("token", "answers"),
    [
        ("hf_right", "written written"),
        ("hf_scoped", "written 403"),
        ("hf_expired", "401 401"),
        ("hf_wrong", "401 401"),
        (None, "401 401"),
    ],
)
def test_a_token_writes_where_it_may(token: str | None, answers: str, hub: Hub, tmp_path: Path):
    hub.new_repo("qeu/mine")
    hub.new_repo("qeu/other")
    hub.tokens |= {
        "hf_right": Token("qeu"),
        "hf_scoped": Token("ci", only="qeu/mine"),
        "hf_expired": Token("qeu", expires_at=time.time() - 1),
    }
    assert run(TRY_TO_WRITE, hub, tmp_path / "home", token).strip() == answers


def test_a_fault_strikes_the_request_it_is_meant_for(hub: Hub, tmp_path: Path):
    hub.new_repo("qeu/mine", {"a": b"a"})
    hub.tokens["hf_right"] = Token("qeu")
    hub.faults = [Fault("^GET /api/whoami", nth=2, status=418)]
    program = """
from huggingface_hub import HfApi
seen = []
for _ in range(3):
    try:
        seen.append(HfApi().whoami()["name"])
    except Exception as error:
        seen.append(error.response.status_code)
print(seen)
"""
    assert run(program, hub, tmp_path / "home") == "['qeu', 418, 'qeu']"


def test_it_listens_on_this_machine_alone(hub: Hub):
    assert {host for host, _ in hub.addresses} == {"127.0.0.1"}
