"""The package as a folder: read with every hash checked, written beside its place and swapped in.

Where the file system can exchange two folders in one act, that is the swap. Where it cannot, the old package is parked
beside its place for a moment, and a reader that finds the place empty takes it from there. A reader that meets the
moment of a swap tries again, so nobody acts on half a package; a crash leaves the old one or the new one.

The volume of a ConfigMap, of a Secret, or a projected one is swapped by turning one link, `..data`: it is read from the folder
that the link names, so that all of it is of one state.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from champion.bundle.manifest import FORMAT, Manifest
from champion.bundle.manifest import MODEL as MODEL
from champion.bundle.plain_files import opened
from champion.bundle.sizes import Memory, memory, most
from champion.errors import PackageError
from champion.modeling.own.code import PATH

MANIFEST, PROFILE, CARD = "manifest.json", "profile.json", "MODEL_CARD.md"
TRAIN_ROWS = "train_rows"  # a package of version 0.1 has none
CODE = "code"  # a folder: a team's own modules, as they lie in its checkout
EQUIVALENCE = "parity.json"  # a package from before there was a parity gate has none

_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]*|{CODE}/{PATH.pattern}")  # of a file: none lies elsewhere

_DATA = "..data"  # a link: to the folder in which a volume of Kubernetes has its files
_OF_THE_VOLUME = frozenset({".git", "lost+found"})  # what git-sync and a file system put beside the files

_NEW, _OLD = ".new-", ".old-"  # folders beside the place, while a package is written
_REMEDY = "Remove {} and run the command again: it is written anew from the store, or fetched with `make pull`."
_ATTEMPTS = 10
_HERE = -100  # AT_FDCWD: a path counts from the working folder
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM})
_PAUSE = 0.05  # seconds between two attempts to read, while a swap is under way


@dataclass(frozen=True)
class Package:
    """A production package in memory: its manifest, and its other files as bytes by name.

    `text` is the manifest as it was read, so that what another version wrote is written again as the same bytes.
    """

    manifest: Manifest
    files: dict[str, bytes]
    text: bytes | None = field(default=None, compare=False)

    @property
    def contents(self) -> dict[str, bytes]:
        """All its files by name, the manifest last."""
        return {**self.files, MANIFEST: self.text or manifest_text(self.manifest).encode()}

    @property
    def md5(self) -> str:
        """What DVC names a folder of these files (dvc_data 3, `Tree`): the md5 of a listing, and ``.dir``."""
        listed = [{"md5": _md5(data), "relpath": name} for name, data in sorted(self.contents.items())]
        return _md5(json.dumps(listed).encode()) + ".dir"


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def digest(data: bytes) -> str:
    """Compute the sha256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def manifest_text(manifest: Manifest) -> str:
    """Write the manifest as it stands in its file."""
    return json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def parse_manifest(text: str | bytes, source: str) -> Manifest:
    """Read a manifest from its text.

    Raises PackageError when it is not JSON, of another format, or lacks something.
    """
    try:
        raw = json.loads(text)
        version = raw.get("format")
    except (ValueError, AttributeError, RecursionError):
        raise PackageError(f"{source} is not readable as JSON. {_REMEDY.format('its folder')}") from None
    names = raw.get("files") if isinstance(raw.get("files"), dict) else {}
    if strange := [name for name in names if not _NAME.fullmatch(name)]:
        raise PackageError(f"{source} names {strange[0]!r}, which no package has. {_REMEDY.format('its folder')}")
    if version != FORMAT:
        raise PackageError(
            f"{source} is of format {version!r}; this version reads format {FORMAT}. Use the version that wrote it."
        )
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise PackageError(f"{source}: {field}: {first['msg']}. {_REMEDY.format('its folder')}") from None


def verify(package: Package, source: str) -> None:
    """Refuse a package whose files are not those that its manifest names.

    Raises PackageError naming the first file that is missing, foreign or changed.
    """
    named = package.manifest.files
    for name in sorted({MODEL, PROFILE} | named.keys() | package.files.keys()):
        if name not in package.files:
            raise _refused(source, f"{name} is missing")
        if name not in named:
            raise _refused(source, f"{name} does not belong to it")
        if digest(package.files[name]) != named[name]:
            raise _refused(source, f"{name} does not match its hash in the manifest")


def _refused(source: str, why: str) -> PackageError:
    return PackageError(f"{source} is refused: {why}. {_REMEDY.format(source)}")


def read(folder: Path, shown: str) -> Package | None:
    """Read the package in a folder, with every hash checked.

    Returns None where there is none. Raises PackageError when it is broken, also after trying again.
    """
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(PackageError):
            package = _read_once(folder, shown)
            # neither a package, nor a swap under way that would explain why none was seen
            if package or not (os.path.lexists(folder) or _beside(folder) or os.path.lexists(folder)):
                return package
        time.sleep(_PAUSE)
    return _read_once(folder, shown)


def _beside(folder: Path) -> list[Path]:
    """What a writer has beside the place, or has left there."""
    return [path for kind in (_NEW, _OLD) for path in folder.parent.glob(f".{folder.name}{kind}*")]


def _read_once(folder: Path, shown: str) -> Package | None:
    present = _dated(folder) if folder.is_dir() else _parked(folder)
    if present is None:
        return None
    here = memory()  # before the folder is opened: a reader that takes its time meets the next swap
    try:
        # the very folder, whatever is swapped in while it is read
        handle = os.open(present, os.O_RDONLY | os.O_DIRECTORY)
        try:
            package = _contents(present, handle, shown, here)
        finally:
            os.close(handle)
    except OSError as error:
        raise _refused(shown, f"{Path(str(error.filename)).name} cannot be read ({error.strerror})") from error
    if package is not None:
        verify(package, shown)
    return package


