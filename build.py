"""Build the QEU datasets. `python build.py --help` tells the commands."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from build_steps.errors import BuildError, DataError, SourceError, UsageError

if TYPE_CHECKING:
    from build_steps.check import Report
    from build_steps.loading import RecordsBuilder
    from build_steps.staging import Staging

DATASETS = {"cat_care_qa": "CatCareQA", "dolly_16k_ja": "Dolly16kJa"}  # package: its loading script
OUT = Path(__file__).parent / "dist"


def build(args: argparse.Namespace) -> int:
    """Build into --out. All of it appears there, or nothing."""
    from build_steps.staging import Staging

    with Staging(args.out) as staging:
        reports, left_out = for_each_dataset(args, lambda name, source: build_one(name, source, staging))
        if not any(report.errors for report in reports):
            staging.publish()
    return show(reports, left_out)


def build_one(name: str, source: Path | None, staging: Staging) -> Report:
    """Read, check, export, describe, list: one dataset, from its source to a staged folder."""
    from build_steps.card import write_card
    from build_steps.check import check as check_rows
    from build_steps.croissant import write_croissant
    from build_steps.export import export
    from build_steps.loading import prepare_all
    from build_steps.manifest import write_manifest

    builder = loading_script(name)(source, cache_dir=str(staging.scratch / name))
    tables = prepare_all(builder)
    report = check_rows(builder, tables["default"])
    if not report.errors:
        folder = staging.folder(name)
        rows = export(builder, tables, folder)
        write_card(builder, report, folder)
        write_croissant(builder, folder)
        write_manifest(builder, report, rows, folder)
    return report


def check(args: argparse.Namespace) -> int:
    """Hold the rows against the rules; write nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        reports, left_out = for_each_dataset(args, lambda name, source: check_one(name, source, scratch))
    return show(reports, left_out, as_json=args.json)


def check_one(name: str, source: Path | None, scratch: str) -> Report:
    """Read and check one dataset."""
    from build_steps.check import check as check_rows
    from build_steps.loading import prepare

    builder = loading_script(name)(source, cache_dir=scratch)
    return check_rows(builder, prepare(builder))


def push(args: argparse.Namespace) -> int:
    """Publish what was built: one commit, every file compared by hash, then the tag. A second run changes nothing."""
    from build_steps import push as pushing
    from build_steps.hub import HubRepo

    todo = []
    for name in args.names or DATASETS:  # all of them are looked at before anything is changed
        builder, repo = loading_script(name)(), HubRepo(f"{args.namespace}/{name}")
        release = pushing.read_release(builder, args.out / name)
        pushing.require_tag_name(release, args.tag)
        plan = pushing.look(builder, release, repo)
        print(f"{repo.repo_id}: ", end="")
        print(*plan.lines(release), sep="\n")
        todo.append((release, repo, plan))
    for of_one in todo if not args.dry_run else ():
        (pushing.propose if args.create_pr else pushing.publish)(*of_one, print)
    return 0


def diff(args: argparse.Namespace) -> int:
    """What a build changes in an older release: rows by id, columns, splits, files. Exit 0 for nothing, 1 otherwise."""
    from build_steps.diff import compare
    from build_steps.hub import HubRepo
    from build_steps.release import Release

    [name] = args.names
    with tempfile.TemporaryDirectory() as folder:
        repo_id, at, revision = args.against.partition("@")
        against = HubRepo(repo_id).download(revision, Path(folder)) if at else Path(args.against)
        old, new = Release.read(against).verify(alone=False), Release.read(args.out / name).verify()
        found = compare(old, new, loading_script(name).ID)
    print(json.dumps(found.to_json(), ensure_ascii=False, indent=2) if args.json else "\n".join(found.lines()))
    return int(bool(found))


def for_each_dataset(
    args: argparse.Namespace, work: Callable[[str, Path | None], Report]
) -> tuple[list[Report], list[str]]:
    """Reports of the datasets that can be reached, and a sentence for each that was left out because it cannot be.

    A dataset that was named, or given a source, must be reached.
    """
    reports, left_out = [], []
    for name in args.names or DATASETS:
        try:
            reports.append(work(name, args.source.get(name)))
        except DataError as error:
            from build_steps.check import Report

            reports.append(Report(name, errors=error.violations))
        except SourceError as error:
            hint = f"give {name} a local copy of its source with --source {name}=FILE."
            if name in args.names or name in args.source:
                raise SourceError(f"{error}; {hint}") from error
            left_out.append(f"{name} was left out, because {error}; {hint}")
    return reports, left_out


