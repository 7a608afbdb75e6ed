"""New rows through the counts of the drift gate, some ten thousand at a time: a table, or a log of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from champion.bundle.batch import open_for
from champion.bundle.parsing import MISSING, Parsed, parse, reason, wrong_in_words, wrong_of
from champion.drift.counts import FeatureCounts
from champion.drift.judge import ComparedTable, changed_types, counts_of, judge, table_verdict, without_verdicts
from champion.drift.labels import Labels, Live, live_of
from champion.drift.repeats import LEVELS, Occurrences, keys_of, weights
from champion.drift.report import DriftReport, SchemaDifference, VersionScore
from champion.drift.units import unit_counts, unjudged
from champion.errors import DataError, NotEnoughDataError, listed
from champion.modeling.arrays import Block
from champion.modeling.checks.wrong_cells import CountedCells
from champion.modeling.features import Feature
from champion.modeling.profile import Profile
from champion.modeling.tasks.answer import form_of
from champion.tabular.values import readable
from champion.use_case.policy import Drift

if TYPE_CHECKING:
    from champion.bundle.folder import Package
    from champion.bundle.manifest import Manifest
    from champion.modeling.arrays import ArrayPredictor
    from champion.progress import Tell

REQUEST = "request_id"
VERSION = "model_version"
_BATCH = 65_536  # rows of a log at a time
_MOST_NOTES = 10  # notes of columns whose values are not counted


class Answerer(BaseModel):
    """A former version that answered rows of a log: its classes as the log has them, and where the store knows it its scores.

    `metrics` are of `holdout_rows`; both are empty where nobody knows them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    classes: tuple[str, ...]
    metrics: dict[str, float] = Field(default_factory=dict)
    holdout_rows: int = 0


