"""DVC's cache, read without DVC: its `checkout` wants the remote's client even for what is on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from champion.workspace import files

FOLDER = ".dir"  # ends the hash of a folder, whose cached file lists what is in it


def restore(root: Path, recorded: str, target: Path) -> bool:
    """Put a file or folder in its place as the cache has it.

    Parameters
    ----------
    recorded : str
        Its md5, as a pointer names it.

    Returns
    -------
    bool
        False where the cache lacks it, or part of it, or holds other bytes; then nothing was touched.
    """
    wanted = _contents(root, recorded)
    if wanted is None:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as made:
        fresh = Path(made) / "fresh"
        for name, md5 in wanted.items():
            cached, place = cached_file(root, md5), fresh / name
            if cached is None:
                return False
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cached, place)
        if target.is_dir():
            target.rename(Path(made) / "former")
        fresh.replace(target)
    return True


def _contents(root: Path, recorded: str) -> dict[str, str] | None:
    """The hashes of what a folder holds, by path; a file is the only thing in itself."""
    if not recorded.endswith(FOLDER):
        return {"": recorded}
    listing = cached_file(root, recorded)
    if listing is None:
        return None
    return {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text(encoding="utf-8"))}


def cached_file(root: Path, md5: str) -> Path | None:
    """The cache's file of a hash, where it is there and holds what its name says."""
    path = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    return path if path.is_file() and files.md5(path) == md5.removesuffix(FOLDER) else None