def show(reports: list[Report], left_out: list[str], as_json: bool = False) -> int:
    """Print what was found, mistakes to standard error; the exit code."""
    if as_json:
        print(json.dumps([report.to_json() for report in reports], ensure_ascii=False, indent=2))
    else:
        for report in reports:
            print(*report.errors, sep="\n", end="\n" if report.errors else "", file=sys.stderr)
            print(*report.lines(), sep="\n")
    print(*left_out, sep="\n", end="\n" if left_out else "", file=sys.stderr if as_json else sys.stdout)
    return int(any(report.errors for report in reports))


def loading_script(name: str) -> type[RecordsBuilder]:
    """The builder class of a dataset. Importing it is slow, so only what is asked for is imported."""
    import datasets
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        disable_progress_bars()
    return getattr(importlib.import_module(name), DATASETS[name])


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line, every dataset in it known. What is wrong in it ends the program with exit code 2."""
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=build, names=[], source={}, out=OUT)
    commands = parser.add_subparsers(title="commands (without one: build)", metavar="COMMAND")

    of_build = commands.add_parser("build", help="build datasets into a folder", description=build.__doc__)
    of_build.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where to (default: dist)")
    of_build.set_defaults(run=build)

    of_check = commands.add_parser("check", help="validate only, write nothing", description=check.__doc__)
    of_check.add_argument("--json", action="store_true", help="print the report as JSON")
    of_check.set_defaults(run=check)

    of_push = commands.add_parser("push", help="publish what was built on the Hub", description=push.__doc__)
    of_push.add_argument("--namespace", default="qeu", help="user or organisation on the Hub (default: qeu)")
    of_push.add_argument("--tag", help="the tag that is expected: v and the version in the builder, which it always is")
    of_push.add_argument("--create-pr", action="store_true", help="open a pull request instead of committing")
    of_push.add_argument("--dry-run", action="store_true", help="tell what would be done, do nothing")
    of_push.set_defaults(run=push)

    of_diff = commands.add_parser("diff", help="tell what a build changes in a release", description=diff.__doc__)
    of_diff.add_argument("names", nargs=1, metavar="NAME", help=" or ".join(DATASETS))
    of_diff.add_argument("against", metavar="AGAINST", help="the older release: a folder, or namespace/name@revision")
    of_diff.add_argument("--json", action="store_true", help="print the diff as JSON, every row in it")
    of_diff.set_defaults(run=diff)

    for command in (of_push, of_diff):
        command.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="where the build is (default: dist)")
    for command in (of_build, of_check, of_push):
        command.add_argument("names", nargs="*", metavar="NAME", help=f"{' or '.join(DATASETS)} (default: both)")
    for command in (of_build, of_check):
        command.add_argument(
            "--source",
            action="append",
            default=[],
            metavar="NAME=FILE",
            help="read a dataset's records from a local file",
        )
    args = parser.parse_args(argv)
    args.source = dict(pair.partition("=")[::2] for pair in args.source)
    for name in (*args.names, *args.source):
        if name not in DATASETS:
            parser.error(f"there is no dataset {name!r}; the datasets are {' and '.join(DATASETS)}")
    args.source = {name: Path(path) for name, path in args.source.items()}
    return args


def left_behind(args: argparse.Namespace) -> str:
    """What a command that was stopped by the machine leaves, and what to do."""
    return "the same command goes on where it stopped" if args.run is push else "nothing was changed"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    args = parse(sys.argv[1:] if argv is None else argv)
    try:
        return args.run(args)
    except BuildError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if args.debug:
            raise
        print(f"error: {error.filename or args.out}: {error.strerror or error}; {left_behind(args)}.", file=sys.stderr)
        return UsageError.exit_code
    except KeyboardInterrupt:
        print(f"error: interrupted; {left_behind(args)}.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
