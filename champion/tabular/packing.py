"""The layer below the formats: a file that is compressed is read as if it were not, a block at a time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from champion.errors import DataError, listed

BLOCK = 1 << 20  # bytes unpacked at a time: however small a file is, no more of what is in it is in memory


def _zstd(file: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))


def _only_file(file: IO[bytes]) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    return archive.open(_members(archive)[0])


PACKINGS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstd,
    ".zip": _only_file,
}
"""How a file is unpacked, by the ending of its name."""
NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "a zip"}
_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError)


def packing_of(name: str) -> str:
    """The ending by which a file is packed, in lower case; empty where it is not."""
    return next((ending for ending in PACKINGS if name.casefold().endswith(ending)), "")


def name_within(path: Path, display_name: str) -> str:
    """The name of what is packed: of a zip that of its only file, and else without the ending.

    Raises DataError when a zip cannot be read, or does not hold one file.
    """
    packing = packing_of(path.name)
    if packing != ".zip":
        return path.name[: len(path.name) - len(packing)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise _broken(f"The table {display_name}", packing, error) from None
    if len(members) != 1:
        inside = f"{len(members)} files: {listed([each.filename for each in members])}" if members else "no file"
        raise DataError(
            f"{display_name} is a zip that holds {inside}; expected one. Unpack it, and give the table itself."
        )
    return members[0].filename


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What people put into an archive, without what systems add."""
    return [
        each
        for each in archive.infolist()
        if not each.is_dir() and not each.filename.startswith("__MACOSX/") and Path(each.filename).name != ".DS_Store"
    ]


class Unpacked(io.RawIOBase):
    """The bytes of a file, unpacked; `share` says how much of the file has been read, from 0 to 1.

    Raises DataError where the file is not what its name says, or is cut off; `table` begins the sentence.
    """

    def __init__(self, path: Path, table: str) -> None:
        self._table, self._packing = table, packing_of(path.name)
        self._size = path.stat().st_size
        self._packed = path.open("rb")
        self._file: IO[bytes] = self._packed
        self.share = 0.0
        if self._packing:
            try:
                self._file = PACKINGS[self._packing](self._packed)
            except _BROKEN as error:
                self._packed.close()
                raise _broken(table, self._packing, error) from None

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, or all that are left."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        if not self._packing:
            data = self._file.read(size)
        else:
            try:
                data = self._file.read(size)
            except _BROKEN as error:
                raise _broken(self._table, self._packing, error) from None
        self.share = self._packed.tell() / self._size if self._size else 1.0
        return data

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase` asks for it."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file, too."""
        if not self.closed:
            self._file.close()
            self._packed.close()
        super().close()


def _broken(table: str, packing: str, error: Exception) -> DataError:
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    if "password" in reason:
        return DataError(f"{table} is locked by a password. Unpack it, and give the table itself.")
    return DataError(f"{table} is not {NAMES[packing]}, or is cut off ({reason}). Compress it again.")
