"""The pipeline of batch inference: predict, and what is done before and after it on the user's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.batch import BatchRequest, Tally
from champion.errors import DataError
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stacks import support_of
from champion.orchestration.store import described
from champion.registry.reconcile import production
from champion.workspace.workspace import Workspace
from pipelines.batch_files import Files, deliver, register_table, require_usable, warnings_of
from pipelines.launch import launched
from steps.predict import predict as predict_step

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse


@dataclass(frozen=True)
class Predicted:
    """What a run of batch inference made."""

    tally: Tally
    rejects: Path | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    store: str
    stack: str


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def batch_inference(table: Any, champion: Any, asked: BatchRequest, version: str) -> None:
    """Score a table with the champion's package; both are artifacts of the store."""
    predict_step.with_options(environment={"STEP_VERSION": version})(table=table, champion=champion, asked=asked)


def predict(
    client: Client, workspace: Workspace, files: Files, cache: bool, tell: Callable[[str, str], None]
) -> Predicted:
    """Score a table with the champion of a use case, and write the user's files.

    Raises ProjectError when something is the user's to mend; then no file of the user was touched, but that of the
    rejected rows where no row at all could be scored.

    Parameters
    ----------
    files : Files
        As `pipelines.batch_files.checked_files` gives them.
    cache : bool
        Whether a table that this champion has scored may be taken from the store.
    tell : callable
        Called with a step's name and what it did.
    """
    champion = production(client, workspace)
    manifest = champion.package.manifest
    require_usable(files, manifest)
    table = register_table(client, workspace.use_case.name, "scored", files.table)
    with code.made_with(support_of(client).libraries()):
        inputs = {
            "table": table, "champion": champion.stored, "asked": files.asked,
            "version": code.step_version("steps.predict", (manifest.estimator,)),
        }  # fmt: skip
        run = launched(
            client, workspace.use_case, batch_inference, inputs, tell, kind="batch", steps=["predict"], cache=cache
        )
    tally: Tally = output(run, "predict", "tally")
    rejects = _deliver(run, files, tally)
    return Predicted(
        tally, rejects, tuple(warnings_of(tally)), tuple(filter(None, [champion.done])),
        described(client), client.active_stack_model.name,
    )  # fmt: skip


def _deliver(run: PipelineRunResponse, files: Files, tally: Tally) -> Path | None:
    """Write the user's files; where the rejected rows went, None where there are none."""
    if tally.rejected:
        deliver(output(run, "predict", "rejects").path, files.rejects)
    if not tally.predicted:
        raise DataError(
            f"None of the {tally.rows:,} rows of {files.table} can be scored, and {files.out} was not written. The first is "
            f"{tally.first}. All are in {files.rejects}, each with its reason."
        )
    deliver(output(run, "predict", "predictions").path, files.out)
    if not tally.rejected:
        files.rejects.unlink(missing_ok=True)
        return None
    return files.rejects
