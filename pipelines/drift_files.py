"""The edge of the drift gate: what the user named into the store; reports, gauges and the history out to the user's files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from champion.drift.report import DriftReport, Moment
from champion.drift.rows import Answerer, DriftRequest
from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError, counted, listed
from champion.scratch import scratch
from champion.tabular.parquet_folder import is_parquet_folder
from champion.tabular.tables import format_of
from champion.use_case.dialect import Dialect
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace
from pipelines.batch_files import register_table

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from champion.use_case.policy import Drift

HISTORY, HISTORY_PAGE = "drift_history.jsonl", "drift_history.html"
MOST_MOMENTS = 1000  # comparisons that the history keeps
_AGO = re.compile(r"(\d+)\s*(d|h|m)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class Input:
    """What the user named: a table or a folder of logs, true labels, and from when on."""

    source: Path
    labels: Path | None
    since: datetime | None

    @property
    def is_log(self) -> bool:
        """Whether it is a folder that a service logs to, and no folder of Parquet that is one table."""
        if not self.source.is_dir():
            return False
        from champion.bundle.predictions import is_log_file

        return not is_parquet_folder(self.source) or any(map(is_log_file, self.source.iterdir()))


def checked_input(source: Path, since: str | None, labels: Path | None, how: Dialect | None = None) -> Input:
    """Refuse what cannot be compared, before anything is read; `how` is how the use case's own table is read.

    Raises ConfigurationError when options do not fit. Raises DataError when a file is not there.
    """
    if not source.exists():
        raise DataError(f"There is no table and no folder {source}. Name a table, or the folder a service logs to.")
    given = Input(source, labels, None if since is None else moment_of(since, datetime.now(UTC)))
    if not given.is_log:
        format_of(source, str(source), how)
        if since is not None:
            raise ConfigurationError(
                f"--since chooses from a log, and {source} is a table. Name the folder of the log, or leave --since out."
            )
    if labels is not None:
        format_of(labels, str(labels))
        if not labels.is_file():
            raise DataError(f"There are no labels {labels}. Correct the path.")
    return given


def moment_of(text: str, now: datetime) -> datetime:
    """Read a moment, as ``2026-03-01`` or ``2026-03-01T12:00:00+01:00``, or how long ago it was: ``7d``, ``12h``, ``30m``.

    Without a zone it is UTC, and so is what is returned. Raises ConfigurationError when it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"--since {text!r} is no moment; expected one such as 2026-03-01, 2026-03-01T12:00, or 7d, 12h, 30m for so long ago."
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def register_input(
    client: Client,
    use_case: str,
    given: Input,
    rules: Drift,
    version: int,
    about: Callable[[int, tuple[str, ...]], Answerer],
) -> tuple[ArtifactVersionResponse, ArtifactVersionResponse | None, DriftRequest]:
    """Have the rows and the labels in the store as files.

    Of a log only the champion's rows are compared; with labels other versions are judged by theirs, and `about` says what is
    known of a number with its classes. Raises DataError when a file cannot be read, and NotEnoughDataError when the log has
    nothing to judge.
    """
    since = None if given.since is None else given.since.isoformat(timespec="seconds")
    request = DriftRequest(rules=rules, source=str(given.source), since=since, log=given.is_log)
    labels = None if given.labels is None else register_table(client, use_case, "labels", given.labels)
    if not given.is_log:
        return register_table(client, use_case, "scored", given.source), labels, request
    with gathered(given.source, str(given.source), version, given.since, labels is not None) as log:
        rows = register_table(client, use_case, "log", log.path)
    former = tuple(about(number, classes) for number, classes in log.former.items())
    return rows, labels, request.model_copy(update={"left_out": log.left_out, "former": former})


class GatheredLog(NamedTuple):
    """A log as one Parquet file, what is not in it, in sentences, and the classes of the versions besides the champion's."""

    path: Path
    left_out: tuple[str, ...]
    former: dict[int, tuple[str, ...]]


