"""`schedule`: a training that the cluster begins by the clock."""

import click

from champion.terminal import echo
from cli.common import config_option, open_store, open_use_case, stack_option, where


@click.command("schedule")
@click.argument("cron")
@config_option
@stack_option
@click.option(
    "--log", metavar="ADDRESS", help="A folder of the service's logs, s3://BUCKET/PREFIX, to look for drift in."
)
def command(cron: str, config: str, stack: str | None, log: str | None) -> None:
    """Have the cluster train, judge and promote by the clock: CRON has five fields, in UTC.

    A pod fetches the table, which lies in a bucket. Two never run at once. `runs` lists schedules, and removes them.
    """
    from champion.orchestration.stacks import activated

    workspace, client = open_use_case(config), open_store()
    with activated(client, stack):
        from pipelines.scheduled import schedule

        name = schedule(client, workspace, cron, log)
        echo(f"Scheduled: {name}, {cron} (UTC). `python run.py runs` lists its runs.   {where(client)}")
