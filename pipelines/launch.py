"""Start a pipeline on the active stack, wait for its end, and say where it failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from champion.errors import ProjectError
from champion.orchestration import code, patches
from champion.orchestration.runs import lost_artifacts_named, progress, run_tag
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.store import at_work
from champion.patching import apply
from champion.use_case.whole import UseCase
from pipelines.flow import STEP_VERSION

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse
    from zenml.pipelines.pipeline_definition import Pipeline

TellStep = Callable[[str, str], None]
"""Called with a step's name, and with ``started``, ``finished`` or ``cached``."""


def versioned(step: Any, *estimators: str) -> Any:
    """A step whose cache key has what ZenML leaves out: the code that it reaches, and the libraries that matter."""
    return step.with_options(environment={STEP_VERSION: version_of(step, *estimators)})


def version_of(step: Any, *estimators: str) -> str:
    """All that a step is made of, as a hash."""
    return code.step_version(step.entrypoint.__module__, estimators)


def launched(
    client: Client,
    stack: StackSupport,
    use_case: UseCase,
    pipeline: Pipeline,
    inputs: dict[str, Any],
    tell: TellStep,
    *,
    kind: str | None = None,
    steps: Sequence[str] | None = None,
    cache: bool | None = None,
    followed: bool = True,
) -> PipelineRunResponse:
    """Run a pipeline to its end on the active stack, which is `stack`; the run that is returned was successful.

    One that is not `followed` is returned as it begins.

    Raises ProjectError when a step failed, or the stack runs the pipeline on without us.

    Parameters
    ----------
    kind : str, optional
        Stands in the run's name after the use case's; that of a training run is the use case's alone.
    steps : sequence of str, optional
        Of the pipeline; those of a training run if left out.
    cache : bool, optional
        Whether steps whose inputs did not change may be left out; as each step says if left out.
    """
    apply(*patches.RUN)
    with at_work(client), stack.pipeline_settings(client, use_case) as settings, progress(tell), lost_artifacts_named():
        run = pipeline.with_options(
            enable_cache=cache,
            run_name=f"{use_case.name}{f'-{kind}' if kind else ''}-{{date}}-{{time}}",
            tags=[run_tag(use_case.name)],
            settings=settings,
            steps={} if pipeline.is_dynamic else stack.step_settings(use_case, steps or use_case.steps()),
        )(**inputs)
        if run is not None and followed:
            stack.follow(client, run, use_case, tell)
    if run is None:
        raise ProjectError("The run was handed to the stack and goes on there; the dashboard shows it.")
    return successful(client, run) if followed else run


def successful(client: Client, run: PipelineRunResponse) -> PipelineRunResponse:
    """A run that has ended, as it is now; a `ProjectError` that names a step where it did not end well."""
    finished = client.get_pipeline_run(run.id)
    if not finished.status.is_successful:
        failed = next((name for name, step in finished.steps.items() if step.status.is_failed), "a step")
        raise ProjectError(f"The run {finished.name} failed in {failed}; its log is in the dashboard.")
    return finished
