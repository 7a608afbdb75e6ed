"""LightGBM; see `champion.modeling.libraries.Library`. Its models are its own text."""

from __future__ import annotations

import inspect
import logging
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.errors import nearest
from champion.modeling import trees
from champion.modeling.libraries import boosting
from champion.modeling.libraries.boosting import Boosted, Rows
from champion.modeling.predictor import FEWEST_ROWS_FOR_THREADS

TRUSTED = frozenset[str]()
RENAMED: dict[str, str] = {}
ADAPTED = frozenset({"lightgbm.LGBMClassifier"})
GROUP: str | None = "lightgbm"
IMPORTS_PANDAS = False

_QUIET = ("verbose", "verbosity")
_THREADS = ("n_jobs", "num_threads", "num_thread", "nthread", "nthreads")
_CATEGORIES = ("categorical_feature", "cat_feature", "categorical_column", "cat_column", "categorical_features")
_OBJECTIVES = ("objective", "objective_type", "app", "application", "loss")
_ANSWERING = (
    *("binary", "multiclass", "softmax", "multiclassova", "multiclass_ova", "ova", "ovr"),
    *("cross_entropy", "xentropy"),
)


class LGBMClassifier(Boosted):
    """LightGBM's classifier."""

    LIBRARY = "lightgbm"
    SEEDS = ("random_state", "seed", "random_seed")
    ROUNDS = (
        *(
            "n_estimators",
            "num_iterations",
            "num_iteration",
            "n_iter",
            "num_tree",
            "num_trees",
            "num_round",
            "num_rounds",
        ),
        *("nrounds", "num_boost_round", "max_iter"),
    )
    STOPPING = ("early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change")
    WEIGHTS = "class_weight"
    OF_COLUMNS = (
        *_CATEGORIES,
        *("monotone_constraints", "mc", "monotone_constraint", "monotonic_cst", "interaction_constraints"),
        *(
            "interaction_constraint",
            "interaction_cst",
            "feature_contri",
            "feature_contrib",
            "fc",
            "fp",
            "feature_penalty",
        ),
        *("max_bin_by_feature", "cegb_penalty_feature_lazy", "cegb_penalty_feature_coupled", "forcedsplits_filename"),
    )

    def trained(
        self,
        params: dict[str, Any],
        rows: Rows,
        codes: NDArray[np.int64],
        weights: NDArray[np.float64] | None,
        aside: NDArray[np.bool_] | None,
    ) -> bytes:
        """See `Boosted`."""
        import lightgbm

        objective = next((params[name] for name in _OBJECTIVES if params.get(name)), "binary")
        if objective not in _ANSWERING:
            raise ValueError(
                f"objective: found {objective!r}, which gives no probabilities; expected one of {_ANSWERING}"
            )
        categories: Any = next((params.pop(name) for name in _CATEGORIES if params.get(name)), "auto")
        if not any(name in params for name in _QUIET):
            params["verbose"] = -1
        if len(rows) < FEWEST_ROWS_FOR_THREADS and not any(name in params for name in _THREADS):
            params["n_jobs"] = 1
        estimator = lightgbm.LGBMClassifier(**params)
        more: dict[str, Any] = {}
        if aside is not None:
            more = {"eval_X": (rows[aside],), "eval_y": (codes[aside],)}
            if weights is not None:
                more["eval_sample_weight"] = [weights[aside]]
                weights = weights[~aside]
            rows, codes = rows[~aside], codes[~aside]
        estimator.fit(rows, codes, sample_weight=weights, categorical_feature=categories, **more)
        booster = estimator.booster_
        text: str = booster.model_to_string(num_iteration=booster.best_iteration if aside is not None else -1)
        return text.encode()

    def read(self, text: bytes, width: int, classes: int) -> Any:
        """See `Boosted`."""
        import lightgbm

        check_text(text.decode("ascii"), width, classes)
        return lightgbm.Booster(model_str=text.decode("ascii"))

    def answers(self, rows: Rows) -> Any:
        """See `Boosted`."""
        threads = 1 if len(rows) < boosting.FEW_ROWS else os.cpu_count() or 1
        return self.model_.predict(rows, num_threads=threads)


def check_text(text: str, width: int, classes: int) -> None:
    """Refuse a text that LightGBM would follow out of its memory, or whose model has other columns or classes.

    LightGBM itself believes the sizes and the children that a text names. Raises ValueError with what is wrong.
    """
    if text.count("\0") or text.count("\r"):
        raise ValueError("a text of LightGBM with control characters")
    head, found, rest = text.partition("\n\nTree=")
    facts = _facts(head)
    outputs = 1 if classes == 2 and facts.get("num_class") == "1" else classes
    expected = {"num_class": outputs, "num_tree_per_iteration": outputs, "max_feature_idx": width - 1}
    for name, value in expected.items():
        if facts.get(name) != str(value):
            raise ValueError(f"{name}={facts.get(name)} in a text of LightGBM, expected {value}")
    if len(facts["feature_names"].split(" ")) != width or len(facts["feature_infos"].split(" ")) != width:
        raise ValueError("a text of LightGBM with other names than columns")
    body, _, _ = rest.partition("end of trees")
    blocks = ("Tree=" + body).split("\n\n\n")[:-1] if found else []
    sizes = [int(size) for size in facts.get("tree_sizes", "").split()]
    if [len(block) + 3 for block in blocks] != sizes or len(blocks) % outputs or not blocks:
        raise ValueError("a text of LightGBM with other trees than it says")
    for number, block in enumerate(blocks):
        _check_tree(_facts(block), number, width)


