"""XGBoost; see `champion.modeling.libraries.Library`. Its models are its own JSON."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.libraries import boosting
from champion.modeling.libraries.boosting import Boosted, Rows
from champion.modeling.predictor import FEWEST_ROWS_FOR_THREADS

TRUSTED = frozenset[str]()
RENAMED: dict[str, str] = {}
ADAPTED = frozenset({"xgboost.XGBClassifier"})
GROUP: str | None = "xgboost"
IMPORTS_PANDAS = False

_OBJECTIVES = (None, "binary:logistic", "multi:softprob", "multi:softmax")
_UNFIT = ("callbacks", "eval_metric")  # for an example: what may ask for rows that are set aside


class XGBClassifier(Boosted):
    """XGBoost's classifier."""

    LIBRARY = "xgboost"
    SEEDS = ("random_state", "seed")
    ROUNDS = ("n_estimators",)
    STOPPING = ("early_stopping_rounds",)
    OF_COLUMNS = ("feature_types", "monotone_constraints", "interaction_constraints", "feature_weights")

    def trained(
        self,
        params: dict[str, Any],
        rows: Rows,
        codes: NDArray[np.int64],
        weights: NDArray[np.float64] | None,
        aside: NDArray[np.bool_] | None,
    ) -> bytes:
        """See `Boosted`."""
        import xgboost

        objective = params.get("objective")
        if objective not in _OBJECTIVES:
            raise ValueError(
                f"objective: found {objective!r}, which gives no probabilities; expected one of {_OBJECTIVES[1:]}"
            )
        classes = int(codes.max()) + 1
        if str(objective).startswith("multi:"):  # softmax learns the same, and answers without probabilities
            params["objective"] = "multi:softprob" if classes > 2 else "binary:logistic"
        params.pop("num_class", None)
        if kinds := params.get("feature_types"):  # what the words of a text became follows the categories
            params["feature_types"] = [*kinds, *["q"] * (rows.shape[1] - len(kinds))]
        if isinstance(signs := params.get("monotone_constraints"), list):  # which XGBoost takes for names of columns
            params["monotone_constraints"] = tuple(signs)
        if isinstance(sets := params.get("interaction_constraints"), list | tuple):  # likewise
            params["interaction_constraints"] = json.dumps(sets)
        if len(rows) < FEWEST_ROWS_FOR_THREADS and "nthread" not in params:
            params = {"n_jobs": 1, **params}
        estimator = xgboost.XGBClassifier(**{"verbosity": 0, **params})
        more: dict[str, Any] = {}
        if aside is not None:
            more["eval_set"] = [(rows[aside], codes[aside])]
            if weights is not None:
                more["sample_weight_eval_set"] = [weights[aside]]
                weights = weights[~aside]
            rows, codes = rows[~aside], codes[~aside]
        estimator.fit(rows, codes, sample_weight=weights, verbose=False, **more)
        booster = estimator.get_booster()
        if aside is not None and params.get("booster") != "gblinear":
            booster = booster[: booster.best_iteration + 1]
            booster.set_attr(best_iteration=None, best_score=None)
        return bytes(booster.save_raw("json"))

    def read(self, text: bytes, width: int, classes: int) -> Any:
        """See `Boosted`."""
        import xgboost

        check_text(text, width, classes)
        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(text))
        return booster

    def _for(self, rows: Rows) -> Any:
        """The model with one thread for few rows, which all threads together would answer later, and with all for many."""
        if len(rows) < boosting.FEW_ROWS:
            return self.model_
        if not hasattr(self, "wide_"):
            wide = self.model_.copy()
            wide.set_param({"nthread": 0})
            self.wide_ = wide
        return self.wide_

    def answers(self, rows: Rows) -> Any:
        """See `Boosted`."""
        missing = self.params.get("missing")
        missing = np.nan if missing is None else missing
        if self.params.get("booster") != "gblinear":
            found = self._for(rows).inplace_predict(rows, missing=missing, validate_features=False)
        else:
            import xgboost

            found = self._for(rows).predict(xgboost.DMatrix(rows, missing=missing), validate_features=False)
        return found if found.ndim == 2 else np.stack([1.0 - found, found], axis=1)  # in float32, as XGBoost has it


def check_text(text: bytes, width: int, classes: int) -> None:
    """Refuse a text that XGBoost would follow out of its memory, or whose model has other columns or classes.

    Raises ValueError with what is wrong.
    """
    learner = boosting.plain_json(text)["learner"]
    facts, machine = learner["learner_model_param"], learner["gradient_booster"]
    outputs = 1 if classes == 2 and facts["num_class"] in ("0", "1") else classes
    if (facts["num_feature"], facts["num_target"]) != (str(width), "1"):
        raise ValueError(f"a text of XGBoost with other columns than {width}, or with several targets")
    if outputs > 1 and facts["num_class"] != str(classes):
        raise ValueError(f"a text of XGBoost with num_class={facts['num_class']}, expected {classes}")
    if learner["objective"]["name"] not in ("binary:logistic", "multi:softprob"):
        raise ValueError(f"a text of XGBoost with the objective {learner['objective']['name']!r}")
    if learner["feature_names"] or len(learner["feature_types"]) not in (0, width):
        raise ValueError("a text of XGBoost with names of columns")
    if machine["name"] == "gblinear":
        if len(machine["model"]["weights"]) != (width + 1) * outputs:
            raise ValueError("a text of XGBoost with other weights than columns")
        return
    model = machine["gbtree"]["model"] if machine["name"] == "dart" else machine["model"]
    if machine["name"] == "dart":
        _numbers(machine["weight_drop"], len(model["trees"]))
    _check_rounds(model, outputs)
    for number, tree in enumerate(model["trees"]):
        _check_tree(tree, number, width)


