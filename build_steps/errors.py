"""What can go wrong, each with the exit code of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from build_steps.rules import Violation


class BuildError(Exception):
    """One clear sentence for the person at the keyboard."""

    exit_code = 1


class DataError(BuildError):
    """The data is wrong; every violation is named."""

    def __init__(self, violations: Sequence[Violation]):
        super().__init__("\n".join(map(str, violations)))
        self.violations = list(violations)


class UsageError(BuildError):
    """The command line asks for what cannot be."""

    exit_code = 2


class SourceError(BuildError):
    """A source or the Hub could not be reached, or refused."""

    exit_code = 3
