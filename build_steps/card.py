"""The dataset card: a hand-written template filled with facts read from the built files, not one number typed by hand.

A template is `card.md` in the dataset's folder: YAML of what no file tells (licence, tags …), then Markdown in Jinja2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets
import jinja2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard

from build_steps import changelog
from build_steps.check import Report
from build_steps.loading import Config, RecordsBuilder

NAME = "README.md"
TEMPLATE = "card.md"
_SHADES = "█▓▒░"

# The Hub's own steps of `size_categories`, from the rows of the default config.
SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)


class Facts:
    """What a template may ask of the built files."""

    def __init__(self, builder: RecordsBuilder, report: Report, folder: Path):
        self.builder, self.report, self.folder = builder, report, folder
        self.name, self.version = builder.NAME, str(builder.VERSION)
        self.rules = {rule.id: rule for rule in builder.rules()}
        self.default = builder.BUILDER_CONFIGS[0]

    @cached_property
    def table(self) -> pa.Table:
        """The rows of the `default` config, all splits."""
        return pa.concat_tables(self.split(split) for split in self.splits)

    def split(self, name: str) -> pa.Table:
        paths = self.files(self.default)[name]
        return pa.concat_tables(pq.read_table(self.folder / path) for path in paths)

    @cached_property
    def splits(self) -> dict[str, int]:
        return {name: self.rows_of(paths) for name, paths in self.files(self.default).items()}

    @property
    def rows(self) -> int:
        return sum(self.splits.values())

    @property
    def configs(self) -> dict[str, dict[str, int]]:
        """Rows of each split of each config that has files."""
        every = {config.name: self.files(config) for config in self.builder.BUILDER_CONFIGS}
        return {
            name: {split: self.rows_of(paths) for split, paths in files.items()}
            for name, files in every.items()
            if files
        }

    def files(self, config: Config) -> dict[str, list[str]]:
        """The Parquet files of a config that were written, by split."""
        by_split: dict[str, list[str]] = {}
        for part in config.parts:
            if (self.folder / part.path).exists():
                by_split.setdefault(part.split, []).append(part.path)
        return by_split

    def rows_of(self, paths: Iterable[str]) -> int:
        return sum(pq.read_metadata(self.folder / path).num_rows for path in paths)

    def shards(self) -> list[int]:
        """Rows of each file of the `default` config."""
        return [self.rows_of([path]) for of_split in self.files(self.default).values() for path in of_split]

    def changes(self, column: str = "change", change: str | None = None) -> dict[str, int]:
        """Rows of the config `changes` by a column, of one kind of change where it is named; most frequent first."""
        files = next((self.files(config) for config in self.builder.BUILDER_CONFIGS if config.name == "changes"), {})
        if not files:
            return {}
        table = pa.concat_tables(pq.read_table(self.folder / path) for paths in files.values() for path in paths)
        table = table.filter(pc.equal(table["change"], change)) if change else table
        return dict(Counter(table[column].to_pylist()).most_common())

    def counts(self, column: str) -> dict[str, int]:
        """How often each value occurs in a column, lists counted value by value."""
        values = self.table[column]
        values = pc.list_flatten(values) if pa.types.is_list(values.type) else values
        return dict(Counter(values.to_pylist()).most_common())

    def pairs(self, row: str, column: str) -> Counter[tuple[str, str]]:
        """How often two columns have each pair of values."""
        return Counter(zip(self.table[row].to_pylist(), self.table[column].to_pylist(), strict=True))

    def crosstab(self, row: str, column: str, names: dict[str, str] | None = None) -> str:
        """A Markdown table of counts: values of `row` down, of `column` across, with totals."""
        pairs = self.pairs(row, column)
        downs = [value for value in (names or self.counts(row)) if value in self.counts(row)]
        acrosses = sorted(self.counts(column), key=lambda value: -self.counts(column)[value])
        numbers = {
            f"`{down}` {(names or {}).get(down, '')}".strip(): [pairs[down, across] for across in acrosses]
            for down in downs
        }
        numbers["total"] = [sum(column) for column in zip(*numbers.values(), strict=True)]
        body = [[label, *line, sum(line)] for label, line in numbers.items()]
        return markdown_table([row, *(f"`{across}`" for across in acrosses), "total"], body)

    def bars(self, row: str, column: str, width: int = 50) -> str:
        """A plot in text: for each value of `row` the shares of the values of `column` in it, in % and as a bar."""
        pairs = self.pairs(row, column)
        parts = dict(zip(self.counts(column), _SHADES, strict=False))
        downs = self.counts(row)
        label = max(map(len, downs))
        lines = ["%  " + "  ".join(f"{shade} {part}" for part, shade in parts.items()), ""]
        for down, total in downs.items():
            edges = np.cumsum([0, *(pairs[down, part] for part in parts)]) * width / total
            cells = np.diff(np.round(edges).astype(int)).tolist()
            shares = " ".join(f"{100 * pairs[down, part] / total:3.0f}" for part in parts)
            bar = "".join(shade * n for shade, n in zip(parts.values(), cells, strict=True))
            lines.append(f"{down:<{label}} {shares}  {bar}")
        return "\n".join(lines)

    def lengths(self, *columns: str) -> str:
        """A Markdown table of text lengths in characters; empty texts are left out."""
        lines = []
        for column in columns:
            length = pc.utf8_length(self.table[column]).to_numpy()
            length = length[length > 0]
            if not len(length):
                continue
            low, quarter, middle, three, high = np.percentile(length, [0, 25, 50, 75, 100]).round().astype(int).tolist()
            lines.append([f"`{column}`", len(length), low, quarter, middle, three, high])
        return markdown_table(["column", "rows", "min", "25 %", "median", "75 %", "max"], lines)

    def record(self, **values: Any) -> dict[str, Any]:
        """The first record in which the columns have these values."""
        table = self.table
        for column, value in values.items():
            table = table.filter(pc.equal(table[column], value))
        return table.slice(0, 1).to_pylist()[0]

    def versions(self) -> str:
        """The versions of the dataset as a Markdown table, the newest first."""
        entries = changelog.entries(self.name)
        return markdown_table(changelog.HEADER, [[f"`v{e.version}`", *e.counts.values(), e.what] for e in entries])

    def rule_counts(self) -> str:
        """A Markdown table of the rules that found something."""
        lines = [
            [f"`{rule_id}`", self.rules[rule_id].says, count.notes, count.waived]
            for rule_id, count in self.report.counts.items()
            if count.notes or count.waived
        ]
        return markdown_table(["rule", "what it found", "noted", "waived"], lines) if lines else ""

    def size_category(self) -> str:
        return next(category for limit, category in SIZE_CATEGORIES if self.rows < limit)

    def infos(self) -> DatasetInfosDict:
        """`dataset_info` of every config with files, from the files themselves."""
        infos = {}
        for config in self.builder.BUILDER_CONFIGS:
            if files := self.files(config):
                infos[config.name] = self._info(config, files)
        return DatasetInfosDict(infos)

    def _info(self, config: Config, files: dict[str, list[str]]) -> datasets.DatasetInfo:
        paths = [self.folder / path for of_split in files.values() for path in of_split]
        stored = {datasets.Features.from_arrow_schema(pq.read_schema(path)) == config.features for path in paths}
        if stored != {True}:
            raise ValueError(
                f"the files of {self.name}/{config.name} do not have the columns that its builder declares"
            )
        splits = datasets.SplitDict()
        for split, of_split in files.items():
            size = sum(pq.read_table(self.folder / path).nbytes for path in of_split)
            splits.add(datasets.SplitInfo(split, num_bytes=size, num_examples=self.rows_of(of_split)))
        return datasets.DatasetInfo(
            features=config.features,
            splits=splits,
            download_size=sum(path.stat().st_size for path in paths),
            dataset_size=sum(split.num_bytes for split in splits.values()),
        )


def write_card(builder: RecordsBuilder, report: Report, folder: Path) -> Path:
    """Render `README.md` beside the built files."""
    facts = Facts(builder, report, folder)
    card = DatasetCard((builder.FOLDER / TEMPLATE).read_text(encoding="utf-8"), ignore_metadata_errors=False)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    environment.filters |= {
        "json": lambda value: json.dumps(value, ensure_ascii=False, indent=2),
        "thousands": "{:,}".format,
        "percent": "{:.1%}".format,
    }
    text = environment.from_string(card.text).render(facts=facts, **builder.for_the_card())
    card.data["size_categories"] = [facts.size_category()]
    card.data["configs"] = [
        {
            "config_name": config.name,
            **({"default": True} if config.name == builder.DEFAULT_CONFIG_NAME else {}),
            "data_files": [{"split": split, "path": paths} for split, paths in facts.files(config).items()],
        }
        for config in builder.BUILDER_CONFIGS
        if facts.files(config)
    ]
    facts.infos().to_dataset_card_data(card.data)
    path = folder / NAME
    path.write_text(f"---\n{card.data.to_yaml()}\n---\n{text}", encoding="utf-8")
    return path


def markdown_table(header: Iterable[Any], lines: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; numbers get thousands separators and stand right."""
    rows = [list(line) for line in lines]
    header = list(header)
    right = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(header))]
    shown = [header, ["---:" if is_number else "---" for is_number in right]]
    shown += [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in shown)
