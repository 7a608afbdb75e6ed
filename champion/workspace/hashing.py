"""The hash by which DVC names a content."""

import hashlib
from pathlib import Path


def md5(path: Path) -> str:
    """Hash a file, without reading it whole into memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