@contextmanager
def gathered(folder: Path, name: str, version: int, since: datetime | None, others: bool) -> Iterator[GatheredLog]:
    """A log as one Parquet file, for as long as it is needed, with the columns that the comparison reads.

    It has the rows of one model version, and without their features those of `others` where that is asked. What is not in it are
    files that cannot be read, and other versions' answers. Raises NotEnoughDataError when no row is left.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from champion.bundle.predictions import read

    elsewhere: Counter[int] = Counter()
    classes: dict[int, tuple[str, ...]] = {}
    broken: list[str] = []
    with scratch() as temporary:
        path, apart = temporary / "log.parquet", temporary / "others.parquet"
        columns = ["model_version", "request_id", "label"]
        writer, other_writer = None, None
        try:
            for logged in read(folder, name, skipped=broken.append):
                table = logged.table
                if since is not None:
                    table = table.filter(pc.greater_equal(table.column("time"), pa.scalar(since)))
                if logged.model_version != version:
                    elsewhere[logged.model_version] += table.num_rows
                    if others and table.num_rows:
                        known = (*classes.get(logged.model_version, ()), *logged.classes)
                        classes[logged.model_version] = tuple(dict.fromkeys(known))
                        table = table.select(columns).replace_schema_metadata(None)
                        other_writer = other_writer or pq.ParquetWriter(apart, table.schema, compression="zstd")
                        other_writer.write_table(table)
                elif table.num_rows:
                    table = table.select([*columns, "features"]).replace_schema_metadata(None)
                    writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                    writer.write_table(table)
            if other_writer is not None:
                other_writer.close()
                writer = writer or pq.ParquetWriter(path, other_writer.schema.append(pa.field("features", pa.null())))
                _append(writer, apart)
        finally:
            for each in filter(None, (writer, other_writer)):
                each.close()
        if writer is None:
            when = "" if since is None else f" since {since:%Y-%m-%d %H:%M} UTC"
            versions = ", ".join(map(str, sorted(+elsewhere)))
            there = f"; it has answers of {versions}" if versions else ""
            raise NotEnoughDataError(
                f"The log {name} has no answer of model version {version} (the champion){when}{there}. Wait until the "
                "service that runs it was asked, or name an earlier --since."
            )
        what = "are judged by their labels alone" if others else "are left out"
        left_out = [
            f"{rows:,} rows of the log were answered by model version {number} and {what}."
            for number, rows in sorted((+elsewhere).items())
        ]
        if broken:
            unread = (
                f"{counted(len(broken), 'file', 'files')} of the log cannot be read, and what they hold is left out"
            )
            remedy = "Copy them from the service again, or remove them."
            left_out.insert(0, f"{unread}: {listed(sorted(broken), most=3)}. {remedy}")
        yield GatheredLog(path, tuple(left_out), classes)


def _append(writer: ParquetWriter, others: Path) -> None:
    """Add the rows of other versions, whose features nobody asks for."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(others) as file:
        for batch in file.iter_batches():
            missing = pa.nulls(batch.num_rows, writer.schema.field("features").type)
            writer.write_batch(batch.append_column("features", missing))


def write_reports(workspace: Workspace, report: DriftReport) -> None:
    """Write drift.json, drift.md, drift.html and drift.prom, and add to the history.

    Raises ProjectError when a file cannot be written.
    """
    from champion.reporting.drift.page import render_drift_html, render_drift_markdown

    moments = [*history(workspace), Moment.of(report)][-MOST_MOMENTS:]
    texts = {
        "drift.json": report.model_dump_json(indent=2) + "\n",
        "drift.md": render_drift_markdown(report),
        "drift.html": render_drift_html(report),
        "drift.prom": gauges(report),
        HISTORY: "".join(each.model_dump_json() + "\n" for each in moments),
    }
    for name, text in texts.items():
        write_text(workspace.reports / name, text)


