"""Make a package from its parts, and the model from a package."""

from collections.abc import Collection
from datetime import date, timedelta
from importlib.util import find_spec
from typing import Any

import numpy as np

from champion.bundle.folder import CARD, CODE, EQUIVALENCE, MODEL, PROFILE, TRAIN_ROWS, Package, digest
from champion.bundle.libraries import failure, moved, unable, ways_on
from champion.bundle.manifest import ChampionState, Manifest
from champion.bundle.model import loads
from champion.bundle.sizes import memory, most
from champion.errors import MemoryLimitError, ModelError, PackageError, UntrustedCodeError, listed
from champion.harmless import clean, code, text
from champion.modeling.arrays import ArrayPredictor, Block
from champion.modeling.contract import Contract
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import Feature
from champion.modeling.libraries import LIBRARIES
from champion.modeling.own.code import OwnCode
from champion.modeling.predictor import Predictor
from champion.modeling.profile import Profile
from champion.modeling.rows.train_rows import TrainRows
from champion.use_case.learning import Candidate

ANY = "any"  # among the hashes of trusted code: whatever a package brings
SHOWN_CATEGORIES = 8  # of a column, in the card


def build(
    model: bytes,
    profile: Profile,
    equivalence: EquivalenceReport | None = None,
    train_rows: bytes | None = None,
    own: OwnCode | None = None,
    **about: Any,
) -> Package:
    """A package around a model, with the own code that it needs; `about` are the other fields of `Manifest`.

    Without `equivalence` the model answers itself.
    """
    bare = Manifest(**about, files={})
    files = {
        MODEL: model,
        PROFILE: (profile.model_dump_json(indent=1) + "\n").encode(),
        CARD: model_card(bare, profile).encode(),
    }
    if equivalence is not None:
        files[EQUIVALENCE] = (equivalence.model_dump_json(indent=1) + "\n").encode()
    if train_rows is not None:
        files[TRAIN_ROWS] = train_rows
    if own is not None:
        files |= {f"{CODE}/{path}": data for path, data in own.files.items()}
    here = memory()
    for name, data in files.items():
        largest, expected = most(name, here)
        if len(data) > largest:
            raise PackageError(
                f"The package's {name} would be larger than any that is read: {len(data):,} bytes, expected {expected}. "
                "Choose a smaller model, or leave out columns."
            )
    hashes = {name: digest(data) for name, data in files.items()}
    return Package(bare.model_copy(update={"files": hashes}), files)


def with_state(package: Package, champion_state: ChampionState) -> Package:
    """The same champion with a later state; no file but the manifest changes, and that only where the state does."""
    if package.manifest.champion_state == champion_state:
        return package
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


def train_rows_of(package: Package) -> TrainRows | None:
    """The sketch of the rows that the model learned from; None in a package of version 0.1.

    Raises PackageError when it cannot be read.
    """
    if TRAIN_ROWS not in package.files:
        return None
    try:
        return TrainRows.from_bytes(package.files[TRAIN_ROWS])
    except ValueError:
        raise PackageError(f"The package's {TRAIN_ROWS} cannot be read. Fetch the package again.") from None


def code_of(package: Package, source: str) -> OwnCode | None:
    """The own code in a package, of which nothing is run; None where it has none."""
    above = f"{CODE}/"
    files = {name.removeprefix(above): data for name, data in package.files.items() if name.startswith(above)}
    return OwnCode(files, f"{source}/{CODE}") if files else None


def takes_frames(package: Package) -> bool:
    """Whether its model takes frames of pandas: one with steps before it, or own code, which may do so."""
    return bool(package.manifest.features) or any(name.startswith(f"{CODE}/") for name in package.files)


def predictor(package: Package, source: str, trusted: Collection[str] = ()) -> Predictor:
    """What predicts on tables; the hashes were checked by reading. `trusted` are hashes of own code that may be run, or `ANY`.

    Raises PackageError when its code or a type is not trusted, or the model cannot be loaded.
    """
    _require_libraries(package, source)
    return Predictor(package.manifest.contract, _pipeline(package, source, trusted))


def array_predictor(package: Package, source: str, trusted: Collection[str] = ()) -> ArrayPredictor:
    """The same model over plain arrays, without pandas, but for own code; where a library moved, it has to answer a row first.

    `trusted` are hashes of own code that may be run, or `ANY`. Raises PackageError when its code or a type is not trusted, or the
    model cannot be loaded, or cannot answer the libraries of here.
    """
    contract, made_with = package.manifest.contract, package.manifest.libraries
    _require_libraries(package, source)
    if takes_frames(package) and find_spec("pandas") is None:
        cause = "has steps before it that take a pandas frame, and pandas is not installed here"
        use_case = package.manifest.use_case
        raise ModelError(
            f"{source} cannot be loaded: its model {cause}. `python run.py image --target serving --use-case {use_case}` builds "
            f"an image that has it, and so has a checkout: `python run.py serve --config {use_case}`.",
            cause=cause,
        )
    backend = equivalence_of(package).backend
    if moved(made_with) is None:
        return ArrayPredictor(contract, _pipeline(package, source, trusted), backend)
    require_trusted_code(package, source, trusted)
    try:
        model = ArrayPredictor(contract, _pipeline(package, source, trusted), backend)
        model.predict(_example(contract))
    except (MemoryError, MemoryLimitError):
        raise
    except Exception as error:  # a model of other libraries may fail in any way
        config = f"configs/{package.manifest.use_case}.yaml"
        ways = ways_on(
            made_with, f"doctor --config {config}", config, ", where the store has its answers to the holdout"
        )
        raise ModelError(
            f"The champion in {source} cannot answer here: {unable(error, made_with)}.\n{ways}", cause=failure(error)
        ) from error
    return model


