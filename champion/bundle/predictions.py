"""What a service predicted, as files: the columns of a prediction log, and reading a folder of them.

A file holds answers of one model version, and of one model file, row by row: when, for which request, what was asked and
what was answered. It appears whole or not at all. Small files are merged into larger ones as they pile up; a merged file
names its sources, so that no row counts twice while both are there.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from champion.bundle import plain_files
from champion.bundle.manifest import MODEL, Manifest
from champion.errors import DataError
from champion.modeling.features import category_text
from champion.modeling.predictor import Predictions
from champion.modeling.tasks.answer import form_of

if TYPE_CHECKING:
    import pyarrow as pa

PATTERN = "predictions-v*.parquet"
NAME = re.compile(r"predictions-v(\d+)-(\d{8}T\d{6}Z)-([0-9a-f]+)-(\d+)\.parquet")
FORMAT = b"1"
_FORMAT, _VERSION, _MODEL, _DATA, _CLASSES, _MERGED = (
    f"champion.{key}".encode() for key in ("format", "model_version", "model", "data_version", "classes", "merged")
)
_ATTEMPTS = 10  # to list a folder in which files are merged meanwhile
_BATCH = 65_536  # rows


class Answered(NamedTuple):
    """One answered request: all that a column of the log is made of. What a new column needs besides is a field here.

    `moment`: when, in seconds since 1970. `rows` (sequence of sequence): the values in the signature's order, as they
    came; kept by reference, so nobody may change them.
    """

    moment: float
    manifest: Manifest
    request_id: str
    rows: Sequence[Sequence[Any]]
    predictions: Predictions

    def part(self, chosen: Sequence[int]) -> Answered:
        """Some of its rows."""
        return self._replace(rows=[self.rows[row] for row in chosen], predictions=self.predictions.part(chosen))

    @property
    def probabilities(self) -> Sequence[Sequence[float] | None]:
        """Those of each row; None where the model has none."""
        shares: Any = self.predictions.probabilities
        return [None] * len(self.rows) if shares is None else shares.tolist()


class LogColumn(NamedTuple):
    """One column of a log file: its name, its type, and its values, one for each row of some answers."""

    name: str
    type: pa.DataType
    values: Callable[[Sequence[Answered]], list[Any]]


def columns(manifest: Manifest) -> tuple[LogColumn, ...]:
    """The columns of a log file; a new one, another name or another type is a row here."""
    import pyarrow as pa

    moment, text, number = pa.timestamp("us", tz="UTC"), pa.string(), pa.int64()
    kinds = {"numeric": pa.float64(), "boolean": pa.bool_(), "categorical": text, "datetime": moment}
    features = pa.struct([(feature.name, kinds[feature.kind]) for feature in manifest.signature])
    form, shares = form_of(manifest.contract), pa.list_(pa.float64())
    return (
        LogColumn("time", moment, lambda some: [round(one.moment * 1e6) for one in some for _ in one.rows]),
        LogColumn("request_id", text, lambda some: [one.request_id for one in some for _ in one.rows]),
        LogColumn("model_version", number, lambda some: [one.manifest.model_version for one in some for _ in one.rows]),
        LogColumn("data_version", text, lambda some: [one.manifest.data_version for one in some for _ in one.rows]),
        LogColumn("label", text, lambda some: [each for one in some for each in form.texts(one.predictions)]),
        LogColumn("probabilities", shares, lambda some: [each for one in some for each in one.probabilities]),
        LogColumn("features", features, lambda some: [tuple(row) for one in some for row in one.rows]),
    )


def schema(manifest: Manifest) -> pa.Schema:
    """The columns of a log file, with what it says about itself."""
    import pyarrow as pa

    about = {
        _FORMAT: FORMAT,
        _VERSION: str(manifest.model_version).encode(),
        _MODEL: manifest.files.get(MODEL, "").encode(),
        _DATA: manifest.data_version.encode(),
        _CLASSES: json.dumps(form_of(manifest.contract).names, ensure_ascii=False).encode(),
    }
    return pa.schema([(column.name, column.type) for column in columns(manifest)], metadata=about)


def table_of(answers: Sequence[Answered]) -> pa.Table:
    """Put one answer or more of one champion into the log's columns.

    A row with a value that is not of its feature's kind is left out. Arrow looks for pandas here, which takes half a
    second where it is installed: the service hides it, see `champion.serving.hidden.Hidden`.
    """
    import pyarrow as pa

    manifest = answers[0].manifest

    def arrays(answers: Sequence[Answered]) -> list[pa.Array]:
        return [pa.array(column.values(answers), column.type, from_pandas=True) for column in columns(manifest)]

    try:
        made = arrays(answers)
    except (TypeError, ValueError, OverflowError):
        made = arrays(list(map(_typed, answers)))
    return pa.Table.from_arrays(made, schema=schema(manifest))


def _typed(answer: Answered) -> Answered:
    """The same with every value in its feature's kind, without the rows in which one cannot be."""
    good = {}
    for number, row in enumerate(answer.rows):
        with contextlib.suppress(TypeError, ValueError, OverflowError, AttributeError):
            pairs = zip(row, answer.manifest.signature, strict=True)
            good[number] = [None if value is None or value != value else _KINDS[of.kind](value) for value, of in pairs]
    return answer.part(list(good))._replace(rows=list(good.values()))


