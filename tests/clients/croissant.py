"""`mlcroissant`: the Croissant file as it stands on the Hub, its RAI fields, and the records it leads to."""

from __future__ import annotations

import os
from pathlib import Path

import mlcroissant
from common import REPOS, REVISION, report
from huggingface_hub import hf_hub_download
from seen import seen


def plain(value: object) -> object:
    """Texts instead of the bytes that mlcroissant gives."""
    if isinstance(value, bytes):
        return value.decode()
    return [plain(one) for one in value] if isinstance(value, list) else value


found, rai = {}, {}
for repo in REPOS:
    text = Path(hf_hub_download(repo, "croissant.json", repo_type="dataset", revision=REVISION)).read_text("utf-8")
    there = Path(f"{repo.replace('/', '-')}.json")
    there.write_text(text.replace("https://huggingface.co", os.environ["HF_ENDPOINT"]), encoding="utf-8")
    dataset = mlcroissant.Dataset(there)
    rai[repo] = [dataset.metadata.data_biases, dataset.metadata.data_limitations, dataset.metadata.data_use_cases]
    for records in dataset.metadata.record_sets:
        rows = [
            {field.rpartition("/")[2]: plain(value) for field, value in row.items()}
            for row in dataset.records(records.uuid)
        ]
        found[f"{repo}/{records.uuid}"] = seen(rows)
report("mlcroissant", found=found, rai=rai)
