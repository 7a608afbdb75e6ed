"""Make a package from its parts, and the classifier from a package."""

from typing import Any

from champion.bundle.card import model_card
from champion.bundle.folder import CARD, EQUIVALENCE, MODEL, PROFILE, Package, digest
from champion.bundle.manifest import ChampionState, Manifest
from champion.errors import PackageError
from champion.modeling.equivalence import EquivalenceReport
from champion.modeling.profile import Profile


def build(model: bytes, profile: Profile, equivalence: EquivalenceReport | None = None, **about: Any) -> Package:
    """A package around a model file.

    Parameters
    ----------
    equivalence : EquivalenceReport, optional
        Whether a faster backend may answer; without it the model itself does.
    **about
        The fields of `Manifest` but `files`.
    """
    bare = Manifest(**about, files={})
    files = {
        MODEL: model,
        PROFILE: (profile.model_dump_json(indent=1) + "\n").encode(),
        CARD: model_card(bare, profile).encode(),
    }
    if equivalence is not None:
        files[EQUIVALENCE] = (equivalence.model_dump_json(indent=1) + "\n").encode()
    hashes = {name: digest(data) for name, data in files.items()}
    return Package(bare.model_copy(update={"files": hashes}), files)


def with_state(package: Package, champion_state: ChampionState) -> Package:
    """The same champion with a later state; no file but the manifest changes."""
    return Package(package.manifest.model_copy(update={"champion_state": champion_state}), package.files)


def profile_of(package: Package) -> Profile:
    """The profile in a package. Raises PackageError when it cannot be read."""
    try:
        return Profile.model_validate_json(package.files[PROFILE])
    except (KeyError, ValueError):
        raise PackageError(f"The package's {PROFILE} cannot be read. Fetch the package again.") from None


def equivalence_of(package: Package) -> EquivalenceReport:
    """What the equivalence check found when the package was made. Raises PackageError when it cannot be read."""
    if EQUIVALENCE not in package.files:
        return EquivalenceReport(backend="native", reason="The package was made before there was an equivalence check.")
    try:
        return EquivalenceReport.model_validate_json(package.files[EQUIVALENCE])
    except ValueError:
        raise PackageError(f"The package's {EQUIVALENCE} cannot be read. Fetch the package again.") from None


def classifier(package: Package, source: str) -> Any:
    """The `champion.modeling.classifier.Classifier` in a package, its types trusted; its hashes were checked by reading.

    Raises PackageError when a type is not trusted, or the model cannot be loaded.
    """
    from champion.modeling.classifier import Classifier

    manifest = package.manifest
    return Classifier(manifest.signature, manifest.classes, _pipeline(package, source))


def array_classifier(package: Package, source: str) -> Any:
    """The `champion.modeling.arrays.ArrayClassifier` in a package: the same model over plain arrays, without pandas.

    Raises PackageError when a type is not trusted, or the model cannot be loaded.
    """
    from champion.modeling.arrays import ArrayClassifier

    manifest, backend = package.manifest, equivalence_of(package).backend
    return ArrayClassifier(manifest.signature, manifest.classes, _pipeline(package, source), backend=backend)


def _pipeline(package: Package, source: str) -> Any:
    from champion.bundle.model import loads

    return loads(package.files[MODEL], f"{source}/{MODEL}")
