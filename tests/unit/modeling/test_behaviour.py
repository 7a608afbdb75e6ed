"""What a trained model must do, whatever the estimator (after eugeneyan/testing-ml)."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.errors import DataError
from champion.modeling.contract import Contract
from champion.modeling.predictor import Predictor
from champion.modeling.preparation import prepare_table
from champion.modeling.split import is_holdout, rule_for
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Data, Fitting, Split

DATA = Data(path="", target="target")
FITTING = Fitting(target="target", metric="accuracy", folds=2, seed=0, group=None, ranked=False)
ESTIMATORS: dict[str, dict[str, Any]] = {
    "sklearn.tree.DecisionTreeClassifier": {},
    "sklearn.ensemble.RandomForestClassifier": {"n_estimators": 30, "bootstrap": False},
    "sklearn.ensemble.HistGradientBoostingClassifier": {"min_samples_leaf": 1, "max_iter": 20},
    "sklearn.linear_model.LogisticRegression": {"C": 1e4, "max_iter": 2000},
    "sklearn.neighbors.KNeighborsClassifier": {"n_neighbors": 1},
}
each = pytest.mark.parametrize("estimator", ESTIMATORS)


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    """Numbers, a category, a boolean and gaps; the target follows the number and the category."""
    random = np.random.default_rng(seed)
    size, colour = random.normal(size=rows), random.choice(["red", "green", "blue"], rows)
    score = size + 2 * (colour == "red") + random.normal(scale=0.2, size=rows)
    frame = pd.DataFrame({"size": size, "colour": colour, "paid": random.random(rows) < 0.5})
    frame["gaps"] = np.where(random.random(rows) < 0.3, np.nan, random.normal(size=rows))
    return frame.assign(target=np.where(score > 0.5, "yes", "no"))


PLAN = prepare_table(table(200), DATA, rule_for(table(200), DATA, Split()))[3]
WHOLE = table(300)
RULE = rule_for(WHOLE, DATA, Split(share=0.3))


def trained(frame: pd.DataFrame, estimator: str, plan: Contract = PLAN) -> Predictor:
    """A model fitted on all of a table; its signature is always the same."""
    candidate = Candidate(estimator=estimator, params=ESTIMATORS[estimator])
    return Predictor(plan, fit_candidate(frame, plan, "one", candidate, FITTING)[0])


@cache
def of_rows(rows: int, estimator: str) -> Predictor:
    return trained(table(rows), estimator)


def answers(predictor: Predictor, frame: pd.DataFrame) -> list[Any]:
    return [predictor.contract.classes[code] for code in predictor.predict(frame).values]


def accuracy(predictor: Predictor, frame: pd.DataFrame) -> float:
    return float(np.mean(np.array(answers(predictor, frame)) == frame["target"]))


@each
def test_it_learns_what_there_is_to_learn_and_ten_rows_by_heart(estimator: str) -> None:
    assert accuracy(of_rows(10, estimator), table(10)) == 1.0
    assert accuracy(of_rows(300, estimator), table(200, seed=1)) > 0.75
    rows = pd.DataFrame({"size": [-3.0, 3.0], "colour": "blue", "paid": True, "gaps": 0.0})
    found = of_rows(300, estimator).predict(rows).probabilities
    assert found[0, 1] < 0.5 < found[1, 1], "more of what counts makes yes likelier"


@each
def test_a_row_is_answered_alike_alone_and_among_others_in_any_order_and_none_gets_none(estimator: str) -> None:
    predictor, asked = of_rows(100, estimator), table(60, seed=1)
    order = np.random.default_rng(2).permutation(60)
    together = answers(predictor, asked)
    assert answers(predictor, asked.iloc[order]) == [together[row] for row in order]
    assert [answers(predictor, asked.iloc[[row]])[0] for row in range(20)] == together[:20]
    none = predictor.predict(asked.iloc[:0])
    assert (none.values.tolist(), none.probabilities.shape) == ([], (0, 2))


@each
def test_the_order_of_columns_more_columns_and_another_dtype_do_not_matter(estimator: str) -> None:
    predictor, asked = of_rows(100, estimator), table(60, seed=1)
    assert {feature.name for feature in predictor.contract.features} == {"size", "colour", "paid", "gaps"}
    dtypes = {"size": "Float64", "colour": "category", "paid": str, "gaps": object}
    for changed in (asked[asked.columns[::-1]].assign(more=1), asked.astype(dtypes)):
        np.testing.assert_array_equal(predictor.predict(changed).probabilities, predictor.predict(asked).probabilities)


@pytest.mark.parametrize(
    "estimator", ["sklearn.tree.DecisionTreeClassifier", "sklearn.linear_model.LogisticRegression"]
)
def test_the_order_of_the_rows_it_learned_from_does_not_matter(estimator: str) -> None:
    asked, other = table(100, seed=1), trained(table(150).sample(frac=1, random_state=3), estimator)
    assert np.mean(np.array(answers(of_rows(150, estimator), asked)) == np.array(answers(other, asked))) > 0.97


@each
def test_a_flipped_label_hurts(estimator: str) -> None:
    """Half of the labels drawn anew, and all of them turned round."""
    train, asked = table(300), table(300, seed=1)
    drawn = np.random.default_rng(4).random(300) < 0.5
    half = train.assign(target=train["target"].mask(drawn, np.where(drawn[::-1], "yes", "no")))
    turned = train.assign(target=train["target"].map({"yes": "no", "no": "yes"}))
    right, noisy, wrong = (accuracy(trained(one, estimator), asked) for one in (train, half, turned))
    assert right > noisy > wrong
    assert wrong < 0.25


@each
def test_probabilities_are_over_all_classes_also_where_training_lacked_one(estimator: str) -> None:
    plan = PLAN.model_copy(update={"classes": ("maybe", *PLAN.classes)})
    found = trained(table(60), estimator, plan).predict(table(60)).probabilities
    assert found.shape == (60, 3)
    assert found[:, 0].tolist() == [0] * 60
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_what_the_estimator_cannot_take_is_told() -> None:
    with pytest.raises(DataError, match=r"LogisticRegression cannot answer this table: Input .*infinity"):
        of_rows(100, "sklearn.linear_model.LogisticRegression").predict(table(5).assign(size=float("inf")))


# Preparation, whose plan all of this goes by


def test_train_set_and_holdout_are_the_table_and_ranges_are_those_of_the_train_set() -> None:
    whole = WHOLE.copy()
    whole.loc[is_holdout(whole, RULE), "size"] += 1e-14
    train, holdout, profile, plan, _ = prepare_table(whole, DATA, RULE)
    assert (len(train), len(holdout)) == (plan.train_rows, plan.holdout_rows) == (profile.rows, profile.holdout_rows)
    assert holdout["size"].tolist() == whole["size"][is_holdout(whole, RULE)].tolist()
    assert sorted([*train["size"], *holdout["size"]]) == sorted(whole["size"])
    size = next(feature for feature in plan.features if feature.name == "size")
    assert (size.minimum, size.maximum) == (train["size"].min(), train["size"].max())


def test_row_numbers_and_what_only_the_holdout_has_are_no_feature() -> None:
    """The train set has gaps in the numbers of its rows, and no value of the column that came late."""
    late = np.where(is_holdout(WHOLE, RULE), np.arange(300) / 7, np.nan)
    _, _, profile, plan, _ = prepare_table(WHOLE.assign(late=late, place=range(300)), DATA, RULE)
    assert not {"late", "place"} & {feature.name for feature in plan.features}
    assert next(column.why for column in profile.columns if column.name == "late").endswith("of the train set.")


def test_a_rare_text_among_numbers_is_met_in_training_as_in_the_holdout() -> None:
    whole = WHOLE.assign(code=[*["1", "2"] * 149, "x", "y"])
    for part in (whole, whole.sample(frac=1, random_state=0)):
        kinds = {feature.name: feature.kind for feature in prepare_table(part, DATA, RULE)[3].features}
        assert kinds["code"] == "categorical"
