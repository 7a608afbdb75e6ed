"""What a use case, or a package, needs in an image beyond what every image has: names of files under ``requirements/``."""

from __future__ import annotations

from champion import settings
from champion.bundle.build import code_of, estimators_of, takes_frames
from champion.bundle.folder import Package
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


def _file_of(imported: str) -> str:
    """The file of a library that is not part of every image, without its ending; empty where it has none."""
    name = (LIBRARIES[imported].GROUP or "") if imported in LIBRARIES else imported
    is_there = name not in _OTHERS and (settings.root() / "requirements" / f"{name}.txt").is_file()
    return name if is_there else ""
