"""Loading script of cat_care_qa: columns, configs, splits, version, and the files that they become."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from build_steps.fact_checks import read_fact_checks
from build_steps.loading import MESSAGES, Config, Part, RecordsBuilder, chat
from build_steps.reading import read_our_files, read_records
from build_steps.rules import Rule
from cat_care_qa import measures
from cat_care_qa.rules import KINDS, TOPICS, URGENCIES, read_references, rules

VERSION = datasets.Version("1.0.0")
SPLITS = ("train", "test")
TEST_SHARE = 6  # one record in six

FIELDS = {
    "id": str,
    "question": str,
    "answer": str,
    "context": str,
    "kind": str,
    "topic": str,
    "urgency": str,
    "references": list,
    "origin": str,
    "added_in": str,
}
TEXT = datasets.Value("string")
FEATURES = datasets.Features({name: datasets.List(TEXT) if kind is list else TEXT for name, kind in FIELDS.items()})
ALPACA = datasets.Features({"instruction": TEXT, "input": TEXT, "output": TEXT})


def split_of(record_id: str) -> str:
    """The split of a record. It follows from the id alone, so that added records never move another."""
    digest = hashlib.sha256(record_id.encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") % TEST_SHARE == 0 else "train"


def to_alpaca(table: pa.Table) -> pa.Table:
    """The Alpaca form: the context is the input."""
    return table.select(["question", "context", "answer"]).rename_columns(list(ALPACA))


def to_chat(table: pa.Table) -> pa.Table:
    """One exchange a record, as `messages`."""
    return chat(table["question"], table["context"], table["answer"])


def to_story(table: pa.Table) -> pa.Table:
    """The columns as users of the original file know them: the question first, the id last."""
    return table.select([*(name for name in FIELDS if name != "id"), "id"])


class CatCareQA(RecordsBuilder):
    """猫の飼い方 — `CatCareQA().download_and_prepare()`, then `.as_dataset()`."""

    NAME = "cat_care_qa"
    FOLDER = Path(__file__).parent
    VERSION = VERSION
    ID = "id"
    PROMPT = ("question", "context")
    ANSWER = "answer"
    FEW_VALUES = (
        "kind",
        "topic",
        "urgency",
        "origin",
        "added_in",
        "references.list.element",
        "messages.list.element.role",
    )

    BUILDER_CONFIGS: ClassVar[list[Config]] = [
        Config(
            name="default",
            version=VERSION,
            features=FEATURES,
            parts=tuple(Part(f"data/{split}-00000-of-00001.parquet", split) for split in SPLITS),
        ),
        Config(
            name="alpaca",
            version=VERSION,
            features=ALPACA,
            parts=tuple(Part(f"alpaca/{split}-00000-of-00001.parquet", split, to_alpaca) for split in SPLITS),
        ),
        Config(
            name="chat",
            version=VERSION,
            features=datasets.Features({"messages": MESSAGES}),
            parts=tuple(Part(f"chat/{split}-00000-of-00001.parquet", split, to_chat) for split in SPLITS),
        ),
    ]
    COPIED = ("references.json",)
    BESIDE = (
        *(Part(f"jsonl/cats_stories_{split}.jsonl", split, to_story) for split in SPLITS),
        *(Part(f"json/alpaca_cats_stories_{split}.json", split, to_alpaca) for split in SPLITS),
    )

    def input_files(self) -> list[Path]:
        own = sorted((self.FOLDER / "records").glob("*.jsonl"))
        return [*([self.source] if self.source else own), self.FOLDER / "references.json"]

    def rows(self, of: str) -> Iterator[pa.RecordBatch]:
        if self.source:
            return read_records(self.source, FIELDS, self.NAME)
        return iter(read_our_files(self.input_files()[:-1], FIELDS, self.NAME, self.FOLDER.parent))

    def of_split(self, table: pa.Table, split: str) -> pa.Table:
        return table.filter(
            pa.array([split_of(record_id) == split for record_id in table["id"].to_pylist()], pa.bool_())
        )

    def rules(self) -> list[Rule]:
        return rules(self.FOLDER / "references.json", str(self.VERSION), split_of)

    def for_the_card(self) -> dict[str, Any]:
        references = read_references(self.FOLDER / "references.json")
        checks = Counter(read_fact_checks(self.FOLDER, self.ID, str)["verdict"].to_pylist())
        names = {"topics": TOPICS, "kinds": KINDS, "urgencies": URGENCIES}
        return {**names, "references": references, "fact_checks": checks, "measures": measures}

    def ours(self, table: pa.Table) -> pa.ChunkedArray:
        return pc.is_valid(table["id"])