_OF_SPLITS = ("split_feature", "threshold", "decision_type", "left_child", "right_child", "split_gain")


def _check_tree(facts: dict[str, str], number: int, width: int) -> None:
    leaves = int(facts["num_leaves"])
    if facts["Tree"] != str(number) or leaves < 1:
        raise ValueError("a tree of LightGBM out of its place")
    counts = {name: len(texts.split()) for name, texts in facts.items()}
    needed = dict.fromkeys(_OF_SPLITS, leaves - 1) | {"leaf_value": leaves}
    maybe = {f"internal_{what}": leaves - 1 for what in ("value", "weight", "count")}
    maybe |= {f"leaf_{what}": leaves for what in ("weight", "count")}
    wrong = any(counts.get(name) != count for name, count in needed.items())
    if leaves > 1 and (wrong or any(counts.get(name, 0) not in (0, count) for name, count in maybe.items())):
        raise ValueError("a tree of LightGBM with other values than nodes")
    if leaves > 1:
        _check_splits(facts, leaves, width)
    if facts.get("is_linear", "0") != "0":
        _check_linear(facts, leaves, width)


def _check_splits(facts: dict[str, str], leaves: int, width: int) -> None:
    features, decisions, *sides = (
        np.array(facts[name].split(), dtype=np.int64)
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    left, right = (np.r_[np.where(side >= 0, side, leaves - 2 - side), np.full(leaves, -1)] for side in sides)
    trees.check_tree(left, right, np.r_[features, np.zeros(leaves, dtype=np.int64)], width)
    which = np.array(facts["threshold"].split(), dtype=np.float64)[decisions & 1 == 1]
    sets, bounds = int(facts["num_cat"]), [int(each) for each in facts.get("cat_boundaries", "0").split()]
    words = len(facts.get("cat_threshold", "").split())
    if len(bounds) != sets + 1 or bounds[0] != 0 or bounds != sorted(bounds) or bounds[-1] != words:
        raise ValueError("a tree of LightGBM whose sets of categories are not as it says")
    if not ((which >= 0) & (which < sets) & (which == np.floor(which))).all():
        raise ValueError("a tree of LightGBM asks for a set of categories that it has not")


def _check_linear(facts: dict[str, str], leaves: int, width: int) -> None:
    counts = [int(each) for each in facts["num_features"].split()]
    columns = [int(each) for each in facts["leaf_features"].split()]
    fits = len(counts) == len(facts["leaf_const"].split()) == leaves and all(count >= 0 for count in counts)
    if not fits or not sum(counts) == len(columns) == len(facts["leaf_coeff"].split()):
        raise ValueError("a tree of LightGBM whose linear leaves are not as it says")
    if not all(0 <= column < width for column in columns):
        raise ValueError(f"a tree of LightGBM asks for a column that the model has not; it has {width}")


def _facts(block: str) -> dict[str, str]:
    pairs = [line.partition("=")[::2] for line in block.split("\n")]
    facts = dict(pairs)
    if len(facts) != len(pairs):
        raise ValueError("a text of LightGBM that names a key twice")
    return facts


def owns(estimator: type[Any]) -> bool:
    """Whether a class is the one of this module."""
    return issubclass(estimator, LGBMClassifier)


def names(kind: str) -> dict[str, str]:
    """The import paths of its estimators of a kind, by the names of their classes."""
    return boosting.names_of(ADAPTED, kind)


def adapted(path: str) -> type[Any]:
    """The class that stands for an import path of `ADAPTED`."""
    del path
    return LGBMClassifier


def check_parameters(estimator: Any) -> None:
    """LightGBM itself looks at them; what it does not know, it only warns of."""
    import lightgbm

    lines: list[str] = []

    class Log:
        def info(self, text: str) -> None:
            lines.append(text)

        def warning(self, text: str) -> None:
            lines.append(text)

    lightgbm.register_logger(Log())
    try:
        boosting.example(LGBMClassifier, {**estimator.params, "verbose": 1})
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(f"LightGBM refuses these parameters: {error}") from None
    finally:
        lightgbm.register_logger(logging.getLogger("lightgbm"))
    unknown = [line.partition("Unknown parameter:")[2].strip() for line in lines if "Unknown parameter:" in line]
    if unknown:
        known = inspect.signature(lightgbm.LGBMClassifier).parameters
        raise ValueError(f"LightGBM has no parameter {unknown[0]!r}. {nearest(unknown[0], known)}")


is_wrong_parameter = boosting.is_wrong_parameter
number_steps = boosting.number_steps
category_encoder = boosting.category_encoder


def category_parameters(estimator: Any, numbers: int, categories: int) -> dict[str, Any]:
    """Which columns hold codes."""
    del estimator
    return {"categorical_feature": list(range(numbers, numbers + categories))}
