"""Level 2: shape and schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from build_steps.rules import Hit, Rows, Rule, Violation, hit, matching

JSON = Rule(
    id="L2-json",
    says="this is not JSON",
    mend="write one complete JSON object",
    example='{"id": "feeding-0001", "question": "…"',
)
DUPLICATE_KEY = Rule(
    id="L2-duplicate-key",
    says="the key stands twice in one record",
    mend="keep one of them",
    example='{"id": "feeding-0001", "id": "feeding-0002"}',
)
MISSING_FIELD = Rule(
    id="L2-missing-field",
    says="the field is missing",
    mend="add it",
    example="a record without an answer",
)
EXTRA_FIELD = Rule(
    id="L2-extra-field",
    says="the schema has no such field",
    mend="remove it, or correct its spelling",
    example='"anwser": "…"',
)
NULL_FIELD = Rule(
    id="L2-null-field",
    says="the value is null",
    mend='give it a value (an empty text is "")',
    example='"context": null',
)
WRONG_TYPE = Rule(
    id="L2-wrong-type",
    says="the value has the wrong type",
    mend="write it in the type that the schema says",
    example='"references": "iris-2023" instead of ["iris-2023"]',
)
KEY_ORDER = Rule(
    id="L2-key-order",
    says="the keys are not in the order of the schema",
    mend="put them in that order",
    example='{"question": "…", "id": "…"}',
)
LINE_FORM = Rule(
    id="L2-line-form",
    says="the line is not written as json.dumps(record, ensure_ascii=False) writes it",
    mend="write it so: one record a line, ', ' and ': ' between the parts, no ASCII escapes, no blank line",
    example='{"id":"feeding-0001"} or \\u732b for 猫',
)
FINAL_NEWLINE = Rule(
    id="L2-final-newline",
    says="the last line does not end in a line break",
    mend="add one",
    example="a file whose last byte is }",
)
EMPTY_SOURCE = Rule(
    id="L2-empty-source",
    says="there is no record in it",
    mend="add records, or name another source",
    example="[] or an empty file",
)
ID_ORDER = Rule(
    id="L2-id-order",
    says="the record is not at its place",
    mend="order the records of a file by id, without repeating one",
    example="feeding-0003 before feeding-0002, or index 7 in the sixth place",
)


def violation(
    rule: Rule,
    dataset: str,
    file: str,
    line: int | None = None,
    *,
    id: str | None = None,
    field: str | None = None,
    found: str | None = None,
) -> Violation:
    """What is reported where a rule is broken while a file is read; `found` stands in brackets behind `says`."""
    says = f"{rule.says} ({found})" if found else rule.says
    return Violation(rule.id, "error", dataset, says, rule.mend, file, line, id, field)


def _duplicate_ids(rows: Rows) -> Iterator[Hit]:
    ids = rows.table[rows.id_column].to_numpy(zero_copy_only=False)
    first = np.unique(ids, return_index=True)[1]
    yield Hit(rows.id_column, np.setdiff1d(np.arange(len(ids)), first))


def _too_large(rows: Rows) -> Iterator[Hit]:
    sizes = sum(pc.binary_length(rows.table[column]).to_numpy().astype(np.int64) for column in rows.prose)
    yield Hit(rows.answer, np.flatnonzero(sizes > VIEWER_ROW_BYTES))


VIEWER_ROW_BYTES = 2_000_000

RULES = (
    JSON,
    DUPLICATE_KEY,
    MISSING_FIELD,
    EXTRA_FIELD,
    NULL_FIELD,
    WRONG_TYPE,
    KEY_ORDER,
    LINE_FORM,
    FINAL_NEWLINE,
    EMPTY_SOURCE,
    ID_ORDER,
    Rule(
        id="L2-blank-text",
        says="the text is blank",
        mend="write it, or remove the record",
        example='"answer": "　"',
        find=matching(r"^[\s　]*$", lambda rows: (rows.prompt[0], rows.answer)),
    ),
    Rule(
        id="L2-outer-space",
        says="the text begins or ends in white space",
        mend="delete that white space",
        example='"answer": "はい、そうです。 "',
        find=matching(r"^[\s　]+[^\s　]|[^\s　][\s　]+$"),
    ),
    Rule(
        id="L2-duplicate-id",
        says="another record has this id",
        mend="give it an id that was never used",
        example="two records feeding-0007",
        find=_duplicate_ids,
    ),
    Rule(
        id="L2-row-too-large",
        says=f"the row is larger than the {VIEWER_ROW_BYTES:,} bytes that the Hub's viewer shows",
        mend="shorten it",
        example="an input of a whole book",
        find=_too_large,
    ),
)


def one_of(column: str, allowed: Iterable[str] | Mapping[str, object], where: str) -> Rule:
    """The rule that a column holds only the allowed values; a list column is looked at value by value."""
    values = sorted(allowed)

    def find(rows: Rows) -> Iterator[Hit]:
        cells = rows.table[column].combine_chunks()
        if pa.types.is_list(cells.type):
            unknown = pc.invert(pc.is_in(cells.flatten(), pa.array(values, pa.string())))
            mask = np.zeros(len(cells), dtype=bool)
            mask[pc.list_parent_indices(cells).filter(unknown).to_numpy()] = True
            known = set(values)
            yield Hit(column, np.flatnonzero(mask), lambda row: ", ".join(set(cells[row].as_py()) - known))
        else:
            yield hit(rows, column, pc.invert(pc.is_in(cells, pa.array(values, pa.string()))), str)

    return Rule(
        id=f"L2-unknown-{column.removesuffix('s')}",
        says="the value is not known",
        mend=f"use one of {where}",
        example=f'"{column}": a value with a spelling mistake',
        find=find,
    )
