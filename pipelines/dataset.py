"""The table of a use case in the store: registered once per data version, and checked before any step runs.

A long table is read, checked and written while ZenML starts, in a process of its own, since both need a processor:
``python -m pipelines.dataset CONFIG FOLDER``. It answers in lines of JSON. Where it finds anything amiss it ends without a
word, and the run reads the table itself, and says what is wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from champion import settings
from champion.datastore import index
from champion.datastore.fetch import fetch_missing, fetch_version
from champion.errors import DataError, ProjectError
from champion.modeling.own.code import active
from champion.modeling.split import SplitRule
from champion.orchestration import code
from champion.orchestration.artifacts import saved
from champion.orchestration.object_access import bring_table
from champion.orchestration.runs import artifact_name
from champion.scratch import scratch
from champion.tabular.parquet_folder import is_parquet_folder
from champion.tabular.tables import WrittenTable, write_table
from champion.use_case.learning import Read
from champion.use_case.whole import UseCase
from champion.workspace import files, process
from champion.workspace.workspace import Workspace, open_workspace
from pipelines import table_check

if TYPE_CHECKING:
    import pandas as pd
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from champion.modeling.features import Feature

FEWEST_BYTES = 32 * 1024 * 1024  # a shorter table is read sooner than a process has started
TABLE = "table.parquet"
_CHECKS, _MOST_CHECKS = "checks", 20


@dataclass(frozen=True)
class Dataset:
    """A registered table."""

    artifact: ArtifactVersionResponse
    version: str  # the data version, md5 of the file
    rows: int
    rule: SplitRule
    warnings: tuple[str, ...]


def register(
    client: Client,
    workspace: Workspace,
    recorded: SplitRule | None,
    again: bool = False,
    early: EarlyTable | None = None,
    signature: Sequence[Feature] = (),
) -> Dataset:
    """Register and check the table of a use case.

    What was checked before (the same file, use case, champion's rule and libraries) is not read again, unless `again`;
    where its file is gone from the store, or the stack has another store, it is written there anew, and in a bucket with
    `again` too. Raises ProjectError when table or use case cannot be
    used.
    """
    from zenml import log_metadata

    from champion.bundle.trial import try_candidates
    from champion.orchestration import artifact_files, metadata
    from champion.orchestration.materializers.table import TableMaterializer

    path, use_case, unkept = workspace.data, workspace.use_case, None
    fetched = bring_table(workspace, client)
    version, is_there = early.version() if early else None, path.is_file() or is_parquet_folder(path)
    if version is None:
        version = index.data_version(path) if is_there else ""
    name, key = artifact_name(use_case.name, "table"), _key(workspace, recorded, signature)
    artifact, checks, called = _registered(client, name, _kept_as(version, use_case))
    if artifact is None or key not in checks or again:
        table_check.require_candidates(use_case, workspace.shown_config)
        try_candidates(use_case, workspace.shown_config)
        read: tuple[Any, dict[str, Any]] | None = early.checked(recorded, signature) if early else None
        if read is None:
            with files.copied(path) if is_there else contextlib.nullcontext((path, "")) as (copy, version):
                read = table_check.checked_table(copy, workspace.shown_data, use_case, recorded, signature)
            # it may have changed since it was hashed
            artifact, checks, called = _registered(client, name, _kept_as(version, use_case))
        table, checks[key] = read
        del read
        if artifact is None:
            artifact = saved(client, name, called, table, materializer=TableMaterializer)
        elif artifact_files.is_gone(client, artifact, TABLE) or (again and "://" in artifact.uri):
            artifact_files.write_again(client, artifact, table, TableMaterializer)
        del table
        latest = json.dumps(dict(list(checks.items())[-_MOST_CHECKS:]))
        kept, _ = metadata.stand_in(latest, artifact_name(use_case.name, _CHECKS))
        log_metadata(metadata={_CHECKS: kept}, artifact_version_id=artifact.id)
        if _registered(client, name, _kept_as(version, use_case))[1].get(key) != checks[key]:
            unkept = "The ZenML store did not keep what was found in the table; the next run reads the table once more."
    changed = None if workspace.address else index.changed_warning(workspace.root, path, version)
    return Dataset(
        artifact,
        version,
        rows=int(str(artifact.run_metadata["rows"])),
        rule=SplitRule.model_validate(checks[key]["rule"]),
        warnings=tuple(text for text in (fetched, changed, unkept, *checks[key]["warnings"]) if text),
    )


def former_dataset(client: Client, workspace: Workspace, version: str, rule: SplitRule) -> Dataset:
    """The table of a data version that a champion was made from, as it was checked then.

    It is taken from the store, from the use case's file where that has this md5, or by DVC from its cache or the remote.
    Raises DataError where none of them has it.
    """
    from champion.orchestration import artifact_files
    from champion.orchestration.materializers.table import TableMaterializer

    name, kept_as = artifact_name(workspace.use_case.name, "table"), _kept_as(version, workspace.use_case)
    artifact, _, called = _registered(client, name, kept_as)
    if artifact is None or artifact_files.is_gone(client, artifact, TABLE):
        table = _former_table(client, workspace, version)
        if artifact is None:
            artifact = saved(client, name, called, table, materializer=TableMaterializer)
        else:
            artifact_files.write_again(client, artifact, table, TableMaterializer)
    return Dataset(artifact, version, int(str(artifact.run_metadata["rows"])), rule, ())


def _former_table(client: Client, workspace: Workspace, version: str) -> pd.DataFrame:
    path, root, data, name = workspace.data, workspace.root, workspace.use_case.data, workspace.shown_data
    if workspace.address:
        return _former_object(client, workspace, version)
    try:
        if not path.exists() and index.tracked(root, path).md5 == version:
            fetch_missing(root, path)
        if path.exists():
            with files.copied(path) as (copy, md5):
                if md5 == version:
                    return table_check.whole_table(copy, name, workspace.use_case, data.drop)
        with scratch() as folder:
            former = fetch_version(root, f"data/{path.name}", version, folder)
            return table_check.whole_table(former, path.name, workspace.use_case, data.drop)
    except ProjectError as error:
        raise DataError(
            f"The data version {version}, from which the champion was made, is not to be had: the store does not have it, "
            f"{name} is another one, and DVC does not find it ({' '.join(str(error).splitlines())}). Put that "
            f"file back to {name}: `git log -S{version} -- '*.dvc' dvc.lock` names the commit that recorded it."
        ) from None


def _former_object(client: Client, workspace: Workspace, version: str) -> pd.DataFrame:
    """The table of an object store, which is asked for its present object alone."""
    bring_table(workspace, client)
    with files.copied(workspace.data) as (copy, md5):
        if md5 == version:
            use_case = workspace.use_case
            return table_check.whole_table(copy, workspace.shown_data, use_case, use_case.data.drop)
    raise DataError(
        f"The data version {version}, from which the champion was made, is not to be had: the store does not have it, and "
        f"{workspace.address} is now {md5}. Put the object back as it was, or train anew."
    )


def _kept_as(version: str, use_case: UseCase) -> str:
    """What a table is called in the store: by the md5 of its file, and by how it is read where that is not as always."""
    read = use_case.data.read
    if read == Read():
        return version
    return f"{version}-{hashlib.sha256(read.model_dump_json().encode()).hexdigest()[:8]}"


def _registered(client: Client, name: str, version: str) -> tuple[ArtifactVersionResponse | None, dict[str, Any], str]:
    """The artifact of a data version, what checks found (nothing where its file is gone), and what it is or is to be called."""
    from champion.orchestration import artifact_files, metadata

    artifact, called = artifact_files.find_version(client, name, version)
    if artifact is None or artifact_files.is_gone(client, artifact, TABLE):
        return artifact, {}, called
    checks = str(artifact.run_metadata.get(_CHECKS, "{}"))
    return artifact, json.loads(metadata.whole(checks) or "{}"), called


def _key(workspace: Workspace, recorded: SplitRule | None, signature: Sequence[Feature]) -> str:
    """What a check depends on: the use case, the champion's rule and signature, and everything that checking reaches."""
    use_case = workspace.use_case
    estimators = tuple(path for candidate in use_case.candidates.values() for path in candidate.estimators)
    said = sorted(use_case.data.model_fields_set)
    facts = [
        use_case.model_dump(mode="json"),
        said,
        _plain(recorded),
        _digest(signature),
        own.hash if (own := active()) else None,
        code.step_version(table_check.__name__, estimators),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _plain(rule: SplitRule | None) -> dict[str, Any] | None:
    return rule.model_dump(mode="json") if rule else None


def _digest(signature: Sequence[Feature]) -> str:
    return hashlib.sha256("\n".join(feature.model_dump_json() for feature in signature).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class EarlyTable:
    """A table that another process reads, checks and writes meanwhile: what it answers, and the folder it writes to."""

    answers: IO[str]
    folder: Path

    def version(self) -> str | None:
        """The data version, md5 of the file; None where the process has failed."""
        return self._next().get("version")

    def checked(
        self, recorded: SplitRule | None, signature: Sequence[Feature] = ()
    ) -> tuple[WrittenTable, dict[str, Any]] | None:
        """Wait for the table, and for what a check found in it.

        None where the process has failed, or took another champion's rule or signature to be recorded.
        """
        answer = self._next()
        if not answer or answer["recorded"] != _plain(recorded) or answer["signature"] != _digest(signature):
            return None
        return WrittenTable(self.folder / TABLE, answer["rows"], answer["columns"]), answer["check"]

    def _next(self) -> dict[str, Any]:
        line = self.answers.readline()
        answer: dict[str, Any] = (
            json.loads(line) if line.endswith("\n") else {}
        )  # it may have been killed in the middle
        return answer


@contextlib.contextmanager
def begun(workspace: Workspace) -> Iterator[EarlyTable | None]:
    """Begin to read the table of a use case.

    None where it is short or not there, where no processor is free for it, or where it is an object, which may have changed.
    """
    if workspace.address or not _is_worth_it(workspace.data):
        yield None
        return
    with scratch() as folder:
        command = [sys.executable, "-m", __name__, str(workspace.config.resolve()), str(folder)]
        # alone, since Ctrl-C is for the run, which ends it
        reader = process.start(command, settings.root(), alone=True, errors=False)
        try:
            assert reader.stdout is not None
            with reader.stdout as answers:
                yield EarlyTable(answers, folder)
        finally:
            reader.kill()
            reader.wait()


def _is_worth_it(path: Path) -> bool:
    return (os.cpu_count() or 1) > 1 and path.is_file() and path.stat().st_size >= FEWEST_BYTES


def main(config: str, folder: str) -> None:
    """Read, check and write the table of a use case, and say each as it is done."""
    import pyarrow

    from champion.bundle import folder as packages

    def answer(**facts: Any) -> None:
        print(json.dumps(facts), flush=True)  # noqa: T201 - what the process was started for

    settings.keep_freed_memory()
    pyarrow.set_cpu_count(1)  # the other processors are the run's
    workspace = open_workspace(config)
    version = index.data_version(workspace.data)
    answer(version=version)
    package = packages.read(workspace.package, workspace.shown_package)
    rule = package.manifest.split if package else None
    signature = package.manifest.signature if package else ()
    name = workspace.shown_data
    with files.copied(workspace.data) as (copy, copied):
        if copied != version:
            return  # it changed meanwhile
        table, check = table_check.checked_table(copy, name, workspace.use_case, rule, signature)
    write_table(table, Path(folder) / TABLE)
    answer(
        recorded=_plain(rule), signature=_digest(signature), check=check, rows=len(table), columns=len(table.columns)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
