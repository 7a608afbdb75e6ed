"""What DVC recorded of the checkout's files, and what its cache has of them, read without starting it.

That takes a second, and its `checkout` wants the remote's client even for what is on this machine.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champion.errors import ProjectError
from champion.workspace.files import md5
from champion.workspace.git import git
from champion.workspace.workspace import shown

FOLDER = ".dir"  # ends the hash of a folder, whose cached file lists what is in it


@dataclass(frozen=True)
class Tracked:
    """What DVC knows of a file: its recorded md5, and whether a stage makes it (else `dvc add` tracks it)."""

    md5: str | None
    stage: str | None
    pointer: Path | None


@dataclass(frozen=True)
class Output:
    """A file or folder that DVC recorded: what DVC calls it, where it is, its md5, and whether a stage makes it."""

    target: str
    path: Path
    md5: str
    made: bool


def data_version(path: Path) -> str:
    """The md5 of a file, which is DVC's name for its content."""
    return md5(path)


def tracked(root: Path, path: Path) -> Tracked:
    """What DVC recorded of a file; its md5 is None where DVC does not know the file."""
    pointer = path.with_name(path.name + ".dvc")
    if pointer.exists():
        return Tracked(_first_output(pointer).get("md5"), None, pointer)
    name = shown(path, root)
    stage = next((key for key, value in _stages(root).items() if name in _outputs(value)), None)
    locked = _stages(root, "dvc.lock").get(stage or "") or {}
    outs = (out.get("md5") for out in locked.get("outs", []) if out.get("path") == name)
    return Tracked(next(outs, None), stage, None)


def stage_command(root: Path, stage: str | None) -> str:
    """The command of a stage of dvc.yaml; empty where there is none."""
    return str(_stages(root).get(stage or "", {}).get("cmd", ""))


def pointed(pointer: Path) -> tuple[str, str]:
    """The name and the md5 of what a pointer names. Raises ProjectError when the file is no pointer."""
    out = _first_output(pointer)
    if not out.get("md5") or not out.get("path"):
        raise ProjectError(f"{pointer.name} is no pointer of DVC: it names no file by its md5. Restore it from git.")
    return str(out["path"]), str(out["md5"])


def recorded(root: Path) -> list[Output]:
    """Everything that a pointer of the checkout names, or dvc.lock for a stage."""
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc") or ""
    sources = [(name, (root / name).parent, _yaml(root / name), False) for name in listed.split("\0") if name]
    stages, locked = _stages(root), _stages(root, "dvc.lock")
    sources += [(name, root, stage, True) for name, stage in locked.items() if _is_stage(stages, name)]
    return [
        Output(target, folder / out["path"], out["md5"], made)
        for target, folder, content, made in sources
        for out in content.get("outs") or []
        if out.get("md5")
    ]


def targets(root: Path) -> tuple[str, ...]:
    """Everything that is recorded, as DVC calls it."""
    return tuple(dict.fromkeys(output.target for output in recorded(root)))


def changed_warning(root: Path, path: Path, version: str) -> str | None:
    """A warning with the remedy when a file's version is not what DVC recorded; None where it is."""
    known = tracked(root, path)
    name = shown(path, root)
    if known.md5 == version:
        return None
    if known.md5 is None:
        if not (root / ".dvc").is_dir():
            return None
        return f"DVC does not track {name}: nobody else can get this data version. Run `dvc add {name}`."
    command = f"dvc commit {known.stage}" if known.stage else f"dvc add {name}"
    target = known.stage or shown(known.pointer or path, root)
    return (
        f"{name} has changed since DVC saw it ({known.md5[:8]} then, {version[:8]} now); this run uses the file as it is. "
        f"`{command}` records it, `dvc checkout {target}` brings the former back."
    )


def restore(root: Path, version: str, target: Path) -> bool:
    """Put a file or folder in its place as the cache has it.

    Returns False where the cache lacks it, or part of it, or holds other bytes; then nothing was touched.
    """
    contents = {"": version}  # the hashes by path: a file is the only thing in itself
    if version.endswith(FOLDER):
        listing = cached_file(root, version)
        if listing is None:
            return False
        entries = json.loads(listing.read_text(encoding="utf-8"))
        contents = {entry["relpath"]: entry["md5"] for entry in entries}
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        fresh = Path(scratch) / "fresh"
        for name, wanted in contents.items():
            cached, copy = cached_file(root, wanted), fresh / name
            if cached is None:
                return False
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cached, copy)
        if target.is_dir():
            target.rename(Path(scratch) / "former")
        fresh.replace(target)
    return True


def cached_file(root: Path, version: str) -> Path | None:
    """The cache's file of a hash, where it is there and holds what its name says."""
    path = root / ".dvc/cache/files/md5" / version[:2] / version[2:]
    return path if path.is_file() and md5(path) == version.removesuffix(FOLDER) else None


def _is_stage(stages: dict[str, Any], name: str) -> bool:
    family, _, key = name.partition("@")
    stage = stages.get(family)
    if stage is None or not key:
        return stage is not None
    each = stage.get("foreach") or stage.get("matrix") or ()
    return key in each or not isinstance(each, dict)


def _stages(root: Path, file: str = "dvc.yaml") -> dict[str, Any]:
    return _yaml(root / file).get("stages") or {}


def _outputs(stage: dict[str, Any]) -> list[str]:
    return [out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", [])]


def _first_output(pointer: Path) -> dict[str, Any]:
    outs: list[dict[str, Any]] = _yaml(pointer).get("outs") or [{}]
    return outs[0]


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is there: dvc.lock may be long
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        raise ProjectError(
            f"{path.name} cannot be read: {error}. Restore it with `git checkout {path.name}`."
        ) from None
    return content if isinstance(content, dict) else {}
