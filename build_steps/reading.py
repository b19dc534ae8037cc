"""Reading records strictly: JSON Lines and JSON arrays into Arrow batches, every mistake named by file and line."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from build_steps.errors import DataError, SourceError
from build_steps.rules import Rule, Violation, encoding, excerpt, shape
from build_steps.rules.shape import violation

BATCH_ROWS = 2_000
FILE, LINE = "file", "line"  # the columns in which a batch says where each row stands

_CHUNK_BYTES = 1 << 18
_SPACE = re.compile(r"[ \t\n\r]*")
_PAIRS = json.JSONDecoder(object_pairs_hook=tuple)
_TYPE_NAMES = {str: "a text", int: "a whole number", list: "a list of texts"}

Fields = Mapping[str, type]  # name of a field: str, int or list (of str)


class _Item(NamedTuple):
    line: int
    pairs: Any  # a tuple of (key, value) when the item is an object
    raw: str | None  # the line as it stands, where its form matters


class _Broken(Exception):
    def __init__(self, rule: Rule, line: int, found: str | None = None):
        super().__init__(rule.id)
        self.rule, self.line, self.found = rule, line, found


def read_records(path: Path, fields: Fields, dataset: str, name: str | None = None) -> Iterator[pa.RecordBatch]:
    """Records as others write them: a JSON array or JSON Lines, keys in any order, in batches with `file` and `line`.

    `name` is what the file is called in messages. Raises DataError with what is wrong in the first bad batch, and
    SourceError when the file cannot be read.
    """
    name = name or str(path)
    chunks = _chunks(path)
    try:
        first = ""
        while not first.strip() and (chunk := next(chunks, "")):
            first += chunk
        items = _array_items(first, chunks) if first.lstrip()[:1] == "[" else _line_items(_lines(first, chunks), False)
        count = 0
        while batch := list(islice(items, BATCH_ROWS)):
            violations = [found for item in batch for found in _wrong_with(item, fields, dataset, name)]
            if violations:
                raise DataError(violations)
            count += len(batch)
            yield _to_batch(batch, fields, dataset, name)
    except _Broken as broken:
        raise DataError([violation(broken.rule, dataset, name, broken.line, found=broken.found)]) from None
    if not count:
        raise DataError([violation(shape.EMPTY_SOURCE, dataset, name)])


def read_our_files(paths: Iterable[Path], fields: Fields, dataset: str, root: Path) -> list[pa.RecordBatch]:
    """Records as this project keeps them: canonical JSON Lines (see `L2-line-form`) ordered by their first field.

    A batch a file, with `file` (relative to `root`) and `line`. Raises DataError with every mistake of every file.
    """
    batches, violations = [], []
    for path in paths:
        try:
            batches.append(_read_our_file(path, fields, dataset, path.relative_to(root).as_posix()))
        except DataError as error:
            violations += error.violations
    if violations:
        raise DataError(violations)
    return batches


def _read_our_file(path: Path, fields: Fields, dataset: str, name: str) -> pa.RecordBatch:
    violations: list[Violation] = []
    items: list[_Item] = []

    def report(broken: _Broken) -> None:
        violations.append(violation(broken.rule, dataset, name, broken.line, found=broken.found))

    try:
        text = "".join(_chunks(path))
    except _Broken as broken:
        report(broken)
        raise DataError(violations) from None
    if not text.strip():
        raise DataError([violation(shape.EMPTY_SOURCE, dataset, name)])
    if not text.endswith("\n"):
        violations.append(violation(shape.FINAL_NEWLINE, dataset, name, text.count("\n") + 1))
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            items.extend(_line_items([(number, line)], True))
        except _Broken as broken:
            report(broken)
    violations += [found for item in items for found in _wrong_with(item, fields, dataset, name)]
    if violations:
        raise DataError(sorted(violations, key=lambda found: found.line or 0))
    batch = _to_batch(items, fields, dataset, name)
    keys = batch[0].to_pylist()
    for row in (row for row in range(1, len(keys)) if keys[row] < keys[row - 1]):
        found = f"after {keys[row - 1]}"
        violations.append(violation(shape.ID_ORDER, dataset, name, items[row].line, id=str(keys[row]), found=found))
    if violations:
        raise DataError(violations)
    return batch


def _chunks(path: Path) -> Iterator[str]:
    """The file's text, decoded piece by piece; _Broken at the first byte or line end that must not be there."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); name a file that is there.") from None
    with file:
        while True:
            data = file.read(_CHUNK_BYTES)
            if line == 1 and data.startswith(codecs.BOM_UTF8):
                raise _Broken(encoding.BOM, 1)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                at = line + error.object.count(b"\n", 0, error.start)
                raise _Broken(encoding.INVALID_UTF8, at, f"byte 0x{error.object[error.start]:02X}") from None
            if "\r" in text:
                raise _Broken(encoding.CRLF, line + text.count("\n", 0, text.index("\r")))
            line += text.count("\n")
            if text:
                yield text
            if not data:
                return


def _lines(first: str, chunks: Iterator[str]) -> Iterator[tuple[int, str]]:
    rest, number = first, 1
    while True:
        *complete, rest = rest.split("\n")
        for line in complete:
            yield number, line
            number += 1
        chunk = next(chunks, None)
        if chunk is None:
            break
        rest += chunk
    if rest:
        yield number, rest


def _line_items(lines: Iterable[tuple[int, str]], with_form: bool) -> Iterator[_Item]:
    for number, line in lines:
        if not line.strip():
            if with_form:
                raise _Broken(shape.LINE_FORM, number, "the line is blank")
            continue
        pairs, end = _decode(line, 0, number)
        if line[end:].strip():
            raise _Broken(shape.JSON, number, f"after the record comes {excerpt(line, end, end + 10, 0)}")
        yield _Item(number, pairs, line if with_form else None)