def _contents(present: Path, handle: int, shown: str, here: Memory) -> Package | None:
    with os.scandir(handle) as entries:
        names = {entry.name for entry in entries if not (entry.name.startswith("..") or entry.name in _OF_THE_VOLUME)}
    if not names:
        return None
    if MANIFEST not in names:
        raise _refused(shown, f"it has no {MANIFEST}")
    text = _content(present / MANIFEST, handle, shown, most(MANIFEST, here))
    manifest = parse_manifest(text, f"{shown}/{MANIFEST}")
    has_code = any(name.startswith(f"{CODE}/") for name in manifest.files)
    foreign = sorted(names - manifest.files.keys() - {MANIFEST, *([CODE] if has_code else [])})
    if foreign:
        raise _refused(shown, f"{foreign[0]} does not belong to it")
    files, others = {}, len(text)
    for name in sorted(names - {MANIFEST, CODE}):
        files[name] = _content(present / name, handle, shown, most(name, here, others))
        others += 0 if name == MODEL else len(files[name])
    if has_code and CODE in names:
        files |= _code(present, handle, manifest, shown, here, others)
    return Package(manifest, files, text)


def _code(present: Path, handle: int, manifest: Manifest, shown: str, here: Memory, others: int) -> dict[str, bytes]:
    """The files of own code, in folders of which none is a link; one that the manifest does not name is refused unread."""
    files: dict[str, bytes] = {}

    def failed(error: OSError) -> None:
        raise error

    for folder, inner, names, descriptor in os.fwalk(CODE, onerror=failed, follow_symlinks=False, dir_fd=handle):
        for name in (f"{folder}/{each}" for each in [*names, *inner]):
            is_above = any(known.startswith(f"{name}/") for known in manifest.files)
            if not is_above and name not in manifest.files:
                raise _refused(shown, f"{name} does not belong to it")
        for name in names:
            data = _content(present / folder / name, descriptor, shown, most(name, here, others))
            files[f"{folder}/{name}"], others = data, others + len(data)
    return files


def _content(path: Path, folder: int, shown: str, allowed: tuple[int, str]) -> bytes:
    """A file's bytes, unless there are more of them than are `allowed`."""
    largest, expected = allowed
    with opened(path, folder) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) if size <= largest else b""  # Python takes the memory before it reads
    if max(size, len(content)) > largest:
        raise PackageError(f"{shown} is refused: {path.name} has {size:,} bytes, expected {expected}.")
    return content


def _dated(folder: Path) -> Path:
    """Where the files of a folder are: in the one that `..data` names, where it is a volume that Kubernetes writes."""
    try:
        name = str((folder / _DATA).readlink())
    except OSError:
        return folder
    return folder / name if re.fullmatch(r"\.\.[^/]+", name) else folder


def _parked(folder: Path) -> Path | None:
    """Where a swap under way, or one that was cut short, has put the old package."""
    return next(folder.parent.glob(f".{folder.name}{_OLD}*/{folder.name}"), None)


def write(package: Package, folder: Path) -> None:
    """Put a package in its place, whole or not at all.

    Raises PackageError when it cannot be written (no space, no permission); what stood there stands there still.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(folder.parent):
            _clear(folder)
            _write(package, folder)
    except OSError as error:
        raise PackageError(
            f"The production package could not be written to {folder.parent.name}/{folder.name} "
            f"({error.strerror or error}); the former one is untouched. The champion is safe in the store: make room or "
            "give permission, and run the command again to write it."
        ) from error


@contextlib.contextmanager
def _only_writer(parent: Path) -> Iterator[None]:
    """Let one writer at a time into the folder of packages; the system frees the lock of one that was killed."""
    handle = os.open(parent, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Put back what a swap that was cut short has parked, and remove what it left."""
    parked = None if os.path.lexists(folder) else _parked(folder)
    if parked is not None:
        parked.rename(folder)
    for left in _beside(folder):
        shutil.rmtree(left, ignore_errors=True)


def _write(package: Package, folder: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}{_NEW}", dir=folder.parent))
    try:
        for name, data in package.contents.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            with (fresh / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        fresh.chmod(0o755)
        _flush(fresh)
        _swap(fresh, folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Have the names in a folder on the disk, so that a loss of power finds no swap without its files."""
    with contextlib.suppress(OSError):  # a file system that flushes files only
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(fresh: Path, folder: Path) -> None:
    """Bring the fresh folder to its place; what stood there takes the fresh one's name, or is removed."""
    if not os.path.lexists(folder):
        fresh.rename(folder)
        return
    if folder.is_dir() and exchange(fresh, folder):
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}{_OLD}", dir=folder.parent))
    try:
        folder.rename(old / folder.name)
        fresh.rename(folder)
    finally:
        if not os.path.lexists(folder):  # it failed between the two, be it by Ctrl-C
            (old / folder.name).rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders of one file system change places, so that neither place is ever empty.

    Source: renameat2(2) of Linux, renamex_np(2) of macOS. Returns False where the system or the file system cannot do
    it; nothing has changed then. Raises OSError when it fails for another reason.
    """
    call = _system_call()
    if call is None:
        return False
    first, second = os.fsencode(one), os.fsencode(other)
    failed = call(_HERE, first, _HERE, second, _EXCHANGE) if _on_linux() else call(first, second, _EXCHANGE)
    if not failed:
        return True
    reason = ctypes.get_errno()
    if reason in _CANNOT:
        return False
    raise OSError(reason, os.strerror(reason), str(other))


@functools.cache
def _system_call() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2" if _on_linux() else "renamex_np", None)


def _on_linux() -> bool:
    return sys.platform == "linux"
