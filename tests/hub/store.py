"""Repositories as the Hub has them: contents by hash, commits that never change, and refs that point to them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# As a new dataset repository has them; a file of another kind is kept as Large File only above the limit.
LARGE_SUFFIXES = (".parquet", ".arrow", ".zip", ".gz", ".zst", ".bin")
LARGE_BYTES = 10 * 1024 * 1024
GIT_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE_SUFFIXES).encode()


def git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class File:
    """A file in a commit. Its content lies in `Blobs` under `sha256`."""

    sha256: str
    size: int
    blob_id: str
    is_large: bool

    def to_json(self, path: str, xet_hash: str | None) -> dict[str, object]:
        entry: dict[str, object] = {"type": "file", "path": path, "size": self.size, "oid": self.blob_id}
        if self.is_large:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 133}
        if xet_hash:
            entry["xetHash"] = xet_hash
        return entry


@dataclass(frozen=True)
class Commit:
    sha: str
    parent: str | None
    title: str
    description: str
    files: Mapping[str, File]


@dataclass
class PullRequest:
    number: int
    title: str
    status: str = "open"

    @property
    def ref(self) -> str:
        return f"refs/pr/{self.number}"


class Blobs:
    """Contents on disk by sha256."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)

    def path(self, sha256: str) -> Path:
        return self.folder / sha256

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.path(sha256).write_bytes(content)
        return sha256

    def file(self, content: bytes) -> File:
        """A file kept in git itself."""
        return File(self.put(content), len(content), git_blob_id(content), is_large=False)

    @staticmethod
    def large_file(sha256: str, size: int) -> File:
        """A Large File: what git has of it is a pointer."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return File(sha256, size, git_blob_id(pointer.encode()), is_large=True)


@dataclass
class Repo:
    """One repository; `refs` by full name, `refs/heads/main` among them."""

    repo_id: str
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    pull_requests: list[PullRequest] = field(default_factory=list)
    _counter: itertools.count = field(default_factory=itertools.count)

    def commit(self, parent: str | None, files: Mapping[str, File], title: str, description: str = "") -> Commit:
        listing = "\n".join(f"{path} {file.blob_id}" for path, file in sorted(files.items()))
        text = f"{self.repo_id}\n{next(self._counter)}\n{parent}\n{title}\n{description}\n{listing}"
        made = Commit(hashlib.sha1(text.encode()).hexdigest(), parent, title, description, dict(files))
        self.commits[made.sha] = made
        return made

    def resolve(self, revision: str) -> Commit | None:
        """The commit that a branch, tag, full ref or commit hash names."""
        names = (f"refs/heads/{revision}", f"refs/tags/{revision}", revision)
        sha = next((self.refs[name] for name in names if name in self.refs), revision)
        return self.commits.get(sha)

    @property
    def head(self) -> Commit:
        return self.commits[self.refs["refs/heads/main"]]

    @property
    def tags(self) -> dict[str, str]:
        prefix = "refs/tags/"
        return {name.removeprefix(prefix): sha for name, sha in self.refs.items() if name.startswith(prefix)}

    def history(self, commit: Commit) -> list[Commit]:
        line = [commit]
        while line[-1].parent:
            line.append(self.commits[line[-1].parent])
        return line
