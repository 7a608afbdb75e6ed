"""What a step is made of beyond its own source: the code that it reaches through its imports, and the libraries.

Both are computed from the import graph, so no list has to be kept. They enter the cache key of the step, and the
fingerprint of a challenger.
"""

import contextlib
import functools
import hashlib
import json
import signal
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import grimp

from champion import settings

ROOMS = ("champion", "steps", "pipelines")
MODELING = ("champion.modeling", "champion.use_case", "champion.errors")
MAKING = ("steps.prepare", "steps.train_candidate")


@functools.cache
def _graph() -> grimp.ImportGraph:
    rooms = [room for room in ROOMS if (settings.root() / room / "__init__.py").exists()]
    with _interrupts_wait():
        return grimp.build_graph(
            *rooms, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
        )


def reached(module: str) -> tuple[set[str], set[str]]:
    """What a module reaches through its imports.

    Parameters
    ----------
    module : str
        For example ``steps.prepare``.

    Returns
    -------
    set of str, set of str
        Our own modules (itself included, and the package of each), and the top names of foreign ones.
    """
    graph = _graph()
    found = {module, *graph.find_upstream_modules(module)}
    foreign = {name for name in found if name.split(".")[0] not in ROOMS}
    own = found - foreign
    own |= {parent for name in own for parent in _parents(name) if parent in graph.modules}
    return own, foreign


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def files(modules: set[str]) -> list[Path]:
    """The source files of our modules, templates beside them included, in a fixed order."""
    root = settings.root()
    found: set[Path] = set()
    for name in modules:
        place = root.joinpath(*name.split("."))
        if place.is_dir():
            found.update(path for path in place.iterdir() if path.suffix in (".j2", ".css"))
            place = place / "__init__"
        found.add(place.with_suffix(".py"))
    return sorted(found)


def libraries(foreign: set[str], estimators: tuple[str, ...] = ()) -> dict[str, str]:
    """The versions of the libraries that matter, by distribution.

    Parameters
    ----------
    estimators : tuple of str
        Import paths of estimators; what is not ours or scikit-learn's counts with its own version.
    """
    names = {name for top in foreign for name in settings.LIBRARIES.get(top, ())}
    for path in estimators:
        top = path.split(".")[0]
        names.update(settings.LIBRARIES.get(top) or metadata.packages_distributions().get(top, []))
    return {name: _elsewhere.get(name) or metadata.version(name) for name in sorted(names)}


_elsewhere: dict[str, str] = {}


@contextlib.contextmanager
def made_with(versions: dict[str, str]) -> Iterator[None]:
    """Let the versions of another environment count instead of this one's: where the steps run in an image, its own.

    Parameters
    ----------
    versions : dict of str to str
        By distribution; empty where the steps run here.
    """
    _elsewhere.update(versions)
    try:
        yield
    finally:
        _elsewhere.clear()


def step_version(module: str, estimators: tuple[str, ...] = ()) -> str:
    """A hash of all that a step is made of: the content of the files and the versions of the libraries it reaches."""
    own, foreign = reached(module)
    return _hash(own, libraries(foreign, estimators))


def making() -> tuple[set[str], set[str]]:
    """Our modules and the foreign names that make a challenger: what prepare and train_candidate reach."""
    own: set[str] = set()
    foreign: set[str] = set()
    for module in MAKING:
        ours, theirs = reached(module)
        own |= ours
        foreign |= theirs
    return own, foreign


def _hash(own: set[str], versions: dict[str, str]) -> str:
    root = settings.root()
    state = hashlib.sha256(json.dumps(versions, sort_keys=True).encode())
    for path in files(own):
        state.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()[:32]


def fingerprint(facts: dict[str, object], estimators: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The hash of what made a challenger, and the library versions in it.

    Only what makes a model counts as code: how a step unpacks its inputs changes no model.
    """
    own, foreign = making()
    versions = libraries(foreign, estimators)
    state = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    state.update(_hash({name for name in own if name.startswith(MODELING)}, versions).encode())
    return state.hexdigest()[:16], versions


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block: a library written in Rust would panic in the middle of it."""
    caught: list[int] = []
    try:
        before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    except ValueError:  # not in the main thread, which alone is interrupted
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt
