"""A pipeline run: how it is called, what it says of its steps, what it leaves in the store, and how to read that."""

from __future__ import annotations

import contextlib
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from champion.errors import ProjectError, StoreError
from champion.orchestration.patches import LOAD_INPUT
from champion.orchestration.store import consoles

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client
    from zenml.models import StepRunResponse


TRAINING = "training"
TAG = "use_case:"
ARTIFACTS = {
    "table": "{}_table",
    "package": "{}_package",
    "answers": "{}_answers",
    "record": "{}_record",
    "checks": "{}_checks",
    "code": "{}_code",
    "scored": "{}_batch_table",
    "log": "{}_log_batch_table",
    "labels": "{}_labels_batch_table",
}
"""What no step made, by its kind: how it is called in the store."""
SCORING = ("batch_inference", "drift_monitoring", "refitting")
"""Pipelines whose users have what they made, in files or as a model version, so nothing of theirs is needed afterwards."""


def link_run(client: Client, version_id: UUID | None, facts: dict[str, Any]) -> None:
    """Show on the present run what came of it, and link it and its artifacts to a model version where there is one.

    The dashboard of ZenML's open edition has no page of model versions: it shows these facts as the run's metadata.
    Outside a step (in a test of the step alone) there is no run to link.
    """
    from zenml import get_step_context, log_metadata
    from zenml.exceptions import StepContextError
    from zenml.model.utils import link_artifact_version_to_model_version
    from zenml.models import ModelVersionPipelineRunRequest

    with contextlib.suppress(StepContextError, RuntimeError):
        context = get_step_context()
        known = {name: fact for name, fact in facts.items() if fact is not None}
        log_metadata(metadata=known, run_id_name_or_prefix=context.pipeline_run.id)
        if version_id is None:
            return
        version = client.get_model_version(model_version_name_or_number_or_id=version_id)
        client.zen_store.create_model_version_pipeline_run_link(
            ModelVersionPipelineRunRequest(pipeline_run=context.pipeline_run.id, model_version=version_id)
        )
        for inputs in context.step_run.inputs.values():
            for artifact in inputs:
                link_artifact_version_to_model_version(artifact, version)


def artifact_name(use_case: str, kind: str) -> str:
    """The name under which the store keeps a table or package of a use case."""
    return ARTIFACTS[kind].format(use_case)


def run_tag(use_case: str) -> str:
    """The tag on every run of a use case."""
    return f"{TAG}{use_case}"


@contextlib.contextmanager
def lost_artifacts_named() -> Iterator[None]:
    """Turn what ZenML raises, where a step is reused but its output is gone from the store, into a `StoreError`."""
    try:
        yield
    except ProjectError:
        raise
    except Exception as error:  # the artifact store raises what its file system raises
        called = {frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)}
        if LOAD_INPUT not in called:
            raise
        raise StoreError(
            f"An artifact that a step needs is gone from the store ({type(error).__name__}: {error}). "
            "Run again with --no-cache."
        ) from error


def output(steps: Mapping[str, StepRunResponse], step: str, name: str) -> Any:
    """An output of a step, of all steps of a finished run; a `StoreError` when its file is gone from the artifact store."""
    artifact = steps[step].outputs[name][0]
    try:
        return artifact.load()
    except Exception as error:  # the artifact store raises what its file system raises
        raise StoreError(
            f"The artifact {name!r} of the step {step!r} is gone from the store ({type(error).__name__}: {error}). "
            "Run again with --no-cache."
        ) from error


_STEP_LINE = re.compile(
    r"Step `(?P<step>\S+)` has (?P<what>started|finished(?= in))|cached version of step `(?P<reused>\S+)`"
)


@contextlib.contextmanager
def progress(tell: Callable[[str, str], None]) -> Iterator[None]:
    """Call `tell` with a step's name and ``started``, ``finished`` or ``cached``; ZenML's own lines about it are not shown."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if line := _STEP_LINE.search(re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())):
                tell(line["step"] or line["reused"], line["what"] or "cached")

    def not_of_orchestrators(record: logging.LogRecord) -> bool:
        return not record.name.startswith("zenml.orchestrators")

    logger, listener = logging.getLogger("zenml.orchestrators"), Listener(logging.INFO)
    with contextlib.ExitStack() as restored:
        restored.callback(logger.setLevel, logger.level)
        restored.callback(logger.removeHandler, listener)
        logger.addHandler(listener)
        logger.setLevel(logging.INFO)
        for console in consoles():
            restored.callback(console.removeFilter, not_of_orchestrators)
            console.addFilter(not_of_orchestrators)
        yield
