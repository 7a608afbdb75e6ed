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
from champion.orchestration.runs import artifact_name
from champion.tabular.tables import WrittenTable
from champion.workspace.workspace import Workspace, shown
from pipelines import table_check

if TYPE_CHECKING:
    import pandas as pd
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse

    from pipelines.early_table import EarlyTable

_CHECKS = "checks"
_MOST_CHECKS = 20


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
) -> Dataset:
    """Register and check the table of a use case.

    What was checked before (the same file, use case and libraries) is not read again; where its file is gone from the
    store, it is written there anew. Raises ProjectError when table or use case cannot be used.

    Parameters
    ----------
    early : EarlyTable, optional
        The table, as another process reads and checks it meanwhile.
    """
    from champion.orchestration.materializers.files import is_gone, write_again
    from champion.orchestration.materializers.table import TableMaterializer

    root, use_case = workspace.root, workspace.use_case
    fetched = fetch_missing(root, workspace.data)
    version = early.version() if early else None
    if version is None:
        version = index.data_version(workspace.data) if workspace.data.is_file() else ""
    name = artifact_name(use_case.name, "table")
    artifact = _registered(client, name, version)
    gone = artifact is not None and is_gone(artifact.uri)
    checks: dict[str, Any] = json.loads(str(artifact.run_metadata.get(_CHECKS, "{}"))) if artifact else {}
    key = _key(workspace, recorded)
    if artifact is None or key not in checks or again or gone:
        table_check.checked_candidates(use_case, workspace.shown_config)
        table, checks[key] = (early.checked(recorded) if early else None) or table_check.checked_table(
            workspace.data, shown(workspace.data, root), use_case, recorded
        )
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
    made_of = code.step_version(
        table_check.__name__, tuple(candidate.estimator for candidate in use_case.candidates.values())
    )
    facts = [use_case.model_dump(mode="json"), kept, made_of]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
