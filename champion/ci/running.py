"""A command of run.py as a step of a workflow: shown while it runs, kept in a log, and without a secret in either."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from champion.ci.secrets import hidden

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_logged(root: Path, command: list[str], log: Path) -> tuple[int, list[str]]:
    """Run Python with a command line in the checkout.

    Parameters
    ----------
    command : list of str
        What follows ``python``.
    log : Path
        Where its output is kept.

    Returns
    -------
    code : int
        Its exit code.
    said : list of str
        The lines of its output.
    """
    sys.stdout.write(f"python {' '.join(command)}\n")
    sys.stdout.flush()
    environment = {key: value for key, value in os.environ.items() if value or not key.startswith("ZENML_")}
    environment.pop("REPO_TOKEN", None)
    log.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, *command], cwd=root, env={**environment, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    said = []
    assert process.stdout is not None
    with process.stdout as lines, log.open("w", encoding="utf-8") as file:
        for line in lines:
            clean = hidden(_COLOUR.sub("", line), environment)
            sys.stdout.write(clean)
            sys.stdout.flush()
            file.write(clean)
            said.append(clean.rstrip())
    return process.wait(), said
