from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.bundle.model import dumps, loads
from champion.modeling.arrays import NATIVE, ArrayPredictor, block_of
from champion.modeling.columns import MANY_CATEGORIES, infer
from champion.modeling.contract import Contract
from champion.modeling.features import model_frame, signature
from champion.modeling.pipeline.text_encoding import TextEncoder
from champion.modeling.predictor import Predictor
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Fitting, Kind

BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"
MAKERS = ("ford", "toyota", "renault", "mazda")
FITTING = Fitting(target="y", metric="accuracy", folds=3, seed=0, group=None, ranked=True)


def cars(rows: int = 300, seed: int = 0) -> pd.DataFrame:
    """The maker, in a name that hardly another row has, decides; so does a word of the remark, and a shop of very many."""
    random = np.random.default_rng(seed)
    maker, shop = random.integers(len(MAKERS), size=rows), random.integers(100, size=rows)
    names = pd.Series(
        [f"{MAKERS[each]} {number}" for each, number in zip(maker, random.integers(400, size=rows), strict=True)]
    )
    remark = [
        f"a {'very fine' if each % 2 else 'rather dull'} car that somebody {place} sold"
        for place, each in enumerate(shop)
    ]
    return pd.DataFrame(
        {
            "name": names.mask(random.random(rows) < 0.03),
            "remark": pd.Series(remark).mask(random.random(rows) < 0.03),
            "shop": [f"{each:03d}" for each in shop],
            "weight": random.normal(size=rows),
            "colour": random.choice(["red", "blue"], size=rows),
            "y": np.where(maker < 2, "home", "abroad"),
        }
    )


def fitted(
    table: pd.DataFrame, estimator: str, kinds: dict[str, Kind] | None = None, **params: Any
) -> tuple[Contract, Any, Any]:
    features = signature(table, infer(table, exclude=["y"], kinds=kinds or {"name": "categorical"}))
    contract = Contract(features=features, classes=tuple(sorted(set(table["y"]))))
    return contract, *fit_candidate(table, contract, "one", Candidate(estimator=estimator, params=params), FITTING)


@pytest.mark.filterwarnings("error::FutureWarning")
@pytest.mark.parametrize("estimator", [BOOSTING, LINEAR])
def test_many_categories_and_free_text_are_learned_from_and_answer_the_same_everywhere(estimator: str) -> None:
    contract, pipeline, result = fitted(cars(), estimator)
    assert [feature.free_text for feature in contract.features] == [False, True, False, False, False]
    assert result.cv_mean > 0.95, "by the letters of names that the folds have not seen"
    new = cars(60, seed=1)
    new.loc[0, ["name", "remark", "shop"]] = ["lada 1", "Вполне", "999"]
    asked = Predictor(contract, pipeline).predict(new)
    read = loads(dumps(pipeline), "the model")
    again = Predictor(contract, read).predict(new)
    assert asked.probabilities == pytest.approx(again.probabilities, abs=1e-12)
    block = block_of(model_frame(new, contract.features), contract.features)
    of_arrays = ArrayPredictor(contract, read, NATIVE).predict(block)
    assert of_arrays.probabilities == pytest.approx(asked.probabilities, abs=1e-9)
    assert dumps(fitted(cars(), estimator)[1]) == dumps(pipeline), "the same table gives the same bytes"


def test_a_column_of_which_each_row_has_another_value_takes_nothing_from_the_others() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=200), "noise": random.normal(size=200)})
    table["y"] = np.where(table["x"] + random.normal(0, 0.3, 200) > 0, "a", "b")
    alone = fitted(table, BOOSTING)[2].cv_mean
    keys = pd.Series([f"{random.integers(10**9):x}" for _ in range(180)])
    beside = table.assign(key=pd.concat([keys, keys[:20]], ignore_index=True))  # 90 % of its texts stand there once
    features = fitted(beside, BOOSTING, {"key": "categorical"})
    assert len(features[0].features[2].categories or ()) > MANY_CATEGORIES
    assert features[2].cv_mean > alone - 0.03


def test_the_mean_of_a_category_tells_no_row_its_own_target() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"key": [f"{row % 150:04x}q" for row in range(300)], "y": random.choice(["a", "b"], 300)})
    contract, pipeline, result = fitted(table, LINEAR, {"key": "categorical"}, C=100.0)
    assert 0.35 < result.cv_mean < 0.65
    answers = Predictor(contract, pipeline).predict(table).values
    assert (answers == (table["y"] == "b")).mean() < 0.95


@pytest.mark.parametrize("texts", [[None, None], ["", " "], ["same"] * 3, ["ab"], ["€", "x y"]])
def test_any_texts_can_be_encoded(texts: list[Any]) -> None:
    column = np.array(texts, dtype=object).reshape(-1, 1)
    for pieces in ("letters", "words"):
        encoder = TextEncoder(pieces)
        numbers = encoder.fit(column).transform(column)
        assert np.isfinite(numbers).all()
        unknown = encoder.transform(np.array([[np.nan], ["zzzz qqqq"]], dtype=object))
        assert not unknown.any(), "what training knew nothing of"


@pytest.mark.parametrize("pieces", ["letters", "words"])
def test_no_row_has_no_numbers(pieces: Any) -> None:
    texts = np.array([["red box"], ["blue van"], ["red van"]], dtype=object)
    encoder = TextEncoder(pieces, 2).fit(texts)
    assert encoder.transform(texts[:0]).shape == (0, encoder.transform(texts).shape[1])


def test_a_text_that_stands_often_weighs_as_often() -> None:
    once, often = (
        np.array([["alpha"], ["beta"], ["gamma"]], dtype=object),
        np.array([["alpha"]] * 5 + [["beta"], ["gamma"]], dtype=object),
    )
    assert TextEncoder().fit(once).weights_[0].max() < TextEncoder().fit(often).weights_[0].max()
