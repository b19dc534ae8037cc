"""LLaMA-Factory's reader takes the Alpaca files, downloaded, with no mapping of columns."""

from __future__ import annotations

import json
from pathlib import Path

import tiny
from common import REPOS, REVISION, report
from huggingface_hub import snapshot_download
from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments

found = {}
for repo in REPOS:
    folder = Path(snapshot_download(repo, repo_type="dataset", revision=REVISION, local_dir=repo.split("/")[1]))
    files = sorted([*folder.glob("json/*_train.json"), *folder.glob("jsonl/databricks-*.jsonl")])
    (folder / "dataset_info.json").write_text(
        json.dumps({path.stem: {"file_name": path.relative_to(folder).as_posix()} for path in files})
    )
    for path in files:
        text = path.read_text(encoding="utf-8")
        rows = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
        data = DataArguments(
            dataset=path.stem, dataset_dir=str(folder), template="default", cutoff_len=4096, preprocessing_num_workers=1
        )
        tokenizer = tiny.tokenizer()
        template = get_template_and_fix_tokenizer(tokenizer, data)
        training = TrainingArguments(output_dir="trained", use_cpu=True, bf16=False, do_train=True)
        module = get_dataset(
            template, ModelArguments(model_name_or_path="tiny"), data, training, stage="sft", tokenizer=tokenizer
        )
        got = module["train_dataset"]
        first = tokenizer.decode(got[0]["input_ids"])
        found[f"{repo}/{path.name}"] = [
            len(got),
            len(rows),
            rows[0]["instruction"] in first,
            rows[0]["output"] in first,
        ]
report("llamafactory", "transformers", "datasets", found=found)
