"""The own code of a use case as its checkout has it, and whether other code is what git once had here."""

from __future__ import annotations

import hashlib
from pathlib import Path

from champion.errors import ConfigurationError, nearest
from champion.modeling.own.code import OwnCode, imports
from champion.workspace.git import git
from champion.workspace.workspace import Workspace

LARGEST = 2**20  # bytes of all modules together


def read_own_code(workspace: Workspace) -> OwnCode | None:
    """The modules that `code` names; None where it names none. Nothing is run.

    Raises ConfigurationError when one is missing, lies outside the checkout, is no Python, or imports a module of the checkout
    that `code` does not name.
    """
    root, where = workspace.root, workspace.shown_config
    paths = workspace.use_case.code
    if not paths:
        _refuse_unnamed(workspace)
        return None
    files = {path: _content(root, path, where) for path in paths}
    if sum(map(len, files.values())) > LARGEST:
        raise ConfigurationError(f"{where}: code: the modules have more than {LARGEST:,} bytes together. Name fewer.")
    own = OwnCode(files)
    for path, data in files.items():
        try:
            named = imports(path, data)
        except (SyntaxError, ValueError) as error:
            line = f", line {error.lineno}," if isinstance(error, SyntaxError) else ""
            raise ConfigurationError(f"{where}: code: {path}{line} is no Python: {error}. Mend it there.") from None
        for name in sorted(named - own.names):
            file = _file_of(root, name)
            if file is not None and file not in files:
                raise ConfigurationError(
                    f"{where}: code: {path} imports {name}, a module of this checkout that `code` does not name. Add {file} to "
                    "it, so that it goes where the model goes."
                )
    _refuse_unnamed(workspace)
    return own


def _content(root: Path, path: str, where: str) -> bytes:
    file = root / path
    if not file.is_file():
        known = [each.relative_to(root).as_posix() for each in sorted(root.glob(f"{path.split('/')[0]}/**/*.py"))]
        hint = f"{nearest(path, known)} " if known else ""
        raise ConfigurationError(
            f"{where}: code: {path} does not exist in this checkout. {hint}`python run.py new transformer NAME` writes a new one."
        )
    if not file.resolve().is_relative_to(root.resolve()):
        raise ConfigurationError(
            f"{where}: code: {path} is a link to a file outside of this checkout. Put the file itself there."
        )
    data = file.read_bytes()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: code: {path} is no UTF-8 text. Save it as UTF-8.") from None
    return data


OURS = ("champion", "cli", "pipelines", "steps", "devtools", "tests")
"""The packages of this project, which a module may import: `champion` is wherever a model is."""


def _file_of(root: Path, name: str) -> str | None:
    """The file of the checkout that is a module of this name; None where there is none, or it is a part of this project."""
    if name.partition(".")[0] in OURS:
        return None
    path = name.replace(".", "/")
    return next((each for each in (f"{path}.py", f"{path}/__init__.py") if (root / each).is_file()), None)


def _refuse_unnamed(workspace: Workspace) -> None:
    """Refuse a class of a module of the checkout that `code` does not name, also one inside another estimator."""
    use_case = workspace.use_case
    named = [(f"candidates.{name}", path) for name, each in use_case.candidates.items() for path in each.estimators]
    named += [(f"features.{number}.transformer", each.transformer) for number, each in enumerate(use_case.features)]
    for key, path in named:
        file = _file_of(workspace.root, path.rpartition(".")[0])
        if file is not None and file not in use_case.code:
            raise ConfigurationError(
                f"{workspace.shown_config}: {key}: {path} is of a module of this checkout. Name it: code: "
                f"{[*use_case.code, file]}."
            )


def is_of_history(root: Path, own: OwnCode) -> bool:
    """Whether git, in what led to the commit that is checked out, has each of the modules at its path with this very content."""
    return all(_in_history(root, path, data) for path, data in own.files.items())


def _in_history(root: Path, path: str, data: bytes) -> bool:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    known = git(root, "rev-parse", "--show-object-format")
    if known == "sha256":
        blob = hashlib.sha256(b"blob %d\0" % len(data) + data).hexdigest()
    return bool(git(root, "log", "--format=%H", "--max-count=1", f"--find-object={blob}", "HEAD", "--", path))
