"""What the machine under a run may do to it: no room, no permission, a store that breaks, warnings that are errors.

It is no bug of ours and nothing a use case could mend, so it ends in a sentence and not in a traceback.
"""

import errno
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

from champion.errors import ProjectError, StoreError

_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE}
)
_AFTERWARDS = (
    "Production is whole: `python run.py models` names its champion. Make room or give permission, and run again."
)


_interrupts: list[int] = []  # signals that this process was asked to end by


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Python handles Ctrl-C, and remember that it came."""
    _interrupts.append(number)
    signal.default_int_handler(number, frame)


def forget_interrupts() -> None:
    """Begin anew, as a command does."""
    _interrupts.clear()


def was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error: a library has made the error of it, or dropped it and failed for what it left undone.

    Code in C may drop the exception, and what is raised in its place need not name it.
    """
    return bool(_interrupts) or any(isinstance(cause, KeyboardInterrupt) for cause in causes(error))


def of_the_machine(error: BaseException) -> ProjectError | None:
    """Explain an error that the machine, or what is behind the error, has made; None where it is a bug of ours."""
    for cause in causes(error):
        if type(cause).__module__.partition(".")[0] in ("sqlalchemy", "sqlite3"):
            reason = str(getattr(cause, "orig", None) or cause).strip().partition("\n")[0]
            if "readonly" in reason:
                return StoreError(f"The ZenML store cannot be written: {reason}. {_AFTERWARDS}")
            return StoreError(f"The ZenML store failed: {reason}. {_AFTERWARDS}")
        if isinstance(cause, MemoryError):
            return ProjectError(f"There was not enough memory. {_AFTERWARDS}")
        if isinstance(cause, OSError) and cause.errno in _OF_THE_MACHINE:
            where = f" ({cause.filename})" if cause.filename else ""
            return ProjectError(f"The machine refused: {cause.strerror}{where}. {_AFTERWARDS}")
    return None


def of_a_warning(error: BaseException) -> ProjectError | None:
    """Explain an error behind which is a warning of a library, where Python was told to make errors of them; else None."""
    if not any(option and "error".startswith(option.partition(":")[0] or "-") for option in sys.warnoptions):
        return None
    for cause in causes(error):
        if isinstance(cause, Warning):
            passed = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(cause.__traceback__)]
            modules = [module.partition(".")[0] for module in reversed(passed)]
            library = next((name for name in modules if name not in sys.stdlib_module_names), "Python")
            return ProjectError(
                f"Python was told to make errors of warnings (-W error, or PYTHONWARNINGS), and {library} gives one: "
                f"{type(cause).__name__}: {str(cause).rstrip('.')}. Run without that."
            )
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that is behind it, the nearest first: what it was made of, and what was being handled meanwhile."""
    seen, ahead = set[int](), [error]
    while ahead:
        nearest = ahead.pop(0)
        if nearest is not None and id(nearest) not in seen:
            seen.add(id(nearest))
            yield nearest
            ahead += [nearest.__cause__, nearest.__context__]
