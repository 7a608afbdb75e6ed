"""What DVC recorded of the checkout's files, and what its cache has of them, read without starting it.

That takes a second, and its `checkout` wants the remote's client even for what is on this machine. What a pointer beside
the file and a plain stage do not tell, DVC itself is asked for.
"""

import configparser
import contextlib
import hashlib
import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from champion.errors import ProjectError
from champion.scratch import UNFINISHED, noted
from champion.workspace.files import md5
from champion.workspace.git import git
from champion.workspace.workspace import shown
from champion.workspace.yaml_text import parse

FOLDER = ".dir"  # ends the hash of a folder, whose cached file lists what is in it


@dataclass(frozen=True)
class Tracked:
    """What DVC knows of a file: its recorded md5, and the stage that makes it or else the pointer that names it.

    The md5 is missing where the stage never ran. Where the pointer tells only from where the file is `imported`, it is
    `undownloaded`, and the md5 is its source's, if that tells one. DVC 2 took that of a text (`unix_lines`) as if it had Unix'
    line ends.
    """

    md5: str | None
    stage: str | None
    pointer: Path | None
    imported: bool = False
    unix_lines: bool = False
    undownloaded: bool = False

    @property
    def known(self) -> bool:
        """Whether DVC tracks the file at all."""
        return self.stage is not None or self.pointer is not None

    def names(self, path: Path, version: str) -> bool:
        """Whether a file, whose md5 is given, is the recorded one."""
        if self.md5 == version or not self.unix_lines:
            return self.md5 == version
        from dvc_data.hashfile.hash import file_md5

        return bool(file_md5(str(path), name="md5-dos2unix") == self.md5)


@dataclass(frozen=True)
class Output:
    """A file or folder as DVC knows it.

    `target` is what DVC calls it, `named_by` the file that names it, relative to the checkout; the md5 is empty where none is
    recorded, `made` says that a stage makes it, and `elsewhere` that the default remote does not have it.
    """

    target: str
    path: Path
    md5: str
    made: bool
    named_by: str
    elsewhere: bool
    is_recorded: bool


@dataclass(frozen=True)
class Pointer:
    """What a pointer in git names: a folder by its hash, and what was recorded of the champion in it."""

    md5: str
    meta: dict[str, Any]

    @property
    def number(self) -> int | None:
        """The champion's number; None where the pointer does not say."""
        number = self.meta.get("model_version")
        return number if isinstance(number, int) else None

    @property
    def metrics(self) -> dict[str, float]:
        """The champion's scores."""
        metrics = self.meta.get("metrics")
        pairs = metrics.items() if isinstance(metrics, dict) else ()
        return {str(name): float(value) for name, value in pairs if isinstance(value, int | float)}

    def text(self, name: str) -> str | None:
        """Another fact of it; None where the pointer does not say."""
        value = self.meta.get(name)
        return None if value is None else str(value)


def read_pointer(path: Path) -> Pointer | None:
    """Read the pointer of a package; None where there is none. Raises ProjectError when the file is no pointer."""
    if not path.is_file():
        return None
    _, md5 = pointed(path)
    return Pointer(md5, pointer_meta(path.read_text(encoding="utf-8"), path.name))


def pointer_meta(text: str, name: str) -> dict[str, Any]:
    """What the text of a pointer records of the champion, in YAML 1.2, as DVC wrote it: ``1e-05`` is a number."""
    content = parse(text, name)
    meta = content.get("meta") if isinstance(content, dict) else None
    return meta if isinstance(meta, dict) else {}


def data_version(path: Path) -> str:
    """The md5 of a file or folder, which is DVC's name for its content."""
    return md5(path)


def tracked(root: Path, path: Path) -> Tracked:
    """What DVC recorded of a file: by a pointer beside it, by a stage of dvc.yaml, or by whatever else DVC knows."""
    pointer = path.with_name(path.name + ".dvc")
    if pointer.exists():
        content, out = _yaml(pointer), _first_output(pointer)
        source = next(iter(content.get("deps") or ()), None)
        md5, unix_lines = out.get("md5") or (source or {}).get("md5"), "md5" in out and "hash" not in out
        return Tracked(md5, None, pointer, source is not None, unix_lines, source is not None and "md5" not in out)
    name = shown(path, root)
    stages = _stages(root).items()
    stage = next((key for key, value in stages if "wdir" not in value and name in _outputs(value)), None)
    if stage is None:
        return _asked(root, name) if (root / ".dvc").is_dir() else Tracked(None, None, None)
    locked = _stages(root, "dvc.lock").get(stage) or {}
    out = next((out for out in locked.get("outs", []) if out.get("path") == name), {})
    return Tracked(out.get("md5"), stage, None, unix_lines="md5" in out and "hash" not in out)


