"""The edge of the drift gate: what the user named into the store, and the reports out to the user's files."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from champion.drift.rows import DriftRequest
from champion.errors import ConfigurationError, DataError
from champion.tabular.tables import table_suffix
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from champion.drift.report import DriftReport
    from champion.use_case.policy import Drift

_AGO = re.compile(r"(\d+)\s*(d|h|m)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class Input:
    """What the user named: a table or a folder of logs, from when on, and labels."""

    source: Path
    labels: Path | None
    since: datetime | None

    @property
    def is_log(self) -> bool:
        """Whether it is a folder, where a service logs."""
        return self.source.is_dir()


def checked_input(source: Path, since: str | None, labels: Path | None) -> Input:
    """Refuse what cannot be compared, before anything is read.

    Raises ConfigurationError when options do not fit. Raises DataError when a file is not there.

    Parameters
    ----------
    since : str, optional
        An ISO 8601 moment, or how long ago, as ``7d``, ``12h`` or ``30m``.
    labels : Path, optional
        A table of true labels.
    """
    if not source.exists():
        raise DataError(
            f"There is no table and no folder {source}. Name a CSV or Parquet file, or the folder a service logs to."
        )
    if not source.is_dir():
        table_suffix(source, str(source))
        if since is not None:
            raise ConfigurationError(
                f"--since chooses from a log, and {source} is a table. Name the folder of the log, or leave --since out."
            )
    if labels is not None:
        table_suffix(labels, str(labels))
        if not labels.is_file():
            raise DataError(f"There are no labels {labels}. Correct the path.")
    return Input(source, labels, None if since is None else moment_of(since, datetime.now(UTC)))


def moment_of(text: str, now: datetime) -> datetime:
    """Read a moment, or how long ago it was.

    Returns datetime: in UTC. Raises ConfigurationError when it is neither.

    Parameters
    ----------
    text : str
        As ``2026-03-01``, ``2026-03-01T12:00:00+01:00``, ``7d``, ``12h`` or ``30m``; without a zone it is UTC.
    now : datetime
        With a zone.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"--since {text!r} is no moment; expected one such as 2026-03-01, 2026-03-01T12:00, or 7d, 12h, 30m for so long ago."
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def register_input(
    client: Client, use_case: str, given: Input, rules: Drift, version: int
) -> tuple[ArtifactVersionResponse, ArtifactVersionResponse | None, DriftRequest]:
    """Have the rows and the labels in the store as files.

    Raises DataError when a file cannot be read, or the log has no answer of the champion.

    Parameters
    ----------
    given : Input
        As `checked_input` gives it.
    """
    from pipelines.batch_files import register_table

    since = None if given.since is None else given.since.isoformat(timespec="seconds")
    asked = DriftRequest(rules=rules, source=str(given.source), since=since, log=given.is_log)
    labels = None if given.labels is None else register_table(client, use_case, "labels", given.labels)
    if not given.is_log:
        return register_table(client, use_case, "scored", given.source), labels, asked
    with gathered(given.source, str(given.source), version, given.since) as (path, unlogged):
        rows = register_table(client, use_case, "log", path)
    return rows, labels, asked.model_copy(update={"unlogged": unlogged})


@contextmanager
def gathered(folder: Path, shown: str, version: int, since: datetime | None) -> Iterator[tuple[Path, dict[int, int]]]:
    """A log as one file of one model version, for as long as it is needed.

    Raises DataError when no row is left.

    Parameters
    ----------
    folder : Path
        Where a service logs.

    Yields
    ------
    path : Path
        Parquet, with the columns of a log that the comparison reads.
    others : dict of int to int
        Rows of other versions in that time, which are left out.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from champion.bundle.predictions import read

    others: Counter[int] = Counter()
    with tempfile.TemporaryDirectory(prefix="monitor-") as workspace:
        path = Path(workspace) / "log.parquet"
        writer = None
        try:
            for logged in read(folder, shown):
                table = logged.table
                if since is not None:
                    table = table.filter(pc.greater_equal(table.column("time"), pa.scalar(since)))
                if logged.model_version != version:
                    others[logged.model_version] += table.num_rows
                elif table.num_rows:
                    table = table.select(["request_id", "label", "features"]).replace_schema_metadata(None)
                    writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
                    writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
        if writer is None:
            raise _nothing_left(shown, version, since, others)
        yield path, dict(sorted((+others).items()))


def _nothing_left(shown: str, version: int, since: datetime | None, others: Counter[int]) -> DataError:
    when = "" if since is None else f" since {since:%Y-%m-%d %H:%M} UTC"
    versions = ", ".join(map(str, sorted(+others)))
    there = f"; it has answers of {versions}" if versions else ""
    return DataError(
        f"The log {shown} has no answer of model version {version} (the champion){when}{there}. Wait until the service that "
        "runs it was asked, or name an earlier --since."
    )


def write_reports(workspace: Workspace, report: DriftReport) -> None:
    """Write drift.json, drift.md, drift.html and drift.prom, and add to the history.

    Raises ProjectError when a file cannot be written.
    """
    from champion.reporting.drift.page import render_drift_html, render_drift_markdown
    from pipelines.drift_gauges import gauges
    from pipelines.drift_log import remember

    folder = workspace.reports
    write_text(folder / "drift.json", report.model_dump_json(indent=2) + "\n")
    write_text(folder / "drift.md", render_drift_markdown(report))
    write_text(folder / "drift.html", render_drift_html(report))
    write_text(folder / "drift.prom", gauges(report))
    remember(workspace, report)