def _check_rounds(model: dict[str, Any], outputs: int) -> None:
    count = len(model["trees"])
    info, rounds = _numbers(model["tree_info"], count), _numbers(model["iteration_indptr"])
    if model["cats"]["enc"] or model["gbtree_model_param"]["num_trees"] != str(count) or not count:
        raise ValueError("a text of XGBoost with other trees than it says")
    if (info < 0).any() or (info >= outputs).any():
        raise ValueError("a tree of XGBoost for a class that the model has not")
    if rounds[0] != 0 or rounds[-1] != count or (np.diff(rounds) <= 0).any():
        raise ValueError("a text of XGBoost whose rounds are not as it says")


def _check_tree(tree: dict[str, Any], number: int, width: int) -> None:
    facts = tree["tree_param"]
    nodes = int(facts["num_nodes"])
    if tree["id"] != number or facts["num_feature"] != str(width):
        raise ValueError("a tree of XGBoost out of its place")
    if facts["size_leaf_vector"] not in ("0", "1"):
        raise ValueError("a tree of XGBoost with several answers at a leaf (multi_strategy)")
    each = ("base_weights", "default_left", "loss_changes", "parents", "split_conditions", "sum_hessian")
    for name in each:
        _numbers(tree[name], nodes)
    left, right, features, kinds = (
        _numbers(tree[name], nodes) for name in ("left_children", "right_children", "split_indices", "split_type")
    )
    own = np.flatnonzero(left >= 0)
    children = np.concatenate([left[own], right[own]])
    if (
        not (left[left < 0] == -1).all()
        or not (right[left < 0] == -1).all()
        or len(np.unique(children)) != len(children)
    ):
        raise ValueError("the nodes of a tree are no tree")  # pruned ones may be left over
    if (children <= np.tile(own, 2)).any() or (children >= nodes).any() or not nodes:
        raise ValueError("the nodes of a tree are no tree")
    if (features[own] < 0).any() or (features[own] >= width).any():
        raise ValueError(f"a tree asks for a feature that the model has not; it has {width}")
    words = _numbers(tree["categories"])
    asking, starts, sizes = (_numbers(tree[f"categories_{name}"]) for name in ("nodes", "segments", "sizes"))
    expected = np.flatnonzero((kinds == 1) & (left >= 0))
    if not np.isin(kinds, (0, 1)).all() or not np.array_equal(asking, expected) or len(starts) != len(asking):
        raise ValueError("a tree of XGBoost whose sets of categories are not as it says")
    ends = np.r_[starts, len(words)]
    if len(sizes) != len(starts) or (len(starts) and starts[0] != 0) or not np.array_equal(np.diff(ends), sizes):
        raise ValueError("a tree of XGBoost whose sets of categories are not as it says")
    if (sizes < 1).any() or (words < 0).any() or (words >= 2**24).any():
        raise ValueError("a tree of XGBoost asks for a category that there cannot be")


def _numbers(values: Any, count: int | None = None) -> NDArray[Any]:
    array = np.asarray(values, dtype=np.float64 if not values else None)
    if not isinstance(values, list) or array.ndim != 1 or array.dtype.kind not in "iuf":
        raise ValueError("a text of XGBoost with something else where numbers stand")
    if count is not None and len(array) != count:
        raise ValueError(f"a text of XGBoost with {len(array)} numbers where {count} stand")
    return array


def owns(estimator: type[Any]) -> bool:
    """Whether a class is the one of this module."""
    return issubclass(estimator, XGBClassifier)


def names(kind: str) -> dict[str, str]:
    """The import paths of its estimators of a kind, by the names of their classes."""
    return boosting.names_of(ADAPTED, kind)


def adapted(path: str) -> type[Any]:
    """The class that stands for an import path of `ADAPTED`."""
    del path
    return XGBClassifier


def check_parameters(estimator: Any) -> None:
    """XGBoost itself looks at them; what it does not know, it only warns of."""
    import xgboost

    left = {name: value for name, value in estimator.params.items() if name not in _UNFIT}
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            boosting.example(XGBClassifier, {**left, "verbosity": 1})
        except xgboost.core.XGBoostError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            said = next((line.partition("Check failed:")[2] for line in lines if "Check failed:" in line), lines[0])
            raise ValueError(f"XGBoost refuses these parameters: {said.strip()}") from None
    unknown = [str(each.message) for each in found if "are not used" in str(each.message)]
    if unknown:
        names = unknown[0].partition("{")[2].partition("}")[0].strip()
        raise ValueError(f"XGBoost does not use {names} (with these other parameters)")


is_wrong_parameter = boosting.is_wrong_parameter
number_steps = boosting.number_steps
category_encoder = boosting.category_encoder  # XGBoost refuses a category that it does not know


def category_parameters(estimator: Any, numbers: int, categories: int) -> dict[str, Any]:
    """Which columns hold codes."""
    del estimator
    return {"feature_types": ["q"] * numbers + ["c"] * categories, "enable_categorical": True}