class DriftRequest(BaseModel):
    """What is asked of a comparison.

    `log` says that the file is a log of predictions, as `pipelines.drift_files.gathered` makes it; `left_out` says, in
    sentences, what of the log is not in it. `dropped` are columns that the use case leaves out. `former` are the
    other versions whose answers are in it, to be judged by labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Drift
    source: str
    since: str | None = None
    log: bool = False
    left_out: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    trusted_code: tuple[str, ...] = ()  # hashes of own code that may be run
    former: tuple[Answerer, ...] = ()


class Rows(NamedTuple):
    """Some rows: the features' columns that are there, and where known the answers, the truth, the ids.

    `version` is who answered them; of another version than the champion there are no features. `total` is how many rows there
    will be, `share` how much of the file was read; None where nobody knows.
    """

    version: int
    features: pa.RecordBatch
    textual: bool
    predicted: NDArray[np.object_] | None
    truth: NDArray[np.object_] | None
    ids: pa.Array | None
    total: int | None
    share: float | None


class Level(NamedTuple):
    """Rows that came about as often before, see `champion.drift.repeats`: how many, by feature, and by what was answered."""

    counts: dict[str, FeatureCounts]
    predicted: Counter[str]
    rows: list[int]  # of each chunk


class Counted(NamedTuple):
    """What of new rows is judged: by feature, by what was answered, how many they count as, and how many differ."""

    counts: dict[str, FeatureCounts]
    predicted: Counter[str]
    rows: int
    different: int


class Count:
    """What was counted so far; answers of the champion are counted where it is given, or the rows have them."""

    def __init__(
        self,
        about: Manifest,
        profile: Profile,
        features: Sequence[Feature],
        live: Live,
        model: ArrayPredictor | None,
        strict: frozenset[str] = frozenset(),
    ) -> None:
        self.manifest, self.profile, self.features, self.live, self.model = about, profile, features, live, model
        self.wrong = {feature.name: CountedCells(feature.name, feature.kind) for feature in features}
        self._lenient = frozenset(self.wrong if about.most_wrong_cells else ()) - strict
        self._read = 0  # rows that were given to the counts
        self.occurrences = Occurrences()
        self.levels: dict[int, Level] = {}
        self.unusable: Counter[tuple[str, str]] = Counter()  # rows by feature, and by why its value was not counted
        self.former: dict[int, Live] = {}
        self.answered: Counter[int] = Counter()  # rows by the version that answered
        self.units = unit_counts(features)

    def add_former(self, former: Answerer) -> None:
        """Judge what a former version answered by its labels."""
        known = {"model_version": former.number, "classes": former.classes, "metrics": former.metrics}
        self.former[former.number] = live_of(self.manifest.model_copy(update=known), former.holdout_rows)

    def add(self, rows: Rows, labels: Labels | None) -> None:
        """Count some rows feature by feature, and what the champion says of those that it can answer."""
        if rows.version in self.former:
            assert rows.predicted is not None
            self.answered[rows.version] += len(rows.predicted)
            if labels is not None:
                self.former[rows.version].count(rows.predicted, labels.of(rows.version, rows.ids))
            return
        total = rows.features.num_rows
        good = np.ones(total, dtype=np.bool_)
        read: list[Parsed] = []
        for feature in self.features:
            parsed = parse(rows.features, [feature], self.manifest.missing_words(rows.textual), self._lenient)
            read.append(parsed)
            for name, filled in parsed.filled.items():
                self.wrong[name].add(filled, *wrong_of(rows.features, parsed, name, self._read))
            for fault in np.unique(parsed.fault[parsed.fault > MISSING]).tolist():
                self.unusable[feature.name, reason(feature, fault)] += int((parsed.fault == fault).sum())
            good &= parsed.column < 0
            if feature.name in self.units:
                self.units[feature.name].add(rows.features.column(feature.name), parsed)
        numbers = np.hstack([each.block.numbers for each in read])
        block = Block(numbers, np.hstack([each.block.texts for each in read]))
        predicted = rows.predicted
        if self.model is not None:
            predicted = np.full(total, None, dtype=object)
            answer = self.model.predict(Block(block.numbers[good], block.texts[good]))
            predicted[good] = form_of(self.manifest.contract).texts(answer)
        self._add_levels(block, read, predicted)
        self._read += total
        if predicted is None:
            return
        self.answered[rows.version] += sum(label is not None for label in predicted.tolist())
        truth = rows.truth if labels is None else labels.of(rows.version, rows.ids)
        if truth is not None:
            self.live.count(predicted, truth)

    def _add_levels(self, block: Block, read: Sequence[Parsed], predicted: NDArray[np.object_] | None) -> None:
        levels = self.occurrences.levels(keys_of(block))
        for number in np.unique(levels).tolist():
            if number not in self.levels:
                self.levels[number] = Level(counts_of(self.profile, self.features), Counter(), [])
            level, chosen = self.levels[number], levels == number
            level.rows.append(int(chosen.sum()))
            for feature, parsed in zip(self.features, read, strict=True):
                if feature.name in level.counts:
                    values = parsed.block.texts if feature.kind == "categorical" else parsed.block.numbers
                    level.counts[feature.name].add(values[chosen, 0], parsed.fault[chosen] > MISSING)
            if predicted is not None:
                level.predicted.update(label for label in predicted[chosen].tolist() if label is not None)

    def too_many(self) -> frozenset[str]:
        """Of which columns more cells were read as missing than the champion's use case allows."""
        most = self.manifest.most_wrong_cells
        return frozenset(name for name in self._lenient if not self.wrong[name].are_few(most))

    def said_of_wrong(self) -> list[str]:
        """Which cells of another kind were read as missing."""
        return [
            wrong_in_words(self.wrong[feature.name], self.manifest.most_wrong_cells, few=True, missing=True)
            for feature in self.features
            if feature.nullable and feature.name in self._lenient and self.wrong[feature.name].count
        ]

    @property
    def rows(self) -> int:
        """Rows that the champion answered, or is asked."""
        return int(self._rows.sum())

    @property
    def _rows(self) -> NDArray[np.int64]:
        rows = np.zeros(LEVELS, dtype=np.int64)
        for number, level in self.levels.items():
            rows[number] = sum(level.rows)
        return rows

    def counted(self, *, every: bool) -> Counted:
        """What is judged: all rows alike, or each no oftener than the train set lets expect."""
        complete = len(self.features) == len(self.manifest.signature)  # else rows are equal that training tells apart
        shares = np.ones(LEVELS) if every or not complete else weights(self._rows, self.profile)
        of_levels, counts = shares[list(self.levels)], counts_of(self.profile, self.features)
        for name, count in counts.items():
            count.take([level.counts[name] for level in self.levels.values()], of_levels)
        answers: dict[str, float] = {}
        for level, share in zip(self.levels.values(), of_levels.tolist(), strict=True):
            for label, rows in level.predicted.items():
                answers[label] = answers.get(label, 0.0) + share * rows
        predicted = Counter({label: round(rows) for label, rows in answers.items()})
        return Counted(counts, predicted, round(float((shares * self._rows).sum())), int(self._rows[0]))

    def scores(self, min_rows: int) -> list[VersionScore]:
        """Each version with labelled answers, newest first."""
        lives = {self.manifest.model_version: self.live, **self.former}
        scores = []
        for number, live in sorted(lives.items(), reverse=True):
            if live.labelled:
                score, rows = live.score(min_rows), {"answered": self.answered[number], "labelled": live.labelled}
                none = f"{live.labelled:,} rows have a label, none of which is a class that it knows."
                text = score.text if score else none
                scores.append(VersionScore(model_version=number, **rows, live=score, text=text))
        return scores


