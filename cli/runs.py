"""`runs`: what runs, where it stands, and how it ends."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from champion.errors import ConfigurationError
from champion.harmless import printable
from champion.terminal import echo
from cli.common import json_option, open_store, open_use_case, print_json, where

if TYPE_CHECKING:
    from champion.orchestration.run_list import Run


@click.group("runs", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List schedules, the runs that go on, and the last that ended; follow a run, or stop it, or remove a schedule."""
    if context.invoked_subcommand is not None:
        return
    from champion.orchestration.run_list import listed, schedules

    client = open_store()
    runs, by_the_clock = listed(client), schedules(client)
    if as_json:
        print_json({"runs": [asdict(run) for run in runs], "schedules": [asdict(each) for each in by_the_clock]})
        return
    for each in by_the_clock:
        echo(printable(f"{each.name}: scheduled, {each.cron} (UTC)"))
    for run in runs:
        echo(printable(_line(run)))
        if run.reason:
            echo(f"    {printable(run.reason)}")
        if run.drift:
            echo(f"    drift in the service's log: {printable(run.drift)}")
    if not runs:
        echo("No run yet: `python run.py train` begins one.")
    echo(where(client))


def _line(run: Run) -> str:
    done = sum(status in ("completed", "cached") for status in run.steps.values())
    working = [name for name, status in run.steps.items() if status in ("running", "provisioning", "initializing")]
    steps = f", {done} steps done" + (f", at work: {', '.join(working)}" if working else "") if run.goes_on else ""
    return f"{run.name}: {run.status}{steps}  ({run.pipeline}, stack {run.stack}, begun {run.begun})"


@command.command("follow")
@click.argument("name")
@json_option
def follow(name: str, as_json: bool) -> None:
    """Tell the steps of a run as they go; at its end, leave reports and production package here, as `train` does.

    Ctrl-C ends the command, and the run goes on.
    """
    from champion.orchestration.run_list import found
    from champion.orchestration.runs import TRAINING
    from cli import console
    from pipelines.launch import successful

    client = open_store()
    run, use_case, support = found(client, name)
    if run.pipeline is None or run.pipeline.name != TRAINING:
        raise ConfigurationError(f"{name} is no training run; `python run.py runs` says where it stands.")
    workspace = open_use_case(use_case_config(use_case))
    if not run.status.is_finished:
        with console.progress(as_json) as tell:
            support.follow(client, run, workspace.use_case, tell, ours=False)
    from pipelines.outputs import decision_facts
    from pipelines.training import ended

    done = ended(client, workspace, successful(client, run))
    if as_json:
        facts = decision_facts(done.evaluation, done.decision, done.facts, done.outcome)
        print_json({**facts, "run": name, "notes": done.notes})
        return
    console.warn([*done.notes, *done.evaluation.warnings])
    console.training_summary(done.evaluation, done.decision, done.outcome)
    echo(f"Report: reports/{use_case}/report.html   {where(client)}")


@command.command("stop")
@click.argument("name")
def stop(name: str) -> None:
    """Stop a run and its pods; production stays as it is."""
    from champion.orchestration.run_list import found

    client = open_store()
    run, _, support = found(client, name)
    if run.status.is_finished:
        echo(f"The run {name} has ended already: {run.status.value}.")
        return
    left = support.stop(client, run)
    echo(
        f"The run {name} is stopped."
        if not left
        else f"The run {name} is stopped; not yet ended are: {', '.join(left)}."
    )


@command.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove a schedule; a run that it began goes on."""
    from champion.orchestration.run_list import remove_schedule

    remove_schedule(open_store(), name)
    echo(f"The schedule {name} is removed.")


def use_case_config(name: str) -> str:
    """The file of a use case, by its name; a ConfigurationError where this checkout has none."""
    from champion import settings
    from champion.workspace.workspace import open_workspace, shown

    for config in settings.configurations(settings.root()):
        try:
            if open_workspace(str(config)).use_case.name == name:
                return shown(config, settings.root())
        except ConfigurationError:
            continue
    raise ConfigurationError(
        f"No file under configs/ is of the use case {name!r}, which the run is of. Get its branch."
    )
