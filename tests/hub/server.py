"""The Hub's HTTP API, as far as `huggingface_hub`, `hf_xet` and `datasets` ask for it when they publish and load.

Paths, fields, headers and status codes are those that the clients use and that https://huggingface.co/docs/hub/api
describes. `Hub` runs it on 127.0.0.1 in a thread; a second port stands for the storage host that large files come from.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.hub import xet
from tests.hub.store import GIT_ATTRIBUTES, LARGE_BYTES, LARGE_SUFFIXES, Blobs, Commit, File, PullRequest, Repo

REPO = r"/{owner:[^/]+}/{name:[^/]+}"
API = f"/api/datasets{REPO}"
EPOCH = "2026-01-01T00:00:00.000Z"
TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Token:
    """Who a token speaks for, the one repository it may write (every one by default), and when it ends."""

    user: str
    only: str | None = None
    expires_at: float | None = None


@dataclass
class Fault:
    """What goes wrong with requests whose `METHOD path` the pattern finds: from the `nth` on, `times` of them.

    `answered` lets the request do its work before its answer is lost or replaced.
    """

    pattern: str
    nth: int = 1
    times: float = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: float = 0
    answered: bool = False
    meanwhile: Callable[[], object] | None = None  # what somebody else does just before the request is answered
    seen: int = 0

    def strikes(self, request: str) -> bool:
        if not re.search(self.pattern, request):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class Refusal(Exception):
    """An answer other than success, in the Hub's own form."""

    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.response = web.json_response({"error": message}, status=status)
        self.response.headers["X-Error-Message"] = message
        if code:
            self.response.headers["X-Error-Code"] = code


