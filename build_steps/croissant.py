"""Croissant: the dataset described for machines, https://docs.mlcommons.org/croissant/, with its RAI extension.

What no file tells (how the data came about, its limits, what it is for) stands in `rai.json` of the dataset's folder;
the rest is read from the built files and their card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard

from build_steps import card
from build_steps.loading import Config, RecordsBuilder
from build_steps.upstream import sha256_of

NAME = "croissant.json"
RAI = "rai.json"
CONFORMS_TO = ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]

# The context that the specification gives, word for word.
_OF_CROISSANT = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset"
    " jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source"
    " subField transform"
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    **{term: f"cr:{term}" for term in _OF_CROISSANT.split()},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}


def write_croissant(builder: RecordsBuilder, folder: Path) -> Path:
    """Render `croissant.json`: the files that are no view of others, with their hashes and columns."""
    template = (builder.FOLDER / card.TEMPLATE).read_text(encoding="utf-8")
    data = DatasetCard(template, ignore_metadata_errors=False).data.to_dict()
    about = json.loads((builder.FOLDER / RAI).read_text(encoding="utf-8"))
    page = f"https://huggingface.co/datasets/qeu/{builder.NAME}"
    paths = [path for config in builder.BUILDER_CONFIGS for path in _own_files(config, folder)]
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": builder.NAME,
        "description": about["description"],
        "license": data.get("license"),
        "url": page,
        "version": str(builder.VERSION),
        "citeAs": f"QEU, {builder.NAME}, version {builder.VERSION}, {page}",
        "inLanguage": data.get("language"),
        "keywords": data.get("tags"),
        "creator": {"@type": "sc:Organization", "name": "QEU", "url": "https://huggingface.co/qeu"},
        **{f"rai:{name}": text for name, text in about["rai"].items()},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "contentUrl": f"{page}/resolve/v{builder.VERSION}/{path}",
                "contentSize": f"{(folder / path).stat().st_size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": sha256_of(folder / path),
            }
            for path in paths
        ],
        "recordSet": [_record_set(path, pq.read_schema(folder / path)) for path in paths],
    }
    path = folder / NAME
    path.write_text(json.dumps(described, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path


def _own_files(config: Config, folder: Path) -> Iterator[str]:
    """The files of a config that are no view of another one's rows."""
    if config.of == config.name:
        yield from (part.path for part in config.parts if (folder / part.path).exists())


def _record_set(path: str, schema: pa.Schema) -> dict[str, Any]:
    """The columns of one Parquet file."""
    name = path.removesuffix(".parquet")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column.name}",
                "name": f"{name}/{column.name}",
                "dataType": "sc:Integer" if pa.types.is_integer(column.type) else "sc:Text",
                **({"repeated": True} if pa.types.is_list(column.type) else {}),
                "source": {"fileObject": {"@id": path}, "extract": {"column": column.name}},
            }
            for column in schema
        ],
    }
