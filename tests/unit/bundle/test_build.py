import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from champion.bundle.build import array_predictor, build, equivalence_of, model_card, predictor, profile_of, with_state
from champion.bundle.folder import CARD, EQUIVALENCE, MODEL, PROFILE, Package, digest, verify
from champion.bundle.manifest import Manifest
from champion.bundle.model import dumps
from champion.errors import PackageError
from champion.modeling.arrays import Block
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import Feature
from champion.use_case.learning import Candidate
from tests.support.packages import about, package, profile


def real() -> tuple[Package, pd.DataFrame]:
    """A package with a model in it, and rows to ask it."""
    features = (Feature(name="x", kind="numeric", dtype="float64", nullable=False),)
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    pipeline = build_pipeline(Candidate(estimator="sklearn.tree.DecisionTreeClassifier"), features, seed=0)
    pipeline.fit(rows, [0, 0, 1, 1])
    return build(dumps(pipeline), profile(), **about(signature=features)), rows


def test_a_package_names_every_file_by_its_hash() -> None:
    made = package()

    assert made.manifest.files == {name: digest(data) for name, data in made.files.items()}
    assert made.files.keys() == {MODEL, PROFILE, CARD}
    verify(made, "models/iris")


def test_a_package_predicts() -> None:
    made, rows = real()

    loaded = predictor(made, "models/iris")
    assert [loaded.contract.classes[code] for code in loaded.predict(rows[::-1]).values] == ["yes", "yes", "no", "no"]


def test_a_package_whose_model_is_none_does_not_predict() -> None:
    with pytest.raises(PackageError, match=r"models/iris/model.skops is no skops file"):
        predictor(package(), "models/iris")


def test_a_later_title_changes_nothing_but_the_manifest() -> None:
    made = package()
    champion_state = made.manifest.champion_state.model_copy(update={"revision": 7, "event": "rollback"})

    later = with_state(made, champion_state)
    assert later.files == made.files
    assert later.manifest == made.manifest.model_copy(update={"champion_state": champion_state})
    verify(later, "models/iris")


def test_the_profile_comes_back() -> None:
    assert profile_of(package()) == profile()


@pytest.mark.parametrize("files", [{}, {PROFILE: b"{"}, {PROFILE: b'{"rows": "many"}'}])
def test_a_profile_that_cannot_be_read_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(PackageError, match=r"profile.json cannot be read"):
        profile_of(Package(package().manifest, files))


@pytest.mark.parametrize("classes", [("no", "yes"), (0, 1), (False, True), ("0", "1")])
def test_labels_keep_their_type_through_a_manifest(classes: tuple[object, ...]) -> None:
    manifest = package(classes=classes).manifest

    back = Manifest.model_validate_json(manifest.model_dump_json())
    assert [(type(label), label) for label in back.classes] == [(type(label), label) for label in classes]


def test_a_manifest_knows_its_keys() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        package(surprise=1)


# The card


def test_the_card_says_who_the_champion_is() -> None:
    card = package(3).files[CARD].decode()

    for text in (
        "# iris, model version 3",
        "The challenger becomes the champion.",
        "`sklearn.x.Forest` (candidate `forest`), trained on 80 rows of `data/iris.csv`",
        "Classes, with their rows in training: no (50), yes (30).",
        "data version `dddd",
        "| accuracy | 0.9000 |",
        "20% of rows, by hash with salt 's', on which no model was trained",
    ):
        assert text in card


def test_the_card_says_what_the_model_expects() -> None:
    rows = [line for line in package().files[CARD].decode().splitlines() if line.startswith("| ")]

    assert "| Länge \\| cm | numeric | 0.5 to 7.25 | may be missing |" in rows
    assert "| colour | categorical | a, b, c, d, e, f, g, h and 2 more | required |" in rows
    assert "| when | datetime | 1970-01-01 to 2026-01-31 | required |" in rows
    assert "| paid | boolean |  | required |" in rows


def test_the_card_tells_local_changes_and_a_missing_commit() -> None:
    manifest = package(commit=None, dirty=True).manifest

    assert "commit `none` with local changes" in model_card(manifest, profile())


def test_a_package_answers_the_fast_way_where_the_parity_gate_let_it() -> None:
    made, rows = real()
    block = Block(rows.to_numpy(), np.empty((4, 0), dtype=object))

    for equivalence, way in (
        (EquivalenceReport(backend="packed", reason="same"), "packed"),
        (EquivalenceReport(backend="native", reason="differed"), "native"),
    ):
        with_gate = build(made.files[MODEL], profile(), equivalence, **about(signature=made.manifest.signature))
        arrays = array_predictor(with_gate, "models/iris")
        assert arrays.backend == way
        assert equivalence_of(with_gate) == equivalence
        assert arrays.predict(block).values.tolist() == [0, 0, 1, 1]


def test_a_package_from_before_the_parity_gate_answers_with_the_model_itself() -> None:
    made, _ = real()

    assert EQUIVALENCE not in made.files
    assert array_predictor(made, "models/iris").backend == "native"


def test_a_package_with_a_broken_parity_report_is_refused() -> None:
    made, _ = real()
    broken = made.files | {EQUIVALENCE: b"{"}
    files = made.manifest.files | {EQUIVALENCE: digest(b"{")}

    with pytest.raises(PackageError, match=r"parity\.json cannot be read"):
        array_predictor(Package(made.manifest.model_copy(update={"files": files}), broken), "models/iris")
