"""Loading script of dolly_16k_ja: columns, configs, shards, version, and the files that they become."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from build_steps import style
from build_steps.errors import DataError
from build_steps.fact_checks import read_fact_checks
from build_steps.loading import MESSAGES, Config, Part, RecordsBuilder, chat
from build_steps.reading import FILE, LINE, read_records
from build_steps.rules import Rule
from build_steps.rules.shape import ID_ORDER, violation
from build_steps.upstream import HubFile
from dolly_16k_ja.mending import MENDS, ONE_STYLE, Revised, mend
from dolly_16k_ja.review import READ, STYLE_LABELS, Review
from dolly_16k_ja.rules import rules

VERSION = datasets.Version("1.0.0")
SHARDS = 4
SHARD_ROWS = 4_000
SLOTS = SHARDS * SHARD_ROWS

UPSTREAM = HubFile(
    repo_id="kunishou/databricks-dolly-15k-ja",
    filename="databricks-dolly-15k-ja.json",
    revision="130343fbeafa41a8501c4fefb50cbcca69f9f32f",
    size=17_061_949,
    sha256="d0aaf2ec8456aa5a31f5705f94011a47438f5f374c67776ef497663a77932335",
)
UPSTREAM_FIELDS = {"index": str, "instruction": str, "input": str, "output": str, "category": str}

TEXT = datasets.Value("string")
ALPACA = ("instruction", "input", "output")
FEATURES = datasets.Features(
    {"index": datasets.Value("int64"), **dict.fromkeys((*ALPACA, "category", "style", "origin"), TEXT)}
)
CHANGES = datasets.Features(
    {
        "index": datasets.Value("int64"),
        **dict.fromkeys(("change", "field", "before", "after", "rule", "reason"), TEXT),
    }
)


def shard(table: pa.Table, number: int) -> pa.Table:
    """The rows whose slots belong to shard `number`, 1 to 4."""
    slots = table["index"]
    return table.filter(
        pc.and_(pc.greater_equal(slots, SHARD_ROWS * (number - 1)), pc.less(slots, SHARD_ROWS * number))
    )


def shard_chat(table: pa.Table, number: int) -> pa.Table:
    """A shard as `messages`, one exchange a row."""
    rows = shard(table, number)
    return chat(rows["instruction"], rows["input"], rows["output"])


def shard_alpaca(table: pa.Table, number: int) -> pa.Table:
    """A shard's Alpaca triple."""
    return shard(table, number).select(list(ALPACA))


NUMBERS = range(1, SHARDS + 1)
SHARD_PARTS = tuple(
    Part(f"data/train-{k - 1:05d}-of-{SHARDS:05d}.parquet", "train", partial(shard, number=k)) for k in NUMBERS
)
CHAT_PARTS = tuple(
    Part(f"chat/train-{k - 1:05d}-of-{SHARDS:05d}.parquet", "train", partial(shard_chat, number=k)) for k in NUMBERS
)


