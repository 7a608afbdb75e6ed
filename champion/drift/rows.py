"""New rows through the counts of the drift gate, some ten thousand at a time: a table, or a log of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from champion.bundle.parsing import MISSING, parse, reason
from champion.drift.judge import ComparedTable, changed_types, counts_of, judge, table_verdict, without_verdicts
from champion.drift.labels import Labels, Live, live_of
from champion.drift.report import DriftReport, SchemaDifference
from champion.errors import DataError, listed
from champion.modeling.arrays import Block
from champion.modeling.features import Feature
from champion.modeling.profile import Profile
from champion.modeling.tasks.answer import form_of
from champion.tabular.tables import open_table
from champion.tabular.values import readable
from champion.use_case.policy import Drift

if TYPE_CHECKING:
    from champion.bundle.folder import Package
    from champion.bundle.manifest import Manifest
    from champion.modeling.arrays import ArrayPredictor
    from champion.progress import Tell

REQUEST = "request_id"
_MOST_NOTES = 10  # notes of columns whose values are not counted


class DriftRequest(BaseModel):
    """What is asked of a comparison.

    `log` says that the file is a log of predictions, as `pipelines.drift_files.gathered` makes it; `left_out` says, in
    sentences, what of the log is not in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Drift
    source: str
    since: str | None = None
    log: bool = False
    left_out: tuple[str, ...] = ()


class Rows(NamedTuple):
    """Some rows: the features' columns that are there, and where known the champion's answers, the truth, the ids.

    `total` is how many rows there will be, `share` how much of the file was read; None where nobody knows.
    """

    features: pa.RecordBatch
    textual: bool
    predicted: NDArray[np.object_] | None
    truth: NDArray[np.object_] | None
    ids: pa.Array | None
    total: int | None
    share: float | None


class Count:
    """What was counted so far; answers of the champion are counted where it is given, or the rows have them."""

    def __init__(
        self, about: Manifest, profile: Profile, features: Sequence[Feature], live: Live, model: ArrayPredictor | None
    ) -> None:
        self.manifest, self.profile, self.features, self.live, self.model = about, profile, features, live, model
        self.counts = counts_of(profile, features)
        self.predicted: Counter[str] = Counter()
        self.rows = 0
        self.unusable: Counter[tuple[str, str]] = Counter()  # rows by feature, and by why its value was not counted

    def add(self, rows: Rows, labels: Labels | None) -> None:
        """Count some rows feature by feature, and what the champion says of those that it can answer."""
        total = rows.features.num_rows
        self.rows += total
        good = np.ones(total, dtype=np.bool_)
        blocks: list[Block] = []
        for feature in self.features:
            parsed = parse(rows.features, [feature], self.manifest.missing_words(rows.textual))
            if feature.name in self.counts:
                values = parsed.block.texts if feature.kind == "categorical" else parsed.block.numbers
                self.counts[feature.name].add(values[:, 0], parsed.fault > MISSING)
                for fault in np.unique(parsed.fault[parsed.fault > MISSING]).tolist():
                    self.unusable[feature.name, reason(feature, fault)] += int((parsed.fault == fault).sum())
            good &= parsed.column < 0
            blocks.append(parsed.block)
        predicted = rows.predicted
        if self.model is not None:
            numbers, texts = np.hstack([each.numbers for each in blocks]), np.hstack([each.texts for each in blocks])
            predicted = np.full(total, None, dtype=object)
            answer = self.model.predict(Block(numbers[good], texts[good]))
            predicted[good] = form_of(self.manifest.contract).texts(answer)
        if predicted is None:
            return
        self.predicted.update(label for label in predicted.tolist() if label is not None)
        truth = rows.truth if labels is None else labels.of(rows.ids)
        if truth is not None:
            self.live.count(predicted, truth)


