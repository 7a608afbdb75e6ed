"""Where the files of a use case are: configuration, table, package, reports."""

import difflib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from champion import settings
from champion.bundle import folder
from champion.bundle.folder import Package
from champion.errors import ConfigurationError, PackageError, ProjectError
from champion.use_case.addresses import is_address, parts
from champion.use_case.whole import UseCase, job_name, parse_use_case


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
    def address(self) -> str | None:
        """The table's address in an object store; None where it is a file of the checkout."""
        return self.use_case.data.path if is_address(self.use_case.data.path) else None

    @property
    def data(self) -> Path:
        """The table; of an object the file that it is fetched to (`champion.workspace.fetched`)."""
        return self.root / self.use_case.data.path if self.address is None else fetched_to(self.results, self.address)

    @property
    def shown_data(self) -> str:
        """The table as the user would name it."""
        return self.address or shown(self.data, self.root)

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


def fetched_to(results: Path, address: str) -> Path:
    """The file that an object is fetched to; it has the object's name, whose ending tells the format."""
    _, key = parts(address)
    folder = hashlib.sha256(address.encode()).hexdigest()[:16]
    return results / "data" / ".fetched" / folder / key.rpartition("/")[2]


def shown(path: Path, root: Path) -> str:
    """A path relative to the checkout where it lies inside, else as it is; a link stands for itself, as it does for DVC."""
    try:
        return (path.parent.resolve() / path.name).relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)


def open_workspace(config: str) -> Workspace:
    """Read and check a use case. Raises ConfigurationError when the file is missing, not YAML, or not a use case."""
    root = settings.root()
    path = Path(config)
    if not path.is_absolute() and not path.exists():
        path = root / config
    if not path.exists() and config == Path(config).name:
        path = _named(root, config) or path
    name = shown(path, root)
    use_case = parse_use_case(_read_yaml(path, name), name)
    refuse_two(root, path, use_case.name)
    return Workspace(root, path, use_case)


def _named(root: Path, name: str) -> Path | None:
    """The file of the use case that has this name, whatever the file is called."""
    for file in settings.configurations(root):
        try:
            content = _read_yaml(file, shown(file, root))
        except ConfigurationError:  # whoever uses it is told
            continue
        if isinstance(content, dict) and content.get("name") == name:
            return file
    return None


def use_cases(root: Path) -> Iterator[Workspace]:
    """Every use case under configs/, opened as `open_workspace` does."""
    for config in settings.configurations(root):
        yield open_workspace(str(config))


def refuse_two(root: Path, path: Path, name: str) -> None:
    """Refuse a use case whose name another file of configs/ has: both would share one history and one package.

    So is one whose name differs by ``_`` and ``-`` alone: both would share a job's name, and what is called after it.
    """
    for other in settings.configurations(root):
        if other.resolve() == path.resolve():
            continue
        try:
            named = _read_yaml(other, shown(other, root))
        except ConfigurationError:  # whoever uses it is told
            continue
        theirs = named.get("name") if isinstance(named, dict) else None
        if theirs == name:
            raise ConfigurationError(
                f"{shown(path, root)} and {shown(other, root)} have one name: both are {name!r}, and would share one "
                "champion. Give one of them another name."
            )
        if isinstance(theirs, str) and job_name(theirs) == job_name(name):
            raise ConfigurationError(
                f"{shown(path, root)} and {shown(other, root)} would meet: {name!r} and {theirs!r} are both {job_name(name)!r} "
                "where no _ is taken, as in names of jobs. Give one of them another name."
            )


def _read_yaml(path: Path, name: str) -> object:
    from champion.workspace.yaml_text import parse

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = {file.stem: shown(file, settings.root()) for file in settings.configurations(settings.root())}
        near = difflib.get_close_matches(Path(name).stem.casefold(), known, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ConfigurationError(
            f"The use case {name} does not exist. {hint}There are: {', '.join(known.values()) or 'none'}. "
            "`python run.py init TABLE --target COL` writes a new one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The use case {name} cannot be read: {error}.") from None
    return parse(text, name)


def require_writable(workspace: Workspace) -> None:
    """Find out before a long run whether its results can be written. Raises ProjectError naming the folder that cannot."""
    for results in (workspace.reports, workspace.package.parent):
        try:
            results.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=results):
                pass
        except OSError as error:
            raise ProjectError(
                f"Nothing was run: {shown(results, workspace.root)} cannot be written ({error.strerror}), and the run "
                "leaves its results there. Give write permission to the checkout, or work in a copy."
            ) from None


def read_package(workspace: Workspace) -> Package | None:
    """The package in the workspace, or None, checked. Raises PackageError when it is broken, or another use case's."""
    package = folder.read(workspace.package, workspace.shown_package)
    if package is not None and package.manifest.use_case != workspace.use_case.name:
        raise PackageError(
            f"{workspace.shown_package} is refused: it is a package of the use case {package.manifest.use_case!r}, not of "
            f"{workspace.use_case.name!r}. Move it away; the right one is written from the store, or fetched with "
            "`make pull`."
        )
    return package
