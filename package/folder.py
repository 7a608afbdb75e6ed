"""The package as a folder: read with every hash checked, written beside its place and swapped in.

A reader that meets the moment of a swap tries again, so nobody acts on half a package; a crash leaves the old one or
the new one.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ml.errors import PackageError
from package.manifest import FORMAT, Manifest

MANIFEST, MODEL, PROFILE, CARD = "manifest.json", "model.skops", "profile.json", "MODEL_CARD.md"

_ATTEMPTS = 5
_PAUSE = 0.05  # seconds between two attempts to read, while a swap is under way


@dataclass(frozen=True)
class Package:
    """A production package in memory: its manifest, and its other files as bytes by name."""

    manifest: Manifest
    files: dict[str, bytes]


def digest(data: bytes) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def manifest_text(manifest: Manifest) -> str:
    """The manifest as it stands in its file."""
    return json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def parse_manifest(text: str | bytes, source: str) -> Manifest:
    """A manifest from its text.

    Raises
    ------
    PackageError
        When it is not JSON, of another format, or lacks something.
    """
    try:
        raw = json.loads(text)
        found = raw.get("format")
    except (ValueError, AttributeError):
        raise PackageError(f"{source} is not readable as JSON. Fetch the package again.") from None
    if found != FORMAT:
        raise PackageError(
            f"{source} is of format {found!r}; this version reads format {FORMAT}. Use the version that wrote it."
        )
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise PackageError(f"{source}: {place}: {first['msg']}. Fetch the package again.") from None


def verify(package: Package, source: str) -> None:
    """Refuse a package whose files are not those that its manifest names.

    Raises
    ------
    PackageError
        Naming the first file that is missing, foreign or changed.
    """
    named = package.manifest.files
    for name in sorted(named.keys() | package.files.keys()):
        if name not in package.files:
            raise PackageError(f"{source} is refused: {name} is missing. {_remedy(source)}")
        if name not in named:
            raise PackageError(f"{source} is refused: {name} does not belong to it. {_remedy(source)}")
        if digest(package.files[name]) != named[name]:
            raise PackageError(
                f"{source} is refused: {name} does not match its hash in the manifest. {_remedy(source)}"
            )


def _remedy(source: str) -> str:
    return f"Remove {source} and run the command again: it is written anew from the store, or fetched with `make pull`."


def read(folder: Path, shown: str) -> Package | None:
    """The package in a folder, with every hash checked.

    Parameters
    ----------
    folder : Path
        The package's folder.
    shown : str
        Its name, for messages.

    Returns
    -------
    Package or None
        None where there is none.

    Raises
    ------
    PackageError
        When it is broken, also after trying again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _read_once(folder, shown)
        except (PackageError, FileNotFoundError) as error:
            if attempt == _ATTEMPTS - 1:
                if isinstance(error, FileNotFoundError):
                    raise PackageError(f"{shown} is refused: it has no {MANIFEST}. {_remedy(shown)}") from None
                raise
            time.sleep(_PAUSE)
    return None


def _read_once(folder: Path, shown: str) -> Package | None:
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    manifest = parse_manifest((folder / MANIFEST).read_bytes(), f"{shown}/{MANIFEST}")
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}
    package = Package(manifest, files)
    verify(package, shown)
    return package


def write(package: Package, folder: Path) -> None:
    """Put a package in its place, whole or not at all.

    Parameters
    ----------
    package : Package
        The package.
    folder : Path
        Its place; what stands there is replaced.

    Raises
    ------
    PackageError
        When it cannot be written (no space, no permission); what stood there stands there still.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new-", dir=folder.parent))
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        for name, data in (*package.files.items(), (MANIFEST, manifest_text(package.manifest).encode())):
            _write_file(fresh / name, data)
        fresh.chmod(0o755)
        _swap(fresh, folder)
    except OSError as error:
        raise _not_written(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _not_written(folder: Path, error: OSError) -> PackageError:
    return PackageError(
        f"The production package could not be written to {folder.parent.name}/{folder.name} ({error.strerror or error}); "
        "the former one is untouched. The champion is safe in the store: make room or give permission, and run the "
        "command again to write it."
    )


def _write_file(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, folder: Path) -> None:
    former = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old-", dir=folder.parent))
    try:
        if folder.exists():
            folder.rename(former / folder.name)
        try:
            fresh.rename(folder)
        except OSError:
            with contextlib.suppress(OSError):
                (former / folder.name).rename(folder)
            raise
    finally:
        shutil.rmtree(former, ignore_errors=True)
