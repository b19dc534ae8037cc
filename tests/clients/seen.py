"""How rows are compared between a client and the files that were built."""

from __future__ import annotations

import hashlib
import json


def seen(rows: list[dict]) -> list:
    """How many rows, and what they hold."""
    return [len(rows), hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()]
