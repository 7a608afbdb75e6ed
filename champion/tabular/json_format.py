"""JSON: records in an array, or one a line (JSON lines). What a value is, JSON says: a text stays one, digits stay exact.

All records are looked at before the first is given, since any may have a field more, or a value of another kind. A field of
numbers is whole numbers of 64 bits or doubles; where neither holds what stands there, and where kinds are mixed, it is the texts
as they stand. A nested value is a list of its text, which no model reads.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from champion.errors import DataError
from champion.tabular import typed
from champion.tabular.packing import Unpacked
from champion.tabular.stream import TableStream
from champion.tabular.values import EXACT
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LONGEST_RECORD = 16 * 1024 * 1024  # characters
_BLOCK = 1 << 20
_ROWS = 16_384  # of a chunk
_BETWEEN = {False: re.compile(r"\s*"), True: re.compile(r"[\s,]*")}
_NESTED, _TEXT, _TRUTH, _FRACTION, _WHOLE = "nested", "text", "truth", "fraction", "whole"


class _Digits(str):
    """A number as it stands."""

    __slots__ = ()


class _RepeatedError(ValueError):
    """A record has a field twice."""


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedError(next(name for name in names if names.count(name) > 1))
    return made


_DECODER = json.JSONDecoder(parse_int=_Digits, parse_float=_Digits, parse_constant=_Digits, object_pairs_hook=_record)


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pyarrow as pa

    del how
    seen = _look(path, table)
    typed.require_unique(seen.schema, table, unused)
    return typed.frame(pa.Table.from_batches(_batches(path, table, seen.schema), seen.schema), missing)


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read all records once, so that their fields are known; see `champion.tabular.tables.Format`."""
    import pyarrow as pa

    del how
    seen = _look(path, table)

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        return _batches(path, table, pa.schema([seen.schema.field(name) for name in columns]))

    return typed.streamed(seen.schema, seen.rows, batches)


class _Seen(NamedTuple):
    schema: pa.Schema
    rows: int


class _Field:
    """What a field holds in the records that were looked at."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.least = self.most = 0

    def add(self, value: Any) -> None:
        kind = _kind(value)
        if kind is None:
            return
        self.kinds.add(kind)
        if kind == _WHOLE:
            number = int(value)
            self.least, self.most = min(self.least, number), max(self.most, number)

    def type(self) -> pa.DataType:
        import pyarrow as pa

        if _NESTED in self.kinds:
            return pa.list_(pa.string())
        if self.kinds == {_TRUTH}:
            return pa.bool_()
        if self.kinds == {_WHOLE}:
            if self.least >= -(2**63) and self.most < 2**63:
                return pa.int64()
            return pa.uint64() if self.least >= 0 and self.most < 2**64 else pa.string()
        exact = max(-self.least, self.most) <= EXACT
        return pa.float64() if self.kinds <= {_WHOLE, _FRACTION} and exact else pa.string()


def _kind(value: Any) -> str | None:
    if isinstance(value, _Digits):
        if value == "NaN":
            return None
        return _WHOLE if value.lstrip("-").isdigit() and len(value) < 400 else _FRACTION
    if value is None:
        return None
    return _TRUTH if isinstance(value, bool) else _TEXT if isinstance(value, str) else _NESTED


def _look(path: Path, table: str) -> _Seen:
    import pyarrow as pa

    fields: dict[str, _Field] = {}
    rows = 0
    for record in _records(path, table):
        rows += 1
        for name, value in record.items():
            if name not in fields:
                fields[name] = _Field()
            fields[name].add(value)
    if rows == 1 and all(field.kinds == {_NESTED} for field in fields.values()):
        raise _other(table, 1)  # columns as pandas writes them, or a table within a record
    return _Seen(pa.schema([(name, field.type()) for name, field in fields.items()]), rows)


def _batches(path: Path, table: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    some: list[dict[str, Any]] = []
    with closing(_records(path, table)) as records:
        for record in records:
            some.append(record)
            if len(some) == _ROWS:
                yield _batch(some, schema)
                some = []
    if some:
        yield _batch(some, schema)


def _batch(records: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = [
        pa.array([_value(record.get(field.name), field.type) for record in records], field.type) for field in schema
    ]
    return pa.record_batch(columns, schema=schema)


def _value(value: Any, kind: pa.DataType) -> Any:
    """A value as its column has it."""
    import pyarrow as pa

    if value is None or (isinstance(value, _Digits) and value == "NaN"):
        return None
    if pa.types.is_list(kind):
        return [json.dumps(value, ensure_ascii=False)]
    if pa.types.is_string(kind):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if pa.types.is_boolean(kind):
        return value
    return int(value) if pa.types.is_integer(kind) else float(value)


def _records(path: Path, table: str) -> Generator[dict[str, Any]]:
    """The records of a file, one after the other. Raises DataError where there is something else."""
    number = 0
    with Unpacked(path, table) as raw, io.TextIOWrapper(io.BufferedReader(raw), "utf-8-sig") as text:
        try:
            for number, record in enumerate(_values(text), 1):
                if not isinstance(record, dict):
                    raise _other(table, number)
                yield record
        except UnicodeDecodeError:
            raise DataError(f"{table} is not all in utf-8, in which JSON is written. Write it again.") from None
        except _RepeatedError as error:
            raise DataError(
                f"{table} has a record, number {number + 1:,}, with more than one field {str(error)!r}. Rename one."
            ) from None
        except json.JSONDecodeError as error:
            raise DataError(
                f"{table} is not JSON, or is cut off: record {number + 1:,} ({error.msg}). Write it again."
            ) from None
        except RecursionError:
            raise DataError(
                f"{table} is nested too deeply: record {number + 1:,}. Write a record with one value per field."
            ) from None
    if not number:
        raise DataError(f"{table} has no record. Give it rows.")


def _values(text: io.TextIOWrapper) -> Iterator[Any]:
    """The values of an array, or those that stand below each other; a block of the text is in memory."""
    held, at, ended = text.read(_BLOCK), 0, False
    start = len(held) - len(held.lstrip())
    is_array = held.startswith("[", start)
    at = start + is_array
    between = _BETWEEN[is_array]
    while True:
        at = _after(between, held, at)
        if is_array and held.startswith("]", at):
            return
        if at < len(held):
            try:
                value, end = _DECODER.raw_decode(held, at)
            except json.JSONDecodeError:
                if ended or len(held) - at > LONGEST_RECORD:
                    raise
            else:
                if end < len(held) or ended:  # a number may go on in the next block
                    yield value
                    at = end
                    continue
        elif ended:
            if is_array:
                raise json.JSONDecodeError("the array does not end", "", 0)
            return
        block = text.read(max(_BLOCK, len(held) - at))
        ended = not block
        held, at = held[at:] + block, 0


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _other(table: str, number: int) -> DataError:
    return DataError(
        f'{table} holds something else than records: value {number:,} is not as {{"a": 1, "b": "x"}}. Write an array of records, '
        'or one a line; with pandas: `TABLE.to_json(FILE, orient="records", lines=True)`.'
    )
