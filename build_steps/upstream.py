"""A file of the Hub at a pinned revision: downloaded by its own client, verified before a byte of it is parsed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from build_steps.errors import SourceError


@dataclass(frozen=True)
class HubFile:
    """Which file of which dataset repository, and what it must be; `size` in bytes."""

    repo_id: str
    filename: str
    revision: str
    size: int
    sha256: str

    def download(self) -> Path:
        """Its path in the cache of huggingface_hub, after a download where it was not there.

        Raises SourceError when the Hub cannot be reached or refuses, or gives another file.
        """
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

        try:
            path = hf_hub_download(self.repo_id, self.filename, repo_type="dataset", revision=self.revision)
        except (LocalEntryNotFoundError, OfflineModeIsEnabled):
            raise SourceError(f"{self} is not in the cache, and the Hub cannot be reached") from None
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else "no answer"
            raise SourceError(f"the Hub refused {self} (status {status})") from None
        except OSError as error:
            raise SourceError(f"{self} could not be downloaded ({error})") from None
        self._verify(Path(path))
        return Path(path)

    def is_same_as(self, path: Path) -> bool:
        """Whether a local file is this one."""
        return path.is_file() and path.stat().st_size == self.size and sha256_of(path) == self.sha256

    def _verify(self, path: Path) -> None:
        size, sha256 = path.stat().st_size, sha256_of(path)
        if (size, sha256) != (self.size, self.sha256):
            raise SourceError(
                f"{path} is not {self}: {size:,} bytes with sha256 {sha256}, expected {self.size:,} bytes with"
                f" sha256 {self.sha256}; delete it, so that the next run downloads it again"
            )

    def __str__(self) -> str:
        return f"{self.repo_id}/{self.filename} at revision {self.revision[:7]}"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
