"""A dataset repository on the Hub, through its own client; what it answers in one clear sentence where it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from build_steps.errors import BuildError, SourceError

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, GitRefs, HfApi
    from huggingface_hub.errors import HfHubHTTPError

MAIN = "main"
SECONDS_TO_ANSWER = 120  # of silence, in a request or its answer
KEPT = frozenset({".gitattributes"})  # made by the Hub, no part of a release

HOW_TO_LOG_IN = "log in with `hf auth login`, set HF_TOKEN, or publish from CI (RELEASING.md)"
SAID_BY_STATUS = {
    401: f"the token was refused; it is wrong or has expired: {HOW_TO_LOG_IN}",
    403: "the token may not do this here; use one with write access, or create the repository first (RELEASING.md)",
    404: "there is no such repository or revision, or the token may not see it",
    412: "somebody else has committed to it since; look at what they did, then run the same command again",
    429: "the Hub asks to wait; run the same command again later",
}


@dataclass(frozen=True)
class Changes:
    """What makes a revision the same as a folder: paths to add or replace, and to delete."""

    add: list[str]
    delete: list[str]

    def __bool__(self) -> bool:
        return bool(self.add or self.delete)


@contextmanager
def said_clearly(repo_id: str) -> Iterator[None]:
    """Turn what the clients raise into a SourceError that says what to do."""
    from huggingface_hub import get_session
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, OIDCError

    get_session().timeout = SECONDS_TO_ANSWER  # of itself the client waits for ever
    try:
        yield
    except HfHubHTTPError as error:
        raise SourceError(f"{repo_id}: {_said(error)}.") from error
    except OIDCError as error:
        raise SourceError(f"{repo_id}: no token from the CI provider ({error}).") from error
    except HTTPError as error:
        reason = str(error) or type(error).__name__
        raise SourceError(f"{repo_id}: the Hub cannot be reached ({reason}); run the same command again.") from error
    except BuildError:
        raise
    except Exception as error:
        # hf_xet, the storage of large files and the loaders raise types of their own, plain RuntimeError among them.
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise  # of this machine: a full disk, a folder that may not be written
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise SourceError(f"{repo_id}: {type(error).__name__}: {first_line}; run the same command again.") from error


def _said(error: HfHubHTTPError) -> str:
    status = error.response.status_code
    if error.response.request.url.path.endswith("/oauth/token"):
        return f"the Hub takes this job for no trusted publisher of it (RELEASING.md, status {status})"
    if status == 401 and "Invalid credentials" not in error.response.headers.get("X-Error-Message", ""):
        return f"the Hub does not know who asks: {HOW_TO_LOG_IN}"
    wait = error.response.headers.get("Retry-After")
    after = f" (after {wait} seconds)" if wait else ""
    return f"{SAID_BY_STATUS.get(status, 'the Hub failed; run the same command again')}{after} (status {status})"


class HubRepo:
    """A dataset repository; revisions are commit hashes, branches, tags or pull requests.

    Every method raises SourceError when the Hub cannot be reached, or refuses.
    """

    def __init__(self, repo_id: str):
        self.repo_id = repo_id

    @cached_property
    def api(self) -> HfApi:
        from huggingface_hub import HfApi

        return HfApi(library_name="qeu-datasets")

    def refs(self) -> GitRefs | None:
        """Its branches, tags and pull requests; None where the repository does not exist."""
        from huggingface_hub.errors import RepositoryNotFoundError

        with said_clearly(self.repo_id):
            try:
                return self.api.list_repo_refs(self.repo_id, repo_type="dataset", include_pull_requests=True)
            except RepositoryNotFoundError as error:
                if error.response.status_code == 404:
                    return None
                raise

    def tags(self, refs: GitRefs) -> dict[str, str]:
        """Commits by tag."""
        return {tag.name: tag.target_commit for tag in refs.tags}

    def head(self, refs: GitRefs) -> str:
        """The commit that main stands at."""
        return next(branch.target_commit for branch in refs.branches if branch.name == MAIN)

    def require_token(self) -> None:
        """Raises SourceError where there is no token to write with."""
        from huggingface_hub import get_token

        with said_clearly(self.repo_id):
            if not get_token():
                raise SourceError(f"{self.repo_id}: there is no token; {HOW_TO_LOG_IN}.")

    def create(self) -> None:
        """Create the repository, where it does not exist."""
        with said_clearly(self.repo_id):
            self.api.create_repo(self.repo_id, repo_type="dataset", exist_ok=True)

    def changes(self, revision: str, folder: Path) -> Changes:
        """What it takes to make a revision the same as a folder, by the hash of every file."""
        with said_clearly(self.repo_id):
            found = self.api.verify_repo_checksums(
                self.repo_id, repo_type="dataset", revision=revision, local_dir=folder
            )
        differing = [mismatch["path"] for mismatch in found.mismatches]
        return Changes(
            add=sorted({*found.extra_paths, *differing} - KEPT),
            delete=sorted({*found.missing_paths} - KEPT),
        )

    def open_pull_request(self, folder: Path) -> str | None:
        """The address of an open pull request that makes main the same as a folder."""
        with said_clearly(self.repo_id):
            open_ones = self.api.get_repo_discussions(
                self.repo_id, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
            )
            for pull_request in open_ones:
                if not self.changes(f"refs/pr/{pull_request.num}", folder):
                    return pull_request.url
        return None

    def commit(self, changes: Changes, folder: Path, head: str, title: str, text: str, create_pr: bool) -> CommitInfo:
        """All changes in one commit on `head`, and only there; or in a pull request."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations = [CommitOperationAdd(path, str(folder / path)) for path in changes.add]
        deletions = [CommitOperationDelete(path, is_folder=False) for path in changes.delete]
        with said_clearly(self.repo_id):
            return self.api.create_commit(
                self.repo_id,
                [*operations, *deletions],
                repo_type="dataset",
                commit_message=title,
                commit_description=text,
                parent_commit=head,
                create_pr=create_pr,
            )

    def tag(self, tag: str, commit: str) -> None:
        """Name a commit. That the tag stands there already is no error."""
        with said_clearly(self.repo_id):
            self.api.create_tag(self.repo_id, tag=tag, revision=commit, repo_type="dataset", exist_ok=True)

    def download(self, revision: str, folder: Path) -> Path:
        """Every file of a revision."""
        from huggingface_hub import snapshot_download

        with said_clearly(self.repo_id):
            return Path(snapshot_download(self.repo_id, repo_type="dataset", revision=revision, local_dir=folder))
