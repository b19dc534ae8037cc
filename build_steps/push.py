"""Push: put a built release on the Hub, whole, and name it by its tag once it is known to be right there.

The order makes it safe to stop anywhere and to run again: look, commit once on what was looked at, compare every file
by its hash, tag that commit, load it back. A tag never stands before its files were compared, and never moves.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from build_steps import changelog
from build_steps.diff import Diff, compare, require_version
from build_steps.errors import BuildError, SourceError, UsageError
from build_steps.hub import Changes, HubRepo, said_clearly
from build_steps.loading import RecordsBuilder
from build_steps.release import Release, parse_version


@dataclass(frozen=True)
class Plan:
    """What a push would do, from what the repository held when it was looked at."""

    tag: str
    head: str | None  # the commit that main stood at; None: there is no repository yet
    tagged: str | None  # the commit that has the tag already
    last: str | None  # the tag of the last release
    counts: str  # of rows added, edited and withdrawn since then
    text: str  # what changed, in the words of the changelog
    changes: Changes  # of main

    def lines(self, release: Release) -> list[str]:
        """The plan as text."""
        if self.tagged:
            return [f"{self.tag} is there already, at commit {self.tagged}"]
        sizes = {path: (release.folder / path).stat().st_size for path in self.changes.add}
        since = f"since {self.last}" if self.last else "the first release"
        return [
            f"{self.tag}, {since}: {self.counts}",
            *(f"  put {path}, {size:,} bytes" for path, size in sizes.items()),
            *(f"  delete {path}" for path in self.changes.delete),
            f"  {len(sizes):,} files, {sum(sizes.values()):,} bytes to put, {len(self.changes.delete):,} to delete",
        ]


def read_release(builder: RecordsBuilder, folder: Path) -> Release:
    """The build to publish. Raises BuildError where it is not what its sources give now."""
    release = Release.read(folder).verify()
    then, now = release.manifest["made_from"], builder.made_from()
    if then != now or release.version != str(builder.VERSION):
        flat_then, flat_now = _flat(then), _flat(now)
        names = sorted(name for name in {*flat_then, *flat_now} if flat_then.get(name) != flat_now.get(name))
        raise BuildError(
            f"{folder} was not built from what is here now ({', '.join(names) or 'VERSION'}); build again."
        )
    return release


def _flat(made_from: dict) -> dict[str, object]:
    return {**made_from.get("files", {}), **{name: value for name, value in made_from.items() if name != "files"}}


def require_tag_name(release: Release, tag: str | None) -> None:
    """Raises UsageError where another tag is expected than the one that the version gives."""
    if tag not in (None, f"v{release.version}"):
        name = release.manifest["dataset"]
        raise UsageError(f"the version of {name} is {release.version}, so its tag is v{release.version}, not {tag}.")


def look(builder: RecordsBuilder, release: Release, repo: HubRepo) -> Plan:
    """Compare a release with what the repository holds; nothing is changed.

    Raises BuildError where its version understates the change, or its tag has other content.
    """
    tag = f"v{release.version}"
    refs = repo.refs()
    tags, head = (repo.tags(refs), repo.head(refs)) if refs else ({}, None)
    if tag in tags:
        _require_same(repo, tags[tag], release, f"the tag {tag} has other content; a published version never changes")
        return Plan(tag, head, tags[tag], None, "", "", Changes([], []))
    last = max((name for name in tags if _is_version(name)), key=lambda name: parse_version(name[1:]), default=None)
    diff = _since(repo, last, builder, release)
    entry = changelog.require_entry(builder.NAME, release.version, diff.counts)
    changes = repo.changes(head, release.folder) if head else Changes(sorted(release.files), [])
    return Plan(tag, head, None, last, diff.told, entry.what, changes)


def _is_version(tag: str) -> bool:
    return re.fullmatch(r"v\d+\.\d+\.\d+", tag) is not None


def _since(repo: HubRepo, last: str | None, builder: RecordsBuilder, release: Release) -> Diff:
    """What changed since the last release; its version has to say so."""
    if last is None:
        return compare(None, release, builder.ID)
    with tempfile.TemporaryDirectory() as folder:
        diff = compare(Release.read(repo.download(last, Path(folder))).verify(alone=False), release, builder.ID)
    if parse_version(release.version) <= parse_version(last[1:]):
        raise BuildError(f"version {release.version} does not follow {last[1:]}, the last one that was published.")
    require_version(diff, last[1:], release.version, f"{builder.NAME}/builder.py")
    return diff


def publish(release: Release, repo: HubRepo, plan: Plan, say: Callable[[str], None]) -> None:
    """Do what a plan says, up to a tag whose rows were loaded back. Done twice, it changes nothing the second time."""
    commit = plan.tagged
    if commit is None:
        repo.require_token()
        commit = _commit(release, repo, plan)
        release.verify()  # what was sent is still what was built
        _require_same(repo, commit, release, "what the Hub holds is not what was built; nothing was tagged")
        repo.tag(plan.tag, commit)
        _require_tag(repo, plan.tag, release)
        say(f"{repo.repo_id}: {plan.tag} at commit {commit}")
    load_back(release, repo, plan.tag)
    say(f"{repo.repo_id}: load_dataset with revision={plan.tag!r} gives the rows of the manifest")


def propose(release: Release, repo: HubRepo, plan: Plan, say: Callable[[str], None]) -> None:
    """Open a pull request instead; the tag comes with a push once it is merged."""
    if plan.tagged:
        return
    if not plan.changes:
        say(f"{repo.repo_id}: main has these files already; push without --create-pr to tag them")
        return
    repo.require_token()
    address = repo.open_pull_request(release.folder) if plan.head else None
    if address is None:
        head = plan.head or _create(repo, release)
        commit = repo.commit(plan.changes, release.folder, head, _title(release, plan), plan.text, create_pr=True)
        _require_same(repo, commit.oid, release, "the pull request does not hold what was built")
        address = commit.pr_url
    say(f"{repo.repo_id}: merge {address}, then push again to tag it")


def _commit(release: Release, repo: HubRepo, plan: Plan) -> str:
    """The commit that holds the release: main as it is, or one made on what was looked at.

    An error may hide that the commit was made (a lost answer, a push beside this one): what main holds decides.
    """
    if plan.head and not plan.changes:
        return plan.head
    head = plan.head or _create(repo, release)
    try:
        return repo.commit(plan.changes, release.folder, head, _title(release, plan), plan.text, create_pr=False).oid
    except SourceError:
        refs = repo.refs()
        if refs and not repo.changes(repo.head(refs), release.folder):
            return repo.head(refs)
        raise


def _create(repo: HubRepo, release: Release) -> str:
    """The first commit of the new repository, or what a push beside this one has put there."""
    repo.create()
    refs = repo.refs()
    if refs is None:
        raise SourceError(f"{repo.repo_id}: it was created, but cannot be found; run the same command again.")
    head = repo.head(refs)
    if repo.changes(head, release.folder).delete:
        raise SourceError(f"{repo.repo_id}: somebody else has created it meanwhile; run the same command again.")
    return head


def _title(release: Release, plan: Plan) -> str:
    """The title of the commit."""
    return f"{release.manifest['dataset']} {release.version}: {plan.counts}"


def _require_same(repo: HubRepo, revision: str, release: Release, otherwise: str) -> None:
    if changes := repo.changes(revision, release.folder):
        raise BuildError(f"{repo.repo_id}: {otherwise} ({', '.join([*changes.add, *changes.delete])}).")


def _require_tag(repo: HubRepo, tag: str, release: Release) -> None:
    """A push beside this one may have set the tag first: to the same files, or not."""
    refs = repo.refs()
    if refs is None or tag not in repo.tags(refs):
        raise SourceError(f"{repo.repo_id}: the tag {tag} was set, but cannot be found; run the same command again.")
    _require_same(repo, repo.tags(refs)[tag], release, f"the tag {tag} has other content")


def load_back(release: Release, repo: HubRepo, revision: str) -> None:
    """Load every config as users do. Raises BuildError unless it gives the rows that were built."""
    import datasets

    for config in release.configs:
        with tempfile.TemporaryDirectory() as cache, said_clearly(repo.repo_id):
            loaded = datasets.load_dataset(repo.repo_id, config, revision=revision, cache_dir=cache)
            found = {split: rows.num_rows for split, rows in loaded.items()}
            tables = {split: rows.data.table for split, rows in loaded.items()}
            same = found == release.split_rows(config) and all(
                table.replace_schema_metadata(None).equals(release.table(config, split).replace_schema_metadata(None))
                for split, table in tables.items()
            )
        if not same:
            raise BuildError(
                f"{repo.repo_id}: config {config} of {revision} loads other rows ({found}) than were built"
                f" ({release.split_rows(config)})."
            )
