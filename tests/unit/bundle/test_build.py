from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from champion.bundle.build import array_predictor, build, equivalence_of, model_card, predictor, profile_of, with_state
from champion.bundle.folder import CARD, EQUIVALENCE, MODEL, PROFILE, Package, digest, verify
from champion.bundle.model import dumps
from champion.errors import PackageError
from champion.modeling.arrays import Block
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import Feature
from champion.use_case.learning import Candidate
from tests.support.packages import about, package, profile


def test_a_package_names_every_file_by_its_hash_and_a_later_title_changes_nothing_but_the_manifest() -> None:
    made = package()
    assert made.manifest.files == {name: digest(data) for name, data in made.files.items()}
    assert made.files.keys() == {MODEL, PROFILE, CARD}
    champion_state = made.manifest.champion_state.model_copy(update={"revision": 7, "event": "rollback"})
    later = with_state(made, champion_state)
    assert later.files == made.files
    assert later.manifest == made.manifest.model_copy(update={"champion_state": champion_state})
    verify(later, "models/iris")


@pytest.mark.parametrize("files", [{}, {PROFILE: b"{"}, {PROFILE: b'{"rows": "many"}'}])
def test_a_profile_that_cannot_be_read_is_refused(files: dict[str, bytes]) -> None:
    assert profile_of(package()) == profile()
    with pytest.raises(PackageError, match=r"profile.json cannot be read"):
        profile_of(Package(package().manifest, files))


def test_the_card_says_who_the_champion_is_and_what_it_expects() -> None:
    kept = Path(__file__).with_name("model_card.md").read_text(encoding="utf-8")
    assert package(3).files[CARD].decode() == kept
    changed = model_card(package(3, commit=None, dirty=True).manifest, profile())
    assert changed == kept.replace(f"commit `{'0' * 40}`", "commit `none` with local changes")


def test_a_package_answers_with_the_model_itself_or_the_fast_way_where_the_parity_gate_let_it() -> None:
    features = (Feature(name="x", kind="numeric", dtype="float64", nullable=False),)
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    pipeline = build_pipeline(Candidate(estimator="sklearn.tree.DecisionTreeClassifier"), features, seed=0)
    model, facts = dumps(pipeline.fit(rows, [0, 0, 1, 1])), about(signature=features)
    for equivalence, way in (
        (None, "native"),  # from before there was a gate
        (EquivalenceReport(backend="packed", reason="same"), "packed"),
        (EquivalenceReport(backend="native", reason="differed"), "native"),
    ):
        made = build(model, profile(), equivalence, **facts)
        arrays = array_predictor(made, "models/iris")
        assert arrays.backend == way
        assert equivalence in (None, equivalence_of(made))
        assert arrays.predict(Block(rows.to_numpy(), np.empty((4, 0), dtype=object))).values.tolist() == [0, 0, 1, 1]
        assert predictor(made, "models/iris").predict(rows[::-1]).values.tolist() == [1, 1, 0, 0]
    with pytest.raises(PackageError, match=r"models/iris/model.skops is no skops file"):
        predictor(package(), "models/iris")
    with pytest.raises(PackageError, match=r"parity\.json cannot be read"):
        array_predictor(Package(made.manifest, made.files | {EQUIVALENCE: b"{"}), "models/iris")
