"""What a service predicted, as files: the schema of a prediction log, and reading a folder of them.

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
class Logged:
    """Some logged answers of one model version.

    Attributes
    ----------
    data_version : str
        What it was trained on.
    classes : tuple of str
        What the numbers in `probabilities` stand for, in order.
    table : pyarrow.Table
        The columns of `schema`.
    """

    model_version: int
    data_version: str
    classes: tuple[str, ...]
    table: pa.Table


def schema(features: Iterable[Feature], classes: Sequence[Label], model_version: int, data_version: str) -> pa.Schema:
    """The columns of a log file, with what it says about itself.

    Parameters
    ----------
    data_version : str
        What it was trained on.

    Returns
    -------
    pyarrow.Schema
        time (timestamp of microseconds, UTC), request_id, model_version, data_version, label, probabilities (list of
        float64, null where the model has none) and features (a struct with one field per feature).
    """
    import pyarrow as pa

    about = {
        _FORMAT: FORMAT,
        _VERSION: str(model_version).encode(),
        _DATA: data_version.encode(),
        _CLASSES: json.dumps([str(label) for label in classes], ensure_ascii=False).encode(),
    }
    return pa.schema(
        [
            ("time", pa.timestamp("us", tz="UTC")),
            ("request_id", pa.string()),
            ("model_version", pa.int64()),
            ("data_version", pa.string()),
            ("label", pa.string()),
            ("probabilities", pa.list_(pa.float64())),
            ("features", pa.struct([(feature.name, arrow_type(feature)) for feature in features])),
        ],
        metadata=about,
    )


def arrow_type(feature: Feature) -> pa.DataType:
    """The type in which a log file keeps a feature."""
    import pyarrow as pa

    types = {
        "numeric": pa.float64(),
        "boolean": pa.bool_(),
        "categorical": pa.string(),
        "datetime": pa.timestamp("us", tz="UTC"),
    }
    return types[feature.kind]


def version_of(found: pa.Schema) -> int:
    """The model version that a log file holds."""
    return int(found.metadata[_VERSION])


def merged_from(found: pa.Schema) -> frozenset[str]:
    """The names of the files that a merged one was made from."""
    return frozenset(json.loads((found.metadata or {}).get(_MERGED, b"[]")))


def with_sources(found: pa.Schema, sources: Iterable[str]) -> pa.Schema:
    """The schema of a file that is made from others."""
    kept = {key: value for key, value in (found.metadata or {}).items() if key != _MERGED}
    names = sorted(sources)
    return found.with_metadata({**kept, _MERGED: json.dumps(names).encode()} if names else kept)


def read(
    folder: Path, shown: str, version: int | None = None, skipped: Callable[[str], object] | None = None
) -> Iterator[Logged]:
    """Read the answers in a folder, version by version, the oldest file first.

    Files may be written, merged and removed meanwhile: what is read is the folder at one moment.

    Parameters
    ----------
    folder : Path
        Where a service logs.
    skipped : callable, optional
        Takes the name of a file that cannot be read, because a copy of it was cut short for example.

    Yields
    ------
    Logged
        At most some ten thousand rows at a time.

    Raises
    ------
    DataError
        When there is no log that can be read, or none of that version.
    """
    with ExitStack() as stack:
        opened, broken = _opened(folder, stack)
        for name in broken:
            if skipped is not None:
                skipped(name)
        if not opened:
            found = f"{len(broken)} file(s) that cannot be read" if broken else "nothing of the kind"
            raise DataError(
                f"{shown} holds no prediction log: found {found}, expected {PATTERN}. "
                "Start the service with `--log FOLDER` and ask it for predictions, or name the folder it logs to."
            )
        numbers = {name: _number(name) for name in opened}
        if version is not None and version not in numbers.values():
            known = ", ".join(map(str, sorted(set(numbers.values()))))
            raise DataError(
                f"{shown} holds no prediction of model version {version}; it has those of {known}. "
                "Name the folder of the service that runs this version, or wait until it was asked."
            )
        for name in sorted(opened, key=lambda name: (numbers[name], name)):
            if version in (None, numbers[name]):
                yield from _batches(opened[name])


def _number(name: str) -> int:
    match = NAME.fullmatch(name)
    return int(match[1]) if match else 0


def _opened(folder: Path, stack: ExitStack) -> tuple[dict[str, Any], list[str]]:
    """The files of one moment, open, without those that another one contains; and those that cannot be read.

    An open file stays readable when it is merged away. One that is gone before it is open is in a newer file, so the
    folder is listed again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for attempt in range(_ATTEMPTS):
        opened, broken, gone = {}, [], False
        for path in sorted(folder.glob(PATTERN)):
            if not NAME.fullmatch(path.name):
                continue
            try:
                file = pq.ParquetFile(stack.enter_context(path.open("rb")))
            except FileNotFoundError:
                gone = True
            except (OSError, pa.ArrowException):
                broken.append(path.name)
            else:
                if _FORMAT in (file.schema_arrow.metadata or {}):
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