class Hub:
    """A Hub that lives as long as the `with` block. With `with_xet`, large files go through a store of hf_xet."""

    def __init__(self, folder: Path, with_xet: bool = False):
        self.blobs = Blobs(folder / "blobs")
        self.xet_store = (folder / "xet") if with_xet else None
        self.repos: dict[str, Repo] = {}
        self.tokens: dict[str, Token] = {}
        self.publishers: dict[str, dict[str, str]] = {}  # repository: the claims that its trusted publisher pins
        self.id_token_requests: dict[str, dict[str, str]] = {}  # request token of a CI job: the claims of the job
        self.id_tokens: dict[str, dict[str, str]] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.writes: list[str] = []  # requests that changed something
        self.left_out: set[str] = set()  # paths that a commit drops without a word
        self._xet_hashes: dict[str, str | None] = {}

    def __enter__(self) -> Hub:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *args: object) -> None:
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._with_faults, _with_refusals], client_max_size=1 << 30)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        for _ in range(2):
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.addresses = list(self._runner.addresses)
        (_, port), (_, storage_port) = self.addresses
        # Another name of the same machine, because clients tell the storage from the Hub by its host.
        self.endpoint, self.storage = f"http://127.0.0.1:{port}", f"http://localhost:{storage_port}"

    def env(self, home: Path, token: str | None = None) -> dict[str, str]:
        """The environment of a client of this Hub that keeps what it has in `home`."""
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "0" if self.xet_store else "1",
            "HF_TOKEN": token or "",
        }

    def new_repo(self, repo_id: str, files: dict[str, bytes] | None = None) -> Repo:
        """A repository as it is when it was created, with `files` in a commit of their own."""
        repo = self.repos[repo_id] = Repo(repo_id)
        first = repo.commit(None, {".gitattributes": self.blobs.file(GIT_ATTRIBUTES)}, "initial commit")
        repo.refs["refs/heads/main"] = first.sha
        if files:
            self.add(repo_id, files)
        return repo

    def add(self, repo_id: str, files: dict[str, bytes], title: str = "Add files") -> Commit:
        """A commit on main by somebody else."""
        repo = self.repos[repo_id]
        added = {path: self.blobs.file(content) for path, content in files.items()}
        made = repo.commit(repo.head.sha, {**repo.head.files, **added}, title)
        repo.refs["refs/heads/main"] = made.sha
        return made

    def merge(self, repo_id: str, number: int) -> None:
        """Merge a pull request."""
        repo = self.repos[repo_id]
        pull_request = repo.pull_requests[number - 1]
        repo.refs["refs/heads/main"] = repo.refs[pull_request.ref]
        pull_request.status = "merged"

    def contents(self, repo_id: str, revision: str = "main") -> dict[str, str]:
        """The sha256 of every file of a revision but the one that the Hub makes; empty where there is no such one."""
        commit = self.repos[repo_id].resolve(revision)
        files = commit.files.items() if commit else ()
        return {path: file.sha256 for path, file in files if path != ".gitattributes"}

    def content(self, file: File) -> bytes:
        """The bytes of a file, fetched from the Xet store where they only lie there."""
        path = self.blobs.path(file.sha256)
        if not path.exists():
            assert self.xet_store is not None
            file_hash = self.xet_hash(file.sha256)
            assert file_hash is not None
            xet.reconstruct(self.xet_store, file_hash, file.size, path)
        return path.read_bytes()

    def xet_hash(self, sha256: str) -> str | None:
        if self.xet_store and self._xet_hashes.get(sha256) is None:
            self._xet_hashes[sha256] = xet.xet_hash(self.xet_store, sha256)
        return self._xet_hashes.get(sha256)

    def _routes(self) -> list[web.RouteDef]:
        get, post, put, delete = web.get, web.post, web.put, web.delete
        resolve = f"/datasets{REPO}/resolve/{{revision}}/{{path:.+}}"
        return [
            get("/api/whoami-v2", self.whoami),
            post("/api/validate-yaml", self.validate_yaml),
            post("/api/repos/create", self.create_repo),
            get(API, self.info),
            get(f"{API}/revision/{{revision}}", self.info),
            get(f"{API}/refs", self.list_refs),
            get(f"{API}/commits/{{revision}}", self.list_commits),
            get(f"{API}/tree/{{revision}}", self.list_tree),
            get(f"{API}/tree/{{revision}}/{{path:.+}}", self.list_tree),
            post(f"{API}/paths-info/{{revision}}", self.paths_info),
            get(f"{API}/discussions", self.list_pull_requests),
            post(f"{API}/preupload/{{revision}}", self.preupload),
            post(f"{API}/commit/{{revision}}", self.commit),
            post(f"{API}/tag/{{revision}}", self.tag),
            delete(f"{API}/tag/{{tag}}", self.delete_tag),
            post(f"{API}/branch/{{branch}}", self.branch),
            get(f"{API}/xet-{{access:read|write}}-token/{{revision}}", self.xet_token),
            post(f"/datasets{REPO}.git/info/lfs/objects/batch", self.lfs_batch),
            put("/lfs/{sha256}", self.lfs_upload),
            post("/lfs/{sha256}/verify", self.lfs_verify),
            get("/stored/{sha256}", self.stored),
            get(resolve, self.resolve),
            get("/ci/id-token", self.ci_id_token),
            post("/oauth/token", self.exchange_id_token),
        ]

    @web.middleware
    async def _with_faults(self, request: web.Request, handler: Callable) -> web.StreamResponse:
        asked = f"{request.method} {request.path_qs}"
        self.requests.append(asked)
        fault = next((fault for fault in list(self.faults) if fault.strikes(asked)), None)
        if fault is None:
            return await handler(request)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.meanwhile:
            fault.meanwhile()
        if fault.answered:
            await handler(request)
        if fault.drop and request.transport:
            request.transport.abort()
        if fault.drop or fault.status:
            return web.json_response({"error": "a fault"}, status=fault.status or 500, headers=fault.headers)
        return await handler(request)

    # Who asks, and for what

    def _token(self, request: web.Request) -> Token | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        token = self.tokens.get(header.removeprefix("Bearer "))
        if token is None or (token.expires_at is not None and token.expires_at < time.time()):
            raise Refusal(401, "Invalid credentials in Authorization header")
        return token

    def _repo(self, request: web.Request) -> Repo:
        token = self._token(request)
        repo = self.repos.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if repo is None and token is None:
            raise Refusal(401, "Invalid username or password.")  # a private one would be answered alike
        if repo is None:
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return repo

    def _writable(self, request: web.Request) -> Repo:
        token = self._token(request)
        repo = self._repo(request)
        if token is None:
            raise Refusal(401, "Access to this resource requires authentication")
        if token.only not in (None, repo.repo_id):
            raise Refusal(403, "Forbidden: this token has no write access to this repository")
        return repo

    def _commit(self, request: web.Request, repo: Repo) -> Commit:
        revision = request.match_info.get("revision", "main")
        if found := repo.resolve(revision):
            return found
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")

    async def whoami(self, request: web.Request) -> web.Response:
        token = self._token(request)
        if token is None:
            raise Refusal(401, "Invalid username or password.")
        return web.json_response({"type": "user", "name": token.user, "orgs": [], "auth": {}})

    # What a repository holds

    async def info(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        commit = self._commit(request, repo)
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        fields = {"private": False, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
        dates = {"createdAt": EPOCH, "lastModified": EPOCH}
        return web.json_response({"id": repo.repo_id, "sha": commit.sha, "siblings": siblings, **fields, **dates})

    async def list_refs(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        kinds = {"branches": "refs/heads/", "tags": "refs/tags/", "pullRequests": "refs/pr/"}
        listed = {
            kind: [
                {"name": name.removeprefix(prefix), "ref": name, "targetCommit": sha}
                for name, sha in repo.refs.items()
                if name.startswith(prefix)
            ]
            for kind, prefix in kinds.items()
        }
        return web.json_response({**listed, "converts": []})

    async def list_commits(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        history = repo.history(self._commit(request, repo))
        return web.json_response(
            [
                {"id": made.sha, "title": made.title, "message": made.description, "date": EPOCH, "authors": []}
                for made in history
            ]
        )

    async def list_tree(self, request: web.Request) -> web.Response:
        commit = self._commit(request, self._repo(request))
        below = request.match_info.get("path", "")
        start = f"{below}/" if below else ""
        entries: dict[str, dict[str, object]] = {}
        for path, file in sorted(commit.files.items()):
            if not path.startswith(start):
                continue
            parts = path.removeprefix(start).split("/")
            folders = [start + "/".join(parts[:depth]) for depth in range(1, len(parts))]
            is_wanted = request.query.get("recursive", "false").lower() == "true"
            for folder in folders if is_wanted else folders[:1]:
                entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
            if is_wanted or not folders:
                entries[path] = self._entry(path, file, request)
        if below and not entries:
            raise Refusal(404, f"{below} does not exist", "EntryNotFound")
        return web.json_response(list(entries.values()))

    async def paths_info(self, request: web.Request) -> web.Response:
        commit = self._commit(request, self._repo(request))
        paths = await _paths(request)
        found: list[dict[str, object]] = []
        for path in paths:
            if file := commit.files.get(path):
                found.append(self._entry(path, file, request))
            elif any(name.startswith(f"{path}/") for name in commit.files):
                found.append({"type": "directory", "path": path, "size": 0, "oid": "0" * 40})
        return web.json_response(found)

    def _entry(self, path: str, file: File, request: web.Request) -> dict[str, object]:
        entry = file.to_json(path, self.xet_hash(file.sha256) if file.is_large else None)
        if request.query.get("expand") == "true":
            entry["lastCommit"] = {"id": "0" * 40, "title": "", "date": EPOCH}
        return entry

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        repo = self._repo(request)
        commit = self._commit(request, repo)
        file = commit.files.get(request.match_info["path"])
        if file is None:
            refusal = Refusal(404, "Entry not found", "EntryNotFound")
            refusal.response.headers["X-Repo-Commit"] = commit.sha
            raise refusal
        headers = {"X-Repo-Commit": commit.sha, "Accept-Ranges": "bytes"}
        if not file.is_large:
            return _bytes(request, self.content(file), headers | {"ETag": f'"{file.blob_id}"'})
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
        if file_hash := self.xet_hash(file.sha256):
            token_url = f"{self.endpoint}/api/datasets/{repo.repo_id}/xet-read-token/{commit.sha}"
            headers |= {"X-Xet-Hash": file_hash, "Link": f'<{token_url}>; rel="xet-auth"'}
        return web.Response(status=302, headers={**headers, "Location": f"{self.storage}/stored/{file.sha256}"})

    async def stored(self, request: web.Request) -> web.StreamResponse:
        sha256 = request.match_info["sha256"]
        sizes = {
            file.sha256: file
            for repo in self.repos.values()
            for c in repo.commits.values()
            for file in c.files.values()
        }
        if sha256 not in sizes:
            raise Refusal(404, "Not found")
        return _bytes(request, self.content(sizes[sha256]), {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"})

    # What changes one

    async def validate_yaml(self, request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"errors": [], "warnings": []})

    async def create_repo(self, request: web.Request) -> web.Response:
        token = self._token(request)
        asked = await request.json()
        repo_id = f"{asked['organization'] or (token.user if token else '')}/{asked['name']}"
        if token is None:
            raise Refusal(401, "Access to this resource requires authentication")
        if token.only:
            raise Refusal(403, "Forbidden: this token cannot create repositories")
        page = {"url": f"{self.endpoint}/datasets/{repo_id}", "name": repo_id}
        if repo_id in self.repos:
            return web.json_response({"error": "You already created this dataset repo", **page}, status=409)
        self.new_repo(repo_id)
        self.writes.append(f"create {repo_id}")
        return web.json_response(page)

    async def preupload(self, request: web.Request) -> web.Response:
        repo = self._writable(request)
        commit = self._commit(request, repo)
        answer = []
        for asked in (await request.json())["files"]:
            old = commit.files.get(asked["path"])
            is_large = asked["path"].endswith(LARGE_SUFFIXES) or asked["size"] > LARGE_BYTES
            oid = (old.sha256 if is_large else old.blob_id) if old else None
            mode = "lfs" if is_large else "regular"
            answer.append({"path": asked["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return web.json_response({"files": answer, "commitOid": commit.sha})

    async def lfs_batch(self, request: web.Request) -> web.Response:
        self._writable(request)
        batch = await request.json()
        transfer = (
            "xet" if self.xet_store and "xet" in batch["transfers"] else "basic"
        )  # a client before 2.0 offers it here
        objects = []
        for asked in batch["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            if not self.blobs.path(asked["oid"]).exists():
                href = f"{self.storage}/lfs/{asked['oid']}"
                verify = {"href": f"{self.endpoint}/lfs/{asked['oid']}/verify"}
                entry["actions"] = {"upload": {"href": href, "header": {}}, "verify": verify}
            objects.append(entry)
        return web.json_response({"transfer": transfer, "objects": objects})

    async def lfs_upload(self, request: web.Request) -> web.Response:
        content = await request.read()
        if self.blobs.put(content) != request.match_info["sha256"]:
            raise Refusal(400, "the content does not have the hash that was announced")
        return web.Response()

    async def lfs_verify(self, request: web.Request) -> web.Response:
        asked = await request.json()
        path = self.blobs.path(asked["oid"])
        if not path.exists() or path.stat().st_size != asked["size"]:
            raise Refusal(404, "Object does not exist")
        return web.json_response({})

    async def xet_token(self, request: web.Request) -> web.Response:
        for_writing = request.match_info["access"] == "write"
        _ = self._writable(request) if for_writing else self._repo(request)
        url, token, expires = f"local://{self.xet_store}", "xet", int(time.time()) + TOKEN_SECONDS
        headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
        return web.json_response({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)

    async def commit(self, request: web.Request) -> web.Response:
        repo = self._writable(request)
        lines = [json.loads(line) for line in (await request.text()).splitlines()]
        on = self._commit(request, repo)
        header = lines[0]["value"]
        if header.get("parentCommit", on.sha) != on.sha:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(on.files)
        for line in lines[1:]:
            if line["value"]["path"] in self.left_out:
                continue
            self._apply(line["key"], line["value"], files)
        made = repo.commit(on.sha, files, header["summary"], header["description"])
        pull_request = None
        if request.query.get("create_pr") == "1":
            pull_request = PullRequest(len(repo.pull_requests) + 1, header["summary"])
            repo.pull_requests.append(pull_request)
        revision = request.match_info["revision"]
        branch = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
        repo.refs[pull_request.ref if pull_request else branch] = made.sha
        self.writes.append(f"commit {repo.repo_id}")
        page = f"{self.endpoint}/datasets/{repo.repo_id}"
        return web.json_response(
            {
                "success": True,
                "commitOid": made.sha,
                "commitUrl": f"{page}/commit/{made.sha}",
                "hookOutput": "",
                "pullRequestUrl": f"{page}/discussions/{pull_request.number}" if pull_request else None,
            }
        )

    def _apply(self, key: str, value: dict[str, Any], files: dict[str, File]) -> None:
        path = value["path"]
        if key == "file":
            files[path] = self.blobs.file(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if not self.blobs.path(value["oid"]).exists() and self.xet_hash(value["oid"]) is None:
                raise Refusal(400, f"the Large File of {path} was not uploaded")
            files[path] = self.blobs.large_file(value["oid"], value["size"])
        elif key == "deletedFile":
            if files.pop(path, None) is None:
                raise Refusal(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        else:
            raise Refusal(400, f"unknown operation {key}")

    async def tag(self, request: web.Request) -> web.Response:
        repo = self._writable(request)
        name = f"refs/tags/{(await request.json())['tag']}"
        if name in repo.refs:
            raise Refusal(409, "Tag reference exists already")
        repo.refs[name] = self._commit(request, repo).sha
        self.writes.append(f"tag {repo.repo_id}")
        return web.json_response({})

    async def delete_tag(self, request: web.Request) -> web.Response:
        repo = self._writable(request)
        if repo.refs.pop(f"refs/tags/{request.match_info['tag']}", None) is None:
            raise Refusal(404, "Invalid rev id", "RevisionNotFound")
        return web.json_response({})

    async def branch(self, request: web.Request) -> web.Response:
        repo = self._writable(request)
        name = f"refs/heads/{request.match_info['branch']}"
        if name in repo.refs:
            raise Refusal(409, "Reference already exists")
        start = repo.resolve((await request.json()).get("startingPoint", "main"))
        if start is None:
            raise Refusal(404, "Invalid rev id", "RevisionNotFound")
        repo.refs[name] = start.sha
        return web.json_response({})

    async def list_pull_requests(self, request: web.Request) -> web.Response:
        repo = self._repo(request)
        wanted = request.query.get("status", "all")
        listed = [
            {
                "num": pull.number,
                "title": pull.title,
                "status": pull.status,
                "isPullRequest": True,
                "author": {"name": "somebody"},
                "createdAt": EPOCH,
                "repo": {"name": repo.repo_id, "type": "dataset"},
            }
            for pull in repo.pull_requests
            if wanted in ("all", pull.status)
        ]
        return web.json_response({"discussions": listed, "count": len(listed), "start": 0})

    # A CI job without a stored token: what the CI provider and the Hub do for it

    async def ci_id_token(self, request: web.Request) -> web.Response:
        claims = self.id_token_requests.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if claims is None:
            raise Refusal(401, "unknown job")
        id_token = f"id-{uuid.uuid4().hex}"
        self.id_tokens[id_token] = {**claims, "aud": request.query["audience"]}
        return web.json_response({"value": id_token})

    async def exchange_id_token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        repo_id = asked["resource"].removeprefix("datasets/")
        claims, pinned = self.id_tokens.get(asked["subject_token"]), self.publishers.get(repo_id)
        is_right = (
            claims is not None
            and pinned is not None
            and asked["resource"].startswith("datasets/")
            and claims["aud"] == self.endpoint
            and all(claims.get(name) == value for name, value in pinned.items())
        )
        if not is_right:
            return web.json_response({"error": "invalid_grant", "error_description": "No match"}, status=400)
        token = f"hf_jwt_{uuid.uuid4().hex}"
        self.tokens[token] = Token("ci", only=repo_id, expires_at=time.time() + TOKEN_SECONDS)
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS})


@web.middleware
async def _with_refusals(request: web.Request, handler: Callable) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response


async def _paths(request: web.Request) -> list[str]:
    """The paths of a paths-info request, which clients send as a form or as JSON."""
    if request.content_type == "application/json":
        return (await request.json())["paths"]
    return [str(path) for path in (await request.post()).getall("paths", [])]


def _bytes(request: web.Request, content: bytes, headers: dict[str, str]) -> web.Response:
    """All of a content, or the range that is asked for."""
    wanted = request.http_range
    if wanted.start is None:
        return web.Response(body=content, headers=headers, content_type="application/octet-stream")
    start, stop, _ = wanted.indices(len(content))
    if start >= len(content):
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
    headers = {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    return web.Response(status=206, body=content[start:stop], headers=headers, content_type="application/octet-stream")
