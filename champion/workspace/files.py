"""Files written whole or not at all, and the hash by which DVC names a content."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from champion.bundle.plain_files import in_dvc_cache
from champion.errors import ProjectError
from champion.scratch import UNFINISHED, noted, scratch


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside its place, which takes the place at the end; whatever happens before, what stood there stands there still.

    The new file is on the disk before it is in its place, and has the mode of the former one, or else 0644. A link counts as
    the file that it ends at; one into DVC's cache, which is the content of other versions too, is replaced itself. Raises
    OSError when it cannot be written.
    """
    real = path.resolve()
    cached = path.is_symlink() and in_dvc_cache(real)
    target = path if cached else real
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent)
    os.close(handle)
    unfinished = Path(name)
    with noted(unfinished), contextlib.ExitStack() as ended:
        ended.callback(unfinished.unlink, missing_ok=True)
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.chmod(target.stat().st_mode & 0o777 if target.exists() and not cached else 0o644)
        unfinished.replace(target)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, or raise ProjectError; what stood there stands there still."""
    try:
        with replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ProjectError(
            f"{path.name} could not be written to {path.parent.parent.name}/{path.parent.name} "
            f"({error.strerror or error}); the former one is untouched. Make room or give permission, and run again."
        ) from error


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all, the same bytes for the same value."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def md5(path: Path) -> str:
    """Hash a file, without reading it whole into memory; of a folder what DVC names it by: its listing, and ``.dir``."""
    if path.is_dir():
        files = sorted((each.relative_to(path).as_posix(), each) for each in path.rglob("*") if each.is_file())
        listing = json.dumps([{"md5": md5(each), "relpath": name} for name, each in files])
        return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def put_copy(source: Path, target: Path) -> None:
    """Put a copy of a file or folder in a place, whole or not at all. Raises OSError when it cannot be written."""
    if not source.is_dir():
        with replacing(target) as unfinished:
            shutil.copyfile(source, unfinished)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent)
    with beside as folder, noted(Path(folder)):
        fresh = Path(folder) / "fresh"
        copy_whole(source, fresh)
        fresh.replace(target)


def copy_whole(path: Path, target: Path) -> None:
    """Copy a file, or a folder with all that is in it. Raises OSError when that cannot be."""
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)


@contextlib.contextmanager
def copied(path: Path) -> Iterator[tuple[Path, str]]:
    """A copy of a file or folder that nobody else changes, and its md5, for as long as it is needed.

    Whoever hashes a file and then reads it may read other bytes than were hashed. The system copies without moving bytes
    where it can. Raises OSError when there is no room for it.
    """
    with scratch() as folder:
        copy = folder / "copy" / path.name
        copy.parent.mkdir()
        copy_whole(path, copy)
        yield copy, md5(copy)