def _number(value: Any) -> float:
    if isinstance(value, str):
        raise TypeError("a text is no number")
    return float(value)


def _boolean(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError("no boolean")


def _text(value: Any) -> str:
    return category_text(value).encode(errors="replace").decode()


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_KINDS = {"numeric": _number, "boolean": _boolean, "categorical": _text, "datetime": _moment}


def version_of(file: pa.Schema) -> int:
    """The model version that a log file holds."""
    return int(file.metadata[_VERSION])


def merged_from(file: pa.Schema) -> frozenset[str]:
    """The names of the files that a merged one was made from."""
    return frozenset(json.loads((file.metadata or {}).get(_MERGED, b"[]")))


def with_sources(file: pa.Schema, sources: Iterable[str]) -> pa.Schema:
    """The schema of a file that is made from others."""
    metadata = {key: value for key, value in (file.metadata or {}).items() if key != _MERGED}
    names = sorted(sources)
    return file.with_metadata({**metadata, _MERGED: json.dumps(names).encode()} if names else metadata)


@dataclass(frozen=True)
class Logged:
    """Some logged answers of one model version.

    `model`: the sha256 of its model file, since a refit keeps the number; empty in a log of 0.1. `data_version`: what it was
    trained on. `classes` (tuple of str): what the numbers in `probabilities` stand for, in order. `table`: of the columns in
    `columns`.
    """

    model_version: int
    data_version: str
    classes: tuple[str, ...]
    table: pa.Table
    model: str = ""


def is_log_file(path: Path) -> bool:
    """Whether a file has the name that a service gives to a part of its log."""
    return NAME.fullmatch(path.name) is not None


def read(
    folder: Path, shown: str, version: int | None = None, skipped: Callable[[str], object] | None = None
) -> Iterator[Logged]:
    """Read the answers in a folder, version by version, the oldest file first.

    Files may be written, merged and removed meanwhile: what is read is the folder at one moment. `folder`: where a
    service logs. `skipped`: takes the name of a file that cannot be read, or not to its end: a copy that was cut short, for
    example. Yields at most some ten thousand rows at a time. Raises DataError when there is no log that can be read, or
    none of that version.
    """
    import pyarrow as pa

    with contextlib.ExitStack() as stack:
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
                try:
                    yield from _batches(opened[name])
                except (OSError, pa.ArrowException):  # its footer is whole, and what is before it is not
                    if skipped is not None:
                        skipped(name)


def _opened(folder: Path, stack: contextlib.ExitStack) -> tuple[dict[str, Any], list[str]]:
    """The files of one moment, open, without those that another one contains; and those that cannot be read.

    An open file stays readable when it is merged away. One that is gone before it is open is in a newer file, so the
    folder is listed again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for attempt in range(_ATTEMPTS):
        opened, broken, gone = {}, [], False
        for path in sorted(path for path in folder.glob(PATTERN) if is_log_file(path)):
            try:
                file = pq.ParquetFile(stack.enter_context(plain_files.opened(path)))
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
        table, model = pa.Table.from_batches([batch]), about.get(_MODEL, b"").decode()
        yield Logged(int(about[_VERSION]), about[_DATA].decode(), classes, table, model)
