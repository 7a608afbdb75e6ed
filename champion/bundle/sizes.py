"""How large the files of a package may be, and what a model may unpack to: known before anything is hashed or unpacked.

A ratio of sizes alone tells little: a forest unpacks to six times its file, the neighbours of a nearly constant table to a
hundred times theirs. What counts is the memory that the process has.
"""

import contextlib
import copy
import json
import os
import resource
import zipfile
import zlib
from collections.abc import Iterator
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from champion.bundle.manifest import MODEL
from champion.errors import MemoryLimitError

SCHEMA = "schema.json"  # of a model file: what its arrays stand for

_LARGEST_MODEL, _LARGEST_OTHERS = 2**30, 64 * 2**20  # bytes of the model's file, and of all others together
_LARGEST_UNPACKED = 2 * 2**30  # bytes that the parts of a model file unpack to, whatever memory there is
_RATIO, _ALWAYS = 200, 64 * 2**20  # times its own size that a file may unpack to, beyond what is always allowed
_SHARE = 3  # a model may take a third: the process needs memory of its own, and the former champion answers meanwhile
_LEAST = 16 * 2**20  # bytes that it may take in any case
_KEPT_FREE = 8  # of a container's limit an eighth is for requests, whatever is loaded
_was_weighed = ContextVar("_was_weighed", default=False)
# bytes of memory that loading takes for one of an array and for one of JSON; docs/serving.md has the figures
_ARRAYS, _TEXT = 3, 14
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BLOCK = 2**20
_KEPT = 8 * 2**20  # bytes of the parts of a model file that are unpacked once, and are in memory while it is looked at


