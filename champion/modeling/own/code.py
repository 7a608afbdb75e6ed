"""Own code as bytes with a hash, and loaded under a name that holds this hash.

In one process there may be two versions of a module, the challenger's and the champion's. So ``features/ratios.py`` is not
imported as ``features.ratios`` but as ``own_code_HASH.features.ratios``, and what it imports of its own code is made to mean the
modules of the same hash. A model file names its types by these names: they can be made of this very code, and of no other.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib
import inspect
import json
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from champion.errors import ConfigurationError, nearest

PREFIX = "own_code_"
OWN_STEP = "own_"  # what the parts of a preparation begin with that are steps of `champion.modeling.own.columns`
PATH = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*/)*[A-Za-z_][A-Za-z0-9_]*\.py")
"""What a module's path may be: its parts are names of Python."""


@dataclass(frozen=True)
class OwnCode:
    """Modules by their paths, which begin at the checkout. `shown` is the folder that they are said to lie in."""

    files: Mapping[str, bytes]
    shown: str = field(default="", compare=False)

    @functools.cached_property
    def hash(self) -> str:
        """32 hexadecimal digits of the sha256 of paths and contents."""
        facts = [[path, hashlib.sha256(data).hexdigest()] for path, data in sorted(self.files.items())]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    @property
    def package(self) -> str:
        """The name above its modules, where they are loaded."""
        return f"{PREFIX}{self.hash}"

    @functools.cached_property
    def modules(self) -> dict[str, str]:
        """The paths by the modules' names."""
        return {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in self.files}

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The modules, and the packages above them."""
        parts = [name.split(".") for name in self.modules]
        return frozenset(".".join(each[:length]) for each in parts for length in range(1, len(each) + 1))

    @functools.cached_property
    def foreign(self) -> tuple[str, ...]:
        """The top names of what its modules import besides each other; none of a module that is no Python."""
        found = set[str]()
        for path, data in self.files.items():
            with contextlib.suppress(SyntaxError, ValueError):
                found |= {name.partition(".")[0] for name in imports(path, data)}
        return tuple(sorted(found - {name.partition(".")[0] for name in self.names}))

    @functools.cached_property
    def of_project(self) -> tuple[str, ...]:
        """What its modules import of the package `champion`, as they name it."""
        found = set[str]()
        for path, data in self.files.items():
            with contextlib.suppress(SyntaxError, ValueError):
                found |= {name for name in imports(path, data) if name.startswith("champion.")}
        return tuple(sorted(found - self.names))

    def as_bytes(self) -> bytes:
        """The modules as the same bytes."""
        return json.dumps({path: data.decode() for path, data in sorted(self.files.items())}).encode()

    @classmethod
    def from_bytes(cls, data: bytes | None, shown: str = "") -> OwnCode | None:
        """Read what `as_bytes` wrote; None where there is none."""
        return None if data is None else cls({path: text.encode() for path, text in json.loads(data).items()}, shown)

    def say(self, path: str) -> str:
        """A module's file as a person would name it."""
        return f"{self.shown}/{path}" if self.shown else path

    def has(self, kind: str) -> bool:
        """Whether a type, by its whole name, is of one of its modules as they are loaded."""
        package, _, name = kind.partition(".")
        return package == self.package and name.rpartition(".")[0] in self.modules

    def load(self, name: str, where: str) -> ModuleType:
        """Import one of its modules, which runs it. Raises ConfigurationError with file and line where that fails."""
        _LOADABLE[self.package] = self
        if self.package not in sys.modules:
            sys.meta_path[:] = [each for each in sys.meta_path if each is not _FINDER] + [_FINDER]
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except Exception as error:  # what a team's own module may raise
            raise ConfigurationError(f"{where}: {self.explained(error, self.modules[name])}") from error

    def load_all(self, where: str) -> None:
        """Make its types known to whatever imports them by name."""
        for name in self.modules:
            self.load(name, where)

    def find(self, path: str, where: str) -> Any:
        """What an import path such as ``features.ratios.Ratio`` names; None where its module is none of these.

        Raises ConfigurationError when the module has nothing of this name.
        """
        name, _, attribute = path.rpartition(".")
        if name not in self.modules:
            return None
        module = self.load(name, where)
        found = getattr(module, attribute, None)
        if found is None:
            classes = [each for each, value in vars(module).items() if inspect.isclass(value)]
            here = [each for each in classes if getattr(module, each).__module__ == module.__name__]
            raise ConfigurationError(
                f"{where}: {self.say(self.modules[name])} has no {attribute!r}. {nearest(attribute, here)}"
            )
        return found

    def explained(self, error: BaseException, path: str) -> str:
        """What own code raised, with its file and line, in one sentence."""
        if isinstance(error, SyntaxError) and error.filename in [self.say(each) for each in self.files]:
            return f"{error.filename}, line {error.lineno}, is no Python: {error.msg}. Mend it there."
        place = place_of(error) or self.say(path)
        if isinstance(error, ModuleNotFoundError):
            return (
                f"{place}: {error}. A module of the checkout stands in `code` too; a library is installed in this "
                "environment."
            )
        return f"{place}: {type(error).__name__}: {_first_line(error)}. Mend it there."


