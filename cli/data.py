"""`data`: what data and packages share with the DVC remote."""

import click

from champion import settings
from champion.terminal import echo

targets_argument = click.argument("targets", nargs=-1, metavar="[TARGET]...")


class _Interruptible(click.Group):
    """Says after Ctrl-C that the rest can follow."""

    def invoke(self, ctx: click.Context) -> int | None:
        try:
            super().invoke(ctx)
        except KeyboardInterrupt:
            echo("\nInterrupted. Run again: what is there already is not sent twice.", err=True)
            return 130
        return None


@click.group("data", cls=_Interruptible)
def command() -> None:
    """Share data and packages through the DVC remote: a folder, a bucket or Google Drive."""


@command.command("pull")
@targets_argument
def pull(targets: tuple[str, ...]) -> None:
    """Fetch what pointers and dvc.lock name: all of it, or these pointers, stages and files."""
    from champion.datastore.fetch import pull as fetch

    echo(fetch(settings.root(), *targets, tell=_tell))


@command.command("push")
@targets_argument
@click.option("--force", is_flag=True, help="Record a champion that does not follow the one that the pointer names.")
def push(targets: tuple[str, ...], force: bool) -> None:
    """Record data and champions in their pointers, and send what the remote has not."""
    from champion.registry.recording import push as publish

    echo(publish(settings.root(), *targets, force=force, tell=_tell))


@command.command("login")
def login() -> None:
    """Let a browser give this machine access to Google Drive, with an OAuth client of your own."""
    from champion.datastore import remote

    echo(remote.login(settings.root(), _tell))


def _tell(line: str) -> None:
    echo(line, err=True)
