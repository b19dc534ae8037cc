"""pandas, polars, DuckDB and fsspec over `hf://`, and `hf download`; the Parquet files of the default config.

polars' own `hf://` asks huggingface.co whatever HF_ENDPOINT says, and DuckDB's needs an extension from its own server,
so polars reads the file that fsspec opens, and DuckDB the Arrow dataset over it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import polars as pl
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
from common import REPOS, REVISION, report
from huggingface_hub import HfFileSystem
from seen import seen

hub = HfFileSystem()
found: dict[str, dict[str, list]] = {name: {} for name in ("pandas", "polars", "duckdb", "fsspec", "hf download")}
for repo in REPOS:
    for path in sorted(hub.glob(f"datasets/{repo}@{REVISION}/data/*.parquet")):
        url, name = f"hf://{path}", f"{repo}/{Path(path).name}"
        frame = pd.read_parquet(url)
        if "references" in frame:
            frame["references"] = frame["references"].map(list)
        found["pandas"][name] = seen(frame.to_dict("records"))
        with fsspec.open(url) as file:
            found["polars"][name] = seen(pl.read_parquet(file).to_dicts())
        with fsspec.open(url) as file:
            found["fsspec"][name] = seen(pq.read_table(file).to_pylist())
        rows = duckdb.from_arrow(pa_dataset.dataset(path, filesystem=hub))
        found["duckdb"][name] = seen([dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()])
    folder = Path("downloaded") / repo
    hf = [Path(sys.executable).with_name("hf"), "download", repo, "--repo-type", "dataset", "--revision", REVISION]
    subprocess.run([*hf, "--local-dir", folder], check=True, stdout=subprocess.DEVNULL)
    for path in sorted((folder / "data").glob("*.parquet")):
        found["hf download"][f"{repo}/{path.name}"] = seen(pq.read_table(path).to_pylist())
report("pandas", "polars", "duckdb", "fsspec", "huggingface_hub", found=found)
