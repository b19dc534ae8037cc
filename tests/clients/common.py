"""What the programs here share. Each runs in an environment of its own and prints, last, one line of JSON."""

from __future__ import annotations

import importlib.metadata
import json
import os

REVISION = "v1.0.0"
REPOS = json.loads(os.environ["QEU_REPOS"])  # repository: configs


def report(*packages: str, **found: object) -> None:
    versions = {name: importlib.metadata.version(name) for name in packages}
    print(json.dumps({"versions": versions, **found}))
