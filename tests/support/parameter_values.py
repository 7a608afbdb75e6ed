"""Every classifier of scikit-learn with every documented value of each parameter, one changed at a time."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sklearn.utils import all_estimators
from sklearn.utils._param_validation import Interval, Options

FEW: dict[str, dict[str, Any]] = {
    "HistGradientBoostingClassifier": {"max_iter": 3},
    "RandomForestClassifier": {"n_estimators": 3},
    "ExtraTreesClassifier": {"n_estimators": 3},
    "GradientBoostingClassifier": {"n_estimators": 3},
    "AdaBoostClassifier": {"n_estimators": 3},
    "BaggingClassifier": {"n_estimators": 3},
    "QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
    "MLPClassifier": {"max_iter": 5, "hidden_layer_sizes": [4]},
    "RadiusNeighborsClassifier": {"radius": 50.0, "outlier_label": "most_frequent"},
    "RidgeClassifierCV": {"cv": 2},
    "LogisticRegressionCV": {"cv": 2, "Cs": 2},
}
_LINEAR = {"estimator": "sklearn.linear_model.LogisticRegression"}
_BOTH = [{"name": "one", **_LINEAR}, {"name": "two", "estimator": "sklearn.naive_bayes.GaussianNB"}]
NESTED: dict[str, dict[str, Any]] = {
    **{
        name: {"estimator": _LINEAR}
        for name in (
            "FixedThresholdClassifier", "OneVsOneClassifier", "OneVsRestClassifier", "OutputCodeClassifier",
            "SelfTrainingClassifier", "TunedThresholdClassifierCV",
        )
    },
    "StackingClassifier": {"estimators": _BOTH, "cv": 2},
    "VotingClassifier": {"estimators": _BOTH},
}  # fmt: skip
SEVERAL_TARGETS = ("ClassifierChain", "MultiOutputClassifier")  # their table has several columns to predict
LEFT_OUT = {
    "n_jobs",
    "verbose",
    "random_state",
    "memory",
    "warm_start",
    "estimator",
    "estimators",
    "cv",
    "copy",
    "copy_X",
}


class Case(NamedTuple):
    """A classifier, and the parameters that it has."""

    path: str
    params: dict[str, Any]

    @property
    def name(self) -> str:
        """For a test's name."""
        shown = ", ".join(f"{name}={value}" for name, value in self.params.items() if name not in LEFT_OUT)
        return f"{self.path.rpartition('.')[2]}({shown})"


def cases() -> Iterator[Case]:
    """Each with its defaults, and with each value."""
    for name, kind in all_estimators(type_filter="classifier"):
        if name in SEVERAL_TARGETS:
            continue
        path, base = f"{kind.__module__}.{name}", {**FEW.get(name, {}), **NESTED.get(name, {})}
        yield Case(path, base)
        for parameter, constraints in getattr(kind, "_parameter_constraints", {}).items():
            if parameter in LEFT_OUT or constraints == "no_validation":
                continue
            for value in values(constraints):
                yield Case(path, {**base, parameter: value})


def values(constraints: list[Any]) -> list[Any]:
    """The words, truths and nothing that constraints name, and a number of each interval."""
    found: list[Any] = []
    for each in constraints:
        if isinstance(each, Options):
            found += sorted(each.options - getattr(each, "deprecated", set()), key=str)
        elif each in ("boolean", "verbose"):
            found += [True, False]
        elif each is None:
            found.append(None)
        elif isinstance(each, Interval):
            found.append(number(each))
    return found


def number(interval: Interval) -> Any:
    """A number within an interval, near its beginning."""
    whole = "Integral" in str(interval.type)
    low = 0 if interval.left is None or interval.left == -float("inf") else interval.left
    if whole:
        return (
            int(low) + 2
            if interval.right is None or low + 2 <= interval.right
            else int(low) + (interval.closed in ("right", "neither"))
        )
    high = low + 1.0 if interval.right is None or interval.right == float("inf") else interval.right
    return float(low + 0.5 * (high - low))
