"""DVC as this project uses it: data versions, missing data, and the pointer of the production package.

DVC itself runs as a program of its own: its imports are slow, its lock is its own, and a run inside a DVC stage must
not call it at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champion import settings
from champion.datastore import cache
from champion.errors import ConfigurationError, DataError, ProjectError
from champion.workspace import process
from champion.workspace.files import md5
from champion.workspace.git import git
from champion.workspace.workspace import shown

TIME_LIMIT = 1800.0  # seconds for one call of dvc
HEARTBEAT = 20.0  # seconds between two signs of life


@dataclass(frozen=True)
class Tracked:
    """What DVC knows of a file: its recorded md5, and whether a stage makes it (else `dvc add` tracks it)."""

    md5: str | None
    stage: str | None
    pointer: Path | None


def data_version(path: Path) -> str:
    """The md5 of a file, which is DVC's name for its content."""
    return md5(path)


def tracked(root: Path, path: Path) -> Tracked:
    """What DVC recorded of a file, read from its own files without starting it.

    Returns
    -------
    Tracked
        With md5 None where DVC does not know the file.
    """
    pointer = path.with_name(path.name + ".dvc")
    if pointer.exists():
        outs = _yaml(pointer).get("outs") or [{}]
        return Tracked(outs[0].get("md5"), None, pointer)
    name = shown(path, root)
    stage = next((key for key, value in _stages(root).items() if name in _outputs(value)), None)
    locked = (_yaml(root / "dvc.lock").get("stages") or {}).get(stage) or {}
    md5 = next((out.get("md5") for out in locked.get("outs", []) if out.get("path") == name), None)
    return Tracked(md5, stage, None)