class Dolly16kJa(RecordsBuilder):
    """databricks-dolly in Japanese — `Dolly16kJa().download_and_prepare()`, then `.as_dataset()`.

    The review and the additions are made for the pinned upstream file. Another `source` is taken as it is.
    """

    NAME = "dolly_16k_ja"
    FOLDER = Path(__file__).parent
    VERSION = VERSION
    ID = "index"
    PROMPT = ("instruction", "input")
    ANSWER = "output"
    FEW_VALUES = ("category", "style", "origin", "change", "field", "rule", "messages.list.element.role")

    BUILDER_CONFIGS: ClassVar[list[Config]] = [
        Config(name="default", version=VERSION, features=FEATURES, parts=SHARD_PARTS),
        *(
            Config(name=f"{k}_of_{SHARDS}", version=VERSION, features=FEATURES, parts=(SHARD_PARTS[k - 1],))
            for k in NUMBERS
        ),
        Config(name="chat", version=VERSION, features=datasets.Features({"messages": MESSAGES}), parts=CHAT_PARTS),
        Config(
            name="changes",
            version=VERSION,
            features=CHANGES,
            parts=(Part("changes/train-00000-of-00001.parquet", "train"),),
            of="changes",
        ),
    ]
    BESIDE = tuple(
        Part(f"jsonl/databricks-dolly-16k-line_ja-{k}_of_{SHARDS}.jsonl", "train", partial(shard_alpaca, number=k))
        for k in NUMBERS
    )

    def input_files(self) -> list[Path]:
        return [*([self.source] if self.source else []), *Review.files(self.FOLDER)]

    @cached_property
    def upstream_file(self) -> Path:
        return self.source or UPSTREAM.download()

    @cached_property
    def is_pinned(self) -> bool:
        """Whether the rows come from the upstream file that the review was made for."""
        return self.source is None or UPSTREAM.is_same_as(self.source)

    def rows(self, of: str) -> Iterator[pa.RecordBatch]:
        source = self.upstream_file
        review, reviewed = _reviewed(self.FOLDER, source, self.hash) if self.is_pinned else _as_they_are(source)
        if of == "changes":
            return review.changes(reviewed, CHANGES.arrow_schema)
        return self._with_style(batch.after for batch in reviewed)

    @staticmethod
    def _with_style(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            styled = batch.append_column("style", style.classify(batch["output"]))
            yield styled.select([*FEATURES, FILE, LINE])

    def rules(self) -> list[Rule]:
        return rules(SLOTS if self.is_pinned else None, SHARD_ROWS)

    def for_the_card(self) -> dict[str, Any]:
        return {
            "fact_checks": Counter(read_fact_checks(self.FOLDER, self.ID, int)["verdict"].to_pylist()),
            "rows_read": len(READ.read_text(encoding="utf-8").splitlines()),
            "slots": SLOTS,
            "style_labels": self._style_agreement() if self.is_pinned else None,
            "upstream": asdict(UPSTREAM) if self.is_pinned else None,
            "mends": {mend.id: mend.says for mend in (*MENDS, ONE_STYLE)},
        }

    def _style_agreement(self) -> dict[str, int]:
        """On how many labels made by reading upstream's outputs the sentence style by rule agrees with them."""
        labels = {label["index"]: label["label"] for label in map(json.loads, STYLE_LABELS.open(encoding="utf-8"))}
        _, reviewed = _reviewed(self.FOLDER, self.upstream_file, self.hash)
        read = pa.Table.from_batches([batch.before.select(["index", "output"]) for batch in reviewed])
        read = read.filter(pc.is_in(read["index"], pa.array(labels, pa.int64())))
        pairs = zip(read["index"].to_pylist(), style.classify(read["output"]).to_pylist(), strict=True)
        return {"rows": len(labels), "agree": sum(labels[index] == by_rule for index, by_rule in pairs)}

    def ours(self, table: pa.Table) -> pa.ChunkedArray:
        return pc.equal(table["origin"], "addition")

    def made_from(self) -> dict[str, Any]:
        made_from = super().made_from()
        if not self.is_pinned:
            return made_from
        own = {name: digest for name, digest in made_from["files"].items() if digest != UPSTREAM.sha256}
        return {"upstream": asdict(UPSTREAM), **made_from, "files": own}

    def remarks(self) -> list[str]:
        if self.source is None or self.is_pinned:
            return []
        return [f"{self.source.name} is not the pinned upstream file: review and additions were left out"]


@lru_cache(maxsize=1)
def _reviewed(folder: Path, pinned: Path, content: str) -> tuple[Review, list[Revised]]:
    """The review and what it makes of the pinned upstream file, once for the two configs that ask for it.

    `content` is a hash over code and inputs, so that what is kept never answers for what was edited since.
    """
    review = Review.read(folder, Dolly16kJa.NAME)
    return review, list(review.apply(map(mend, _numbered(pinned, UPSTREAM.filename))))


def _as_they_are(source: Path) -> tuple[Review, Iterator[Revised]]:
    """The rows of another source, which no review was made for."""
    rows = (
        batch.append_column("origin", pa.repeat("upstream", len(batch))) for batch in _numbered(source, str(source))
    )
    return Review.none(), (Revised(batch, batch, []) for batch in rows)


def _numbered(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    """Upstream's rows, `index` as a number that is the row's place; DataError where it is not."""
    count = 0
    for batch in read_records(path, UPSTREAM_FIELDS, Dolly16kJa.NAME, name):
        places = pa.array(range(count, count + batch.num_rows), pa.int64())
        misplaced = pc.not_equal(batch["index"], pc.cast(places, pa.string()))
        if pc.any(misplaced).as_py():
            columns = (column.filter(misplaced).to_pylist() for column in (batch["index"], batch[LINE], places))
            raise DataError(
                [
                    violation(ID_ORDER, Dolly16kJa.NAME, name, line, id=index, found=f"expected {place}")
                    for index, line, place in zip(*columns, strict=True)
                ]
            )
        count += batch.num_rows
        yield batch.set_column(0, "index", places)
