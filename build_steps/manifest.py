"""The manifest of a build: what it was made from, what the rules counted, and the rows and sha256 of every file."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from build_steps.check import Report
from build_steps.loading import RecordsBuilder
from build_steps.upstream import sha256_of

NAME = "manifest.json"
LIBRARIES = ("datasets", "huggingface_hub", "pyarrow")  # those that the bytes of the files depend on


def write_manifest(builder: RecordsBuilder, report: Report, rows: dict[str, int], folder: Path) -> Path:
    """Write it last, beside the files; `rows` of a file by its path in the folder."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    checked = report.to_json()
    manifest = {
        "dataset": builder.NAME,
        "version": str(builder.VERSION),
        "made_from": builder.made_from(),
        "libraries": {library: version(library) for library in LIBRARIES},
        **{key: checked[key] for key in ("rows", "rules", "waivers", "remarks")},
        "files": {
            name: {
                "rows": rows.get(name),
                "bytes": (folder / name).stat().st_size,
                "sha256": sha256_of(folder / name),
            }
            for name in files
        },
    }
    path = folder / NAME
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