def _array_items(window: str, chunks: Iterator[str]) -> Iterator[_Item]:
    """The items of one JSON array, without ever holding more of it than a piece."""
    at, line, expected = 0, 1, "["
    while True:
        start, at = at, _SPACE.match(window, at).end()  # type: ignore[union-attr]
        line += window.count("\n", start, at)
        if at == len(window):
            window, at = next(chunks, ""), 0
            if not window:
                if expected == "end":
                    return
                raise _Broken(shape.JSON, line, "the file ends inside the array")
            continue
        mark = window[at]
        if expected == "[" or (expected == ", or ]" and mark in ",]") or (expected == "item or ]" and mark == "]"):
            at += 1
            expected = {"[": "item or ]", ",": "item", "]": "end"}[mark]
        elif expected.startswith("item"):
            window, at, pairs, end = _decode_across(window, at, chunks, line)
            yield _Item(line, pairs, None)
            line += window.count("\n", at, end)
            at, expected = end, ", or ]"
        else:
            raise _Broken(shape.JSON, line, f"expected {expected}, found {excerpt(window, at, at + 10, 0)}")


def _decode_across(window: str, at: int, chunks: Iterator[str], line: int) -> tuple[str, int, Any, int]:
    """Decode one item, taking in more pieces of the file while it is cut short."""
    while True:
        try:
            pairs, end = _decode(window, at, line)
            return window, at, pairs, end
        except _Broken:
            chunk = next(chunks, None)
            # An item is never this large; what follows a mistake is not worth reading to its end.
            if chunk is None or len(window) - at > shape.VIEWER_ROW_BYTES:
                raise
            window, at = window[at:] + chunk, 0


def _decode(text: str, at: int, line: int) -> tuple[Any, int]:
    try:
        return _PAIRS.raw_decode(text, at if text[at] == "{" else _SPACE.match(text, at).end())  # type: ignore[union-attr]
    except json.JSONDecodeError as error:
        at_line = line + text.count("\n", at, error.pos)
        raise _Broken(
            shape.JSON, at_line, f"{error.msg.lower()} at {excerpt(text, error.pos, error.pos + 10)}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise _Broken(shape.JSON, line, str(error)) from None


def _wrong_with(item: _Item, fields: Fields, dataset: str, name: str) -> Iterator[Violation]:
    """Everything about one record that its schema does not allow."""
    pairs = item.pairs
    if not _is_object(pairs):
        yield violation(shape.JSON, dataset, name, item.line, found="not an object")
        return
    record = dict(pairs)
    has_the_fields = len(record) == len(pairs) and tuple(record) == tuple(fields)
    if has_the_fields and item.raw is not None and item.raw != json.dumps(record, ensure_ascii=False):
        yield violation(shape.LINE_FORM, dataset, name, item.line, id=_id_of(record, fields))
    if has_the_fields and all(map(_has_type, record.values(), fields.values())):
        return
    report = partial(violation, dataset=dataset, file=name, line=item.line, id=_id_of(record, fields))
    keys = [key for key, _ in pairs]
    for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
        yield report(shape.DUPLICATE_KEY, field=key)
    for key in fields.keys() - record.keys():
        yield report(shape.MISSING_FIELD, field=key)
    for key in record.keys() - fields.keys():
        yield report(shape.EXTRA_FIELD, field=key)
    if item.raw is not None and record.keys() == fields.keys() and tuple(record) != tuple(fields):
        yield report(shape.KEY_ORDER, found=", ".join(fields))
    for key, expected in fields.items():
        value = record.get(key, expected())
        if value is None:
            yield report(shape.NULL_FIELD, field=key)
        elif not _has_type(value, expected):
            shown = json.dumps(value, ensure_ascii=False)[:30]
            yield report(shape.WRONG_TYPE, field=key, found=f"{_TYPE_NAMES[expected]} is expected, not {shown}")


def _has_type(value: Any, expected: type) -> bool:
    if type(value) is not expected:
        return False
    if isinstance(value, list):
        return all(type(part) is str for part in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _is_object(pairs: Any) -> bool:
    return type(pairs) is tuple


def _id_of(record: dict[str, Any], fields: Fields) -> str | None:
    value = record.get(next(iter(fields)))
    return str(value) if isinstance(value, str | int) else None


def _to_batch(items: list[_Item], fields: Fields, dataset: str, name: str) -> pa.RecordBatch:
    records = [dict(item.pairs) for item in items]
    types = {str: pa.string(), int: pa.int64(), list: pa.list_(pa.string())}
    try:
        columns = [pa.array([record[key] for record in records], types[kind]) for key, kind in fields.items()]
    except UnicodeEncodeError:
        raise DataError(list(_lone_surrogates(items, fields, dataset, name))) from None
    places = [pa.repeat(pa.scalar(name), len(items)), pa.array([item.line for item in items], pa.int32())]
    return pa.record_batch([*columns, *places], [*fields, FILE, LINE])


def _lone_surrogates(items: list[_Item], fields: Fields, dataset: str, name: str) -> Iterator[Violation]:
    for item in items:
        record = dict(item.pairs)
        for key in fields:
            if re.search(r"[\ud800-\udfff]", json.dumps(record[key], ensure_ascii=False)):
                yield violation(encoding.LONE_SURROGATE, dataset, name, item.line, id=_id_of(record, fields), field=key)
