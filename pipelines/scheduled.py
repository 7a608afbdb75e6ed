"""A training that a cluster begins by the clock, with no laptop in the loop.

What `train` does on the machine that starts it (make store and package agree, fetch and register the table) is done by the pod
that starts the steps. The table lies in an object store, since no pod has a checkout's files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from champion.errors import ConfigurationError
from champion.orchestration.run_list import scheduled_name
from champion.orchestration.runs import run_tag
from champion.orchestration.stacks import support_for
from champion.use_case.addresses import parts
from champion.workspace.git import commit
from champion.workspace.own_code import read_own_code
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client

_CRON = re.compile(r"(@(hourly|daily|weekly|monthly|yearly))|([\w*,/-]+( [\w*,/-]+){4})")


def schedule(client: Client, workspace: Workspace, cron: str, log: str | None = None) -> str:
    """Have the active stack train a use case by the clock; the name of the schedule.

    `cron` has five fields, as cron has them, in UTC; `log` is the address of a folder of the service's logs. Raises
    ConfigurationError where it has not, where the stack does not run pipelines itself, where the table is a file of the
    checkout, or where the use case is scheduled already.
    """
    from zenml.config.schedule import Schedule
    from zenml.exceptions import EntityExistsError

    use_case = workspace.use_case
    if not _CRON.fullmatch(cron):
        raise ConfigurationError(
            f"{cron!r} is no time of cron. Expected five fields: minute, hour, day, month, day of the week, such as "
            '"0 3 * * 1", every Monday at three (UTC).'
        )
    own = read_own_code(workspace)
    stack = support_for(client, use_case, own, None).scheduled()
    if stack is None:
        raise ConfigurationError(
            f"The stack {client.active_stack_model.name!r} begins nothing by itself. Name one that does: --stack kubernetes."
        )
    if workspace.address is None:
        raise ConfigurationError(
            f"data.path of {workspace.shown_config} is {use_case.data.path}, a file of this checkout, which no pod has. Put the "
            "table into a bucket, and name its address: s3://BUCKET/KEY."
        )
    if log is not None:
        try:
            parts(log)
        except ValueError as error:
            raise ConfigurationError(f"The log of the service cannot be looked at: {error}.") from None
    name = scheduled_name(use_case.name)
    there_is_one = ConfigurationError(
        f"The use case {use_case.name} is scheduled already. `python run.py runs remove {name}` removes the schedule."
    )
    if client.list_schedules(name=name).items:
        raise there_is_one
    from pipelines.scheduled_in_pods import scheduled

    revision, _ = commit(workspace.root)
    options = stack.step_settings(use_case, use_case.steps())
    with stack.pipeline_settings(client, use_case) as of_pipeline:
        begun = scheduled.with_options(
            schedule=Schedule(name=name, cron_expression=cron),
            run_name=f"{use_case.name}-scheduled-{{date}}-{{time}}",
            tags=[run_tag(use_case.name)],
            settings=of_pipeline,
        )
        try:
            begun(use_case=use_case, revision=revision, log=log, options=options)
        except EntityExistsError:  # another process has scheduled it since it was looked for
            raise there_is_one from None
    return name
