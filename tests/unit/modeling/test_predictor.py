"""What an estimator is given when it is asked."""

from typing import Any

import pandas as pd
from pandas.testing import assert_frame_equal
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from champion.modeling.predictor import ask


def test_trees_are_asked_with_the_numbers_of_a_row_side_by_side() -> None:
    asked = []

    class Model(DummyClassifier):
        def predict_proba(self, rows: pd.DataFrame) -> Any:
            asked.append(rows)
            return super().predict_proba(rows)

    frame = pd.concat([pd.Series([1.0, 2.0, 3.0], name=name, index=[4, 5, 6]) for name in "ab"], axis=1)
    pipeline = Pipeline([("prepare", "passthrough"), ("model", Model().fit(frame, [0, 1, 1]))])
    ask(pipeline, frame, 2)
    assert asked[0].to_numpy().flags["C_CONTIGUOUS"]
    assert_frame_equal(asked[0], frame)
    ask(pipeline, mixed := frame.assign(b=["x", "y", "z"]), 2)
    assert asked[1] is mixed
