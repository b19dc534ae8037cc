"""What was looked up for the records of a dataset: `fact_checks.jsonl` in its folder, a line a statement."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from build_steps.reading import read_our_files

NAME = "fact_checks.jsonl"


def read_fact_checks(folder: Path, id_column: str, id_type: type) -> pa.Table:
    """The id of the record, `claim`, `verdict` and `source` of each statement. Raises DataError for another form."""
    fields = {id_column: id_type, "claim": str, "verdict": str, "source": str}
    return pa.Table.from_batches(read_our_files([folder / NAME], fields, folder.name, folder.parent))
