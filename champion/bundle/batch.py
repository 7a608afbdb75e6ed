"""Batch inference: a table of any length through a production package, in the memory of a few chunks.

What can be scored goes into one file, what cannot into another, with the reason; both are written as the table is read.
Only the reading runs ahead, in a thread. Whether a column has few wrong cells or many is known at the end of the table alone: it
is read as if they were few, and once more where they are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from champion.bundle.parsing import Parsed, parse, reason, wrong_in_words, wrong_of
from champion.errors import ConfigurationError, DataError, listed, nearest_column
from champion.modeling.arrays import Block
from champion.modeling.checks.wrong_cells import CountedCells
from champion.modeling.evaluation import Frozen
from champion.modeling.features import Feature
from champion.modeling.tasks.answer import form_of
from champion.progress import Tell
from champion.tabular.csv_format import Writer, cells
from champion.tabular.stream import TableStream, read_ahead
from champion.tabular.tables import WRITTEN, open_table
from champion.tabular.values import readable

if TYPE_CHECKING:
    from champion.bundle.manifest import Manifest
    from champion.modeling.arrays import ArrayPredictor
    from champion.modeling.predictor import Predictions

VERSION = "model_version"  # the column after those of an answer
REJECTED = ("rejected_row", "rejected_column", "rejected_reason")
"""The first columns of the rows that cannot be scored; a row counts from 1, without the header."""


class BatchRequest(Frozen):
    """What of the table stands beside the predictions, and how they are written.

    `suffix` is one of `champion.tabular.tables.WRITTEN`; `keep` are columns of the table, `keep_all` stands for all. Of a
    CSV that people open, `quote_formulas` makes texts of what a spreadsheet would calculate.
    """

    suffix: str
    keep: tuple[str, ...] = ()
    keep_all: bool = False
    quote_formulas: bool = False
    trusted_code: tuple[str, ...] = ()  # hashes of own code that may be run


class Tally(Frozen):
    """What came of a table: rows by what became of them, predictions by class, warnings by feature.

    `wrong` counts the cells of another kind that were read as missing; `said_of_wrong` says which these are, and of which columns
    they are too many. `first` names the first row that could not be scored, its column, and why. `unseen` counts rows with a
    category that training had not, `outside` rows with a number beyond its range, `bounds` rows with a bound such as <0.5, `bare`
    rows with a number that lacks the unit which others had in training; all are of rows that were predicted. `quoted` counts the
    cells, in both files, that were quoted as formulas. `left_out` says what of the file is below the table.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: int
    data_version: str
    rows: int
    predicted: int
    rejected: int
    labels: dict[str, int]
    reasons: dict[str, int]
    unseen: dict[str, int]
    outside: dict[str, int]
    wrong: dict[str, int]
    said_of_wrong: tuple[str, ...]
    bounds: dict[str, int] = Field(default_factory=dict)
    bare: dict[str, int] = Field(default_factory=dict)
    first: str | None
    quoted: int
    left_out: tuple[str, ...] = ()


def open_for(source: Path, manifest: Manifest) -> TableStream:
    """Open a table for the champion: read as its own was, or where the features are found so alone, as the file seems to be."""
    return open_table(source, manifest.read, [feature.name for feature in manifest.signature])


def require_columns(table: TableStream, manifest: Manifest, asked: BatchRequest) -> list[str]:
    """Refuse a table, or what is asked of it, before anything is scored; what is left out of it comes back in sentences.

    Raises DataError when a feature's column is missing, stands twice, or holds lists, structures or bytes;
    ConfigurationError when a column that is to be kept is missing, or is named like one of ours.
    """
    used = [feature.name for feature in manifest.signature]
    notes = table.require([*used, *(table.repeated if asked.keep_all else asked.keep)])
    names = [name for name in table.schema.names if name]
    missing = [feature.name for feature in manifest.signature if feature.name not in names]
    if missing:
        raise DataError(
            f"The table lacks {_columns(missing)}, which model version {manifest.model_version} needs. "
            f"{nearest_column(missing[0], names)}"
        )
    for feature in manifest.signature:
        kind = table.schema.field(feature.name).type
        if not readable(kind):
            raise DataError(
                f"The column {feature.name!r} holds {kind}; a feature has one text, number, date or boolean per row. "
                "Spread it over columns of its own."
            )
    for name in asked.keep:
        if name not in names:
            raise ConfigurationError(
                f"--keep names the column {name!r}, which the table does not have. {nearest_column(name, names)}"
            )
    kept, own = _kept(table, asked), (*form_of(manifest.contract).columns(True), VERSION)
    twice = [name for name, count in Counter([*own, *kept]).items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"The output would have more than one column named {listed(twice)}: it has {listed(own)} of its own. Name "
            "with --keep what else you need, or rename the column in the table."
        )
    if WRITTEN[asked.suffix].TEXTS_ALONE:
        nested = [name for name in kept if not readable(table.schema.field(name).type)]
        if nested:
            raise ConfigurationError(
                f"A CSV cannot hold what is in {_columns(nested)}. Write Parquet, or do not keep it."
            )
    return notes


