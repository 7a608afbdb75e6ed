"""Reaches into the inside of a library, each a row: what is replaced, by what, why, and for which version.

A row is applied only where its target still has the signature that it had when the row was written. Elsewhere the library's
own way runs, slower, and one line on standard error names the row. ``CHAMPION_PATCHES=off`` in the environment turns
every row off: for a new version of a library, or to see whether a patch is to blame for something.
"""

import contextlib
import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

SWITCH = "CHAMPION_PATCHES"
PROPERTY, GONE = "property", "nothing"

_applied: set[str] = set()
_warned: set[str] = set()


@dataclass(frozen=True)
class Patch:
    """One reach into a library.

    `target` is ``module:owner.name`` or ``module:name``, and `signature` its own as the function of that name gives it.
    `replacement` gets what stands there, and what `applied` was given; it returns what takes its place. `written_for` is
    the library and its version.
    """

    target: str
    signature: str
    replacement: Callable[..., Any]
    why: str
    written_for: str


@dataclass(frozen=True)
class Reach:
    """What is taken of a library's inside without replacing anything; the fields are those of a `Patch`."""

    target: str
    signature: str
    why: str
    written_for: str


@functools.lru_cache(maxsize=256)
def signature(target: Any) -> str:
    """Names, kinds and defaults of the parameters, without types, whose text differs from one Python to the next."""
    if isinstance(target, property):
        return PROPERTY
    function = target.__func__ if isinstance(target, staticmethod | classmethod) else target
    parameters = inspect.signature(function).parameters.values()
    return str(inspect.Signature([one.replace(annotation=inspect.Parameter.empty) for one in parameters]))


def apply(*patches: Patch) -> None:
    """Apply rows for the rest of the process, each once."""
    for patch in patches:
        if patch.target not in _applied and fits(patch):
            owner, name, original = _located(patch.target)
            setattr(owner, name, patch.replacement(original))
            _applied.add(patch.target)


@contextlib.contextmanager
def applied(patches: tuple[Patch, ...], *values: Any) -> Iterator[bool]:
    """Apply rows that belong together for the length of a block: all of them, or none.

    Yields whether they are applied.
    """
    if sum(map(fits, patches)) < len(patches):  # each one that does not fit is named
        yield False
        return
    with contextlib.ExitStack() as restored:
        for patch in patches:
            owner, name, original = _located(patch.target)
            restored.callback(setattr, owner, name, original)
            setattr(owner, name, patch.replacement(original, *values))
        yield True


def _located(target: str) -> tuple[Any, str, Any]:
    """The owner of a target, its name there, and what stands there, a property or static method as it is."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    return owner, name, inspect.getattr_static(owner, name)


def fits(patch: Patch | Reach) -> bool:
    """Whether the target is what it was when the row was written, and rows are taken at all; where not, one line says so once."""
    if os.environ.get(SWITCH, "").lower() == "off":
        return False
    try:
        present = signature(_located(patch.target)[2])
    except (ImportError, AttributeError, TypeError, ValueError):
        present = GONE
    if present != patch.signature and patch.target not in _warned:
        _warned.add(patch.target)
        sys.stderr.write(
            f"Warning: the patch of {patch.target} is left out, which makes this slower: it was written for "
            f"{patch.written_for}, where the target is {patch.signature}; found {present}.\n"
        )
    return present == patch.signature