def _stages(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = _yaml(root / "dvc.yaml").get("stages") or {}
    return found


def _outputs(stage: dict[str, Any]) -> list[str]:
    return [out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", [])]


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is there: dvc.lock may be long
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        raise ProjectError(
            f"{path.name} cannot be read: {error}. Restore it with `git checkout {path.name}`."
        ) from None
    return found if isinstance(found, dict) else {}


def fetch_missing(root: Path, path: Path) -> str | None:
    """Bring a missing file back: from DVC's cache, else from the remote, else from the stage that makes it.

    Returns
    -------
    str or None
        What was done, for the user to read; None where the file was there.

    Raises
    ------
    DataError
        When it cannot be had; the message says what was tried.
    """
    name = shown(path, root)
    if path.exists():
        return None
    known = tracked(root, path)
    if known.md5 is None and known.stage is None:
        raise DataError(
            f"The table {name} does not exist, and DVC does not know it. Put it there, correct data.path, or run "
            f"`python run.py init TABLE --target COL`."
        )
    if settings.inside_dvc():
        raise DataError(f"The table {name} does not exist. Run `dvc pull {name}` or `dvc repro data` first.")
    if not (root / ".dvc").is_dir():
        return _make(root, path, known)
    target = known.stage or shown(known.pointer or path, root)
    tried = []
    if known.md5 is not None:
        if cache.restore(root, known.md5, path):
            return f"{name} came from DVC's cache"
        tried.append("DVC's cache lacks it")
        problem = _pull(root, target)
        if problem is None and path.exists():
            return f"{name} came from the DVC remote"
        tried.append(problem or "the DVC remote lacks it")
    if known.stage:
        made = run(root, "repro", "--single-item", known.stage)
        if made.ok and path.exists():
            return f"{name} was made by the stage {known.stage!r} of dvc.yaml"
        tried.append(f"the stage {known.stage!r}: {made.last_line}")
    raise DataError(
        f"The table {name} is missing and could not be fetched ({'; '.join(tried)}). Put the file back, or set a remote "
        "that has it (`dvc remote add --default NAME URL`) and run `make pull`."
    )


def _make(root: Path, path: Path, known: Tracked) -> str:
    """Without DVC (an image has no checkout), the stage's command makes the sample."""
    name = shown(path, root)
    command = str(_stages(root).get(known.stage or "", {}).get("cmd", ""))
    script = command.removeprefix("python ")
    if not known.stage or script == command:
        raise DataError(f"The table {name} does not exist, and there is no DVC here to fetch it. Put it there.")
    done = process.run([sys.executable, *script.split()], root)
    if done.code or not path.exists():
        raise DataError(f"The table {name} does not exist, and `{command}` failed: {done.errors.strip()[-300:]}")
    return f"{name} was made by `{command}`"


def _pull(root: Path, target: str) -> str | None:
    """Pull it; why it could not be pulled, in one line."""
    from champion.datastore import remote  # which builds on this module

    if remote.default(root) is None:
        return "no DVC remote is set"
    try:
        remote.pull(root, target)
    except ProjectError as error:
        return f"the DVC remote: {' '.join(str(error).splitlines())}"
    return None


def pointed(pointer: Path) -> tuple[str, str]:
    """The name and the md5 of what a pointer names.

    Raises
    ------
    ProjectError
        When the file is no pointer.
    """
    out = (_yaml(pointer).get("outs") or [{}])[0]
    if not out.get("md5") or not out.get("path"):
        raise ProjectError(f"{pointer.name} is no pointer of DVC: it names no file by its md5. Restore it from git.")
    return str(out["path"]), str(out["md5"])


@dataclass(frozen=True)
class Output:
    """A file or folder that DVC recorded: what DVC calls it, where it is, its md5, and whether a stage makes it."""

    target: str
    path: Path
    md5: str
    made: bool


def recorded(root: Path) -> list[Output]:
    """Everything that a pointer of the checkout names, or dvc.lock for a stage."""
    found = []
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc") or ""
    for name in filter(None, listed.split("\0")):
        place = (root / name).parent
        outs = _yaml(root / name).get("outs") or []
        found += [Output(name, place / out["path"], out["md5"], False) for out in outs if out.get("md5")]
    known = _stages(root)
    for name, stage in (_yaml(root / "dvc.lock").get("stages") or {}).items():
        outs = stage.get("outs") or [] if _is_stage(known, name) else []
        found += [Output(name, root / out["path"], out["md5"], True) for out in outs if out.get("md5")]
    return found


def _is_stage(known: dict[str, Any], name: str) -> bool:
    family, _, key = name.partition("@")
    stage = known.get(family)
    if stage is None or not key:
        return stage is not None
    each = stage.get("foreach") or stage.get("matrix") or ()
    return key in each or not isinstance(each, dict)


@dataclass(frozen=True)
class Done:
    """How a call of dvc ended."""

    ok: bool
    output: str

    @property
    def last_line(self) -> str:
        """The last thing it said that says something."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
        return (errors or lines or ["it said nothing"])[-1]


def run(root: Path, *arguments: str, python: Path | None = None, tell: Callable[[str], None] | None = None) -> Done:
    """Call dvc in the checkout, without questions and under a time limit.

    Parameters
    ----------
    *arguments : str
        As on its command line.
    python : Path, optional
        Whose dvc to call, instead of this environment's.
    """
    environment = {**os.environ, "DVC_NO_ANALYTICS": "true", "GDRIVE_NON_INTERACTIVE": "1"}
    if python is not None:
        environment["PYTHONWARNINGS"] = "ignore"  # the Drive client's libraries warn of their own age
    limit = _time_limit()
    command = [str(python or sys.executable), "-m", "dvc", *arguments]

    def heartbeat(seconds: float) -> None:
        if tell is not None:
            tell(f"dvc {arguments[0]} goes on ({seconds:.0f} s)")

    try:
        done = process.run(command, root, environment=environment, seconds=limit, heartbeat=heartbeat, every=HEARTBEAT)
    except process.NotEndedError:
        return Done(False, f"dvc {arguments[0]} did not end within {limit:g} s")
    return Done(done.code == 0, done.output + done.errors)


def _time_limit() -> float:
    text = os.environ.get("DVC_TIME_LIMIT", "")
    try:
        return float(text) if text else TIME_LIMIT
    except ValueError:
        raise ConfigurationError(f"DVC_TIME_LIMIT is {text!r}; expected a number of seconds.") from None


def changed_warning(root: Path, path: Path, found: str) -> str | None:
    """A warning with the remedy when a file is not what DVC recorded; None where it is.

    Parameters
    ----------
    found : str
        The file's md5.
    """
    known = tracked(root, path)
    name = shown(path, root)
    if known.md5 == found:
        return None
    if known.md5 is None:
        if not (root / ".dvc").is_dir():
            return None
        return f"DVC does not track {name}: nobody else can get this data version. Run `dvc add {name}`."
    command = f"dvc commit {known.stage}" if known.stage else f"dvc add {name}"
    return (
        f"{name} has changed since DVC saw it ({known.md5[:8]} then, {found[:8]} now); this run uses the file as it is. "
        f"`{command}` records it, `dvc checkout {known.stage or shown(known.pointer or path, root)}` brings the former back."
    )