def compared(
    source: Path,
    package: Package,
    request: DriftRequest,
    labels: Path | None,
    tell: Tell,
    strict: frozenset[str] = frozenset(),
) -> DriftReport:
    """Compare new rows with what the champion was trained on; `labels` are true labels by request id.

    Cells of another kind are read as `champion.bundle.batch` reads them: missing where they are few, and not of the `strict`
    features. `tell` is called after every chunk. Raises DataError when the rows cannot be compared at all.
    """
    from champion.bundle.build import array_predictor, profile_of

    manifest, profile = package.manifest, profile_of(package)
    live = live_of(manifest, profile.holdout_rows)
    classes = list(dict.fromkeys([*live.names, *(name for former in request.former for name in former.classes)]))
    known = None if labels is None else Labels.read(labels, manifest.target, live, classes)
    differences, features, left_out = _columns(source, manifest, request)
    answers = not request.log and len(features) == len(manifest.signature)
    model = array_predictor(package, f"models/{manifest.use_case}", request.trusted_code) if answers else None
    count = Count(manifest, profile, features, live, model, strict)
    for former in request.former:
        count.add_former(former)
    if known is not None:
        for version, ids in _ids(source, manifest, request):
            known.expect(version, ids)
    from_table = _chunks(source, features, manifest, request, live if known is None else None, left_out)
    done = 0
    for rows in _logged(source) if request.log else from_table:
        count.add(rows, known)
        done += rows.features.num_rows
        tell(done, rows.total, done / max(rows.total or 0, 1) if rows.share is None else rows.share)
    if too_many := count.too_many():
        return compared(source, package, request, labels, tell, strict | too_many)
    if known is not None and not any(each.labelled for each in (live, *count.former.values())):
        raise NotEnoughDataError(
            f"None of the {done:,} rows has a label: no {REQUEST} of {request.source} is among the {known.rows:,} of "
            "the labels. Compare the two columns; a request id is in every answer of the service."
        )
    said = (*request.left_out, *left_out, *(known.notes(request.source) if known is not None else ()))
    request = request.model_copy(update={"left_out": said})
    units = [] if request.log else [each for unit in count.units.values() if (each := unit.difference()) is not None]
    named = {each.column for each in units}
    types = [each for each in changed_types(features, count.counted(every=True).counts) if each.column not in named]
    return _report(count, request, [*differences, *types], units)


def _columns(
    source: Path, manifest: Manifest, request: DriftRequest
) -> tuple[list[SchemaDifference], tuple[Feature, ...], list[str]]:
    """How the columns differ from those of training, the features that can be compared, and what is left out, in sentences."""
    if request.log:
        return [], manifest.signature, []
    table, names = open_for(source, manifest), [feature.name for feature in manifest.signature]
    schema, left_out = table.schema, table.require([*names, manifest.target])
    if not any(name in schema.names for name in names):
        raise DataError(
            f"{request.source} has no column of the use case {manifest.use_case}: found {listed(schema.names)}, the champion "
            f"was trained on {listed(names)}. Name a table of this use case, or its --config."
        )
    missing, other, usable = [], [], []
    for feature in manifest.signature:
        name, text = feature.name, "The champion needs it, and the data do not have it."
        if name not in schema.names:
            missing.append(SchemaDifference(column=name, what="missing", text=text))
        elif readable(kind := schema.field(name).type):
            usable.append(feature)
        else:
            text = f"It holds {kind}, and was {feature.kind} in training."
            other.append(SchemaDifference(column=name, what="type", text=text))
    known = {"", manifest.target, REQUEST, *names, *manifest.drop, *request.dropped, manifest.split.column}
    unknown = [name for name in schema.names if name not in known and not name.startswith("Unnamed: ")]
    new = [SchemaDifference(column=name, what="new", text="The champion does not know it.") for name in unknown]
    return [*missing, *other, *new], tuple(usable), left_out


