"""Steps through their entry points, with a table of some rows: no store, no run."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from champion.modeling.split import rule_for
from champion.use_case.whole import UseCase

USE_CASE = UseCase.model_validate(
    {
        "name": "small",
        "data": {"path": "small.csv", "target": "answer"},
        "split": {"share": 0.4},
        "candidates": {
            "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 1}},
            "guess": {"estimator": "sklearn.dummy.DummyClassifier"},
        },
    }
)
TABLE = pd.DataFrame({"length": [float(n) for n in range(40)], "answer": ["short"] * 20 + ["long"] * 20})
RULE = rule_for(TABLE, USE_CASE.data, USE_CASE.split)


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A step by its name; ZenML is told where the project is, which it asks its main module otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZENML_CONFIG_PATH", str(tmp_path_factory.mktemp("unused")))
        from zenml.utils.source_utils import set_custom_source_root

        set_custom_source_root(str(Path(__file__).resolve().parents[2]))
        yield lambda name: getattr(importlib.import_module(f"steps.{name}"), name)


@pytest.fixture
def prepared(steps: Any) -> Any:
    return steps("prepare").entrypoint(TABLE, USE_CASE.data, RULE, USE_CASE.task)


def trained(steps: Any, prepared: Any) -> list[Any]:
    train_set, _, _, plan = prepared
    return [
        steps("train_candidate").entrypoint(train_set, plan, name, candidate, USE_CASE.fitting())
        for name, candidate in USE_CASE.candidates.items()
    ]


def test_prepare_parts_the_rows_and_learns_from_the_train_set_alone(prepared: Any) -> None:
    train_set, holdout, profile, plan = prepared
    assert len(train_set) + len(holdout) == len(TABLE)
    assert not set(train_set["length"]) & set(holdout["length"])
    assert (plan.train_rows, plan.holdout_rows) == (len(train_set), len(holdout))
    assert plan.classes == ("long", "short")
    (feature,) = plan.features
    assert (feature.minimum, feature.maximum) == (train_set["length"].min(), train_set["length"].max())
    assert profile.rows == len(train_set)


def test_train_candidate_returns_a_file_and_a_result_and_the_same_ones_again(steps: Any, prepared: Any) -> None:
    tree, guess = trained(steps, prepared)
    assert (tree.result.name, guess.result.name) == ("tree", "guess")
    assert tree.result.cv_mean > guess.result.cv_mean
    assert tree.model.startswith(b"PK"), "a skops file is a zip"
    assert trained(steps, prepared)[0].result.cv_mean == tree.result.cv_mean


def test_evaluate_chooses_by_cross_validation_and_asks_the_best_alone(steps: Any, prepared: Any) -> None:
    _, holdout, profile, plan = prepared
    candidates = trained(steps, prepared)
    evaluation, challenger, figures = steps("evaluate").entrypoint(
        holdout, plan, profile, candidates[::-1], USE_CASE.comparison_rules(), None
    )
    assert challenger.result.name == evaluation.challenger.candidate == "tree"
    assert [result.name for result in evaluation.candidates] == ["tree", "guess"]
    assert (evaluation.champion, evaluation.rows.judged) == (None, len(holdout))
    assert evaluation.challenger.scores["accuracy"] > 0.8
    assert figures
    assert all(figure.startswith("<svg") for figure in figures.values())


def test_pure_steps_are_cached_and_effects_never(steps: Any) -> None:
    for name in ("prepare", "train_candidate", "evaluate"):
        assert steps(name).configuration.enable_cache is not False
    for name in ("promote", "report"):
        assert steps(name).configuration.enable_cache is False
