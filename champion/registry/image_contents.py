"""What an image is built with, beyond the code: the libraries that its use cases need, a package, and whose own code may run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from champion import settings
from champion.bundle import folder
from champion.bundle.build import code_of
from champion.bundle.folder import Package
from champion.errors import ConfigurationError, PackageError, nearest
from champion.modeling.own.code import OwnCode
from champion.orchestration.docker.extras import needed_by, require_imports
from champion.orchestration.docker.image import StepImage, packaged
from champion.registry.own_code import trusted_code
from champion.workspace.own_code import read_own_code
from champion.workspace.workspace import open_workspace, use_cases


@dataclass(frozen=True)
class Contents:
    """Files of requirements/ that are needed besides, further arguments of the Dockerfile, and what the user should know."""

    extras: tuple[str, ...]
    arguments: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def of_pipeline() -> Contents:
    """What every use case under configs/ needs."""
    needed = (needed_by(each.use_case, read_own_code(each), None) for each in use_cases(settings.root()))
    return Contents(tuple(sorted({name for names in needed for name in names})))


def of_champion(use_case: str | None, trust_code: bool = False) -> Contents:
    """What a service needs with the package of a use case inside, whose own code it may run.

    Raises a `ProjectError` where there is no such package, or it brings code that this checkout neither has nor had, unless
    `trust_code` allows that, or whose code imports what no image has.
    """
    name = packaged(use_case)
    package, shown = _package(name), f"models/{name}"
    extras, own = needed_by(None, None, package, to_serve=True), code_of(package, shown) if package else None
    if package is None or own is None:
        return Contents(extras, {"USE_CASE": name})
    _require_imports(own, extras)
    (trusted,) = trusted_code(None, open_workspace(name), package, trust_code)
    note = f"{shown} brings own code, and the image runs that and no other: SERVE_TRUST_CODE={trusted}"
    return Contents(extras, {"USE_CASE": name, "TRUST_CODE": trusted}, (note,))


def of_service(use_case: str | None) -> Contents:
    """What a service needs that a package is mounted into: for any candidate of a use case, and for the package that is here.

    Raises a `ProjectError` where there is neither a use case nor a package of this name.
    """
    if use_case is None:
        return Contents((), notes=tuple(_lacking()))
    known = {each.use_case.name: each for each in use_cases(settings.root())}
    package, workspace = _package(use_case), known.get(use_case)
    if package is None and workspace is None:
        raise ConfigurationError(
            f"--use-case: found {use_case!r}, of which there is neither a file under configs/ nor a package under models/. "
            f"{nearest(use_case, known)}"
        )
    own = read_own_code(workspace) if workspace else None
    extras = needed_by(workspace.use_case if workspace else None, own, package, to_serve=True)
    for code in (own, code_of(package, f"models/{use_case}/code") if package else None):
        _require_imports(code, extras)
    return Contents(extras, {"USE_CASE": use_case})


def _require_imports(own: OwnCode | None, extras: tuple[str, ...]) -> None:
    require_imports(own, StepImage("", "serving", extras).libraries(), "the image of its service")


def _package(name: str) -> Package | None:
    return folder.read(settings.root() / "models" / name, f"models/{name}")


def _lacking() -> list[str]:
    """What packages that are here need, and an image for no use case does not have."""
    notes = []
    for path in sorted((settings.root() / "models").glob("*/manifest.json")):
        with contextlib.suppress(PackageError):  # who serves it is told
            if extras := needed_by(None, None, _package(path.parent.name), to_serve=True):
                wanted = f"models/{path.parent.name} needs {', '.join(extras)}, which this image is built without"
                notes.append(f"{wanted}: add `--use-case {path.parent.name}` to serve it.")
    return notes
