"""What a step is made of beyond its own source: the code that it reaches through its imports, and the libraries.

Both are computed from the import graph, so no list has to be kept. They enter the cache key of the step, and the
fingerprint of a challenger.
"""

import contextlib
import functools
import hashlib
import json
import re
import signal
import threading
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import grimp

from champion import settings

ROOMS = ("champion", "steps", "pipelines")
MAKING = ("steps.prepare", "steps.train_candidate")
MAKES_A_MODEL = ("champion.modeling", "champion.use_case")
"""The rooms whose code decides what a model is; how a step unpacks its inputs, and what it says, change none."""
IN_AN_IMAGE = ("champion.orchestration.docker.inside", "champion.reporting.drift.page", "champion.reporting.html")
"""What runs in a container beside the steps: its entry point, and the pages that materializers import by name."""
BY_NAME = "champion.modeling.tasks"
"""What finds the modules of a task by their names: whatever imports it reaches those that it could find."""
_ESTIMATOR = re.compile(r"\bestimator:\s*[\"']?([\w.]+)\.\w+")
_versions_of_image: dict[str, str] = {}


@functools.cache
def _graph() -> grimp.ImportGraph:
    """The imports; Ctrl-C takes effect at the end: a library written in Rust would panic in the middle of it."""
    rooms = [room for room in ROOMS if (settings.root() / room / "__init__.py").exists()]
    interrupts: list[int] = []
    main = threading.current_thread() is threading.main_thread()  # which alone is interrupted
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number)) if main else None
    try:
        graph = grimp.build_graph(
            *rooms, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
        )
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt
    for finder in graph.find_modules_that_directly_import(BY_NAME):
        room, _, part = finder.rpartition(".")
        for module in graph.find_matching_modules(f"{room}.*.{part}"):
            graph.add_import(importer=finder, imported=module)
    return graph


def reached(*modules: str) -> tuple[set[str], set[str]]:
    """What modules reach through their imports: our own ones, themselves included, and the top names of foreign ones.

    Importing a module runs the packages above it, so theirs count too.
    """
    graph = _graph()
    own, foreign, todo = set[str](), set[str](), set(modules)
    while todo:
        name = todo.pop()
        if name.partition(".")[0] not in ROOMS:
            foreign.add(name)
        elif name in graph.modules:
            own.add(name)
            todo |= {name.rpartition(".")[0] or name, *graph.find_modules_directly_imported_by(name)} - own - foreign
    return own, foreign


def reached_in_an_image(*besides: str) -> set[str]:
    """Our modules that a step can reach in a container, and what is run `besides`.

    The estimators of our own that a use case names are among them.
    """
    configs = [file.read_text(encoding="utf-8") for file in settings.configurations(settings.root())]
    estimators = {path for text in configs for path in _ESTIMATOR.findall(text) if path.partition(".")[0] in ROOMS}
    steps = (name for name in _graph().modules if name.startswith("steps."))
    return reached(*steps, *estimators, *IN_AN_IMAGE, *besides)[0]


def files(modules: set[str]) -> list[Path]:
    """The source files of our modules, in a fixed order, with the templates and style sheets that they name."""
    paths = (settings.root().joinpath(*name.split(".")) for name in modules)
    todo = [path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths]
    sources = set(todo)
    while todo:
        path = todo.pop()
        beside = {file for file in path.parent.iterdir() if file.suffix in (".j2", ".css")} - sources
        text = path.read_text(encoding="utf-8") if beside else ""
        named = {file for file in beside if f'"{file.name}"' in text}
        sources |= named
        todo += named
    return sorted(sources)


def libraries(foreign: set[str], estimators: tuple[str, ...] = ()) -> dict[str, str]:
    """The versions of the libraries that matter, by distribution; that of a foreign estimator's own among them."""
    names = {name for top in foreign for name in settings.LIBRARIES.get(top, ())}
    for path in estimators:
        top = path.split(".")[0]
        names.update(settings.LIBRARIES.get(top) or metadata.packages_distributions().get(top, []))
    return {name: _versions_of_image.get(name) or metadata.version(name) for name in sorted(names)}


@contextlib.contextmanager
def made_with(versions: dict[str, str]) -> Iterator[None]:
    """Let the versions of an image, by distribution, count instead of this environment's, where the steps run in one."""
    _versions_of_image.update(versions)
    try:
        yield
    finally:
        _versions_of_image.clear()


def _of_project(estimators: tuple[str, ...]) -> set[str]:
    """The modules of ours that import paths name."""
    parts = [path.split(".") for path in estimators if path.partition(".")[0] in ROOMS]
    named = {".".join(each[:length]) for each in parts for length in range(2, len(each) + 1)}
    return named & _graph().modules if named else set()


def step_version(module: str, estimators: tuple[str, ...] = ()) -> str:
    """A hash of all that a step is made of: the content of the files and the versions of the libraries it reaches.

    What the import paths name counts as what the module imports.
    """
    own, foreign = reached(module, *_of_project(estimators))
    return _hash(own, libraries(foreign, estimators))


def _hash(own: set[str], versions: dict[str, str]) -> str:
    root = settings.root()
    state = hashlib.sha256(json.dumps(versions, sort_keys=True).encode())
    for path in files(own):
        state.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return state.hexdigest()[:32]


def fingerprint(facts: dict[str, object], estimators: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The hash of what made a challenger, and the library versions in it.

    Of the code only `MAKES_A_MODEL` counts, as far as the steps that train reach it, and what the import paths name.
    """
    own, foreign = reached(*MAKING)
    own = {name for name in own if name.startswith(tuple(f"{room}." for room in MAKES_A_MODEL))}
    own |= reached(*named)[0] if (named := _of_project(estimators)) else set()
    versions = libraries(foreign, estimators)
    state = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    state.update(_hash(own, versions).encode())
    return state.hexdigest()[:16], versions
