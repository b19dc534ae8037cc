"""A release: the folder of a built dataset as it stands on the Hub, read by its manifest and its card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from build_steps import card, manifest
from build_steps.errors import BuildError, UsageError
from build_steps.upstream import sha256_of

SPLIT = "split"  # the column that says of a row where it stands

Version = tuple[int, ...]


def parse_version(text: str) -> Version:
    """`1.2.3` as numbers that compare."""
    return tuple(int(number) for number in text.split("."))


@dataclass(frozen=True)
class Release:
    """A folder with a manifest. Nothing of it is trusted before `verify`."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Release:
        """Raises UsageError where the folder holds no build."""
        path = folder / manifest.NAME
        try:
            return cls(folder.resolve(), json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise UsageError(f"{path} is not there; make the build with `python build.py` first.") from None
        except ValueError as error:
            raise BuildError(f"{path} is not a manifest ({error}); build again.") from None

    @property
    def version(self) -> str:
        return self.manifest["version"]

    @cached_property
    def files(self) -> dict[str, str]:
        """The sha256 of each file, as the manifest says; its own, too."""
        listed = {name: file["sha256"] for name, file in self.manifest["files"].items()}
        return {**listed, manifest.NAME: sha256_of(self.folder / manifest.NAME)}

    def verify(self, alone: bool = True) -> Release:
        """Raises BuildError unless every file is as the manifest says, and, if `alone`, none stands beside them."""
        found = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        wrong = [f"{name} is missing" for name in sorted(self.files.keys() - found)]
        wrong += [f"{name} is not of this build" for name in sorted(found - self.files.keys()) if alone]
        wrong += [
            f"{name} was changed since the build"
            for name in sorted(found & self.files.keys())
            if sha256_of(self.folder / name) != self.files[name]
        ]
        if wrong:
            raise BuildError(f"{self.folder}: {'; '.join(wrong)}; build again, or take another release.")
        return self

    @cached_property
    def configs(self) -> dict[str, dict[str, list[str]]]:
        """The Parquet files of each config by split, as the card names them."""
        from huggingface_hub import DatasetCard

        declared = DatasetCard.load(self.folder / card.NAME, ignore_metadata_errors=False).data.configs
        return {
            config["config_name"]: {part["split"]: part["path"] for part in config["data_files"]} for config in declared
        }

    @property
    def default_config(self) -> str:
        return next(iter(self.configs))

    def split_rows(self, config: str) -> dict[str, int]:
        """How many rows the manifest counts in each split of a config."""
        files = self.manifest["files"]
        return {split: sum(files[path]["rows"] for path in paths) for split, paths in self.configs[config].items()}

    def table(self, config: str, split: str) -> pa.Table:
        return pa.concat_tables(pq.read_table(self.folder / path) for path in self.configs[config][split])

    def rows(self) -> pa.Table:
        """Every row of the default config, its split in a column of that name."""
        tables = {split: self.table(self.default_config, split) for split in self.configs[self.default_config]}
        return pa.concat_tables(
            table.append_column(SPLIT, pa.array([split] * table.num_rows, pa.string()))
            for split, table in tables.items()
        )

    def columns(self) -> dict[str, pa.DataType]:
        """The type of each column, by `config.column`."""
        return {
            f"{config}.{column.name}": column.type
            for config, splits in self.configs.items()
            for column in pq.read_schema(self.folder / next(iter(splits.values()))[0])
        }

    def splits(self) -> set[str]:
        return {f"{config}/{split}" for config, splits in self.configs.items() for split in splits}
