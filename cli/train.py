"""`train`: a challenger beside the champion."""

import click

from champion.errors import DONE, GATE_SAID_NO
from champion.terminal import echo
from cli.common import config_option, json_option, open_use_case, print_json, running, stack_option, trust_code_option


@click.command("train")
@config_option
@stack_option
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs did not change.")
@click.option("--no-promote", is_flag=True, help="Change nothing in production; say what would happen.")
@click.option("--readmit", is_flag=True, help="Let a challenger back that a rollback took out of production.")
@click.option("--offline", is_flag=True, help="Where the champion's package cannot be had: train, and decide nothing.")
@trust_code_option
@click.option("--detach", is_flag=True, help="Leave the run to the stack; `runs` lists, follows and stops it.")
@click.option("--require-promotion", is_flag=True, help="Exit 3 when the champion stays.")
@json_option
def command(
    config: str,
    stack: str | None,
    no_cache: bool,
    no_promote: bool,
    readmit: bool,
    offline: bool,
    trust_code: bool,
    detach: bool,
    require_promotion: bool,
    as_json: bool,
) -> int:
    """Train a challenger, judge it beside the champion, and promote it only when it is better."""
    if detach and require_promotion:
        raise click.UsageError("--require-promotion asks for the end of a run that --detach does not wait for.")
    workspace = open_use_case(config)
    from pipelines.dataset import begun

    with begun(workspace) as early:
        if no_cache or not workspace.package.exists():  # something is trained for certain
            from champion.bundle.model import import_early

            import_early()
        with running(stack, as_json) as (client, tell, used):
            from pipelines.training import Detached, Options, train

            options = Options(not no_cache, not no_promote, readmit, offline, trust_code, detach)
            try:
                done = train(client, workspace, options, tell, early)
            except Detached as run:
                name = str(run)
                if as_json:
                    print_json({"run": name, **used._asdict()})
                else:
                    echo(f"The run {name} goes on. Follow it: python run.py runs follow {name}   {used}")
                return DONE
    if as_json:
        from pipelines.outputs import decision_facts

        facts = decision_facts(done.evaluation, done.decision, done.facts, done.outcome)
        print_json({**facts, "notes": done.notes, **used._asdict()})
    else:
        from cli import console

        console.warn([*done.notes, *done.evaluation.warnings])
        console.training_summary(done.evaluation, done.decision, done.outcome)
        echo(f"Report: reports/{workspace.use_case.name}/report.html   {used}")
    promoted = done.outcome.action in ("promoted", "would_promote")
    return GATE_SAID_NO if require_promotion and not promoted else DONE
