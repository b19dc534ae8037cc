"""A build appears whole or not at all, whenever it is stopped.

`OUT/<dataset>` is a symbolic link to a folder in `OUT/.builds/`. A build is made in a folder of its own beside it; then
the link is replaced in one step of the file system. What was left behind by a build that was killed goes with the next.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from build_steps.errors import UsageError

_BUILDS = ".builds"


class Staging:
    """Folders for the outputs of one build; `publish` puts them in their places. One build at a time for an `out`."""

    def __init__(self, out: Path):
        self.out = out
        self.builds = out / _BUILDS
        self._lock = FileLock(out / ".lock")
        self._staged: dict[str, Path] = {}

    def __enter__(self) -> Staging:
        try:
            self.builds.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._remove_leftovers()
            self.scratch = Path(tempfile.mkdtemp(dir=self.builds, prefix="scratch-"))
        except OSError as error:
            raise UsageError(
                f"{self.out} cannot be written ({error.strerror}); name another folder with --out."
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove_leftovers()
        self._lock.release()

    def folder(self, name: str) -> Path:
        """An empty folder for the output of a dataset."""
        place = self.out / name
        if place.exists() and not place.is_symlink():
            raise UsageError(f"{place} was not made by a build; move it away, or name another folder with --out.")
        self._staged[name] = Path(tempfile.mkdtemp(dir=self.builds, prefix=f"{name}-"))
        self._staged[name].chmod(0o755)
        return self._staged[name]

    def publish(self) -> None:
        """Put every folder in its place, each in one step."""
        for name, folder in self._staged.items():
            link = self.scratch / f"{name}.link"
            link.symlink_to(Path(_BUILDS) / folder.name)
            link.replace(self.out / name)

    def _remove_leftovers(self) -> None:
        in_use = {(self.out / link.readlink()).name for link in self.out.iterdir() if link.is_symlink()}
        for folder in self.builds.iterdir():
            if folder.name not in in_use:
                shutil.rmtree(folder, ignore_errors=True)
