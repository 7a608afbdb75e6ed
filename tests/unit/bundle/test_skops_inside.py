"""What is taken from the inside of skops fits the pinned version, and its front door does the same."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_array

from champion.bundle import model as model_file
from champion.bundle.model import _canonical, dumps, loads
from champion.bundle.packed import pack
from champion.bundle.skops_inside import REACHES, Parts, saved, tree_of, untrusted_kinds
from champion.bundle.written import check_written
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
    assert untrusted_kinds([]) is None
    assert dumps(pipeline) == data
    np.testing.assert_array_equal(loads(data, "here").predict_proba(rows), answers)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        ExtraTreesClassifier(2),
        GradientBoostingClassifier(n_estimators=2),
        SGDClassifier(),
        MLPClassifier(max_iter=2),
        SVC(),
        make_pipeline(FunctionTransformer(partial(check_array)), KNeighborsClassifier()),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_what_skops_says_of_kinds_is_what_it_says_of_all_nodes(model: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    made = saved(pack(make_pipeline(model).fit(rows, rows[:, 0] > 0)))
    assert made is not None
    parts = _canonical(*made)
    tree, _ = tree_of(parts)
    assert untrusted_kinds(check_written(parts)) == sorted(tree.get_unsafe_set())


def test_what_skops_does_not_trust_is_not_trusted_as_a_kind_and_what_a_name_does_not_decide_is_not_decided() -> None:
    foreign = [("ObjectNode", "os.Foreign"), ("FunctionNode", "os.system"), ("LossNode", "sklearn._loss._loss.New")]
    assert untrusted_kinds([*foreign, ("ListNode", "builtins.list")]) == sorted(name for _, name in foreign)
    assert untrusted_kinds([("RandomGeneratorNode", "numpy.random._generator.Generator")]) is None


def test_a_small_model_is_written_and_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **more: Any) -> Any:
        raise AssertionError("skops was asked once more")

    pipeline = make_pipeline(LogisticRegression()).fit([[0.0], [1.0]], [0, 1])
    with monkeypatch.context() as writing:
        writing.setattr(model_file, "tree_of", never)  # it makes an object of each node, for a file that was just made
        dumps(pipeline)
    for name in ("dumps", "loads", "get_untrusted_types"):
        monkeypatch.setattr(skops.io, name, never)
    assert loads(dumps(pipeline), "here").predict([[1.0]]).tolist() == [1]
