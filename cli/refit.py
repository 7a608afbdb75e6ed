"""`refit`: the champion's own recipe, after a library has another version."""

import click

from champion.terminal import echo
from cli.common import config_option, json_option, open_use_case, print_json, running, stack_option, trust_code_option


@click.command("refit")
@config_option
@stack_option
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs did not change.")
@click.option(
    "--readmit", is_flag=True, help="Let a refit, or a challenger, back that a rollback took out of production."
)
@trust_code_option
@json_option
def command(config: str, stack: str | None, no_cache: bool, readmit: bool, trust_code: bool, as_json: bool) -> None:
    """Train the champion's recipe again where a library has another version than it was made with.

    Where the new model answers the holdout as the champion did when it was promoted, it takes the champion's number, with a
    new revision. Where it answers otherwise, or those answers were not kept, it is a challenger as any other.
    """
    workspace = open_use_case(config)
    with running(stack, as_json) as (client, tell, used):
        from pipelines.refitting import refit
        from pipelines.training import Options

        done = refit(client, workspace, Options(cache=not no_cache, readmit=readmit, trust_code=trust_code), tell)
    trained, outcome = done.trained, done.outcome
    if as_json:
        from pipelines.outputs import decision_facts

        facts = outcome.model_dump(mode="json") if outcome else {"action": "none", "reason": done.said}
        if trained:
            facts = decision_facts(trained.evaluation, trained.decision, trained.facts, trained.outcome)
        print_json({**facts, "refit": done.said, "notes": done.notes, **used._asdict()})
        return
    from cli import console

    console.warn(done.notes)
    echo(done.said)
    if trained:
        console.warn(trained.evaluation.warnings)
        console.training_summary(trained.evaluation, trained.decision, trained.outcome)
        echo(f"Report: reports/{workspace.use_case.name}/report.html   {used}")
    else:
        echo(used)
