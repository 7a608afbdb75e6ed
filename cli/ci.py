"""`ci`: what the workflows call, a command for each step. They are told by environment variables (docs/github.md)."""

import importlib
import os

import click

from champion import settings
from champion.terminal import echo
from cli import rollback

STEPS = {
    "champion": ("champion.fetch_champions", "Fetch the data, and the champion that the base commit's pointers name."),
    "train": ("runs.judge_all", "Train every use case and say what it would change (CI_STACK=docker)."),
    "promote": ("runs.promote_all", "On the main branch: train, judge, promote."),
    "comment": ("comment.write_comment", "Write reports/comment.md and the job's summary."),
    "post": ("comment.post", "Put reports/comment.md on pull request PR_NUMBER, with CML."),
    "pointer": ("champion.commit_pointers", "On the main branch: commit the new champion's pointer."),
    "image": (
        "champion.publish_images",
        "On the main branch: build, try out and push the image that serves the champion.",
    ),
    "fork-comment": ("comment.comment_on_fork", "Comment on a fork's pull request from its validated artifact."),
    "drift": ("drift.watch_all", "Compare the newest data of every use case with its champion (CI_STACK=docker)."),
    "drift-issue": ("drift.keep_issues", "Open, update or close the issue of each use case."),
    "drift-retrain": ("drift.retrain", "Start the training pipeline."),
}
"""By command: module and function of champion.ci, and help. It gives a text to print, or an exit code."""


@click.group("ci")
def command() -> None:
    """Do one step of a workflow; `make ci-STEP` calls it."""


def _step(name: str, target: str, text: str) -> None:
    @command.command(name, help=text)
    def step() -> int | None:
        from champion.ci.environment import Environment

        module, _, function = target.partition(".")
        call = getattr(importlib.import_module(f"champion.ci.{module}"), function)
        done = call(settings.root(), Environment(dict(os.environ)))
        if isinstance(done, int):
            return done
        echo(done)
        return None


for _name, _row in STEPS.items():
    _step(_name, *_row)


@command.command("rollback")
@click.pass_context
def _rollback(ctx: click.Context) -> None:
    """By hand: the former champion of ROLLBACK_USE_CASE again, or version ROLLBACK_TO."""
    from champion.ci.environment import Environment

    env = Environment(dict(os.environ))
    use_case, number = env.need("ROLLBACK_USE_CASE", "the name of the use case"), env["ROLLBACK_TO"]
    config = f"configs/{use_case}.yaml"
    ctx.invoke(rollback.command, config=config, number=int(number) if number else None, as_json=False)
