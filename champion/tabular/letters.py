"""How the letters of a text are written: found by its bytes, all of which are looked at once."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from champion.errors import DataError
from champion.tabular.packing import Unpacked

HEAD, TAIL = 256 * 1024, 64 * 1024  # bytes
_BLOCK = 1 << 20
_FOREIGN = 64 * 1024  # bytes of lines with letters beyond ASCII that are looked at
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_MARKS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # after those of UTF-32, which begin alike
_OTHERS = {
    b"PK\x03\x04": "a .xlsx, .ods or .zip",
    b"PAR1\x15": "a .parquet",
    b"ARROW1\0": "a .arrow",
    b"\x1f\x8b": "a .gz",
}
_OTHERS |= {b"\xd0\xcf\x11\xe0": "an .xls", b"\xfd7zXZ": "a .xz", b"\x28\xb5\x2f\xfd": "a .zst"}
_OTHERS |= {b"%PDF": "a .pdf", b"\x89PNG": "a .png", b"SQLite f": "a database of SQLite"}
_WESTERN, _EASTERN = "windows-1252", "windows-1250"
_LIKELY = ["cp1252", "cp1250", "cp1251", "iso8859_5", "koi8_r", "cp1253", "cp1254", "mac_roman", "cp850", "cp437"]
_LIKELY += ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_LATIN = (
    "cp1250",
    "cp1252",
    "cp1254",
)  # which charset-normalizer does not tell apart: 9 of 12 tables in 1252 are 1250 to it
_OF_THE_EAST = re.compile(
    rb"(?i)[a-z][\x9a\x9c-\x9f\xb3\xb9\xbf]|[\x8a\x8c-\x8f\x9a\x9c-\x9f\xa3\xaf\xb3\xb9\xbf][a-z]"
)
_FRENCH = re.compile(rb"\x9cu")


@dataclass(frozen=True)
class Looked:
    """A text as it was looked at: its encoding, whether that is a guess, its head and its tail, and whether the head is all."""

    encoding: str
    guessed: bool
    head: str
    tail: str
    whole: bool


def look(path: Path, table: str) -> Looked:
    """Look at a text file, which may be packed. Raises DataError where it cannot be unpacked."""
    _require_text(path, table)
    head, tail, foreign, size = b"", b"", b"", 0
    utf8, is_utf8, seen = codecs.getincrementaldecoder("utf-8")(), True, set[int]()
    with Unpacked(path, table) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            head += block[: HEAD - len(head)]
            tail = (tail + block)[-TAIL:]
            if is_utf8:
                try:
                    utf8.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not block.isascii():
                seen.update(block)
                if len(foreign) < _FOREIGN:
                    foreign += b"\n".join(line for line in block.split(b"\n") if not line.isascii())[:_FOREIGN]
    encoding, guessed = _encoding(head, foreign, bytes(sorted(seen)), is_utf8)
    start = 0 if size <= TAIL else tail.find(b"\n") + 1
    if encoding.startswith(("utf-16", "utf-32")):  # whose units are of two or four bytes
        start = -len(tail) % 4 if size > TAIL else 0
    below = tail[start:]
    return Looked(
        encoding,
        guessed,
        head.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace"),
        below.decode(encoding if size <= TAIL else _without_mark(encoding, head), "replace").lstrip("\ufeff"),
        size <= HEAD,
    )


def _require_text(path: Path, table: str) -> None:
    """Refuse a file that begins as another kind does."""
    with Unpacked(path, table) as file:
        begin = file.read(8)
    kind = next((name for mark, name in _OTHERS.items() if begin.startswith(mark)), None)
    if kind is not None:
        raise DataError(f"{table} is no text: it begins as {kind} does. Give it that ending, or save the table as CSV.")


def _without_mark(encoding: str, head: bytes) -> str:
    if encoding in ("utf-16", "utf-32"):
        return f"{encoding}-{'be' if head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) else 'le'}"
    return encoding


def _encoding(head: bytes, foreign: bytes, seen: bytes, is_utf8: bool) -> tuple[str, bool]:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name, False
    zeros = [head[start:4096:2].count(0) / max(len(head[start:4096:2]), 1) for start in (0, 1)]
    if max(zeros) > 0.3:
        return ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), False
    if is_utf8:
        return "utf-8", False
    return _of_bytes(foreign, seen), True


def _of_bytes(foreign: bytes, seen: bytes) -> str:
    """The encoding of lines that are no UTF-8; `seen` are the bytes that occur anywhere."""
    from charset_normalizer import from_bytes

    best = from_bytes(foreign, cp_isolation=_LIKELY).best() or from_bytes(foreign).best()
    found = best.encoding if best else "cp1252"
    if found in _LATIN:
        found = _EASTERN if _OF_THE_EAST.search(_FRENCH.sub(b"", foreign)) else _WESTERN
    for encoding in (found, _WESTERN):
        try:
            (seen if _has_single_bytes(encoding) else foreign).decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding.replace("_", "-")
    return "latin-1"


def _has_single_bytes(encoding: str) -> bool:
    return not encoding.startswith(("shift", "euc", "gb", "big5", "cp9", "johab", "hz", "iso2022", "utf"))
