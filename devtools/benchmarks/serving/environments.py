"""An environment for every rival, made once under ``.bench/`` from pinned versions."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from devtools.benchmarks.measure import Command, run
from devtools.benchmarks.sandbox import REPOSITORY
from devtools.checkout import UnexpectedError

PLACE = REPOSITORY / ".bench"


def environment_of(rival: str, say: Callable[[str], None]) -> Path:
    """Install what a rival needs, unless it is there already.

    Parameters
    ----------
    rival : str
        Its pins are in ``requirements-<rival>.txt``, fixed for Python 3.11 to 3.13.

    Returns
    -------
    Path
        The folder of its programs.

    Raises
    ------
    UnexpectedError
        When it cannot be installed.
    """
    asked = Path(__file__).with_name(f"requirements-{rival}.txt")
    folder = PLACE / rival
    mark = f"{hashlib.sha256(asked.read_bytes()).hexdigest()} {sys.version}"
    marked = folder / "installed"
    if not marked.is_file() or marked.read_text() != mark:
        say(f"installing {rival} into {folder.relative_to(REPOSITORY)} (once)")
        uv, environment = _uv(), dict(os.environ)
        run(Command([uv, "venv", "--clear", "--python", sys.executable, folder], REPOSITORY, environment))
        run(Command([uv, "pip", "install", "--python", folder / "bin/python", "-r", asked], REPOSITORY, environment))
        marked.write_text(mark)
    return folder / "bin"


def _uv() -> str:
    found = shutil.which(os.environ.get("UV", "uv")) or shutil.which(REPOSITORY / ".uv/bin/uv")
    if found is None:
        raise UnexpectedError("uv is not there, and the rivals are installed with it; run `make bench-serving`.")
    return found
