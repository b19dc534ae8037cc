"""TRL's SFTTrainer takes the `chat` config as it is loaded."""

from __future__ import annotations

import math

import tiny
from common import REPOS, REVISION, report
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

found = {}
for repo in REPOS:
    rows = load_dataset(repo, "chat", split="train", revision=REVISION)
    tokenizer = tiny.tokenizer()
    trainer = SFTTrainer(
        model=tiny.model(tokenizer),
        args=SFTConfig(
            output_dir="trained",
            max_steps=2,
            per_device_train_batch_size=2,
            max_length=256,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
        ),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    loss = trainer.train().training_loss
    first = rows[0]["messages"]
    text = tokenizer.decode(trainer.train_dataset[0]["input_ids"])
    found[repo] = [
        len(trainer.train_dataset),
        math.isfinite(loss),
        text.startswith(f"<user>{first[0]['content']}"[:60]),
    ]
report("trl", "transformers", "datasets", found=found)
