"""New rows through the counts of the drift gate, some ten thousand at a time: a table, or a log of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from champion.bundle.parsing import MISSING, parse, readable
from champion.drift.counts import FeatureCounts
from champion.drift.judge import changed_types, counts_of, judge, without_verdicts
from champion.drift.labels import Labels, as_labels
from champion.drift.live import live_score
from champion.drift.report import DriftReport, SchemaDifference
from champion.drift.verdict import Compared, table_verdict
from champion.errors import DataError, listed
from champion.modeling.arrays import Block
from champion.modeling.features import Feature
from champion.modeling.profile import SECONDS_PER_DAY, Profile
from champion.tabular.tables import open_table
from champion.use_case.policy import Drift

if TYPE_CHECKING:
    from champion.bundle.folder import Package
    from champion.bundle.manifest import Manifest
    from champion.modeling.arrays import ArrayClassifier
    from champion.progress import Tell

REQUEST = "request_id"


class Asked(BaseModel):
    """What is asked of a comparison.

    `log` says that the file is a log of predictions, as `pipelines.drift_files.gathered` makes it; `unlogged` are rows of the log
    that are left out, by the model version that answered them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: Drift
    source: str
    since: str | None = None
    log: bool = False
    unlogged: dict[int, int] = {}


@dataclass(frozen=True)
class Rows:
    """Some rows: the features' columns that are there, and where known the champion's answers, the truth, the ids."""

    features: pa.RecordBatch
    textual: bool
    predicted: NDArray[np.object_] | None = None
    truth: NDArray[np.object_] | None = None
    ids: pa.Array | None = None


@dataclass
class Seen:
    """What was counted so far."""

    counts: dict[str, FeatureCounts]
    predicted: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    labelled: int = 0
    unlabelled: int = 0
    right: int = 0
    foreign: int = 0  # labels that the champion does not know


def compared(source: Path, package: Package, asked: Asked, labels: Path | None, tell: Tell) -> DriftReport:
    """Compare new rows with what the champion was trained on.

    Parameters
    ----------
    labels : Path, optional
        A table of true labels by request id.
    tell : callable
        Called after every chunk.

    Raises
    ------
    DataError
        When the rows cannot be compared at all.
    """
    from champion.bundle.build import profile_of

    manifest, profile = package.manifest, profile_of(package)
    known = None if labels is None else Labels.read(labels, manifest)
    differences, there = _columns(source, manifest, asked)
    seen = Seen(counts_of(profile, there))
    model = None if asked.log or len(there) < len(manifest.signature) else _model(package)
    for rows, done, total, share in _rows(source, there, manifest, asked, known is not None):
        _count(rows, there, seen, model, known, manifest)
        tell(done, total, share)
    if known is not None and not seen.labelled:
        raise DataError(
            f"None of the {seen.rows:,} rows has a label: no {REQUEST} of {asked.source} is among the {known.rows:,} of the "
            "labels. Compare the two columns; a request id is in every answer of the service."
        )
    return _report(profile, manifest, seen, asked, [*differences, *changed_types(there, seen.counts)])


def _model(package: Package) -> ArrayClassifier:
    from champion.bundle.build import array_classifier

    model: ArrayClassifier = array_classifier(package, f"models/{package.manifest.use_case}")
    return model


def _columns(source: Path, manifest: Manifest, asked: Asked) -> tuple[list[SchemaDifference], tuple[Feature, ...]]:
    """How the columns differ from those of training, and the features that can be compared."""
    if asked.log:
        return [], manifest.signature
    schema = open_table(source).schema
    names = [feature.name for feature in manifest.signature]
    there = [feature for feature in manifest.signature if feature.name in schema.names]
    if not there:
        raise DataError(
            f"{asked.source} has no column of the use case {manifest.use_case}: found {listed(schema.names)}, the champion was "
            f"trained on {listed(names)}. Name a table of this use case, or its --config."
        )
    found = [
        SchemaDifference(column=name, what="missing", text="The champion needs it, and the data do not have it.")
        for name in names
        if name not in schema.names
    ]
    usable = [feature for feature in there if readable(schema.field(feature.name).type)]
    for feature in there:
        if feature not in usable:
            text = f"It holds {schema.field(feature.name).type}, and was {feature.kind} in training."
            found.append(SchemaDifference(column=feature.name, what="type", text=text))
    ours = {*names, manifest.target, REQUEST}
    found += [
        SchemaDifference(column=name, what="new", text="The champion does not know it.")
        for name in schema.names
        if name and name not in ours and name not in {column.name for column in manifest.signature}
    ]
    return found, tuple(usable)


def _rows(
    source: Path, there: Sequence[Feature], manifest: Manifest, asked: Asked, labelled: bool
) -> Iterator[tuple[Rows, int, int | None, float]]:
    """The rows, with how many there were so far, how many there are, and the share of the file."""
    done = 0
    if asked.log:
        for rows, total in _logged(source):
            done += rows.features.num_rows
            yield rows, done, total, done / max(total, 1)
        return
    table = open_table(source)
    more = [
        name
        for name in (manifest.target, REQUEST)
        if name in table.schema.names and readable(table.schema.field(name).type)
    ]
    if labelled and REQUEST not in more:
        raise DataError(
            f"--labels: {asked.source} has no column {REQUEST!r} to join on. Add the id of each row, or let the table have the "
            f"column {manifest.target!r} itself."
        )
    for chunk in table.chunks([*(feature.name for feature in there), *more]):
        done += chunk.num_rows
        truth = as_labels(chunk.column(manifest.target), manifest.classes) if manifest.target in more else None
        ids = chunk.column(REQUEST).cast(pa.string()) if REQUEST in more else None
        yield Rows(chunk, table.textual, None, None if labelled else truth, ids), done, table.rows, table.share()