def answers_a_row(model: ArrayPredictor, package: Package) -> None:
    """Have a model answer a row that its signature knows. Raises what the model raises."""
    model.predict(_example(package.manifest.contract))


def _example(contract: Contract) -> Block:
    """A row of values that the signature knows."""
    numbers = [
        (feature.minimum or 0.0) / 2 + (feature.maximum or 0.0) / 2 if len(feature.columns) == 1 else 0.0
        for feature in contract.features
        if feature.kind != "categorical"
        for _ in feature.columns
    ]
    texts = [(feature.categories or ("",))[0] for feature in contract.features if feature.kind == "categorical"]
    return Block(np.array(numbers, dtype=np.float64).reshape(1, -1), np.array(texts, dtype=object).reshape(1, -1))


def needs_pandas(package: Package) -> bool:
    """Whether asking its model takes pandas."""
    tops = {path.partition(".")[0] for path in estimators_of(package.manifest)}
    return takes_frames(package) or any(LIBRARIES[top].IMPORTS_PANDAS for top in tops & LIBRARIES.keys())


def estimators_of(manifest: Manifest) -> tuple[str, ...]:
    """The import paths of a champion's estimator, and of those inside it."""
    return Candidate.model_construct(estimator=manifest.estimator, params=manifest.params).estimators


def _require_libraries(package: Package, source: str) -> None:
    """Refuse a model whose library is optional and not installed here."""
    use_case = package.manifest.use_case
    for path in estimators_of(package.manifest):
        name = path.partition(".")[0]
        group = LIBRARIES[name].GROUP if name in LIBRARIES else None
        if group is not None and find_spec(name) is None:
            cause = f"needs {name}, which is not installed here"
            raise ModelError(
                f"{source} cannot be loaded: its model {cause}. `make {group}` installs it in a checkout; "
                f"`python run.py image --target serving --use-case {use_case}` builds an image of the service that has it.",
                cause=cause,
            )


def _pipeline(package: Package, source: str, trusted: Collection[str]) -> Any:
    return loads(package.files[MODEL], f"{source}/{MODEL}", require_trusted_code(package, source, trusted))


def require_trusted_code(package: Package, source: str, trusted: Collection[str]) -> OwnCode | None:
    """The own code in a package, where it may be run; None where it has none. Raises PackageError where it may not."""
    own = code_of(package, source)
    if own is None or ANY in trusted or own.hash in trusted:
        return own
    raise UntrustedCodeError(
        f"{source} is not loaded: it brings code of its own ({listed(map(own.say, own.files), most=3)}), which nobody has "
        f"allowed to run here. Read it; then say --trust-code, or set SERVE_TRUST_CODE={own.hash} for a service."
    )


def model_card(manifest: Manifest, profile: Profile) -> str:
    """Who the champion is, for a person, as Markdown (after Mitchell et al. 2019, Model Cards for Model Reporting).

    It names neither the manifest's `files` nor its `champion_state`, which may still change.
    """
    scores = "\n".join(f"| {text(name)} | {value:.4f} |" for name, value in manifest.metrics.items())
    features = "\n".join(
        f"| {_name(feature.name)} | {feature.kind} | {_seen(feature)} "
        f"| {'may be missing' if feature.nullable else 'required'} |"
        for feature in manifest.signature
    )
    counts = ", ".join(
        f"{_name(label)} ({count})" for label, count in zip(profile.classes, profile.class_counts, strict=True)
    )
    classes = f" Classes, with their rows in training: {counts}." if counts else ""
    threshold = "" if manifest.threshold is None else _threshold(manifest)
    return f"""# {manifest.use_case}, model version {manifest.model_version}

{text(manifest.decision.reason)}

## What it is

{_name(manifest.estimator)} (candidate {_name(manifest.candidate)}), trained on {profile.rows} rows of {_name(manifest.data_path)}
to predict {_name(manifest.target)}.{classes}{threshold}

- data version `{manifest.data_version}`, commit `{manifest.commit or "none"}`{" with local changes" if manifest.dirty else ""}
- fingerprint `{manifest.fingerprint}`, seed {manifest.seed}
- made {manifest.created} with {", ".join(f"{name} {version}" for name, version in manifest.libraries.items())}

## How good it is

On the holdout, {text(manifest.split.in_words())}, on which no model was trained; higher is better:

| score | value |
| --- | --- |
{scores}

## What it expects

| column | kind | seen in training | |
| --- | --- | --- | --- |
{features}

## Limits

It knows only what {_name(manifest.data_path)} knew. Rows outside the ranges above are extrapolation, and a category that is
not listed counts as unknown. Scores on a holdout of the same table say nothing about a population that differs.
"""


def _threshold(manifest: Manifest) -> str:
    named = _name(manifest.classes[-1])
    return f" It answers {named} from a probability of {manifest.threshold:.4g} on, which was tuned on the train set."


def _seen(feature: Feature) -> str:
    if feature.categories is not None:
        more = len(feature.categories) - SHOWN_CATEGORIES
        names = ", ".join(map(_name, feature.categories[:SHOWN_CATEGORIES]))
        return names + (f" and {more} more" if more > 0 else "")
    if feature.minimum is None or feature.maximum is None:
        return ""
    if feature.kind == "datetime":
        return f"{_day(feature.minimum)} to {_day(feature.maximum)}"
    return f"{feature.minimum:g} to {feature.maximum:g}"


def _day(days: float) -> str:
    return str(date(1970, 1, 1) + timedelta(days=days))


def _name(value: object) -> str:
    return code(clean(value))