def stage_command(root: Path, stage: str | None) -> str:
    """The command of a stage of dvc.yaml; empty where there is none."""
    return str(_stages(root).get(stage or "", {}).get("cmd", ""))


def pointed(pointer: Path) -> tuple[str, str]:
    """The name and the md5 of what a pointer names. Raises ProjectError when the file is no pointer."""
    out = _first_output(pointer)
    if not out.get("md5") or not out.get("path"):
        raise ProjectError(f"{pointer.name} is no pointer of DVC: it names no file by its md5. Restore it from git.")
    return str(out["path"]), str(out["md5"])


def outputs(root: Path) -> list[Output]:
    """Everything that any file of DVC names, under whatever name. Raises ProjectError when DVC cannot read one."""
    if not (root / ".dvc").is_dir():
        return []
    with _repository(root) as repository:
        folder, outs = repository.root_dir, [(stage, out) for stage in repository.index.stages for out in stage.outs]
    for _, out in outs:
        require_inside((file["relpath"] for file in out.files or ()), str(out))
    return [
        Output(
            _called(stage),
            Path(out.fs_path),
            out.hash_info.value or "",
            stage.cmd is not None,
            Path(stage.path).relative_to(folder).as_posix(),
            bool(out.remote or stage.is_import),
            bool(out.hash_info or stage.is_partial_import),
        )
        for stage, out in outs
    ]


def recorded(root: Path) -> list[Output]:
    """What a pointer of the checkout names, or dvc.lock for a stage."""
    return [output for output in outputs(root) if output.is_recorded]


def targets(root: Path) -> tuple[str, ...]:
    """Everything that is recorded, as DVC calls it."""
    return tuple(dict.fromkeys(output.target for output in recorded(root)))


def changed_warning(root: Path, path: Path, version: str) -> str | None:
    """A warning with the remedy when a file's version is not what DVC recorded; None where it is."""
    known, name = tracked(root, path), shown(path, root)
    if known.names(path, version):
        return None
    if not known.known:
        if not (root / ".dvc").is_dir():
            return None
        return f"DVC does not track {name}: nobody else can get this data version. Run `dvc add {name}`."
    pointer = shown(known.pointer, root) if known.pointer else ""
    command = f"dvc add {name}" if pointer == f"{name}.dvc" else f"dvc commit {known.stage or pointer}"
    if known.md5 is None:
        return f"DVC has not recorded what is in {name}: nobody else can get this data version. Run `{command}`."
    former = f"dvc pull {name}" if known.imported else f"dvc checkout {known.stage or pointer}"
    return (
        f"{name} has changed since DVC saw it ({known.md5[:8]} then, {version[:8]} now); this run uses the file as it is. "
        f"`{command}` records it, `{former}` brings the former back."
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
        contents = _listed(listing)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent)
    with beside as scratch, noted(Path(scratch)):
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


def require_inside(names: Iterable[str], folder: str) -> None:
    """Refuse names of files that would be written outside of the folder that lists them, or be git's own there."""
    for name in names:
        if any(part in ("", ".", "..") or part.casefold() == ".git" for part in re.split(r"[/\\]", name)):
            raise ProjectError(
                f"The folder {folder} is refused, and nothing of it was written: it lists the file {name!r}, which leads out of "
                "it. No `dvc add` made that. `git log -- '*.dvc' dvc.lock` shows who recorded it; go back to a version before."
            )


def require_listed(root: Path, versions: Iterable[str]) -> bool:
    """Whether the cache lists all of these folders; refuses what is listed with names that leave their folder."""
    listings = [_cached(root, version) for version in versions if version.endswith(FOLDER)]
    for listing in listings:
        if listing.is_file():
            _listed(listing)
    return all(listing.is_file() for listing in listings)


def _listed(listing: Path) -> dict[str, str]:
    """The hashes of a folder's files, by their names in it."""
    try:
        contents = {
            str(entry["relpath"]): str(entry["md5"]) for entry in json.loads(listing.read_text(encoding="utf-8"))
        }
    except (ValueError, TypeError, KeyError):
        raise ProjectError(
            f"{listing.name} of DVC's cache lists no folder: its content was cut off or replaced. Remove that file, and run "
            "`make pull` again."
        ) from None
    require_inside(contents, listing.name)
    return contents


def cached_text(root: Path, version: str, name: str) -> str | None:
    """A file of a folder as the cache has it; None where it has not."""
    listing = cached_file(root, version)
    content = _listed(listing).get(name) if listing else None
    path = cached_file(root, content) if content else None
    return path.read_text(encoding="utf-8") if path else None


def cached_file(root: Path, version: str) -> Path | None:
    """The cache's file of a hash, where it is there and holds what its name says."""
    path = _cached(root, version)
    return path if path.is_file() and md5(path) == version.removesuffix(FOLDER) else None


