"""The command line as a whole: which commands there are, and how an error ends.

A module of cli/ is loaded when its command is asked for. `--help` loads all of them, so none imports ZenML, scikit-learn or
pandas at its top: what a command works with is imported when it runs.
"""

import gc
import importlib
import signal
import sys

import click

from champion import settings
from champion.errors import DONE, FAILED, ProjectError
from champion.failures import forget_interrupts, interrupt, of_a_warning, of_the_machine, was_interrupted
from champion.scratch import sweep
from champion.terminal import complain, echo, guard_process, refuse

LONG_LIVED = ("dashboard", "serve")
READERS = ("doctor", "models", "schema", *LONG_LIVED)  # they leave everything as it is
OF_A_USE_CASE = (
    "adopt",
    "doctor",
    "init",
    "models",
    "monitor",
    "predict",
    "prune",
    "refit",
    "rollback",
    "schedule",
    "train",
)
COMMANDS = sorted((*LONG_LIVED, *OF_A_USE_CASE, "ci", "data", "image", "new", "runs", "schema", "stack", "use-cases"))
INTERRUPTED = "Interrupted. Production is whole: `python run.py models` names its champion. Run again when you like."


class LazyGroup(click.Group):
    """Finds a command in the module of its name: `cli.NAME` has it as `command`. Without a name it is `train`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``train`` in front where the arguments are not about the group."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["train", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and remove first what killed ones left, where it is not one that only reads."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in READERS and not {"-h", "--help"} & set(rest):
            sweep()
        return name, command, rest

    def list_commands(self, _: click.Context) -> list[str]:
        """All names."""
        return COMMANDS

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cli.{cmd_name.replace('-', '_')}").command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option("0.2.0", prog_name=settings.PROJECT)
def cli() -> None:
    """Keep exactly one model in production: the champion.

    Without a command: `train` for configs/iris.yaml on the active stack.

    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the gate said no (drift found, or a required
    promotion refused), 4 not enough data to judge.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a user's mistake ends in a sentence, anything else in its traceback. Returns the exit code.

    Without `arguments` they are those of the process, which then belongs to the command alone: its garbage collector is
    off.
    """
    whole_process = arguments is None
    arguments = sys.argv[1:] if arguments is None else arguments
    if whole_process and arguments[:1] not in [[name] for name in LONG_LIVED]:
        settings.keep_freed_memory()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nohup ignores SIGHUP
                signal.signal(number, interrupt)  # all as Ctrl-C: children and half-written files go
    forget_interrupts()
    if whole_process:
        guard_process()
    settings.prepare_environment()
    try:
        ended = cli.main(arguments, prog_name="run.py", standalone_mode=False)
        return ended if isinstance(ended, int) else DONE
    except SystemExit as error:
        if error.code and was_interrupted(error):
            return _explained(error)
        return error.code if isinstance(error.code, int) else FAILED
    except (Exception, KeyboardInterrupt) as error:
        return _explained(error)
    finally:
        if "champion.orchestration.store" in sys.modules and whole_process:
            sys.modules["champion.orchestration.store"].end_logging()
        if whole_process:
            gc.freeze()  # the interpreter's last collection over a large object graph would cost a second


def _explained(error: BaseException) -> int:
    """Print what an error says to the user; one that is a bug of ours is raised again."""
    if isinstance(error, click.Abort) or was_interrupted(error):
        echo(f"\n{INTERRUPTED}", err=True)
        return 130
    if isinstance(error, click.ClickException):
        refuse(error)
        return error.exit_code
    if isinstance(error, ProjectError):
        explained: ProjectError | None = error
    elif isinstance(error, ModuleNotFoundError):
        explained = ProjectError(
            f"{error}. `make run` installs it; then `. .venv/bin/activate` enters the environment."
        )
    else:
        explained = of_the_machine(error)
    explained = of_a_warning(error) or explained
    if explained is None:
        raise error
    complain(explained)
    return explained.exit_code
