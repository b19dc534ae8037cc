"""Export: the files of a dataset, as its builder declares them, out of the rows that its loading script made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from build_steps.loading import Part, RecordsBuilder

THREADS = 2
COMPRESSION_LEVEL = 9  # a third smaller than snappy; levels above it cost ten times the time
ROWS_AT_ONCE = 2_000


def export(builder: RecordsBuilder, tables: dict[str, dict[str, pa.Table]], folder: Path) -> dict[str, int]:
    """Write every declared file that has rows; `tables` by config that has rows of its own, and split.

    Returns the number of rows of each file, by its path in the folder.
    """
    parts = {part.path: (part, config.of) for config in builder.BUILDER_CONFIGS for part in config.parts}
    parts |= {part.path: (part, "default") for part in builder.BESIDE}

    def write(part: Part, of: str) -> int:
        rows = part.view(tables[of][part.split]) if part.split in tables[of] else None
        if rows is None or not rows.num_rows:
            return 0
        path = folder / part.path
        path.parent.mkdir(parents=True, exist_ok=True)
        _WRITERS[path.suffix](rows, path, builder.FEW_VALUES)
        return rows.num_rows

    for name in builder.COPIED:
        shutil.copyfile(builder.FOLDER / name, folder / name)
    with ThreadPoolExecutor(THREADS) as pool:
        counts = pool.map(lambda declared: write(*declared), parts.values())
        return {path: count for path, count in zip(parts, counts, strict=True) if count}


def _write_parquet(rows: pa.Table, path: Path, few_values: tuple[str, ...]) -> None:
    """One row group; chunks cut by content, so that an edit uploads little; a dictionary only where values repeat."""
    leaves = {name for column in rows.schema for name in _leaves(column)}
    pq.write_table(
        rows.combine_chunks(),
        path,
        row_group_size=max(rows.num_rows, 1),
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=sorted(leaves & set(few_values)),
        use_content_defined_chunking=True,
        write_page_index=True,
    )


def _leaves(column: pa.Field, prefix: str = "") -> Iterator[str]:
    """The names that Parquet gives the columns inside a nested one."""
    name = f"{prefix}{column.name}"
    if pa.types.is_list(column.type):
        yield from _leaves(column.type.value_field.with_name("element"), f"{name}.list.")
    elif pa.types.is_struct(column.type):
        for inner in column.type:
            yield from _leaves(inner, f"{name}.")
    else:
        yield name


def _write_jsonl(rows: pa.Table, path: Path, few_values: tuple[str, ...]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in _records(rows):
            file.write(encode(record) + "\n")


def _write_json(rows: pa.Table, path: Path, few_values: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(list(_records(rows)), file, ensure_ascii=False, indent=4)


def _records(rows: pa.Table) -> Iterator[dict[str, object]]:
    for batch in rows.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()


_WRITERS: dict[str, Callable[[pa.Table, Path, tuple[str, ...]], None]] = {
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
    ".json": _write_json,
}
