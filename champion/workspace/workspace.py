"""The files of the checkout: use cases, reports, packages, and what git says of it."""

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from champion import settings
from champion.errors import ConfigurationError, ProjectError
from champion.use_case.whole import UseCase, parse_use_case


@dataclass(frozen=True)
class Workspace:
    """Where the files of one use case are."""

    root: Path
    config: Path
    use_case: UseCase

    @property
    def shown_config(self) -> str:
        """The use case's file as the user would name it."""
        return shown(self.config, self.root)

    @property
    def data(self) -> Path:
        """The table."""
        return self.root / self.use_case.data.path

    @property
    def results(self) -> Path:
        """Where models/ and reports/ are: the checkout, but for an image with a folder mounted for them."""
        return settings.results() if self.root == settings.root() else self.root

    @property
    def package(self) -> Path:
        """The production package's folder."""
        return self.results / "models" / self.use_case.name

    @property
    def shown_package(self) -> str:
        """The package's folder as the user would name it."""
        return f"models/{self.use_case.name}"

    @property
    def pointer(self) -> Path:
        """The git-tracked file that names the package by hash."""
        return self.root / "models" / f"{self.use_case.name}.dvc"

    @property
    def reports(self) -> Path:
        """What the last run left to read."""
        return self.results / "reports" / self.use_case.name


def shown(path: Path, root: Path) -> str:
    """A path relative to the checkout where it lies inside, else as it is."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)


def open_workspace(config: str) -> Workspace:
    """Read and check a use case.

    Raises
    ------
    ConfigurationError
        When the file is missing, not YAML, or not a use case.
    """
    root = settings.root()
    path = Path(config)
    if not path.is_absolute() and not path.exists():
        path = root / config
    name = shown(path, root)
    return Workspace(root, path, parse_use_case(_read_yaml(path, name), name))


def _read_yaml(path: Path, name: str) -> object:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(shown(found, settings.root()) for found in (settings.root() / "configs").glob("*.y*ml"))
        raise ConfigurationError(
            f"The use case {name} does not exist. There are: {', '.join(known) or 'none'}. "
            "`python run.py init TABLE --target COL` writes a new one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The use case {name} cannot be read: {error}.") from None
    try:
        return yaml.load(text, Loader=_unique_keys())  # noqa: S506 - derived from SafeLoader
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name} is not valid YAML{_yaml_problem(error)}. Mend it there.") from None


def _yaml_problem(error: Exception) -> str:
    """Where YAML went wrong and how, in one line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    return f"{where}: {problem or str(error).partition(chr(10))[0]}"


def _unique_keys() -> type:
    """A SafeLoader that refuses a key given twice, of which YAML would silently take the second."""
    from yaml import SafeLoader
    from yaml.constructor import ConstructorError
    from yaml.nodes import MappingNode

    class Loader(SafeLoader):
        def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[object, object]:
            seen = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = self.construct_object(key_node, deep=True)
                if not isinstance(key, Hashable):
                    raise ConstructorError(None, None, f"{key!r} cannot be a key", key_node.start_mark)
                if key in seen:
                    raise ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
                seen.add(key)
            return super().construct_mapping(node, deep)

    return Loader


def require_writable(workspace: Workspace) -> None:
    """Find out before a long run whether its results can be written.

    Raises
    ------
    ProjectError
        Naming the folder that cannot be written.
    """
    for folder in (workspace.reports, workspace.package.parent):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ProjectError(
                f"Nothing was run: {shown(folder, workspace.root)} cannot be written ({error.strerror}), and the run "
                "leaves its results there. Give write permission to the checkout, or work in a copy."
            ) from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    ProjectError
        When it cannot be written; what stood there stands there still.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise ProjectError(
            f"{path.name} could not be written to {path.parent.parent.name}/{path.parent.name} "
            f"({error.strerror or error}); the former one is untouched. Make room or give permission, and run again."
        ) from error


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all, the same bytes for the same value."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None where there is no git, no checkout, or nothing to answer."""
    try:
        command = ["git", *arguments]
        quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=quiet)
    except OSError:
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None


def commit(root: Path) -> tuple[str | None, bool]:
    """The commit that is checked out, and whether tracked files differ from it."""
    found = git(root, "rev-parse", "HEAD")
    if not found:
        return None, False
    return found, bool(git(root, "status", "--porcelain", "--untracked-files=no"))
