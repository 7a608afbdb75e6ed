"""Make a package from its parts, and the classifier from a package."""

from typing import Any

from champion.bundle.card import model_card
from champion.bundle.folder import CARD, MODEL, PARITY, PROFILE, Package, digest, verify
from champion.bundle.manifest import Manifest, Title
from champion.errors import PackageError
from champion.modeling.equivalence import Parity
from champion.modeling.profile import Profile


def build(model: bytes, profile: Profile, parity: Parity | None = None, **about: Any) -> Package:
    """A package around a model file.

    Parameters
    ----------
    model : bytes
        The skops file.
    profile : Profile
        Of the train set.
    parity : Parity, optional
        Whether its fast way may answer; without it the model itself does.
    **about
        The fields of `Manifest` but `files`.

    Returns
    -------
    Package
    """
    bare = Manifest(**about, files={})
    files = {
        MODEL: model,
        PROFILE: (profile.model_dump_json(indent=1) + "\n").encode(),
        CARD: model_card(bare, profile).encode(),
    }
    if parity is not None:
        files[PARITY] = (parity.model_dump_json(indent=1) + "\n").encode()
    hashes = {name: digest(data) for name, data in files.items()}
    return Package(bare.model_copy(update={"files": hashes}), files)


def with_title(package: Package, title: Title) -> Package:
    """The same champion with a later state of the title; no file but the manifest changes."""
    return Package(package.manifest.model_copy(update={"title": title}), package.files)


def profile_of(package: Package) -> Profile:
    """The profile in a package.

    Raises
    ------
    PackageError
        When it cannot be read.
    """
    try:
        return Profile.model_validate_json(package.files[PROFILE])
    except (KeyError, ValueError):
        raise PackageError(f"The package's {PROFILE} cannot be read. Fetch the package again.") from None


def parity_of(package: Package) -> Parity:
    """What the parity gate found when the package was made.

    Raises
    ------
    PackageError
        When it cannot be read.
    """
    if PARITY not in package.files:
        return Parity(way="native", reason="The package was made before there was a parity gate.")
    try:
        return Parity.model_validate_json(package.files[PARITY])
    except ValueError:
        raise PackageError(f"The package's {PARITY} cannot be read. Fetch the package again.") from None


def classifier(package: Package, source: str) -> Any:
    """The `champion.modeling.classifier.Classifier` in a package, its hashes checked and its types trusted.

    Raises
    ------
    PackageError
        When a hash does not match, a type is not trusted, or the model cannot be loaded.
    """
    from champion.bundle.model import loads
    from champion.modeling.classifier import Classifier

    verify(package, source)
    manifest = package.manifest
    return Classifier(manifest.signature, manifest.classes, loads(package.files[MODEL], f"{source}/{MODEL}"))


def array_classifier(package: Package, source: str) -> Any:
    """The `champion.modeling.arrays.ArrayClassifier` in a package: the same model over plain arrays, without pandas.

    Raises
    ------
    PackageError
        When a hash does not match, a type is not trusted, or the model cannot be loaded.
    """
    from champion.bundle.model import loads
    from champion.modeling.arrays import ArrayClassifier

    verify(package, source)
    manifest = package.manifest
    pipeline = loads(package.files[MODEL], f"{source}/{MODEL}")
    return ArrayClassifier(manifest.signature, manifest.classes, pipeline, packed=parity_of(package).way == "packed")
