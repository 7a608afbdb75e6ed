"""What is taken from the inside of skops fits the pinned version, and its front door does the same."""

from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from champion.bundle.model import dumps, loads
from champion.bundle.skops_inside import REACHES, Parts, saved, tree_of
from champion.patching import SWITCH, Reach, fits


@pytest.mark.parametrize("reach", REACHES, ids=lambda reach: reach.target)
def test_a_reach_into_skops_fits_the_pinned_version(reach: Reach) -> None:
    assert fits(reach)


@pytest.mark.parametrize("model", [LogisticRegression(), GradientBoostingClassifier(n_estimators=3)], ids=repr)
def test_without_the_inside_of_skops_the_same_bytes_are_written_and_the_same_model_is_read(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    pipeline = make_pipeline(model.set_params(random_state=0)).fit(rows, rows[:, 0] > 0)
    data = dumps(pipeline)
    answers = loads(data, "here").predict_proba(rows)
    monkeypatch.setenv(SWITCH, "off")
    assert saved(pipeline) is None
    assert tree_of(Parts()) is None
    assert dumps(pipeline) == data
    np.testing.assert_array_equal(loads(data, "here").predict_proba(rows), answers)


def test_a_small_model_is_written_and_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **more: Any) -> Any:
        raise AssertionError("skops was asked once more")

    for name in ("dumps", "loads", "get_untrusted_types"):
        monkeypatch.setattr(skops.io, name, never)
    pipeline = make_pipeline(LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    assert loads(dumps(pipeline), "here").predict([[1.0]]).tolist() == [1]
