"""A package is weighed, and loaded in a child process first, where dying hurts nobody.

A process that has threads cannot be forked safely. So one is forked when the service starts, before it has any, and waits for
packages; for each it forks again. That child shares what the service has imported, so it takes little but the model. It may take
as much memory as is free; it loads the package, has it answer its example, says so, and ends. Linux alone.
"""

import contextlib
import gc
import hashlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

from champion.bundle.folder import MANIFEST, MODEL, Package, read
from champion.bundle.needs import resident
from champion.bundle.sizes import Limit, estimated, mib, weighed
from champion.errors import MemoryLimitError, PackageError, ProjectError
from champion.failures import of_a_warning
from champion.serving.loaded import Champion

_logger = logging.getLogger(__name__)

_MIB = 2**20
_SLACK = 32 * _MIB  # of address space beyond the memory: what is asked for and never touched
_LONGEST = 65_536  # bytes of a question
_ERRORS = 2  # the number of standard error
_FIRST = 1000  # to be killed, where the system has to kill one for memory


def weigh(package: Package, shown: str, limit: Limit) -> str | None:
    """Refuse a package for which a container has not the memory, before anything of it is loaded.

    Returns what is to be said where its manifest does not say how much it takes, so that it was estimated. Raises
    MemoryLimitError.
    """
    needs = package.manifest.memory
    needed = needs.loading * _MIB if needs else estimated(package.files[MODEL])
    by = "as its manifest says" if needs else "by estimate: its manifest does not say"
    if needed > limit.room:
        raise MemoryLimitError(
            f"{shown} is refused: loading it takes about {mib(needed)}, {by}; {limit.lacking(needed)}."
        )
    return None if needs else f"Loading {shown} takes about {mib(needed)}, {by}; {mib(limit.room)} are free for it."


class TrialLoader:
    """The process that loads packages first, on the other side of a socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    @classmethod
    def started(cls) -> "TrialLoader | None":
        """Begin it, before this process has threads; None where the system is not Linux."""
        if sys.platform != "linux":
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # numpy's own threads are no harm
            child = os.fork()
        if child == 0:
            _wait_for_packages(theirs)
        theirs.close()
        return cls(ours)

    def close(self) -> None:
        """End the process that waits."""
        self._control.close()

    def load(self, package: Package, folder: Path, shown: str, trust: str, limit: Limit | None) -> bool:
        """Have the package in a folder loaded by a child; whether it is the one that is meant, and not one that came meanwhile.

        Raises PackageError with what the child found, MemoryLimitError where it took more memory than is free, or died.
        """
        asked = {"folder": str(folder), "shown": shown, "trust": trust, "room": limit.room if limit else None}
        reader, writer = os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(asked).encode()], [writer])
        except OSError as error:  # somebody has ended the process that waits
            _logger.warning("No child process can load %s first (%s); it is loaded without that", shown, error)
            os.close(reader)
            return True
        finally:
            os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            said = answer.read()
        if not said:
            raise MemoryLimitError(
                f"{shown} is refused: the child process that loads a package first was killed or crashed over it, most likely "
                f"for its memory{f'; {limit.lacking(_needed(package))}' if limit else ''}. It is tried again later."
            )
        found: dict[str, Any] = json.loads(said)
        if "taken" in found:
            had = mib(limit.room) if limit else "what was free"
            more = limit.lacking(max(_needed(package), found["taken"])) if limit else "Give it more memory"
            raise MemoryLimitError(f"{shown} is refused: loading it takes more than {had}; {more}.")
        if "refused" in found:
            raise PackageError(found["refused"])
        return found.get("manifest") == _name_of(package)


def _needed(package: Package) -> int:
    needs = package.manifest.memory
    return max(needs.loading * _MIB if needs else 0, estimated(package.files[MODEL]))


def _name_of(package: Package | None) -> str | None:
    return None if package is None else hashlib.sha256(package.contents[MANIFEST]).hexdigest()


def _wait_for_packages(control: socket.socket) -> NoReturn:
    """Be the process that waits: fork for each package, until the service is gone."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the service's to answer; it is gone soon after
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a child
        _close_all_but(control.fileno())
        gc.freeze()  # a collection would touch what is shared, and make copies of it
        while True:
            text, writers, _, _ = socket.recv_fds(control, _LONGEST, 1)
            if not text:
                break
            if os.fork() == 0:
                control.close()
                _load(json.loads(text), *writers)
            for writer in writers:
                os.close(writer)
    finally:
        os._exit(0)


def _close_all_but(kept: int) -> None:
    """Close what the service had open, its address above all."""
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number > _ERRORS and number != kept:
            with contextlib.suppress(OSError):  # the one that listed them
                os.close(number)


def _load(asked: dict[str, Any], writer: int) -> NoReturn:
    """Be the child that loads a package: say what came of it, and end."""
    before, found = resident(), dict[str, Any]()
    try:
        gc.enable()
        _bound(asked["room"])
        with weighed() if asked["room"] is not None else contextlib.nullcontext():
            package = read(Path(asked["folder"]), asked["shown"])
            if package is not None:
                Champion(package, asked["shown"], asked["trust"])
            found = {"manifest": _name_of(package)}
    except MemoryError:
        found = {"taken": max(resident() - before, asked["room"] or 0)}
    except ProjectError as error:
        found = {"refused": str(of_a_warning(error) or error)}
    except Exception as error:  # what a package does to the libraries that load it is not ours to foresee
        _logger.exception("%s could not be loaded", asked["shown"])
        found = {"refused": f"{asked['shown']} could not be loaded: {type(error).__name__}."}
    finally:
        with contextlib.suppress(OSError):
            os.write(writer, json.dumps(found).encode())
        os._exit(0)


def _bound(room: int | None) -> None:
    """Bound this process by the memory that is free, so that it fails where it would have the container ended."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_FIRST))
    os.nice(10)  # requests go first
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if room is not None:
        pages = int(Path("/proc/self/statm").read_bytes().split()[5])  # data and stack
        most = pages * os.sysconf("SC_PAGE_SIZE") + room + _SLACK
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
