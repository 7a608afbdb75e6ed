"""The pipeline of batch inference: predict, and what is done before and after it on the user's files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.batch import BatchRequest, Tally
from champion.errors import DataError
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stacks import support_for
from champion.registry.own_code import trusted_code
from champion.registry.reconcile import production
from champion.workspace.workspace import Workspace
from pipelines.batch_files import Files, deliver, register_table, require_usable, warnings_of
from pipelines.launch import TellStep, launched
from steps.predict import predict as predict_step

if TYPE_CHECKING:
    from zenml.client import Client


class Predicted(NamedTuple):
    """What a run of batch inference made; `rejects` is None where every row was scored."""

    tally: Tally
    rejects: Path | None
    warnings: list[str]
    notes: list[str]


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def batch_inference(table: Any, champion: Any, asked: BatchRequest, version: str) -> None:
    """Score a table with the champion's package; both are artifacts of the store."""
    predict_step.with_options(environment={"STEP_VERSION": version})(table=table, champion=champion, asked=asked)


def predict(
    client: Client, workspace: Workspace, files: Files, cache: bool, tell: TellStep, trust_code: bool = False
) -> Predicted:
    """Score a table with the champion of a use case, and write the user's files.

    Without `cache` a table is scored that this champion has scored before, too. With `trust_code` own code of any package may be
    run. Raises ProjectError when something is
    the user's to mend; then no file of the user was touched, but that of the rejected rows where no row at all could be
    scored.
    """
    champion = production(client, workspace)
    manifest = champion.package.manifest
    left_out = require_usable(files, manifest)
    table = register_table(client, workspace.use_case.name, "scored", files.table)
    trusted = trusted_code(client, workspace, champion.package, trust_code)
    asked = files.asked.model_copy(update={"trusted_code": trusted})
    inputs: dict[str, Any] = {"table": table, "champion": champion.stored, "asked": asked}
    stack = support_for(client, None, None, champion.package)
    with code.made_with(stack.libraries()):
        inputs["version"] = code.step_version("steps.predict", (manifest.estimator,))
        run = launched(
            client,
            stack,
            workspace.use_case,
            batch_inference,
            inputs,
            tell,
            kind="batch",
            steps=["predict"],
            cache=cache,
        )
    made = run.steps
    tally: Tally = output(made, "predict", "tally")
    if tally.rejected:
        deliver(output(made, "predict", "rejects").path, files.rejects)
    if tally.rows and not tally.predicted:
        raise DataError(
            f"None of the {tally.rows:,} rows of {files.table} can be scored, and {files.out} was not written. The first is "
            f"{tally.first}. All are in {files.rejects}, each with its reason."
        )
    deliver(output(made, "predict", "predictions").path, files.out)
    if not tally.rejected:
        files.rejects.unlink(missing_ok=True)
    notes = [*champion.notes, *left_out]
    return Predicted(tally, files.rejects if tally.rejected else None, warnings_of(tally), notes)