def place_of(error: BaseException) -> str | None:
    """File and line of own code where an error came from; None where none of it took part."""
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        lines = [line for _, line in traceback.walk_tb(error.__traceback__)]
        for frame, line in zip(reversed(frames), reversed(lines), strict=True):
            if str(frame.f_globals.get("__name__", "")).startswith(PREFIX):
                return f"{frame.f_code.co_filename}, line {line}"
        if error.__cause__ is None:
            return None
        error = error.__cause__
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".") or "without a word"


def imports(path: str, data: bytes) -> set[str]:
    """The absolute names of what a module imports, and what it may mean by ``from x import y``: both x and x.y.

    Raises SyntaxError when it is no Python.
    """
    package = path.removesuffix(".py").split("/")[:-1]
    found = set[str]()
    for node in ast.walk(ast.parse(data, path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)} if module else set()
    return found


_ACTIVE: ContextVar[OwnCode | None] = ContextVar("own_code", default=None)


@contextlib.contextmanager
def using(own: OwnCode | None) -> Iterator[None]:
    """Let import paths of estimators and transformers mean this code, where they name a module of it."""
    token = _ACTIVE.set(own)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def active() -> OwnCode | None:
    """The code that import paths mean now."""
    return _ACTIVE.get()


def found(path: str, where: str) -> Any:
    """What an import path names in the code that is used now, see `OwnCode.find`; None where it is none of that."""
    own = active()
    return own.find(path, where) if own else None


def public_path(path: str) -> str:
    """A type's import path as the use case has it: without the hash."""
    return re.sub(rf"^{PREFIX}[0-9a-f]{{32}}\.", "", path)


_LOADABLE: dict[str, OwnCode] = {}
"""The code that may be imported in this process, by the name above its modules."""


class _OwnLoader(Loader):
    """Runs a module of own code, whose imports of each other mean the modules of the same code."""

    def __init__(self, own: OwnCode, path: str | None) -> None:
        self._own, self._path = own, path

    def create_module(self, spec: ModuleSpec) -> None:  # noqa: ARG002 - an ordinary module
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run its file; a package without one is empty."""
        if self._path is None:
            return
        shown = self._own.say(self._path)
        tree = _Imports(self._own).visit(ast.parse(self._own.files[self._path], shown))
        exec(compile(ast.fix_missing_locations(tree), shown, "exec", dont_inherit=True), vars(module))  # noqa: S102 - code that was allowed


class _OwnFinder(MetaPathFinder):
    """Finds the modules of the code that may be imported."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - the protocol's
        package, _, name = fullname.partition(".")
        own = _LOADABLE.get(package)
        if own is None or (name and name not in own.names):
            return None
        file = own.modules.get(name)
        is_package = not name or file is None or file.endswith("__init__.py")
        return ModuleSpec(
            fullname, _OwnLoader(own, file), origin=own.say(file) if file else None, is_package=is_package
        )


_FINDER = _OwnFinder()


class _Imports(ast.NodeTransformer):
    """Has the absolute imports of own modules name them as they are loaded."""

    def __init__(self, own: OwnCode) -> None:
        self._own = own

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for alias in node.names:
            if alias.name not in self._own.names:
                made.append(ast.Import([alias]))
                continue
            loaded = f"{self._own.package}.{alias.name}"
            if alias.asname:
                made.append(ast.Import([ast.alias(loaded, alias.asname)]))
            else:  # binds the first part of the name alone
                made.append(ast.Import([ast.alias(loaded)]))
                made.append(ast.ImportFrom(self._own.package, [ast.alias(alias.name.partition(".")[0])], 0))
        return [ast.copy_location(each, node) for each in made]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if not node.level and node.module in self._own.names:
            return ast.copy_location(ast.ImportFrom(f"{self._own.package}.{node.module}", node.names, 0), node)
        return node
