"""What the loading scripts share: a `datasets` builder whose cache key is its content, and how a build runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from build_steps.errors import BuildError
from build_steps.rules import Rule
from build_steps.upstream import sha256_of

PROJECT = Path(__file__).resolve().parent.parent
CHANGELOG = PROJECT / "CHANGELOG.md"

MESSAGES = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})


def as_is(table: pa.Table) -> pa.Table:
    """The view that changes nothing."""
    return table


@dataclass(frozen=True)
class Part:
    """One file of the output: a view of a split's rows. Its form follows from the suffix of its path."""

    path: str
    split: str
    view: Callable[[pa.Table], pa.Table] = as_is


@dataclass
class Config(datasets.BuilderConfig):
    """A Hub config: its columns, and the Parquet files that hold its rows in their order.

    The parts are views of the rows that the config named `of` has for itself.
    """

    features: datasets.Features | None = None
    parts: tuple[Part, ...] = ()
    of: str = "default"


class RecordsBuilder(datasets.ArrowBasedBuilder):
    """A loading script of this project. A subclass declares; the steps read what it declares.

    Args:
        source: what to read the records from instead of the dataset's own source.
        config_name: one of `BUILDER_CONFIGS`; the first one by default.
        cache_dir: as for every `datasets` builder.
    """

    NAME: ClassVar[str]
    FOLDER: ClassVar[Path]
    ID: ClassVar[str]  # the column that names a row
    PROMPT: ClassVar[tuple[str, ...]]  # the columns that ask
    ANSWER: ClassVar[str]  # the column that answers
    FEW_VALUES: ClassVar[tuple[str, ...]]  # Parquet columns that a dictionary suits
    BESIDE: ClassVar[tuple[Part, ...]] = ()  # files beside those of the configs, of the `default` rows
    COPIED: ClassVar[tuple[str, ...]] = ()  # files of `FOLDER` that go along as they are
    DEFAULT_CONFIG_NAME = "default"

    def __init__(self, source: str | Path | None = None, cache_dir: str | None = None, **kwargs: Any):
        self.source = Path(source) if source is not None else None
        self.cache_root = cache_dir
        kwargs.setdefault("dataset_name", self.NAME)
        kwargs.setdefault("hash", self._content_hash())
        super().__init__(cache_dir=cache_dir, **kwargs)

    def input_files(self) -> list[Path]:
        """What the rows are made from, a download of known hash left out."""
        raise NotImplementedError

    def rows(self, of: str) -> Iterator[pa.RecordBatch]:
        """The rows of a config that has its own (`Config.of`), in their order.

        Those of `default` have two columns more, `file` and `line`: where each stands.
        """
        raise NotImplementedError

    def rules(self) -> list[Rule]:
        """The rules that the `default` rows have to keep."""
        raise NotImplementedError

    def ours(self, table: pa.Table) -> pa.ChunkedArray:
        """For each row whether it was written for this dataset."""
        raise NotImplementedError

    def made_from(self) -> dict[str, Any]:
        """What the manifest says a build was made from: files with their sha256, the code; a dataset adds revisions."""
        folder = (path for path in self.FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
        files = [*([self.source] if self.source else []), *sorted(folder), CHANGELOG]
        names = [path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else path.name for path in files]
        hashes = {name: sha256_of(path) for name, path in zip(names, files, strict=True) if path.is_file()}
        return {"files": hashes, "code": _digest(self._code())}

    def for_the_card(self) -> dict[str, Any]:
        """What the dataset's own card template asks for by name, beside the facts of every card."""
        return {}

    def remarks(self) -> list[str]:
        """What a reader of the report has to know of where the rows came from."""
        return []

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=self.config.features)

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        splits = dict.fromkeys(part.split for part in self.config.parts)
        return [datasets.SplitGenerator(name=split, gen_kwargs={"split": split}) for split in splits]

    def _generate_tables(self, split: str) -> Iterator[tuple[int, pa.Table]]:
        parts = [part for part in self.config.parts if part.split == split]
        columns = next(config for config in self.BUILDER_CONFIGS if config.name == self.config.of).features
        pieces = (
            part.view(self.of_split(pa.Table.from_batches([batch]), split).select(list(columns)))
            for batch in self.rows(self.config.of)
            for part in parts
        )
        return enumerate(piece for piece in pieces if piece.num_rows)

    def of_split(self, table: pa.Table, split: str) -> pa.Table:
        """The rows that belong to a split; every row, in a dataset with one split."""
        return table

    def _code(self) -> list[Path]:
        return sorted([*PROJECT.glob("build_steps/**/*.py"), *self.FOLDER.glob("*.py")])

    def _content_hash(self) -> str:
        """A key over code and inputs, so that the cache of `datasets` never answers for what was edited since."""
        return _digest([*self._code(), *self.input_files()])


def _digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, those that are missing among them."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name}\0{path.stat().st_size if path.exists() else -1}\0".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def prepare(builder: RecordsBuilder) -> dict[str, pa.Table]:
    """Run a loading script; its tables by split, in the plain Arrow types of its features. An empty split is left out.

    Raises the BuildError or OSError that stopped the loading script, where there is one.
    """
    try:
        builder.download_and_prepare()
    except datasets.exceptions.DatasetGenerationError as error:
        if isinstance(error.__cause__, BuildError | OSError):  # a mistake in the data; a full disk
            raise error.__cause__ from None
        raise
    filled = [split for split, info in builder.info.splits.items() if info.num_examples]
    return {split: builder.as_dataset(split).data.table.replace_schema_metadata(None) for split in filled}


def prepare_all(builder: RecordsBuilder) -> dict[str, dict[str, pa.Table]]:
    """The tables of every config that has rows of its own, by config and split."""
    names = dict.fromkeys(config.of for config in builder.BUILDER_CONFIGS)
    return {name: prepare(type(builder)(builder.source, builder.cache_root, config_name=name)) for name in names}


def where(builder: RecordsBuilder, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
    """File and line of the records with these ids, read anew: only a report of mistakes needs them."""
    wanted = pa.array(sorted(set(ids)))
    found: dict[str, tuple[str, int]] = {}
    for batch in builder.rows("default"):
        names = pc.cast(batch[builder.ID], pa.string())
        mask = pc.is_in(names, wanted)
        places = (column.filter(mask).to_pylist() for column in (names, batch["file"], batch["line"]))
        found |= {name: (file, line) for name, file, line in zip(*places, strict=True)}
    return found


def chat(prompt: pa.ChunkedArray, context: pa.ChunkedArray, answer: pa.ChunkedArray) -> pa.Table:
    """`messages` of one exchange a row: the prompt with its context, if any, a blank line below it; the answer."""
    with_context = pc.binary_join_element_wise(prompt, context, "\n\n")
    asked = pc.if_else(pc.equal(context, ""), prompt, with_context)
    rows = len(prompt)
    contents = pa.chunked_array([*asked.chunks, *answer.chunks], pa.string()).combine_chunks()
    turn_by_turn = pa.array(range(2 * rows), pa.int64())
    source = pc.add(pc.divide(turn_by_turn, 2), pc.multiply(pc.bit_wise_and(turn_by_turn, 1), rows))
    roles = pa.array(["user", "assistant"] * rows, pa.string())
    messages = pa.StructArray.from_arrays([roles, contents.take(source)], ["role", "content"])
    offsets = pa.array(range(0, 2 * rows + 1, 2), pa.int32())
    return pa.table({"messages": pa.ListArray.from_arrays(offsets, messages)})
