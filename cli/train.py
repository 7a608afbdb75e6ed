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
    require_promotion: bool,
    as_json: bool,
) -> int:
    """Train a challenger, judge it beside the champion, and promote it only when it is better."""
    workspace = open_use_case(config)
    from pipelines.dataset import begun

    with begun(workspace) as early:
        if no_cache or not workspace.package.exists():  # something is trained for certain
            from champion.bundle.model import import_early

            import_early()
        with running(stack, as_json) as (client, tell, used):
            from pipelines.training import Options, train

            done = train(
                client, workspace, Options(not no_cache, not no_promote, readmit, offline, trust_code), tell, early
            )
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
