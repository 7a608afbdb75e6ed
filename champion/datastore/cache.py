"""DVC's cache, read without DVC: its `checkout` wants the remote's client even for what is on this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from champion.workspace.files import md5

FOLDER = ".dir"  # ends the hash of a folder, whose cached file lists what is in it


def restore(root: Path, recorded: str, target: Path) -> bool:
    """Put a file or folder in its place as the cache has it.

    Returns False where the cache lacks it, or part of it, or holds other bytes; then nothing was touched.

    Parameters
    ----------
    recorded : str
        Its md5, as a pointer names it.
    """
    contents = {"": recorded}  # the hashes by path: a file is the only thing in itself
    if recorded.endswith(FOLDER):
        listing = cached_file(root, recorded)
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


def cached_file(root: Path, recorded: str) -> Path | None:
    """The cache's file of a hash, where it is there and holds what its name says."""
    path = root / ".dvc/cache/files/md5" / recorded[:2] / recorded[2:]
    return path if path.is_file() and md5(path) == recorded.removesuffix(FOLDER) else None
