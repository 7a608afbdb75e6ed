"""The edge of batch inference: the table into the store, and what came of it out to the user's files.

A file appears whole or not at all: it is written beside its place, brought to the disk, and renamed.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.bundle.batch import BatchRequest, Tally, open_for, require_columns
from champion.errors import ConfigurationError, DataError, ProjectError
from champion.orchestration.artifacts import saved
from champion.orchestration.runs import artifact_name
from champion.scratch import scratch
from champion.tabular.parquet_folder import merge
from champion.tabular.tables import WRITTEN, ending_of, format_of, written_suffix
from champion.use_case.dialect import Dialect
from champion.workspace import files

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from champion.bundle.manifest import Manifest


@dataclass(frozen=True)
class Files:
    """What the user named: the table, and where predictions and rejected rows go."""

    table: Path
    out: Path
    rejects: Path
    asked: BatchRequest


def checked_files(table: Path, out: Path, rejects: Path | None, how: Dialect | None = None, **asked: Any) -> Files:
    """Refuse files that cannot be used, before anything is read or scored.

    Rejected rows go beside `out` if no other place is named, with ``.rejected.csv`` in the place of its ending. Raises
    ConfigurationError when the output's name, folder or options cannot be used, DataError when there is no such table. What is
    asked besides are fields of `BatchRequest`; `how` is how the use case's own table is read.
    """
    if asked["keep"] and asked["keep_all"]:
        raise ConfigurationError("--keep and --keep-all exclude each other. Name columns with --keep, or keep all.")
    suffix = written_suffix(out.name)
    if suffix is None or out.name.casefold() == suffix:
        raise ConfigurationError(
            f"{out} does not say how to write the predictions; expected a name that ends in {', '.join(WRITTEN)}."
        )
    rejects = rejects or out.with_name(out.name[: -len(suffix)] + ".rejected.csv")
    if not rejects.name.casefold().endswith(".csv"):
        raise ConfigurationError(f"--rejects names {rejects}; rejected rows are written as CSV. Let it end in .csv.")
    format_of(table, str(table), how)
    if not table.exists():
        raise DataError(f"The table {table} does not exist. Correct the path.")
    for path in (out, rejects):
        _require_writable(path, table)
    if out.resolve() == rejects.resolve():
        raise ConfigurationError(f"Predictions and rejected rows would both go to {out}. Name another file for one.")
    return Files(table, out, rejects, BatchRequest(suffix=suffix, **asked))


def _require_writable(path: Path, table: Path) -> None:
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ConfigurationError(f"{path} cannot be written: there is no folder {path.parent}. Make it first.")
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is a folder or a device, expected a file to write. Name a file in it.")
    if table.is_dir() and path.resolve().is_relative_to(table.resolve()):
        raise ConfigurationError(
            f"{path} is in the folder of the table, and would be a part of it. Name another folder."
        )
    if path.exists() and path.samefile(table):
        raise ConfigurationError(f"{path} is the table itself; it would be lost. Name another file to write.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be written ({error.strerror}). Give permission to its folder, make room, or name another file."
        ) from None


def require_usable(files: Files, manifest: Manifest) -> list[str]:
    """Refuse a table that the champion cannot score, by its columns; what is left out of it comes back in sentences.

    Raises ProjectError when a column is missing, cannot be read, or would stand twice in the output.
    """
    with _readable(files.table):
        return require_columns(open_for(files.table, manifest), manifest, files.asked)


@contextlib.contextmanager
def _readable(table: Path) -> Iterator[None]:
    """Name the table where the system does not let it be read."""
    try:
        yield
    except OSError as error:
        raise DataError(f"The table {table} cannot be read ({error.strerror or error}).") from None


def register_table(client: Client, use_case: str, kind: str, table: Path) -> ArtifactVersionResponse:
    """Have the table in the store, byte for byte; one that is there already is not copied again."""
    from champion.orchestration import artifact_files
    from champion.orchestration.materializers.files import FileMaterializer, StoredFile

    name, suffix = artifact_name(use_case, kind), ending_of(table.name)
    with _readable(table), contextlib.ExitStack() as copies:
        copy, version = table, files.md5(table)
        if table.is_dir():
            copy, suffix = copies.enter_context(scratch()) / "table.parquet", ".parquet"
        artifact, called = artifact_files.find_version(client, name, f"{version}{suffix}")
        if artifact is None or artifact_files.is_gone(client, artifact):
            copy, version = _as_a_file(table, copy, version, copies)
            # it may have changed since it was hashed
            artifact, called = artifact_files.find_version(client, name, f"{version}{suffix}")
        stored = StoredFile(copy)
        if artifact is None:
            return saved(client, name, called, stored, materializer=FileMaterializer)
        if artifact_files.is_gone(client, artifact):
            artifact_files.write_again(client, artifact, stored, FileMaterializer)
        return artifact


def _as_a_file(table: Path, copy: Path, version: str, copies: contextlib.ExitStack) -> tuple[Path, str]:
    """A copy of a table that nobody else changes, and its md5; of a folder its parts in one file."""
    if table.is_dir():
        merge(table, copy)
        return copy, version
    return copies.enter_context(files.copied(table))


def deliver(source: Path, target: Path) -> None:
    """Put a copy of a file in its place, whole or not at all.

    Raises ProjectError when it cannot be written; what stood there stands there still.
    """
    try:
        with files.replacing(target) as unfinished:
            shutil.copyfile(source, unfinished)
    except OSError as error:
        raise ProjectError(
            f"{target} could not be written ({error.strerror or error}); what stood there is untouched. Make room or give "
            "permission, and run again: what was scored is kept in the store."
        ) from error


def warnings_of(tally: Tally) -> list[str]:
    """What the user should know of the rows that were scored."""
    unseen = "a category of {!r} that training had not; the model takes it as unknown."
    outside = "a value of {!r} beyond the range of training; look at it before you trust the answer."
    bound = "a bound such as <0.5 in {!r}, which is taken for the number."
    bare = "a number of {!r} without the unit that it had in training; the model takes it to be in that unit."
    told = ((unseen, tally.unseen), (outside, tally.outside), (bound, tally.bounds), (bare, tally.bare))
    return [
        *tally.left_out,
        *tally.said_of_wrong,
        *(
            f"{count:,} {'rows hold' if count > 1 else 'row holds'} {text.format(name)}"
            for text, columns in told
            for name, count in columns.items()
        ),
    ]
