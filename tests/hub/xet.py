"""What a Hub has to know of the store that the real `hf_xet` keeps in a local folder.

A file's Xet hash stands in the shards that the client wrote, beside its sha256. A shard is a header of 48 bytes, then
for each file a header of 48 bytes (hash, flags, number of segments), its segments, their verifications and its
metadata (sha256), 48 bytes each: https://huggingface.co/docs/xet/en/shard. A file is put together by the client itself,
in a process of its own, because the store is locked by the process that has it open.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ENTRY = 48
HAS_VERIFICATION, HAS_METADATA = 1 << 31, 1 << 30
END = b"\xff" * 32

DOWNLOAD = """
import sys, hf_xet
endpoint, file_hash, size, path = sys.argv[1:]
with hf_xet.XetSession().new_file_download_group(endpoint=endpoint) as group:
    group.start_download_file(hf_xet.XetFileInfo(file_hash, int(size)), path)
"""


def xet_hash(store: Path, sha256: str) -> str | None:
    """The Xet hash of the stored file with this sha256, if it was uploaded."""
    for shard in sorted(store.glob("xet/xorbs/shards/*.mdb")):
        for file_hash, of_content in _files(shard.read_bytes()):
            if of_content == sha256:
                return file_hash
    return None


def reconstruct(store: Path, file_hash: str, size: int, path: Path) -> None:
    """Write a stored file to `path`."""
    subprocess.run([sys.executable, "-c", DOWNLOAD, f"local://{store}", file_hash, str(size), str(path)], check=True)


def _files(shard: bytes) -> Iterator[tuple[str, str]]:
    """Xet hash and sha256 of each file of a shard."""
    at = ENTRY
    while shard[at : at + 32] != END:
        flags, segments = struct.unpack_from("<II", shard, at + 32)
        metadata = at + ENTRY * (1 + segments * (2 if flags & HAS_VERIFICATION else 1))
        if flags & HAS_METADATA:
            yield _hex(shard[at : at + 32]), _hex(shard[metadata : metadata + 32])
        at = metadata + (ENTRY if flags & HAS_METADATA else 0)


def _hex(stored: bytes) -> str:
    """A hash as text: four numbers of eight bytes, each stored with its lowest byte first."""
    return "".join(stored[at : at + 8][::-1].hex() for at in range(0, 32, 8))