def compared(source: Path, package: Package, request: DriftRequest, labels: Path | None, tell: Tell) -> DriftReport:
    """Compare new rows with what the champion was trained on; `labels` are true labels by request id.

    `tell` is called after every chunk. Raises DataError when the rows cannot be compared at all.
    """
    from champion.bundle.build import array_predictor, profile_of

    manifest, profile = package.manifest, profile_of(package)
    live = live_of(manifest, profile.holdout_rows)
    known = None if labels is None else Labels.read(labels, manifest.target, live)
    differences, features, left_out = _columns(source, manifest, request)
    answers = not request.log and len(features) == len(manifest.signature)
    model = array_predictor(package, f"models/{manifest.use_case}") if answers else None
    count = Count(manifest, profile, features, live, model)
    from_table = _chunks(source, features, manifest, request, live if known is None else None)
    for rows in _logged(source) if request.log else from_table:
        count.add(rows, known)
        tell(count.rows, rows.total, count.rows / max(rows.total or 0, 1) if rows.share is None else rows.share)
    if known is not None and not live.labelled:
        raise DataError(
            f"None of the {count.rows:,} rows has a label: no {REQUEST} of {request.source} is among the {known.rows:,} of "
            "the labels. Compare the two columns; a request id is in every answer of the service."
        )
    request = request.model_copy(update={"left_out": (*request.left_out, *left_out)})
    return _report(count, request, [*differences, *changed_types(features, count.counts)])


def _columns(
    source: Path, manifest: Manifest, request: DriftRequest
) -> tuple[list[SchemaDifference], tuple[Feature, ...], list[str]]:
    """How the columns differ from those of training, the features that can be compared, and what is left out, in sentences."""
    if request.log:
        return [], manifest.signature, []
    table, names = open_table(source), [feature.name for feature in manifest.signature]
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
    known = {"", manifest.target, REQUEST, *names}
    unknown = [name for name in schema.names if name not in known and not name.startswith("Unnamed: ")]
    new = [SchemaDifference(column=name, what="new", text="The champion does not know it.") for name in unknown]
    return [*missing, *other, *new], tuple(usable), left_out


def _chunks(
    source: Path, features: Sequence[Feature], manifest: Manifest, request: DriftRequest, live: Live | None
) -> Iterator[Rows]:
    """The rows of a table."""
    table = open_table(source)
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
        yield Rows(chunk, table.textual, None, truth, ids, table.rows, table.share())


def _logged(source: Path) -> Iterator[Rows]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=65_536):
            features = pa.RecordBatch.from_struct_array(batch.column("features"))
            predicted = batch.column("label").to_numpy(zero_copy_only=False)
            yield Rows(features, False, predicted, None, batch.column(REQUEST), file.metadata.num_rows, None)


def _unusable(count: Count) -> list[str]:
    """Say which columns hold values that no model could take, and how many."""
    notes = [
        f"{rows:,} of {count.rows:,} rows are not counted in {name!r}: the value {why}."
        for (name, why), rows in count.unusable.most_common()
    ]
    more = [f"Values of {len(notes) - _MOST_NOTES:,} more columns are not counted."] if len(notes) > _MOST_NOTES else []
    return [*notes[:_MOST_NOTES], *more]


def _report(count: Count, request: DriftRequest, differences: list[SchemaDifference]) -> DriftReport:
    manifest, profile, rules = count.manifest, count.profile, request.rules
    live = count.live.score(rules.min_rows)
    judged = judge(profile, count.counts, count.predicted, count.live.error, rules)
    worse = count.live.WORSE if live and live.worse else ""
    table = ComparedTable(profile.rows, count.rows, count.counts, judged, differences, worse)
    verdict, reason = table_verdict(table, rules)
    if verdict == "not_enough":
        judged = without_verdicts(judged, reason)
    return DriftReport(
        **manifest.model_dump(include={"use_case", "model_version", "data_version"}),
        **rules.model_dump(include={"alpha", "min_effect", "min_rows"}),
        created=datetime.now(UTC).isoformat(timespec="seconds"), source=request.source, since=request.since,
        verdict=verdict, reason=reason, reference_rows=profile.rows, current_rows=count.rows,
        features=judged.features, predictions=judged.predictions, schema_differences=differences, live=live,
        notes=[*request.left_out, *_unusable(count), *count.live.notes()],
    )  # fmt: skip