def _chunks(
    source: Path,
    features: Sequence[Feature],
    manifest: Manifest,
    request: DriftRequest,
    live: Live | None,
    said: list[str],
) -> Iterator[Rows]:
    """The rows of a table; `said` gets what is left out below it, in sentences."""
    table = open_for(source, manifest)
    usable = {each.name for each in table.schema if readable(each.type)}
    more = [name for name in (manifest.target, REQUEST) if name in usable]
    if live is None:
        table.require([REQUEST])
    if live is None and REQUEST not in more:
        raise DataError(
            f"--labels: {request.source} has no column {REQUEST!r} to join on. Add the id of each row, or let the table have "
            f"the column {manifest.target!r} itself."
        )
    for chunk in table.chunks(list(dict.fromkeys([*(feature.name for feature in features), *more]))):
        truth = live.truth(chunk.column(manifest.target)) if live and manifest.target in more else None
        ids = chunk.column(REQUEST).cast(pa.string()) if REQUEST in more else None
        yield Rows(manifest.model_version, chunk, table.textual, None, truth, ids, table.rows, table.share())
    said += table.notes()


def _ids(source: Path, manifest: Manifest, request: DriftRequest) -> Iterator[tuple[int, pa.Array]]:
    """The ids of all rows, by the version that answered; of a table that has none, nothing."""
    import pyarrow.parquet as pq

    if not request.log:
        table = open_for(source, manifest)
        if REQUEST in table.schema.names and readable(table.schema.field(REQUEST).type):
            for chunk in table.chunks([REQUEST]):
                yield manifest.model_version, chunk.column(0).cast(pa.string())
        return
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=[VERSION, REQUEST]):
            for version, rows in _by_version(batch):
                yield version, rows.column(REQUEST)


def _logged(source: Path) -> Iterator[Rows]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        total = file.metadata.num_rows
        for batch in file.iter_batches(batch_size=_BATCH):
            for version, rows in _by_version(batch):
                features, predicted = rows.column("features"), rows.column("label").to_numpy(zero_copy_only=False)
                if features.null_count == len(features):  # of a former version
                    columns = pa.RecordBatch.from_arrays([features], ["features"])
                else:
                    columns = pa.RecordBatch.from_struct_array(features)
                yield Rows(version, columns, False, predicted, None, rows.column(REQUEST), total, None)


def _by_version(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Rows of a log by the version that answered them, in their order."""
    versions = batch.column(VERSION)
    distinct = versions.unique().to_pylist()
    for version in distinct:
        yield version, batch if len(distinct) == 1 else batch.filter(pc.equal(versions, version))


def _unusable(count: Count) -> list[str]:
    """Say which columns hold values that no model could take, and how many."""
    notes = [
        f"{rows:,} of {count.rows:,} rows are not counted in {name!r}: the value {why}."
        for (name, why), rows in count.unusable.most_common()
    ]
    more = [f"Values of {len(notes) - _MOST_NOTES:,} more columns are not counted."] if len(notes) > _MOST_NOTES else []
    return [*notes[:_MOST_NOTES], *more]


def _repeated(rows: int, counted: Counted) -> list[str]:
    """Say that rows do not count in full."""
    if counted.rows == rows:
        return []
    return [
        f"{rows:,} rows count as {counted.rows:,}: {counted.different:,} of them are different, and the train set repeats its "
        "rows less often. A row that is asked again is no new evidence."
    ]


def _of_former(count: Count) -> list[str]:
    """What to know of the scores of former versions."""
    return [
        f"Version {number}: {note}" for number, live in count.former.items() if live.labelled for note in live.notes()
    ]


def _report(
    count: Count, request: DriftRequest, others: list[SchemaDifference], units: list[SchemaDifference]
) -> DriftReport:
    manifest, profile, rules = count.manifest, count.profile, request.rules
    live = count.live.score(rules.min_rows)
    counted = count.counted(every=False)
    judged = judge(profile, counted.counts, counted.predicted, count.live.error, rules)
    judged, differences = judged._replace(features=unjudged(judged.features, units)), [*others, *units]
    bare = [] if request.log else [each.note() for each in count.units.values()]
    worse = count.live.WORSE if live and live.worse else ""
    table = ComparedTable(profile.rows, count.rows, counted.rows, counted.counts, judged, differences, worse)
    verdict, reason = table_verdict(table, rules)
    if verdict == "not_enough":
        judged = without_verdicts(judged, reason)
    return DriftReport(
        **manifest.model_dump(include={"use_case", "model_version", "data_version"}),
        **rules.model_dump(include={"alpha", "min_effect", "min_rows"}),
        created=datetime.now(UTC).isoformat(timespec="seconds"), source=request.source, since=request.since,
        verdict=verdict, reason=reason, reference_rows=profile.rows, current_rows=count.rows, counted_rows=counted.rows,
        features=judged.features, predictions=judged.predictions, schema_differences=differences, live=live,
        versions=count.scores(rules.min_rows),
        notes=[
            *request.left_out, *_repeated(count.rows, counted), *filter(None, bare), *count.said_of_wrong(), *_unusable(count),
            *count.live.notes(), *_of_former(count),
        ],
    )  # fmt: skip
