from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from champion.bundle.model import dumps, loads
from champion.errors import ConfigurationError
from champion.modeling.arrays import NATIVE, ArrayPredictor, block_of
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.equivalence import check_equivalence
from champion.modeling.features import model_frame, signature
from champion.modeling.predictor import Predictor
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Fitting

FOREST = "sklearn.ensemble.RandomForestClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"


def rare(rows: int = 600, classes: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 2))
    y = (
        (x[:, 0] + random.normal(0, 1.2, rows) > 2.2).astype(int)
        if classes == 2
        else random.integers(classes, size=rows)
    )
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.array(["no", "yes", "maybe"])[y]})


def trained(
    table: pd.DataFrame, estimator: str, threshold: Any, metric: str = "f1", **params: Any
) -> tuple[Contract, Any, Any]:
    features = signature(table, infer(table, exclude=["y"], kinds={}))
    contract = Contract(features=features, classes=tuple(sorted(set(table["y"]))))
    fitting = Fitting(target="y", metric=metric, folds=3, seed=0, group=None, ranked=False)
    candidate = Candidate(estimator=estimator, params=params, threshold=threshold)
    return contract, *fit_candidate(table, contract, "one", candidate, fitting)


@pytest.mark.parametrize(("estimator", "params"), [(LINEAR, {}), (FOREST, {"n_estimators": 20})])
def test_a_tuned_threshold_is_recorded_and_answered_by_in_table_file_and_arrays(estimator: str, params: Any) -> None:
    table = rare()
    contract, pipeline, result = trained(table, estimator, "tuned", **params)
    plain = trained(table, estimator, None, **params)
    assert result.threshold is not None
    assert 0 < result.threshold < 0.5, "yes is rare, so that it is answered from less than one half on"
    assert plain[2].threshold is None
    answers = Predictor(contract, pipeline).predict(table)
    assert answers.values.tolist() == (answers.probabilities[:, 1] >= result.threshold).astype(int).tolist()
    assert answers.values.sum() > Predictor(plain[0], plain[1]).predict(table).values.sum()
    read = loads(dumps(pipeline), "the model")
    block = block_of(model_frame(table, contract.features), contract.features)
    backend = check_equivalence(pipeline, contract, table, 0).backend
    for asked in (backend, NATIVE):
        of_arrays = ArrayPredictor(contract, loads(dumps(pipeline), "the model"), asked)
        assert of_arrays.predict(block).values.tolist() == answers.values.tolist()
        assert (
            of_arrays.predict(block_of(model_frame(table[:1], contract.features), contract.features)).values
            == answers.values[0]
        )
    assert Predictor(contract, read).predict(table).values.tolist() == answers.values.tolist()


def test_costs_move_the_threshold_to_where_errors_are_cheap() -> None:
    table = rare()
    dear_misses = trained(table, LINEAR, {"false_negative": 20}, metric="accuracy")[2].threshold
    dear_alarms = trained(table, LINEAR, {"false_positive": 20}, metric="accuracy")[2].threshold
    assert dear_misses < 0.2 < 0.6 < dear_alarms


def test_a_threshold_where_there_is_none_to_find_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="the target has 3 classes, and a threshold is between two"):
        trained(rare(classes=3), LINEAR, "tuned")
    with pytest.raises(ConfigurationError, match="gives no probabilities"):
        trained(rare(), "sklearn.svm.LinearSVC", "tuned")
    for wrong in ("best", {}, {"miss": 1}, {"false_negative": -1}, 0.3):
        with pytest.raises(ValidationError, match="expected `tuned`, or costs"):
            Candidate(estimator=LINEAR, threshold=wrong)


def test_a_sample_of_the_rows_ranks_and_all_train() -> None:
    table = rare()
    features = signature(table, infer(table, exclude=["y"], kinds={}))
    contract = Contract(features=features, classes=("no", "yes"))
    rules = {"target": "y", "metric": "accuracy", "folds": 3, "seed": 0, "group": None, "ranked": True}
    candidate = Candidate(estimator="sklearn.neighbors.KNeighborsClassifier")
    pipeline, some = fit_candidate(table, contract, "one", candidate, Fitting(**rules, rank_rows=100))
    _, every = fit_candidate(table, contract, "one", candidate, Fitting(**rules))
    assert (some.rank_rows, some.folds, every.rank_rows) == (100, 3, None)
    assert pipeline[-1].n_samples_fit_ == len(table)
