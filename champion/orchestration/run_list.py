"""The runs of use cases that a store knows: those that go on, and the last ones that ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from champion.errors import ConfigurationError
from champion.orchestration.runs import TAG
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.stacks import support_of

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

DRIFT = "drift"
"""The metadata of a run that has what it found in a log of the service."""
ENDED = 10
"""So many runs that have ended are listed."""


@dataclass(frozen=True)
class Run:
    """A run: what it is of, where it stands, its steps with their states, and why it does not get on, where that is known."""

    name: str
    use_case: str
    pipeline: str
    stack: str
    status: str
    begun: str
    steps: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    drift: str | None = None

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.status not in ("completed", "failed", "stopped", "cached", "skipped")


@dataclass(frozen=True)
class Scheduled:
    """A use case that a stack trains by the clock."""

    name: str
    cron: str


def scheduled_name(use_case: str) -> str:
    """How the schedule of a use case is called."""
    return f"{use_case}-training"


def schedules(client: Client) -> list[Scheduled]:
    """All that the store knows."""
    return [Scheduled(each.name, each.cron_expression or "") for each in client.list_schedules(size=1000).items]


def remove_schedule(client: Client, name: str) -> None:
    """Remove a schedule from the stack and the store; a ConfigurationError where there is none of that name."""
    known = [each.name for each in schedules(client)]
    if name not in known:
        raise ConfigurationError(f"There is no schedule {name!r}. There are: {', '.join(known) or 'none'}.")
    client.delete_schedule(name)


def listed(client: Client) -> list[Run]:
    """The runs that go on, the newest first, then the last that ended."""
    found = client.list_pipeline_runs(sort_by="desc:created", size=100, hydrate=True).items
    runs = [(run, name) for run in found if (name := use_case_of(run))]
    going = [pair for pair in runs if not pair[0].status.is_finished]
    ended = [pair for pair in runs if pair[0].status.is_finished][:ENDED]
    return [_described(client, run, name) for run, name in [*going, *ended]]


def use_case_of(run: PipelineRunResponse) -> str | None:
    """The use case that a run is of, by its tag."""
    return next((tag.name.removeprefix(TAG) for tag in run.tags if tag.name.startswith(TAG)), None)


def found(client: Client, name: str) -> tuple[PipelineRunResponse, str, StackSupport]:
    """A run by its name, with its use case and what its stack needs.

    Raises ConfigurationError where there is none of that name, or it is of no use case.
    """
    try:
        run = client.get_pipeline_run(name, allow_name_prefix_match=False)
    except KeyError:
        going = [each.name for each in listed(client) if each.goes_on]
        known = f"These go on: {', '.join(going)}." if going else "None goes on."
        raise ConfigurationError(
            f"There is no run {name!r} in this store. {known} `python run.py runs` lists all."
        ) from None
    use_case = use_case_of(run)
    if use_case is None:
        raise ConfigurationError(f"The run {name} is of no use case, so no command of this project began it.")
    return run, use_case, _support(client, run)


def _support(client: Client, run: PipelineRunResponse) -> StackSupport:
    return support_of(client, client.get_stack(run.stack.id)) if run.stack else StackSupport()


def _described(client: Client, run: PipelineRunResponse, use_case: str) -> Run:
    steps = client.list_run_steps(pipeline_run_id=run.id, size=1000, hydrate=True).items
    states = {step.name: step.status.value for step in steps if step.status.value != "retried"}
    reason = None
    if not run.status.is_finished:
        try:
            reason = _support(client, run).hindrance(client, run, f"configs/{use_case}.yaml")
        except Exception as error:  # of the cluster's client, which need not be set up here
            first = str(error).strip().partition("\n")[0]
            reason = f"the cluster could not be asked about it ({type(error).__name__}: {first})"
    elif run.status.is_failed:
        failed = next((step for step in steps if step.status.is_failed or step.status.value == "retrying"), None)
        about = (failed and failed.exception_info) or run.exception_info
        last = about.message or about.traceback.strip().splitlines()[-1] if about else run.get_body().status_reason
        reason = f"{failed.name}: {last}" if failed else last
    return Run(
        name=run.name,
        use_case=use_case,
        pipeline=run.pipeline.name if run.pipeline else "",
        stack=run.stack.name if run.stack else "",
        status=run.status.value,
        begun=run.created.isoformat(timespec="seconds"),
        steps=states,
        reason=reason,
        drift=str(run.run_metadata[DRIFT]) if DRIFT in run.run_metadata else None,
    )