class Memory(NamedTuple):
    """What a process may use, in bytes, and what says so."""

    size: int
    source: str

    @property
    def share(self) -> int:
        """The bytes that loading a model may take."""
        return max(self.size // _SHARE, _LEAST)

    @property
    def reason(self) -> str:
        """Why it may take no more, and what to do about it."""
        return (
            f"a model may take {mib(self.share)}, a third of {mib(self.size)}, which is {self.source}. Give it more memory (a "
            "larger container, `resources` of the step), or choose a smaller model (fewer or shallower trees, fewer rows)"
        )


class Limit(NamedTuple):
    """A container's limit of memory, beyond which the system ends it, and what is in use of it, in bytes."""

    size: int
    used: int

    @property
    def kept(self) -> int:
        """The bytes that are left to requests."""
        return self.size // _KEPT_FREE

    @property
    def room(self) -> int:
        """The bytes that loading a package may take now."""
        return max(self.size - self.used - self.kept, 0)

    def lacking(self, needed: int) -> str:
        """What stands in the way of so many bytes, and what to do about it."""
        return (
            f"of {mib(self.size)}, the limit of the container, {mib(self.used)} are in use, and {mib(self.kept)} are kept free "
            f"for requests. Give the container {mib(self.enough_for(needed))} or more (docs/deployment.md, How much memory), or "
            "choose a smaller model (fewer or shallower trees, fewer rows)"
        )

    def enough_for(self, needed: int) -> int:
        """The limit that would leave room for so many bytes, with what is in use now."""
        return (self.used + needed) * _KEPT_FREE // (_KEPT_FREE - 1)


def memory(root: Path = Path("/")) -> Memory:
    """The memory that this process may use: the least that the system, its container or its user's limit leaves it."""
    return min([*_of_system(root), *_of_container(root), *_of_user()])


def _of_system(root: Path) -> Iterator[Memory]:
    free = _meminfo(root).get("MemAvailable")
    if free is not None:
        yield Memory(free, "what the machine has free")
    else:  # not Linux
        yield Memory(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "the memory of the machine")


def limit(root: Path = Path("/")) -> Limit | None:
    """The limit of this container that leaves the least room; None where it has none, or none below the machine's memory."""
    machine = _meminfo(root).get("MemTotal", os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    found = [Limit(size, _used(folder)) for folder, size in _limits(root) if size < machine]
    return min(found, key=lambda each: each.room, default=None)


def _meminfo(root: Path) -> dict[str, int]:
    """What Linux says of the machine's memory, in bytes; nothing where it is another system."""
    try:
        lines = [line.split(":") for line in (root / "proc/meminfo").read_text().splitlines()]
        return {name: int(text.split()[0]) * 1024 for name, text in lines}
    except (OSError, ValueError, IndexError):
        return {}


def _used(folder: Path) -> int:
    """The bytes in use in a control group, without files that the system has read and may forget, such as those of a log.

    What is mapped, as libraries are, is in use.
    """
    for usage, files, mapped in (
        ("memory.current", ("inactive_file", "active_file"), "file_mapped"),
        ("memory.usage_in_bytes", ("total_inactive_file", "total_active_file"), "total_mapped_file"),
    ):
        with contextlib.suppress(OSError, ValueError):
            used = int((folder / usage).read_text())
            lines = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
            forgettable = sum(int(lines.get(name, 0)) for name in files) - int(lines.get(mapped, 0))
            return max(used - max(forgettable, 0), 0)
    return 0


def _of_container(root: Path) -> Iterator[Memory]:
    for _, size in _limits(root):
        yield Memory(size, "the limit of the container")


def _limits(root: Path) -> Iterator[tuple[Path, int]]:
    """The control groups that the process is in and their limits, of version 2 and 1; each holds for what is below it."""
    try:
        groups = [line.split(":", 2) for line in (root / "proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in (group for group in groups if len(group) == 3):
        if controllers not in ("", "memory"):
            continue
        mount, name = ("", "memory.max") if not controllers else ("memory", "memory.limit_in_bytes")
        group = Path(path.lstrip("/"))
        for above in (group, *group.parents):  # a container may see the path that the machine knows it by
            folder = root / "sys/fs/cgroup" / mount / above
            try:
                size = int((folder / name).read_text())
            except (OSError, ValueError):  # no such group here, or "max"
                continue
            yield folder, size


def _of_user() -> Iterator[Memory]:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield Memory(limit, "the limit of address space (ulimit -v)")


def most(name: str, here: Memory, others: int = 0) -> tuple[int, str]:
    """How many bytes a package's file of this name may have with this memory, and why, to follow "expected".

    `others`: bytes of files already known, the model's aside.
    """
    largest, each = (_LARGEST_MODEL, _ARRAYS) if name == MODEL else (_LARGEST_OTHERS, _TEXT)
    if here.share // each < largest:
        allowed, why = here.share // each, f": loading takes about {each} times that, and {here.reason}"
    else:
        allowed, why = largest, ""
    allowed = allowed if name == MODEL else max(allowed - others, 0)
    return allowed, f"at most {allowed:,}{'' if name == MODEL else ' beside the others'}{why}"


def check_unpacked(archive: zipfile.ZipFile, packed: int, source: str) -> dict[str, bytes]:
    """Refuse a model file that unpacks to more than any model, than there is memory for, or than it says.

    `packed`: its size. Returns its parts by their names where they are small; of others, or where one is broken, nothing: then
    never more than a block is unpacked at a time.

    Raises ValueError with what was found, or MemoryLimitError where another machine might load it.
    """
    parts = archive.infolist()
    check_room(parts, packed, source)
    keep = sum(part.file_size for part in parts) <= _KEPT
    kept = {part.filename: _checked_part(archive, part, keep) for part in parts}
    if any(part.filename == SCHEMA for part in parts):
        _check_references(kept[SCHEMA] or archive.read(SCHEMA))
    return kept if all(zlib.crc32(kept[part.filename]) == part.CRC for part in parts) else {}


def check_room(parts: list[zipfile.ZipInfo], packed: int, source: str) -> None:
    """Refuse a model file that says to unpack to more than any model, or than there is memory for; see `check_unpacked`."""
    check_sizes(parts, packed)
    unpacked, needed = sum(part.file_size for part in parts), _needed(parts)
    if needed > _LEAST and needed > (here := memory()).share and not _was_weighed.get():
        raise MemoryLimitError(
            f"{source} is too large for the memory here: it unpacks to {mib(unpacked)}, and loading it takes about "
            f"{mib(needed)}; {here.reason}."
        )


@contextlib.contextmanager
def weighed() -> Iterator[None]:
    """For a block in which models are loaded that were weighed against a limit: their share of the memory is not asked again."""
    token = _was_weighed.set(True)
    try:
        yield
    finally:
        _was_weighed.reset(token)


def estimated(model: bytes) -> int:
    """How many bytes of memory loading a model file takes by estimate; 0 where it is no archive, which loading says."""
    try:
        with zipfile.ZipFile(BytesIO(model)) as archive:
            return _needed(archive.infolist())
    except zipfile.BadZipFile:
        return 0


def _needed(parts: list[zipfile.ZipInfo]) -> int:
    text = sum(part.file_size for part in parts if part.filename == SCHEMA)
    return _ARRAYS * (sum(part.file_size for part in parts) - text) + _TEXT * text


def check_sizes(parts: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse an archive that says to unpack to more than a model of its size. Raises ValueError."""
    unpacked, largest = sum(part.file_size for part in parts), min(_LARGEST_UNPACKED, _ALWAYS + _RATIO * packed)
    if unpacked > largest:
        raise ValueError(f"its {packed:,} bytes unpack to {unpacked:,}, expected at most {largest:,}")
    if any(part.compress_type not in _METHODS for part in parts):
        raise ValueError("it is compressed in another way than deflate")


def _checked_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, keep: bool) -> bytes:
    """What a part unpacks to, or nothing where it is not to be kept.

    Refuses one that unpacks to more or less than it says: `zipfile` unpacks all of it, and cuts that off afterwards.
    """
    probe, size, kept = copy.copy(part), 0, list[bytes]()
    probe.file_size += 1
    del probe.CRC  # of the part as it says it is; `zipfile` compares it where that is read
    with archive.open(probe) as content:
        while block := content.read(_BLOCK):
            size += len(block)
            if keep:
                kept.append(block)
    if size != part.file_size:
        raise ValueError(f"{part.filename}, which does not unpack to the {part.file_size:,} bytes that it says")
    return b"".join(kept)


def _check_references(schema: bytes) -> None:
    """Refuse an array that several objects name: skops would unpack it for each of them."""
    numbers: dict[str, object] = {}

    def look(node: dict[str, Any]) -> None:
        file, number = node.get("file"), node.get("__id__")
        if isinstance(file, str) and (number is None or numbers.setdefault(file, number) != number):
            raise ValueError(f"{file}, which several objects name")

    json.loads(schema, object_hook=look)


def mib(size: int) -> str:
    """A size as people read it."""
    return f"{size / 2**20:,.0f} MiB"
