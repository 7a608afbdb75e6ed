"""What a use case, or a package, needs in an image beyond what every image has: names of files under ``requirements/``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection
from importlib.metadata import packages_distributions

from champion import settings
from champion.bundle.build import code_of, estimators_of, takes_frames
from champion.bundle.folder import Package
from champion.errors import ConfigurationError
from champion.modeling.libraries import LIBRARIES
from champion.modeling.own.code import OwnCode
from champion.use_case.whole import UseCase

OWN_CODE = "own-code"
"""What a service needs for steps before a model, and for own code; steps have it in every image."""
_OTHERS = ("dashboard", "dev", "drive", "image", "pod", "runtime", "serving")  # files that are of no import


def needed_by(
    use_case: UseCase | None, own: OwnCode | None, package: Package | None, *, to_serve: bool = False
) -> tuple[str, ...]:
    """What the candidates of a use case need, with its `own` code, and the model of a package; of either there may be none.

    What estimators and own code import counts, at every depth, where it has a file. With `to_serve` it is what a service needs.
    """
    paths, frames = [*(own.foreign if own else ())], False
    if use_case is not None:
        paths += [path for candidate in use_case.candidates.values() for path in candidate.estimators]
        frames = bool(use_case.code or use_case.features)
    if package is not None:
        brought = code_of(package, "")
        paths += (*estimators_of(package.manifest), *(brought.foreign if brought else ()))
        frames = frames or takes_frames(package)
    names = {_file_of(path.partition(".")[0]) for path in paths} | {OWN_CODE if frames and to_serve else ""}
    return tuple(sorted(names - {""}))


def require_imports(own: OwnCode | None, libraries: Collection[str], image: str) -> None:
    """Refuse own code that needs a library, as soon as it is imported, which is installed here and not in an image.

    `libraries` are the distributions in the image, by the names of their pins; `image` is how people know it. What is not
    installed here, or is imported later, or in a `try` that goes on without it, is left to whoever runs it. Raises
    ConfigurationError.
    """
    if own is None:
        return
    for path, data in own.files.items():
        needed = _Needed()
        needed.visit(ast.parse(data, path))
        mine = {name.partition(".")[0] for name in own.names}
        unknown = needed.names.difference(libraries, sys.stdlib_module_names, mine)
        here = packages_distributions() if unknown else {}
        for name in sorted(each for each in unknown if each in here and not _file_of(each)):
            if not any(_pinned(distribution, libraries) for distribution in here[name]):
                raise ConfigurationError(
                    f"{own.say(path)} imports {name}, which is installed here and not in {image}. Nothing was built. Have it "
                    f"there with a group {name!r} in pyproject.toml, its name in the loop of `make requirements`, which then "
                    f"writes requirements/{name}.txt, and that file's line in .dockerignore. A run with `--stack local` needs "
                    "none of it."
                )


def _pinned(distribution: str, libraries: Collection[str]) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(distribution) in libraries


class _Needed(ast.NodeVisitor):
    """The top names of what a module imports as it is imported itself, and cannot go on without."""

    def __init__(self) -> None:
        self.names = set[str]()

    def visit_Import(self, node: ast.Import) -> None:
        self.names |= {alias.name.partition(".")[0] for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and not node.level:
            self.names.add(node.module.partition(".")[0])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """What a function imports, it does when it is called."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As `visit_FunctionDef`."""

    def visit_If(self, node: ast.If) -> None:
        """What is for types alone is not imported."""
        of_types = ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING"
        for each in node.orelse if of_types else [*node.body, *node.orelse]:
            self.visit(each)

    def visit_Try(self, node: ast.Try) -> None:
        """What handles its absence can go on without it."""
        if not node.handlers:
            self.generic_visit(node)


def _file_of(imported: str) -> str:
    """The file of a library that is not part of every image, without its ending; empty where it has none."""
    name = (LIBRARIES[imported].GROUP or "") if imported in LIBRARIES else imported
    is_there = name not in _OTHERS and (settings.root() / "requirements" / f"{name}.txt").is_file()
    return name if is_there else ""
