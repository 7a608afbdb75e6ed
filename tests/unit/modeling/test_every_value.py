"""Every classifier of scikit-learn with every documented value of each parameter: it comes back as it was, or is refused."""

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from champion.bundle.model import dumps, loads
from champion.bundle.trial import try_candidates
from champion.errors import ConfigurationError
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline, check_candidates
from champion.modeling.features import model_frame, signature
from champion.use_case.learning import Candidate
from champion.use_case.whole import parse_use_case
from tests.support.packages import training
from tests.support.parameter_values import Case, cases

TABLE = training(60)
FEATURES = signature(TABLE, infer(TABLE, exclude=[], kinds={}))
ROWS = model_frame(TABLE, FEATURES)
ALL = list(cases())
# One of each kind that was refused after all the training, or whose file has parts of its own.
FEW = (
    "KNeighborsClassifier(metric",
    "OutputCode",
    "TunedThresholdClassifierCV()",
    "VotingClassifier()",
    "n_neighbors=None",
    "scoring=neg_max",
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def comes_back(case: Case) -> None:
    """Refused before training or by `fit`, each in a sentence; else its answers are the same after reading."""
    candidate = Candidate(estimator=case.path, params=case.params)
    raw = {"name": "one", "data": {"path": "a.csv", "target": "y"}, "candidates": {"one": candidate.model_dump()}}
    use_case, tried = parse_use_case(raw, "one.yaml"), True
    try:
        check_candidates(use_case, "one.yaml")
    except ConfigurationError as error:
        assert str(error).startswith("one.yaml: candidates.one.params")  # noqa: PT017 - some are refused, and some are not
        return
    try:
        try_candidates(use_case, "one.yaml")
    except ConfigurationError:
        tried = False
    labels = np.arange(60) % (2 if "Threshold" in case.path else 3)
    pipeline = build_pipeline(candidate, FEATURES, seed=0)
    try:
        pipeline.fit(ROWS, labels)
    except (
        ValueError,
        TypeError,
        NotImplementedError,
    ):  # scikit-learn's own sentence: the candidate is left out with it
        return
    assert tried, "refused before the table is loaded, and can be trained"
    back = loads(dumps(pipeline), "here")
    np.testing.assert_array_equal(back.predict(ROWS), pipeline.predict(ROWS))
    if hasattr(pipeline, "predict_proba"):
        shares = pipeline.predict_proba(ROWS)
        assert np.isfinite(shares).all()
        np.testing.assert_array_equal(back.predict_proba(ROWS), shares)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name) for case in ALL if any(word in case.name for word in FEW)],
)
def test_a_kind_of_each_comes_back_as_it_was_or_is_refused_in_a_sentence(case: Case) -> None:
    comes_back(case)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in ALL])
def test_every_value_comes_back_as_it_was_or_is_refused_in_a_sentence(case: Case) -> None:
    comes_back(case)