GAUGES = {
    "champion_drift": "Whether the newest data drifted: 1 or 0.",
    "champion_drift_enough_data": "Whether there were data enough to judge: 1 or 0.",
    "champion_drift_schema_differences": "Columns that are missing, new, or of another type.",
    "champion_drift_rows": "Rows that were compared.",
    "champion_drift_rows_counted": "As how many rows they count: a row that comes again is no new evidence.",
    "champion_drift_checked_timestamp_seconds": "When they were compared, in seconds since 1970.",
    "champion_drift_feature": "Whether a feature drifted: 1 or 0.",
    "champion_drift_feature_effect": "Share of rows that moved, from 0 to 1.",
    "champion_drift_feature_p_value": "The p-value of a feature, corrected over the table.",
    "champion_drift_feature_missing_ratio": "Share of rows without a value, from 0 to 1.",
    "champion_live_accuracy": "Share of labelled rows that the champion got right.",
    "champion_live_accuracy_low": "Lower end of its 95 % interval.",
    "champion_live_accuracy_high": "Upper end of its 95 % interval.",
    "champion_promoted_accuracy": "Share of holdout rows that it got right when it was promoted.",
}


def gauges(report: DriftReport) -> str:
    """The report for the textfile collector of Prometheus' node exporter: every gauge that has a value, with its help."""
    values: dict[str, float] = {
        "champion_drift": report.verdict == "drift",
        "champion_drift_enough_data": report.verdict != "not_enough",
        "champion_drift_schema_differences": len(report.schema_differences),
        "champion_drift_rows": report.current_rows,
        "champion_drift_rows_counted": report.current_rows if report.counted_rows is None else report.counted_rows,
        "champion_drift_checked_timestamp_seconds": datetime.fromisoformat(report.created).timestamp(),
    }
    common = {"use_case": report.use_case, "model_version": str(report.model_version)}
    samples: list[tuple[str, dict[str, str], float | None]] = [(name, common, value) for name, value in values.items()]
    for number, live in {
        report.model_version: report.live,
        **{each.model_version: each.live for each in report.versions},
    }.items():
        if live is not None:
            now, answered_by = f"champion_live_{live.metric}", {**common, "model_version": str(number)}
            samples += [(now, answered_by, live.score), (f"{now}_low", answered_by, live.low)]
            samples.append((f"{now}_high", answered_by, live.high))
            samples.append((f"champion_promoted_{live.metric}", answered_by, live.promoted))
    for each in report.every:
        labels = {**common, "feature": each.name, "kind": each.kind}
        samples += [
            ("champion_drift_feature", labels, each.verdict == "drift"),
            ("champion_drift_feature_effect", labels, each.effect),
            ("champion_drift_feature_p_value", labels, each.p_corrected),
            ("champion_drift_feature_missing_ratio", labels, each.missing),
        ]
    lines = []
    other = {name: "On labelled rows, or when it was promoted." for name, *_ in samples if name not in GAUGES}
    for gauge, text in (GAUGES | other).items():
        rows = [
            f"{gauge}{_in_braces(labels)} {value:.10g}"
            for name, labels, value in samples
            if name == gauge and value is not None
        ]
        lines += [f"# HELP {gauge} {text}", f"# TYPE {gauge} gauge", *rows] if rows else []
    return "\n".join(lines) + "\n"


def _in_braces(labels: dict[str, str]) -> str:
    escaped = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
    return "{" + ",".join(f'{name}="{value.translate(escaped)}"' for name, value in labels.items()) + "}"


def history(workspace: Workspace) -> list[Moment]:
    """All comparisons that are kept, the oldest first; a line that cannot be read is passed over."""
    try:
        lines = (workspace.reports / HISTORY).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(
            f"The history reports/{workspace.use_case.name}/{HISTORY} cannot be read: {error}. Remove it."
        ) from None
    moments = []
    for line in lines:
        with suppress(ValidationError):
            moments.append(Moment.model_validate_json(line))
    return moments


def write_history(workspace: Workspace) -> list[Moment]:
    """Draw the history as a page in the reports.

    Raises ProjectError when there is none, or the page cannot be written.
    """
    from champion.reporting.drift.page import render_drift_history

    moments = history(workspace)
    if not moments:
        raise ProjectError(
            f"{workspace.use_case.name} has no history of drift yet. "
            f"`python run.py monitor TABLE --config {workspace.shown_config}` begins one."
        )
    page = render_drift_history(workspace.use_case.name, moments, workspace.use_case.drift.min_effect)
    write_text(workspace.reports / HISTORY_PAGE, page)
    return moments