def _cached(root: Path, version: str) -> Path:
    name = Path(version[:2], version[2:])
    today, of_dvc_2 = cache(root) / "files/md5" / name, cache(root) / name
    return of_dvc_2 if of_dvc_2.is_file() and not today.is_file() else today


def _asked(root: Path, name: str) -> Tracked:
    """What DVC says of a file, of which a folder may be tracked instead."""
    from dvc.exceptions import OutputNotFoundError

    path = root.resolve() / name
    with _repository(root) as repository:
        try:
            (out,) = repository.find_outs_by_path(str(path), strict=False)
        except OutputNotFoundError:
            return Tracked(None, None, None)
        stage, folder, md5 = out.stage, Path(out.fs_path), out.hash_info.value
        named = {file["relpath"]: file["md5"] for file in out.files or ()}  # where the remote keeps versions
    if folder != path:
        listing = cached_file(root, md5) if md5 and not named else None
        md5 = (_listed(listing) if listing else named).get(path.relative_to(folder).as_posix())
    made, unix_lines = stage.cmd is not None, out.hash_name == "md5-dos2unix"
    called, pointer = (_called(stage), None) if made else (None, Path(stage.path))
    return Tracked(md5, called, pointer, bool(stage.deps), unix_lines, bool(stage.is_partial_import))


def modernise(root: Path, path: Path) -> None:
    """Record a file, or the folder around it, as it is, by DVC 3's md5 where DVC 2's is the recorded one.

    `dvc add` and `dvc commit` leave DVC 2's for ever where the bytes are the recorded ones; for a whole repository
    `dvc cache migrate --dvc-files` does this.
    """
    from dvc.repo import lock_repo

    with _repository(root) as repository, lock_repo(repository):
        (out,) = repository.find_outs_by_path(str(path.resolve()), strict=False)
        out.update_legacy_hash_name(force=True)
        out.stage.save()
        out.stage.commit()
        out.stage.dump(update_pipeline=False)


@contextlib.contextmanager
def _repository(root: Path) -> Iterator[Any]:
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repository:
            yield repository
    except Exception as error:  # of DVC, of what it reads files with, of the file system
        _require_merged(*(f":(top,glob)**/{name}" for name in ("*.dvc", "dvc.lock", "dvc.yaml")))
        raise ProjectError(f"DVC cannot say what it tracks: {error}. `dvc status` says where; mend it there.") from None


def _called(stage: Any) -> str:
    """A stage or pointer as `dvc pull` takes it in the checkout's folder."""
    file, name = str(stage.path_in_repo), getattr(stage, "name", None)
    return file if name is None else name if file == "dvc.yaml" else f"{file}:{name}"


def cache(root: Path) -> Path:
    """The folder of DVC's cache, which `cache.dir` may name: an experiment in a temporary folder has the checkout's."""
    config = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
        config.read([root / ".dvc/config", root / ".dvc/config.local"], encoding="utf-8")
    return root / ".dvc" / config.get("cache", "dir", fallback="cache").strip("'\"")


def _stages(root: Path, file: str = "dvc.yaml") -> dict[str, Any]:
    return _yaml(root / file).get("stages") or {}


def _outputs(stage: dict[str, Any]) -> list[str]:
    return [out if isinstance(out, str) else next(iter(out)) for out in stage.get("outs", [])]


def _first_output(pointer: Path) -> dict[str, Any]:
    out: dict[str, Any] = next(iter(_yaml(pointer).get("outs") or ()), {})
    if (
        "files" in out
    ):  # a remote that keeps versions: each file is named instead of the listing, whose md5 is the folder's
        entries = sorted(
            ({"md5": file["md5"], "relpath": file["relpath"]} for file in out["files"]), key=itemgetter("relpath")
        )
        require_inside((entry["relpath"] for entry in entries), pointer.name)
        listing = json.dumps(entries, sort_keys=True).encode()
        out["md5"] = hashlib.md5(listing, usedforsecurity=False).hexdigest() + FOLDER
    return out


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is there: dvc.lock may be long
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        _require_merged(str(path))
        name = shown(path, Path.cwd())
        raise ProjectError(f"{name} cannot be read: {error}. Restore it with `git checkout HEAD -- {name}`.") from None
    return content if isinstance(content, dict) else {}


def _require_merged(*files: str) -> None:
    """Refuse what a merge left undecided, with commands that work in the folder where this runs."""
    names = git(Path.cwd(), "diff", "-z", "--name-only", "--diff-filter=U", "--relative", "--", *files)
    if names:
        name = shlex.join(names.strip("\0").split("\0"))
        raise ProjectError(
            f"{name}: git could not merge what two branches say. Keep one side (`git checkout --ours {name}` or "
            f"`git checkout --theirs {name}`), then `git add {name}`, and `make pull` for what it names."
        )
