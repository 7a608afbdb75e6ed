"""Early stopping keeps groups together and stops by the latest rows, where the use case splits by them; else it is told."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from champion.comparison.doubts import cut_by_chance_in_words
from champion.modeling.contract import Contract
from champion.modeling.evaluation import CandidateResult
from champion.modeling.features import Feature
from champion.modeling.libraries.boosting import Boosted
from champion.modeling.libraries.lightgbm import LGBMClassifier
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Fitting

LIGHTGBM, HISTOGRAM = "lightgbm.LGBMClassifier", "sklearn.ensemble.HistGradientBoostingClassifier"
EARLY = {"n_estimators": 12, "early_stopping_round": 2, "min_child_samples": 5}
BOOSTER = {"estimator": LIGHTGBM, "params": EARLY}
LINEAR = {"estimator": "sklearn.linear_model.LogisticRegression"}


def table() -> pd.DataFrame:
    """Rows of 40 groups, each of which has a day; `who` is a feature too, so that rows tell theirs."""
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 10)
    noise = random.normal(size=400)
    made = {"id": who.astype(float), "noise": noise, "who": [f"person {each}" for each in who], "y": noise > 0.3}
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(who, "D")
    return pd.DataFrame({**made, "day": day.astype(str)}).sample(frac=1, random_state=0, ignore_index=True)


def learned(candidate: dict[str, Any], by: str, **more: Any) -> tuple[Any, CandidateResult]:
    features = tuple(Feature(name=name, kind="numeric", dtype="float64", nullable=False) for name in ("id", "noise"))
    of_split = {"group": "who" if by == "group" else None, "time": "day" if by == "time" else None}
    fitting = {"target": "y", "metric": "accuracy", "folds": 3, "seed": 0, "ranked": False, **of_split}
    contract = Contract(features=features, classes=(False, True))
    return fit_candidate(table(), contract, "one", Candidate(**candidate, **more), Fitting(**fitting))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[float], set[float]]]:
    """Of each fit that stops early the groups that were learned, and those that it stopped by."""
    seen: list[tuple[set[float], set[float]]] = []
    trained, fit = LGBMClassifier.trained, HistGradientBoostingClassifier.fit

    def boosted(self: Boosted, params: Any, rows: Any, codes: Any, weights: Any, aside: Any) -> bytes:
        seen.append((set(rows[~aside, 0]), set(rows[aside, 0])))
        return trained(self, params, rows, codes, weights, aside)

    def histogram(self: Any, X: Any, y: Any, **more: Any) -> Any:
        seen.append((set(np.asarray(X)[:, 0]), set(np.asarray(more["X_val"])[:, 0])))
        return fit(self, X, y, **more)

    monkeypatch.setattr(LGBMClassifier, "trained", boosted)
    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", histogram)
    return seen


def nested(kind: str) -> dict[str, Any]:
    named = {"one": BOOSTER, "other": LINEAR}
    if kind == "stack":
        return {"estimator": "sklearn.ensemble.StackingClassifier", "params": {"estimators": named, "cv": 2}}
    if kind == "vote":
        return {"estimator": "sklearn.ensemble.VotingClassifier", "params": {"estimators": named, "voting": "soft"}}
    steps = {"scale": {"estimator": "sklearn.preprocessing.StandardScaler"}, "model": BOOSTER}
    return {"estimator": "sklearn.pipeline.Pipeline", "params": {"steps": steps}}


HISTOGRAM_CANDIDATE = {"estimator": HISTOGRAM, "params": {"max_iter": 12, "early_stopping": True}}


@pytest.mark.parametrize("by", ["group", "time"])
@pytest.mark.parametrize(
    ("candidate", "more", "count"),
    [
        (BOOSTER, {}, 1),
        (BOOSTER, {"search": {"max_depth": [2, 3]}}, 7),
        (BOOSTER, {"threshold": "tuned"}, 7),
        (HISTOGRAM_CANDIDATE, {}, 1),
        (HISTOGRAM_CANDIDATE, {"threshold": "tuned"}, 7),
        (nested("vote"), {}, 1),
        (nested("pipeline"), {}, 1),
    ],
    ids=["booster", "search", "threshold", "histogram", "its threshold", "vote", "pipeline"],
)
def test_early_stopping_keeps_groups_together_and_stops_by_the_latest_rows(
    candidate: dict[str, Any], more: dict[str, Any], count: int, by: str, fits: list[tuple[set[float], set[float]]]
) -> None:
    pipeline, result = learned(candidate, by, **more)
    assert len(fits) == count
    for learnt, stopped in fits:
        if "Pipeline" in candidate["estimator"]:
            learnt, stopped = ({round(each, 6) for each in groups} for groups in (learnt, stopped))
        assert stopped
        assert not learnt & stopped
        assert by == "group" or max(learnt) < min(stopped)
    assert result.cut_by_chance == ()
    assert pipeline.predict_proba(table()[["id", "noise"]]).shape == (400, 2)
    assert pipeline[-1].get_params().get("early_stopping", True) is True


@pytest.mark.parametrize(
    ("candidate", "named"),
    [
        (
            {"estimator": "sklearn.ensemble.GradientBoostingClassifier", "params": {"n_iter_no_change": 2}},
            ["GradientBoostingClassifier"],
        ),
        ({"estimator": "sklearn.linear_model.SGDClassifier", "params": {"early_stopping": True}}, ["SGDClassifier"]),
        (
            {"estimator": "sklearn.ensemble.AdaBoostClassifier", "params": {"estimator": BOOSTER, "n_estimators": 1}},
            ["LGBMClassifier"],
        ),
        (nested("stack"), ["LGBMClassifier", "StackingClassifier"]),
    ],
    ids=["GradientBoosting", "SGD", "AdaBoost", "stack"],
)
def test_an_estimator_that_cuts_rows_by_chance_is_named_where_groups_are_torn(
    candidate: dict[str, Any], named: list[str]
) -> None:
    _, result = learned(candidate, "group")
    assert [*result.cut_by_chance] == named
    told = cut_by_chance_in_words(result, "who")
    assert f"{', '.join(map(repr, named))} divides its rows by chance inside fit" in told
    assert "'who'" in told
    assert learned(candidate, "hash")[1].cut_by_chance == ()
