#!/usr/bin/env python
"""The command line: parses, calls, prints.

Imports are inside the commands, so that ``--help`` answers at once: it loads neither ZenML nor scikit-learn.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click
except ModuleNotFoundError:
    sys.exit(
        "Error: this Python has no environment of the project. `make run` makes one; `. .venv/bin/activate` enters it."
    )

from champion import settings
from champion.errors import FAILED, GATE_SAID_NO, ProjectError
from champion.failures import of_the_machine, was_interrupted
from champion.memory import keep_freed
from champion.serving.options import Options, api_key, serve_options

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.workspace.workspace import Workspace

config_option = click.option(
    "--config", default=settings.DEFAULT_CONFIG, show_default=True, metavar="FILE", help="The use case."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


class TrainByDefault(click.Group):
    """A group whose first command runs when none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``train`` in front where the arguments are not about the group."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["train", *args]
        return super().parse_args(ctx, args)


@click.group(cls=TrainByDefault, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option("0.1.0", prog_name=settings.PROJECT)
def cli() -> None:
    """Keep exactly one model in production: the champion.

    Without a command: `train` for configs/iris.yaml on the active stack.

    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the gate said no (drift found, or a required
    promotion refused), 4 not enough data to judge.
    """


@cli.command("train")
@config_option
@click.option("--stack", metavar="NAME", help="Run on this stack instead of the active one.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs did not change.")
@click.option("--no-promote", is_flag=True, help="Change nothing in production; say what would happen.")
@click.option("--readmit", is_flag=True, help="Let a challenger back that a rollback took out of production.")
@click.option("--require-promotion", is_flag=True, help="Exit 3 when the champion stays.")
@json_option
def train_command(
    config: str,
    stack: str | None,
    no_cache: bool,
    no_promote: bool,
    readmit: bool,
    require_promotion: bool,
    as_json: bool,
) -> None:
    """Train a challenger, judge it beside the champion, and promote it only when it is better."""
    workspace = _use_case(config)
    from pipelines.early_table import begun

    with begun(workspace) as early:
        if no_cache or not workspace.package.exists():  # something is trained for certain
            from champion.bundle.model import import_early

            import_early()
        client = _store()
        from champion.orchestration.stacks import activated
        from cli import console
        from pipelines.training import Options, train

        with activated(client, stack), console.Steps(quiet=as_json) as steps:
            done = train(client, workspace, Options(not no_cache, not no_promote, readmit), steps.tell, early)
    if as_json:
        from pipelines.outputs import decision_facts

        found = decision_facts(done.evaluation, done.decision, done.facts, done.outcome)
        _print_json({**found, "notes": list(done.notes), "store": done.store, "stack": done.stack})
    else:
        console.warn([*done.notes, *done.evaluation.warnings])
        console.training_summary(done.evaluation, done.decision, done.outcome)
        reports = f"reports/{workspace.use_case.name}"
        click.echo(f"Report: {reports}/report.html   Store: {done.store}   Stack: {done.stack}")
    if require_promotion and done.outcome.action not in ("promoted", "would_promote"):
        sys.exit(GATE_SAID_NO)


@cli.command("init")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--name", metavar="NAME", help="The use case's name; the file's stem if left out.")
@click.option("--force", is_flag=True, help="Write the use case anew where it exists.")
@json_option
def init_command(table: Path, target: str, name: str | None, force: bool, as_json: bool) -> None:
    """Make a use case for a table of your own: CSV or Parquet, with a column to predict."""
    from champion.onboarding.initialise import initialise
    from cli import console

    settings.prepare_environment()
    done = initialise(settings.root(), table, target, name, force=force)
    if as_json:
        _print_json(
            {
                "name": done.name,
                "config": done.config.as_posix(),
                "data": done.data.as_posix(),
                "tracked": done.tracked,
                "columns": [vars(column) for column in done.columns],
                "warnings": list(done.warnings),
            }
        )
        return
    console.columns_table(done.columns)
    console.warn(done.warnings)
    click.echo(f"Wrote {done.config.as_posix()} for {done.data.as_posix()}.")
    click.echo(f"Train it: python run.py train --config {done.config.as_posix()}")


@cli.command("models")
@config_option
@json_option
def models_command(config: str, as_json: bool) -> None:
    """List the model versions: number, stage, scores, data version, commit, when, why."""
    workspace = _use_case(config)
    client = _store()
    from champion.orchestration.store import described
    from champion.registry.reconcile import reconcile
    from cli import console

    reconciled = reconcile(client, workspace)
    if as_json:
        _print_json([console.version_facts(version) for version in reconciled.version_history.versions])
        return
    console.warn([reconciled.done] if reconciled.done else [])
    console.versions_list(workspace.use_case.name, reconciled.version_history.versions)
    click.echo(f"Store: {described(client)}   Stack: {client.active_stack_model.name}")


@cli.command("rollback")
@config_option
@click.option("--to", "number", type=int, metavar="N", help="Back to this version instead of the former champion.")
@json_option
def rollback_command(config: str, number: int | None, as_json: bool) -> None:
    """Put the former champion back into production."""
    workspace = _use_case(config)
    client = _store()
    from champion.orchestration.store import described
    from champion.registry.rollback import roll_back

    done = roll_back(client, workspace, number)
    if as_json:
        _print_json({"champion": done.champion, "replaced": done.replaced, "reason": done.reason})
        return
    click.echo(f"{done.reason} {workspace.shown_package} is version {done.champion} again.")
    click.echo(f"Store: {described(client)}   Stack: {client.active_stack_model.name}")


@cli.command("predict")
@click.argument("table", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@config_option
@click.option("--stack", metavar="NAME", help="Run on this stack instead of the active one.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Let a column of the table through; may be repeated.")
@click.option("--keep-all", is_flag=True, help="Let every column of the table through.")
@click.option(
    "--rejects", type=click.Path(path_type=Path), metavar="FILE",
    help="Where rows go that cannot be scored, as CSV; OUT with .rejected.csv if left out.",
)  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Score the table also where this champion has scored it before.")
@json_option
def predict_command(
    table: Path,
    out: Path,
    config: str,
    stack: str | None,
    keep: tuple[str, ...],
    keep_all: bool,
    rejects: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Score a table with the champion: CSV or Parquet in, and out as the ending of OUT says.

    The table may be longer than the memory. OUT appears whole or not at all; rows that cannot be scored go to a file of
    their own, with the reason.
    """
    workspace = _use_case(config)
    from pipelines.batch_files import checked_files

    files = checked_files(table, out, rejects, keep, keep_all)
    client = _store()
    from champion.orchestration.stacks import activated
    from champion.progress import watched
    from cli import console
    from pipelines.batch_inference import predict

    with activated(client, stack), console.Steps(as_json) as steps, console.Rows(as_json) as rows, watched(rows.tell):
        done = predict(client, workspace, files, not no_cache, steps.tell)
    refused = str(done.rejects) if done.rejects else None
    if as_json:
        _print_json(
            {
                "use_case": workspace.use_case.name,
                **done.tally.model_dump(mode="json"),
                "out": str(out),
                "rejects": refused,
                "warnings": list(done.warnings),
                "notes": list(done.notes),
                "store": done.store,
                "stack": done.stack,
            }
        )
        return
    console.warn([*done.notes, *done.warnings])
    console.batch_summary(done.tally, str(out), refused)
    click.echo(f"Store: {done.store}   Stack: {done.stack}")


@cli.command("serve")
@config_option
@click.option("--log", envvar="SERVE_LOG", metavar="FOLDER", help="Log predictions here; predictions/NAME if left out.")
@click.option("--no-log", is_flag=True, help="Log no predictions.")
@serve_options
def serve_command(config: str, log: str | None, no_log: bool, api_key_file: str | None, **given: Any) -> None:
    """Serve the champion over REST, and take over a new one without a pause."""
    workspace = _use_case(config)
    folder = workspace.results / "predictions" / workspace.use_case.name if log is None else Path(log)
    options = Options(
        workspace.package,
        workspace.shown_package,
        use_case=workspace.use_case.name,
        log=None if no_log or log == "" else folder,
        key=api_key(api_key_file),
        **given,
    )
    from champion.serving.server import serve

    serve(options)


@cli.command("monitor")
@click.argument("source", metavar="TABLE|LOGFOLDER", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--stack", metavar="NAME", help="Run on this stack instead of the active one.")
@click.option("--since", metavar="WHEN", help="Of a log: from 2026-03-01, or 7d, 12h, 30m ago on.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="TABLE",
    help="True labels by request_id: how good is the champion?",
)
@click.option("--history", "past", is_flag=True, help="Show what was found so far, and draw it.")
@click.option(
    "--fail-on", type=click.Choice(["drift", "schema", "never"]), default="drift", show_default=True,
    help="Exit 3 at drift; or 0 at drift and 1 at other columns alone; or 0 whatever is found.",
)  # fmt: skip
@json_option
def monitor_command(
    source: Path | None,
    config: str,
    stack: str | None,
    since: str | None,
    labels: Path | None,
    past: bool,
    fail_on: str,
    as_json: bool,
) -> None:
    """Compare new data, or what a service logged, with what the champion was trained on.

    Exit codes: 0 no drift, 3 drift, 4 not enough data, 1 other columns than in training.
    """
    workspace = _use_case(config)
    if past == (source is not None):
        raise click.UsageError("Name a table or a folder of logs; or ask for --history, and nothing else.")
    if source is None:
        _history(workspace, as_json)
        return
    from champion.drift.verdict import exit_code
    from pipelines.drift_files import checked_input

    given = checked_input(source, since, labels)
    client = _store()
    from champion.orchestration.stacks import activated
    from champion.progress import watched
    from cli import console
    from pipelines.drift_monitoring import monitor

    with activated(client, stack), console.Steps(as_json) as steps, console.Rows(as_json) as rows, watched(rows.tell):
        done = monitor(client, workspace, given, steps.tell)
    if as_json:
        found = done.report.model_dump(mode="json")
        _print_json({**found, "log": list(done.notes), "store": done.store, "stack": done.stack})
    else:
        from cli.drift_console import drift_summary

        console.warn([*done.notes, *done.report.notes])
        drift_summary(done.report)
        click.echo(f"Report: reports/{workspace.use_case.name}/drift.html   Store: {done.store}   Stack: {done.stack}")
    sys.exit(exit_code(done.report.verdict, fail_on))


def _history(workspace: Workspace, as_json: bool) -> None:
    from cli.drift_console import history_summary
    from pipelines.drift_log import PAGE, write_history

    found = write_history(workspace)
    if as_json:
        _print_json([moment.model_dump(mode="json") for moment in found])
        return
    history_summary(found)
    click.echo(f"Drawn: reports/{workspace.use_case.name}/{PAGE}")


@cli.command("prune")
@config_option
@click.option("--yes", is_flag=True, help="Do it; without it the command only says what would go.")
@json_option
def prune_command(config: str, yes: bool, as_json: bool) -> None:
    """Free the store of runs and artifacts that no version of the lineage needs."""
    workspace = _use_case(config)
    client = _store()
    from champion.orchestration.store import described
    from champion.registry.prune import prune

    done = prune(client, workspace, really=yes)
    if as_json:
        _print_json({"runs": done.runs, "artifacts": done.artifacts, "bytes": done.bytes, "done": yes})
        return
    verb = "Freed" if yes else "Would free"
    click.echo(f"{verb} {done.runs} runs and {done.artifacts} artifacts, {done.bytes / 1e6:.1f} MB.")
    if not yes and (done.runs or done.artifacts):
        click.echo("Nothing was removed; `--yes` does it.")
    click.echo(f"Store: {described(client)}   Stack: {client.active_stack_model.name}")


@cli.command("stack")
@click.argument("name")
def stack_command(name: str) -> None:
    """Register a stack of stacks/ where it is missing, and make it the active one."""
    client = _store()
    from champion.orchestration.stacks import activate
    from champion.orchestration.store import described

    activate(client, name)
    click.echo(f"The stack {name} is active.   Store: {described(client)}")


@cli.command("doctor")
@config_option
@json_option
def doctor_command(config: str, as_json: bool) -> None:
    """Say what works here and what does not: data, store, package, stack; each with its remedy."""
    from champion.onboarding.doctor import examine_machine

    settings.prepare_environment()
    findings = examine_machine(config)
    if as_json:
        _print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.found}")
            if finding.remedy:
                click.echo(f"      {finding.remedy}")
    if not all(finding.ok for finding in findings):
        sys.exit(FAILED)


@cli.command("schema")
def schema_command() -> None:
    """Print the JSON schema of a use case, for editors that complete YAML."""
    from champion.use_case.whole import UseCase

    _print_json(UseCase.model_json_schema())


def _use_case(config: str) -> Workspace:
    from champion.workspace.workspace import open_workspace

    return open_workspace(config)


def _store() -> Client:
    from champion.orchestration.store import open_store

    return open_store()


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _fail(error: ProjectError) -> None:
    for line in str(error).splitlines():
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {line}", err=True)


def _interrupted() -> int:
    click.echo(
        "\nInterrupted. Production is whole: `python run.py models` names its champion. Run again when you like.",
        err=True,
    )
    return 130


def main() -> int:
    """Run the command line; a user's mistake ends in a sentence, anything else in its traceback.

    Returns
    -------
    int
        The exit code.
    """
    if sys.argv[1:2] != ["serve"]:  # it is not short-lived
        keep_freed()
    settings.prepare_environment()
    try:
        cli.main(standalone_mode=False)
    except ProjectError as error:
        _fail(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAILED
    except Exception as error:
        if was_interrupted(error):
            return _interrupted()
        if isinstance(error, ModuleNotFoundError):
            _fail(ProjectError(f"{error}. `make run` installs it; then `. .venv/bin/activate` enters the environment."))
            return FAILED
        explained = of_the_machine(error)
        if explained is None:
            raise
        _fail(explained)
        return explained.exit_code
    finally:
        if "champion.orchestration.store" in sys.modules:
            sys.modules["champion.orchestration.store"].end_logging()
        gc.freeze()  # the interpreter's last collection over a large object graph would cost a second
    return 0


if __name__ == "__main__":
    sys.exit(main())
