"""The commands of the workflows: ``python -m champion.ci COMMAND``, where `COMMANDS` has the list."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from champion import settings
from champion.ci.surroundings import Surroundings, surroundings
from champion.errors import DONE, WRONG_USAGE, ProjectError


def _champion(root: Path, around: Surroundings) -> int:
    from champion.ci.base import settle_champion

    for name, standing in settle_champion(root, around).standings.items():
        number = "none" if standing.model_version is None else f"version {standing.model_version}"
        _say(f"{name}: champion {number} ({standing.source}) {standing.why}".rstrip())
    return DONE


def _train(root: Path, around: Surroundings) -> int:
    from champion.ci.train import train_all

    return train_all(root, around, promote=False)


def _promote(root: Path, around: Surroundings) -> int:
    from champion.ci.train import promote_all

    return promote_all(root, around)


def _rollback(root: Path, around: Surroundings) -> int:
    use_case = around.need("ROLLBACK_USE_CASE", "the name of the use case")
    to = ["--to", around["ROLLBACK_TO"]] if around["ROLLBACK_TO"] else []
    command = [sys.executable, "run.py", "rollback", "--config", f"configs/{use_case}.yaml", *to]
    return subprocess.run(command, cwd=root, check=False).returncode


def _comment(root: Path, around: Surroundings) -> int:
    from champion.ci.comment import write_comment

    _say(write_comment(root, around))
    return DONE


def _post(root: Path, around: Surroundings) -> int:
    from champion.ci.post import post

    _say(post(root, around, int(around.need("PR_NUMBER", "the pull request to comment on"))))
    return DONE


def _pointer(root: Path, around: Surroundings) -> int:
    from champion.ci.pointer_commit import commit_pointers

    _say(commit_pointers(root, around))
    return DONE


def _image(root: Path, around: Surroundings) -> int:
    from champion.ci.image import publish

    _say(publish(root, around))
    return DONE


def _fork(root: Path, around: Surroundings) -> int:
    from champion.ci.fork import comment_on_fork

    _say(comment_on_fork(root, around))
    return DONE


def _drift(root: Path, around: Surroundings) -> int:
    from champion.ci.drift import watch_all

    return watch_all(root, around)


def _drift_issue(root: Path, around: Surroundings) -> int:
    from champion.ci.drift_issue import keep_issues

    _say(keep_issues(root, around))
    return DONE


def _drift_retrain(_: Path, around: Surroundings) -> int:
    from champion.ci.drift import retrain

    _say(retrain(around))
    return DONE


COMMANDS: dict[str, Callable[[Path, Surroundings], int]] = {
    "champion": _champion,
    "train": _train,
    "comment": _comment,
    "post": _post,
    "promote": _promote,
    "rollback": _rollback,
    "pointer": _pointer,
    "image": _image,
    "fork": _fork,
    "drift": _drift,
    "drift-issue": _drift_issue,
    "drift-retrain": _drift_retrain,
}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(arguments: list[str]) -> int:
    """Run one command.

    Returns
    -------
    int
        The exit code.
    """
    settings.prepare_environment()
    command = COMMANDS.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        sys.stderr.write(f"Usage: python -m champion.ci COMMAND, where COMMAND is one of {', '.join(COMMANDS)}\n")
        return WRONG_USAGE
    try:
        return command(settings.root(), surroundings())
    except ProjectError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
