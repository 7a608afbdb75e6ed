"""The table of a use case in the store: registered once per data version, and checked before any step runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from champion.datastore import index
from champion.datastore.fetch import fetch_missing
from champion.modeling.split import SplitRule
from champion.orchestration import code
from champion.tabular.tables import WrittenTable, read_table
from champion.workspace.workspace import Workspace, shown

if TYPE_CHECKING:
    import pandas as pd
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from pipelines.early_table import EarlyTable

_CHECKS = "checks"
_MOST_CHECKS = 20


@dataclass(frozen=True)
class Dataset:
    """A registered table.

    Attributes
    ----------
    version : str
        The data version, md5 of the file.
    """

    artifact: ArtifactVersionResponse
    version: str
    rows: int
    rule: SplitRule
    warnings: tuple[str, ...]


def register(
    client: Client,
    workspace: Workspace,
    recorded: SplitRule | None,
    again: bool = False,
    early: EarlyTable | None = None,
) -> Dataset:
    """Register and check the table of a use case.

    What was checked before (the same file, use case and libraries) is not read again; where its file is gone from the
    store, it is written there anew.

    Parameters
    ----------
    early : EarlyTable, optional
        The table, as another process reads and checks it meanwhile.

    Raises
    ------
    ProjectError
        When table or use case cannot be used.
    """
    from champion.orchestration.materializers.files import is_gone, write_again
    from champion.orchestration.materializers.table import TableMaterializer

    root, use_case = workspace.root, workspace.use_case
    fetched = fetch_missing(root, workspace.data)
    version = early.version() if early else None
    if version is None:
        version = index.data_version(workspace.data) if workspace.data.is_file() else ""
    name = f"{use_case.name}_table"
    artifact = _registered(client, name, version)
    gone = artifact is not None and is_gone(artifact.uri)
    checks: dict[str, Any] = json.loads(str(artifact.run_metadata.get(_CHECKS, "{}"))) if artifact else {}
    key = _key(workspace, recorded)
    if artifact is None or key not in checks or again or gone:
        _check_candidates(workspace)
        table, checks[key] = (early.checked(recorded) if early else None) or _read(workspace, recorded)
        if artifact is not None and gone:
            write_again(artifact.uri, table, TableMaterializer)
        artifact = artifact or _save(table, name, version)
        del table
        _remember(artifact, checks)
    found = checks[key]
    changed = index.changed_warning(root, workspace.data, version)
    return Dataset(
        artifact=artifact,
        version=version,
        rows=int(str(artifact.run_metadata["rows"])),
        rule=SplitRule.model_validate(found["rule"]),
        warnings=tuple(text for text in (fetched, changed, *found["warnings"]) if text),
    )


def _registered(client: Client, name: str, version: str) -> ArtifactVersionResponse | None:
    try:
        return client.get_artifact_version(name, version)
    except KeyError:
        return None


def _check_candidates(workspace: Workspace) -> None:
    from champion.modeling.estimators import check_candidates

    check_candidates(workspace.use_case, workspace.shown_config)


def _read(workspace: Workspace, recorded: SplitRule | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    frame = read_table(workspace.data, shown(workspace.data, workspace.root))
    return frame, check_table(frame, workspace, recorded)


def _save(table: pd.DataFrame | WrittenTable, name: str, version: str) -> ArtifactVersionResponse:
    from zenml import save_artifact

    from champion.orchestration.materializers.table import TableMaterializer

    return save_artifact(table, name=name, version=version, materializer=TableMaterializer)


def _remember(artifact: ArtifactVersionResponse, checks: dict[str, Any]) -> None:
    from zenml import log_metadata

    latest = dict(list(checks.items())[-_MOST_CHECKS:])
    log_metadata(metadata={_CHECKS: json.dumps(latest)}, artifact_version_id=artifact.id)


def _key(workspace: Workspace, recorded: SplitRule | None) -> str:
    """What a check depends on: the use case, the champion's rule, and everything that checking reaches."""
    use_case = workspace.use_case
    kept = recorded.model_dump(mode="json") if recorded else None
    made_of = code.step_version(__name__, tuple(candidate.estimator for candidate in use_case.candidates.values()))
    facts = [use_case.model_dump(mode="json"), kept, made_of]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def check_table(frame: pd.DataFrame, workspace: Workspace, recorded: SplitRule | None) -> dict[str, Any]:
    """Check a table, and settle which of its rows are the holdout.

    Parameters
    ----------
    frame : DataFrame, shape (rows, columns)
        The whole table.

    Returns
    -------
    dict
        JSON-able: `warnings`, and the `rule` of the split.

    Raises
    ------
    ProjectError
        When table or use case cannot be used.
    """
    from champion.modeling.split import rule_for
    from champion.modeling.table import check

    use_case = workspace.use_case
    warnings = check(frame, use_case)
    rule = rule_for(frame, use_case.data, use_case.split, recorded)
    return {"warnings": list(warnings), "rule": rule.model_dump(mode="json")}
