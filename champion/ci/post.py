"""Put the comment on the pull request: CML finds its own former comment by a watermark and updates it in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from champion.ci.comment import COMMENT
from champion.ci.secrets import hidden
from champion.ci.surroundings import Surroundings
from champion.errors import ProjectError

WATERMARK = "champion"
TIME_LIMIT = 300.0  # seconds
GITHUB = "https://github.com"


def post(root: Path, around: Surroundings) -> str:
    """Post ``reports/comment.md`` on the pull request that `PR_NUMBER` names."""
    return post_on(root, around, int(around.need("PR_NUMBER", "the pull request to comment on")))


def post_on(root: Path, around: Surroundings, number: int) -> str:
    """Post ``reports/comment.md``.

    Parameters
    ----------
    around : Surroundings
        `REPO_TOKEN`, and `CML` where the program has another name.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        When there is no comment, no `cml`, or it fails.
    """
    token = around.need("REPO_TOKEN", "cml comments with it")
    report = root / "reports" / COMMENT
    if not report.is_file():
        raise ProjectError(f"There is no reports/{COMMENT}. Run `make ci-comment` first.")
    command = [
        _program(around), "comment", "update", f"--target=pr/{number}", "--publish=false",
        f"--watermark-title={WATERMARK}", *_host(around), str(report),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="cml-home-") as home:  # it writes to the global git configuration
        environment = {**os.environ, "HOME": home, "REPO_TOKEN": token, "ITERATIVE_DO_NOT_TRACK": "1"}
        try:
            done = subprocess.run(
                command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=TIME_LIMIT
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProjectError(f"cml did not run: {error}.") from None
    if done.returncode:
        said = hidden((done.stderr or done.stdout).strip()[-800:], environment)
        raise ProjectError(f"cml could not comment on pull request {number}: {said}")
    return f"Commented on pull request {number}. {done.stdout.strip()}"


def _program(around: Surroundings) -> str:
    name = around["CML"] or "cml"
    found = shutil.which(name)
    if found is None:
        raise ProjectError(
            f"There is no program {name!r}. docs/github.md says how to install CML; CML names another one."
        )
    return found


def _host(around: Surroundings) -> list[str]:
    """Where the comment goes; on github.com CML finds it out by itself, on another server it has to be told."""
    server = around["GITHUB_SERVER_URL"]
    repository = around.need("GITHUB_REPOSITORY", "it names OWNER/NAME on GitHub")
    return [f"--repo={server or GITHUB}/{repository}", *([] if server in ("", GITHUB) else ["--driver=github"])]