def _logged(source: Path) -> Iterator[tuple[Rows, int]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(batch_size=65_536):
            features = pa.RecordBatch.from_struct_array(batch.column("features"))
            predicted = batch.column("label").to_numpy(zero_copy_only=False)
            yield Rows(features, False, predicted, None, batch.column(REQUEST)), file.metadata.num_rows


def _count(
    rows: Rows,
    there: Sequence[Feature],
    seen: Seen,
    model: ArrayClassifier | None,
    labels: Labels | None,
    manifest: Manifest,
) -> None:
    """Count a chunk: feature by feature, and what the champion says of the rows that it can answer."""
    total = rows.features.num_rows
    seen.rows += total
    good = np.ones(total, dtype=np.bool_)
    numbers: list[NDArray[np.float64]] = []
    texts: list[NDArray[np.object_]] = []
    for feature in there:
        parsed = parse(rows.features, [feature], rows.textual)
        _count_feature(feature, parsed.block, parsed.fault > MISSING, seen.counts.get(feature.name))
        good &= parsed.column < 0
        numbers.append(parsed.block.numbers)
        texts.append(parsed.block.texts)
    predicted = rows.predicted
    if model is not None:
        answer = model.predict(Block(np.hstack(numbers)[good], np.hstack(texts)[good]))
        names = np.array([str(label) for label in manifest.classes], dtype=object)
        predicted = np.full(total, None, dtype=object)
        predicted[good] = names[answer.codes]
    if predicted is not None:
        seen.predicted.update(label for label in predicted.tolist() if label is not None)
        truth = rows.truth if labels is None else labels.of(rows.ids)
        if truth is not None:
            _compare_labels(predicted, truth, seen, {str(label) for label in manifest.classes})


def _count_feature(feature: Feature, block: Block, wrong: NDArray[np.bool_], counts: FeatureCounts | None) -> None:
    if counts is None:
        return
    if feature.kind == "categorical":
        counts.add_texts(block.texts[:, 0], wrong)
    elif feature.kind == "boolean":
        counts.add_booleans(block.numbers[:, 0], wrong)
    else:
        scale = SECONDS_PER_DAY if feature.kind == "datetime" else 1.0
        counts.add_numbers(block.numbers[:, 0] * scale, wrong)


def _compare_labels(predicted: NDArray[np.object_], truth: NDArray[np.object_], seen: Seen, classes: set[str]) -> None:
    pairs = Counter(zip(predicted.tolist(), truth.tolist(), strict=True))
    for (answer, label), rows in pairs.items():
        if answer is None:
            continue
        seen.labelled += rows * (label is not None)
        seen.unlabelled += rows * (label is None)
        seen.right += rows * (label == answer)
        seen.foreign += rows * (label is not None and label not in classes)


def _report(
    profile: Profile, manifest: Manifest, seen: Seen, asked: Asked, differences: list[SchemaDifference]
) -> DriftReport:
    rules = asked.rules
    promoted = manifest.metrics.get("accuracy")
    judged = judge(profile, seen.counts, seen.predicted, _error(promoted, profile.holdout_rows), rules)
    live = None
    if seen.labelled > seen.foreign and promoted is not None:
        held = profile.holdout_rows
        live = live_score(seen.right, seen.labelled, seen.unlabelled, promoted, max(held, 1), rules.min_rows)
    table = Compared(profile.rows, seen.rows, seen.counts, judged, differences, live)
    verdict, reason = table_verdict(table, rules)
    if verdict == "not_enough":
        judged = without_verdicts(judged, reason)
    return DriftReport(
        use_case=manifest.use_case, model_version=manifest.model_version, data_version=manifest.data_version,
        created=datetime.now(UTC).isoformat(timespec="seconds"), source=asked.source, since=asked.since, verdict=verdict,
        reason=reason, reference_rows=profile.rows, current_rows=seen.rows, alpha=rules.alpha,
        min_effect=rules.min_effect, min_rows=rules.min_rows, features=judged.features, predictions=judged.predictions,
        schema_differences=differences, live=live, notes=_notes(asked, seen, manifest),
    )  # fmt: skip


def _error(accuracy: float | None, rows: int) -> float | None:
    """How often a champion errs, by Laplace's rule: no holdout is so long that nothing will ever go wrong."""
    return None if accuracy is None else (round((1 - accuracy) * rows) + 1) / (rows + 2)


def _notes(asked: Asked, seen: Seen, manifest: Manifest) -> list[str]:
    notes = [
        f"{rows:,} rows of the log were answered by model version {version} and are left out."
        for version, rows in _sorted(asked.unlogged)
    ]
    if seen.labelled and seen.foreign == seen.labelled:
        notes.append(f"No value of {manifest.target!r} is a class that the champion knows, so that it is not scored.")
    elif seen.labelled and seen.unlabelled:
        notes.append(f"{seen.unlabelled:,} rows have no label; the live score is of the other {seen.labelled:,}.")
    if seen.labelled and "accuracy" not in manifest.metrics:
        notes.append(
            "The package does not say how accurate the champion was, so that there is nothing to compare with."
        )
    return notes


def _sorted(counts: Mapping[int, int]) -> list[tuple[int, int]]:
    return sorted(counts.items())