def _columns(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {listed(names)}"


def _kept(table: TableStream, asked: BatchRequest) -> tuple[str, ...]:
    return tuple(name for name in table.schema.names if name) if asked.keep_all else asked.keep


def predict_table(
    source: Path, model: ArrayPredictor, manifest: Manifest, asked: BatchRequest, out: Path, rejects: Path, tell: Tell
) -> Tally:
    """Score a table, read as the champion's was.

    `out` gets the predictions in the table's order; `rejects`, as CSV, the rows that cannot be scored, each with its number,
    the first column that is wrong, the reason, and the values of its features. `tell` is called after every chunk. Raises
    ProjectError when table, model or what is asked cannot be used; the files may be there in part then.
    """
    require_columns(open_for(source, manifest), manifest, asked)
    lenient = frozenset(feature.name for feature in manifest.signature) if manifest.most_wrong_cells else frozenset()
    run = _Run(open_for(source, manifest), model, manifest, asked, lenient)
    quoted = run.through(out, rejects, tell)
    if too_many := run.too_many():
        run = _Run(open_for(source, manifest), model, manifest, asked, lenient - too_many)
        quoted = run.through(out, rejects, tell)
    return run.tally(*quoted)


class _Run:
    """One table through one model: what is read, made and counted. Wrong cells of the `lenient` features are missing."""

    def __init__(
        self,
        table: TableStream,
        model: ArrayPredictor,
        manifest: Manifest,
        asked: BatchRequest,
        lenient: frozenset[str],
    ) -> None:
        self._table, self._model, self._manifest = table, model, manifest
        self._asked, self._lenient = asked, lenient
        self._wrong: dict[str, CountedCells] = {
            feature.name: CountedCells(feature.name, feature.kind) for feature in manifest.signature
        }
        self._features: tuple[Feature, ...] = manifest.signature
        self._cells = WRITTEN[asked.suffix].cells
        self._kept = _kept(table, asked)
        self._form = form_of(manifest.contract)
        self.rows = 0
        self._labelled = np.zeros(len(self._form.names), dtype=np.int64)
        self._reasons: Counter[str] = Counter()
        self._unseen: Counter[str] = Counter()
        self._outside: Counter[str] = Counter()
        self._bounds: Counter[str] = Counter()
        self._bare: Counter[str] = Counter()
        self._first: str | None = None

    def through(self, out: Path, rejects: Path, tell: Tell) -> tuple[int, int]:
        """Read the table once and write both files; returns how many cells of each were quoted."""
        schema, formulas = self.rejects_schema(), self._asked.quote_formulas
        with (
            closing(read_ahead(self.parsed())) as chunks,
            closing(Writer(rejects, schema, formulas)) as refused,
        ):
            written: Any = None
            try:
                for chunk, parsed in chunks:
                    answer, good = self.answered(parsed)
                    made = self.output(chunk, answer, good)
                    written = written or WRITTEN[self._asked.suffix].writer(out, made.schema, formulas)
                    written.write_batch(made)
                    if len(good) < chunk.num_rows:
                        refused.write_batch(self.rejected(chunk, parsed))
                    self.count(chunk, parsed, good, answer)
                    tell(self.rows, self._table.rows, self._table.share())
            finally:
                if written is not None:
                    written.close()
        return (written.quoted if written is not None else 0), refused.quoted

    def too_many(self) -> frozenset[str]:
        """Of which lenient features more cells are wrong than the champion's use case allows."""
        most = self._manifest.most_wrong_cells
        return frozenset(name for name in self._lenient if not self._wrong[name].are_few(most))

    def parsed(self) -> Iterator[tuple[pa.RecordBatch, Parsed]]:
        """The chunks of the table, each with what a model takes of it."""
        columns = list(dict.fromkeys([*(feature.name for feature in self._features), *self._kept]))
        words = self._manifest.missing_words(self._table.textual)
        for chunk in self._table.chunks(columns):
            yield chunk, parse(chunk, self._features, words, self._lenient)

    def answered(self, parsed: Parsed) -> tuple[Predictions, NDArray[np.int64]]:
        """What the model says of the rows that can be scored, and which these are."""
        good = np.flatnonzero(parsed.column < 0)
        block = parsed.block
        if len(good) < len(block):
            block = Block(block.numbers[good], block.texts[good])
        return self._model.predict(block), good

    def output(self, chunk: pa.RecordBatch, answer: Predictions, good: NDArray[np.int64]) -> pa.RecordBatch:
        """Predictions as they are written."""
        version = pa.array(np.full(len(good), self._manifest.model_version))
        kept = [chunk.column(name) for name in self._kept]
        if len(good) < chunk.num_rows:
            kept = [column.take(pa.array(good)) for column in kept]
        names = [*self._form.columns(answer.probabilities is not None), VERSION, *self._kept]
        return pa.record_batch([*self._form.arrays(answer), version, *map(self._cells, kept)], names=names)

    def rejects_schema(self) -> pa.Schema:
        """The columns of the rows that cannot be scored; all but the number are texts."""
        texts = [(name, pa.string()) for name in (*REJECTED[1:], *(feature.name for feature in self._features))]
        return pa.schema([(REJECTED[0], pa.int64()), *texts])

    def rejected(self, chunk: pa.RecordBatch, parsed: Parsed) -> pa.RecordBatch:
        """The rows of a chunk that cannot be scored; the first of them is remembered."""
        bad = np.flatnonzero(parsed.column >= 0)
        rows = bad + self.rows + 1
        at = parsed.column[bad].tolist()
        why = [reason(self._features[number], fault) for number, fault in zip(at, parsed.fault[bad], strict=True)]
        names = [self._features[number].name for number in at]
        self._reasons.update(f"{name!r} {text}" for name, text in zip(names, why, strict=True))
        self._first = self._first or f"row {rows[0]:,}: {names[0]!r} {why[0]}"
        values = [cells(chunk.column(feature.name).take(pa.array(bad))) for feature in self._features]
        columns = [pa.array(rows), pa.array(names), pa.array(why), *(column.cast(pa.string()) for column in values)]
        return pa.record_batch(columns, schema=self.rejects_schema())

    def count(self, chunk: pa.RecordBatch, parsed: Parsed, good: NDArray[np.int64], answer: Predictions) -> None:
        """Add a chunk to the tally."""
        for name, filled in parsed.filled.items():
            self._wrong[name].add(filled, *wrong_of(chunk, parsed, name, self.rows))
        self.rows += len(parsed.column)
        self._labelled += np.bincount(self._form.places(answer), minlength=len(self._labelled))
        bounds = {name: marks.bound for name, marks in parsed.marks.items()}
        bare = {name: marks.bare for name, marks in parsed.marks.items()}
        by_feature = ((self._unseen, parsed.unseen), (self._outside, parsed.outside))
        for counted, rows_of in (*by_feature, (self._bounds, bounds), (self._bare, bare)):
            for name, rows in rows_of.items():
                counted[name] += int(rows[good].sum())

    def tally(self, quoted: int, quoted_of_rejected: int) -> Tally:
        """What came of the table; without rejected rows their file, which has names alone, is nobody's."""
        predicted = int(self._labelled.sum())
        labels = dict(zip(self._form.names, self._labelled.tolist(), strict=True))
        rows = {"rows": self.rows, "predicted": predicted, "rejected": self.rows - predicted}
        quoted += quoted_of_rejected if rows["rejected"] else 0
        odd = {name: cells for name, cells in self._wrong.items() if cells.count and self._manifest.most_wrong_cells}
        missing = {each.name for each in self._features if each.nullable} & self._lenient
        wrong = {name: cells.count for name, cells in odd.items() if name in missing}
        said = tuple(
            wrong_in_words(cells, self._manifest.most_wrong_cells, name in self._lenient, name in missing)
            for name, cells in odd.items()
        )
        named = {"reasons": self._reasons, "unseen": +self._unseen, "outside": +self._outside, "wrong": wrong}
        named |= {"bounds": +self._bounds, "bare": +self._bare}
        about = self._manifest.model_dump(include={"model_version", "data_version"})
        said_of = {"said_of_wrong": said, "left_out": tuple(self._table.notes())}
        return Tally(**about, **rows, **named, **said_of, labels=labels, first=self._first, quoted=quoted)
