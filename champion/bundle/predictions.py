"""What a service predicted, as files: the columns of a prediction log, and reading a folder of them.

A file holds answers of one model version, row by row: when, for which request, what was asked and what was answered.
It appears whole or not at all. Small files are merged into larger ones as they pile up; a merged file names its
sources, so that no row counts twice while both are there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.errors import DataError
from champion.modeling.evaluation import Label
from champion.modeling.features import Feature

if TYPE_CHECKING:
    import pyarrow as pa

PATTERN = "predictions-v*.parquet"
NAME = re.compile(r"predictions-v(\d+)-(\d{8}T\d{6}Z)-([0-9a-f]+)-(\d+)\.parquet")
FORMAT = b"1"
_FORMAT, _VERSION, _DATA, _CLASSES, _MERGED = (
    f"champion.{key}".encode() for key in ("format", "model_version", "data_version", "classes", "merged")
)
_ATTEMPTS = 10  # to list a folder in which files are merged meanwhile
_BATCH = 65_536  # rows


@dataclass(frozen=True)
class Answered:
    """Rows that one model version answered, as who writes a log has them: one entry of each for every row.

    `moments` (ndarray of int64, shape (rows,)): microseconds since 1970. `probabilities` (pyarrow.Array of list of
    float64): null where the model has none. `features` (pyarrow.Array of struct): the values that were asked about.
    """

    moments: NDArray[np.int64]
    request_ids: Sequence[str]
    model_version: int
    data_version: str
    labels: Sequence[str]
    probabilities: pa.Array
    features: pa.Array


@dataclass(frozen=True)
class LogColumn:
    """One column of a log file: its name, its type, and what a writer fills it with."""

    name: str
    type: pa.DataType
    fill: Callable[[Answered], pa.Array | NDArray[Any] | Sequence[str]]


def columns(features: Iterable[Feature]) -> tuple[LogColumn, ...]:
    """The columns of a log file; a new one, another name or another type is a row here."""
    import pyarrow as pa

    moment, text, number = pa.timestamp("us", tz="UTC"), pa.string(), pa.int64()
    return (
        LogColumn("time", moment, lambda rows: rows.moments),
        LogColumn("request_id", text, lambda rows: rows.request_ids),
        LogColumn("model_version", number, lambda rows: np.full(len(rows.labels), rows.model_version)),
        LogColumn("data_version", text, lambda rows: [rows.data_version] * len(rows.labels)),
        LogColumn("label", text, lambda rows: rows.labels),
        LogColumn("probabilities", pa.list_(pa.float64()), lambda rows: rows.probabilities),
        LogColumn("features", feature_type(features), lambda rows: rows.features),
    )


def feature_type(features: Iterable[Feature]) -> pa.StructType:
    """The type in which a log file keeps the features of a row."""
    import pyarrow as pa

    kinds = {
        "numeric": pa.float64(),
        "boolean": pa.bool_(),
        "categorical": pa.string(),
        "datetime": pa.timestamp("us", tz="UTC"),
    }
    return pa.struct([(feature.name, kinds[feature.kind]) for feature in features])


def schema(features: Iterable[Feature], classes: Sequence[Label], model_version: int, data_version: str) -> pa.Schema:
    """The columns of a log file, with what it says about itself."""
    import pyarrow as pa

    about = {
        _FORMAT: FORMAT,
        _VERSION: str(model_version).encode(),
        _DATA: data_version.encode(),
        _CLASSES: json.dumps([str(label) for label in classes], ensure_ascii=False).encode(),
    }
    return pa.schema([(column.name, column.type) for column in columns(features)], metadata=about)


def version_of(file: pa.Schema) -> int:
    """The model version that a log file holds."""
    return int(file.metadata[_VERSION])


def merged_from(file: pa.Schema) -> frozenset[str]:
    """The names of the files that a merged one was made from."""
    return frozenset(json.loads((file.metadata or {}).get(_MERGED, b"[]")))


def with_sources(file: pa.Schema, sources: Iterable[str]) -> pa.Schema:
    """The schema of a file that is made from others."""
    kept = {key: value for key, value in (file.metadata or {}).items() if key != _MERGED}
    names = sorted(sources)
    return file.with_metadata({**kept, _MERGED: json.dumps(names).encode()} if names else kept)


@dataclass(frozen=True)
class Logged:
    """Some logged answers of one model version.

    `data_version`: what it was trained on. `classes` (tuple of str): what the numbers in `probabilities` stand for, in
    order. `table`: of the columns in `columns`.
    """

    model_version: int
    data_version: str
    classes: tuple[str, ...]
    table: pa.Table


def read(
    folder: Path, shown: str, version: int | None = None, skipped: Callable[[str], object] | None = None
) -> Iterator[Logged]:
    """Read the answers in a folder, version by version, the oldest file first.

    Files may be written, merged and removed meanwhile: what is read is the folder at one moment. `folder`: where a
    service logs. `skipped`: takes the name of a file that cannot be read, because a copy of it was cut short for
    example. Yields at most some ten thousand rows at a time. Raises DataError when there is no log that can be read, or
    none of that version.
    """
    with ExitStack() as stack:
        opened, broken = _opened(folder, stack)
        for name in broken:
            if skipped is not None:
                skipped(name)
        if not opened:
            content = f"{len(broken)} file(s) that cannot be read" if broken else "nothing of the kind"
            raise DataError(
                f"{shown} holds no prediction log: found {content}, expected {PATTERN}. "
                "Start the service with `--log FOLDER` and ask it for predictions, or name the folder it logs to."
            )
        numbers = {name: int(match[1]) for name in opened if (match := NAME.fullmatch(name))}
        if version is not None and version not in numbers.values():
            known = ", ".join(map(str, sorted(set(numbers.values()))))
            raise DataError(
                f"{shown} holds no prediction of model version {version}; it has those of {known}. "
                "Name the folder of the service that runs this version, or wait until it was asked."
            )
        for name in sorted(opened, key=lambda name: (numbers[name], name)):
            if version in (None, numbers[name]):
                yield from _batches(opened[name])


def _opened(folder: Path, stack: ExitStack) -> tuple[dict[str, Any], list[str]]:
    """The files of one moment, open, without those that another one contains; and those that cannot be read.

    An open file stays readable when it is merged away. One that is gone before it is open is in a newer file, so the
    folder is listed again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for attempt in range(_ATTEMPTS):
        opened, broken, gone = {}, [], False
        for path in sorted(path for path in folder.glob(PATTERN) if NAME.fullmatch(path.name)):
            try:
                file = pq.ParquetFile(stack.enter_context(path.open("rb")))
            except FileNotFoundError:
                gone = True
                continue
            except (OSError, pa.ArrowException):
                file = None
            if file and _FORMAT in (file.schema_arrow.metadata or {}):
                opened[path.name] = file
            else:
                broken.append(path.name)
        if not gone or attempt == _ATTEMPTS - 1:
            break
        stack.close()
    contained = frozenset[str]().union(*(merged_from(file.schema_arrow) for file in opened.values()))
    return {name: file for name, file in opened.items() if name not in contained}, broken


def _batches(file: Any) -> Iterator[Logged]:
    import pyarrow as pa

    about = file.schema_arrow.metadata
    classes = tuple(json.loads(about[_CLASSES]))
    for batch in file.iter_batches(batch_size=_BATCH, use_threads=False):
        yield Logged(int(about[_VERSION]), about[_DATA].decode(), classes, pa.Table.from_batches([batch]))
