"""Evaluations as a run leaves them, made up without training anything."""

from typing import Any

from champion.comparison.decision import Decision, decide
from champion.comparison.evaluation import ComparisonRows, Evaluation, Outcome, Performance, Provenance
from champion.modeling.evaluation import CandidateResult, ClassScore, Curve, Importance, Label, PairedTest, Trial
from champion.modeling.profile import ColumnProfile, Profile
from champion.use_case.policy import Promotion

SPECIES: list[Label] = ["setosa", "versicolor", "virginica"]


def performance(role: str, classes: list[Label], wrong: int = 2, features: int = 4, **changes: Any) -> Performance:
    """Ten rows per class; of the second class `wrong` rows are taken for the last."""
    size = len(classes)
    confusion = [[10 if i == j else 0 for j in range(size)] for i in range(size)]
    confusion[1][1], confusion[1][-1] = (10 - wrong, wrong) if size > 2 else (10, 0)
    if size == 2:
        confusion[1] = [wrong, 10 - wrong]
    steps = [i / 20 for i in range(21)]
    labels = classes[1:] if size == 2 else classes
    values: dict[str, Any] = {
        "role": role,
        "number": 3 if role == "champion" else None,
        "candidate": "random_forest" if role == "champion" else "logistic_regression",
        "estimator": "sklearn.linear_model.LogisticRegression",
        "params": {"C": 1.0, "max_iter": 1000},
        "scores": {"f1_macro": 0.9 - wrong / 100, "accuracy": (10 * size - wrong) / (10 * size)},
        "per_class": [ClassScore(label=each, precision=0.9, recall=0.8, f1=0.85, support=10) for each in classes],
        "confusion": confusion,
        "roc": [
            Curve(label=each, x=steps, y=[step**0.2 for step in steps], area=0.9 + i / 1000)
            for i, each in enumerate(labels)
        ],
        "precision_recall": [
            Curve(label=each, x=steps, y=[1 - step / 5 for step in steps], area=0.8) for each in labels
        ],
        "calibration": [
            Curve(label=each, x=[0.05, 0.55, 0.95], y=[0.0, 0.5, 1.0], counts=[20, 4, 6]) for each in labels
        ],
        "importance": [Importance(feature=f"x{i}", mean=0.5 / (i + 1) ** 2, std=0.01) for i in range(features)],
    }
    return Performance(**{**values, **changes})


def evaluation(classes: list[Label] | None = None, candidates: int = 2, trials: int = 3, **changes: Any) -> Evaluation:
    """A challenger that got one row wrong against a champion that got two."""
    classes = SPECIES if classes is None else classes
    found = [
        CandidateResult(
            name=f"candidate_{i}",
            estimator="sklearn.linear_model.LogisticRegression",
            params={"C": 1.0},
            cv_mean=0.95 - i / 100,
            cv_std=0.005,
            seconds=0.25,
            trials=[Trial(params={"C": 10.0**-j}, mean=0.95 - i / 100 - j / 50, std=0.02) for j in range(trials)],
            chosen=i == 0,
        )
        for i in range(candidates)
    ]
    values: dict[str, Any] = {
        "use_case": "iris",
        "metric": "accuracy",
        "classes": classes,
        "rows": comparison_rows(),
        "candidates": found,
        "challenger": performance("challenger", classes, wrong=1),
        "champion": performance("champion", classes, wrong=2),
        "champion_unjudged": None,
        "paired": PairedTest(both_right=27, only_challenger_right=2, only_champion_right=1, both_wrong=0, p_value=1.0),
    }
    return Evaluation(**{**values, **changes})


def comparison_rows(**changes: Any) -> ComparisonRows:
    """Thirty judged rows."""
    values: dict[str, Any] = {
        "train": 120,
        "holdout": 30,
        "judged": 30,
        "overlap_only": False,
        "missing_classes": [],
        "smallest_gain": 0.2,
        "sampled_for_importance": 30,
    }
    return ComparisonRows(**{**values, **changes})


def number_column(name: str = "petal length (cm)", **changes: Any) -> ColumnProfile:
    """A numeric column with a histogram of three bins."""
    values: dict[str, Any] = {
        "name": name,
        "kind": "numeric",
        "used": True,
        "why": "A number: scaled.",
        "dtype": "float64",
        "missing": 0,
        "distinct": 40,
        "minimum": 1.0,
        "maximum": 7.0,
        "mean": 3.75,
        "std": 1.76,
        "edges": [1.0, 3.0, 5.0, 7.0],
        "counts": [50, 30, 40],
    }
    return ColumnProfile(**{**values, **changes})


def category_column(name: str = "island", **changes: Any) -> ColumnProfile:
    """A categorical column with three values."""
    values: dict[str, Any] = {
        "name": name,
        "kind": "categorical",
        "used": True,
        "why": "A category: one column per value.",
        "dtype": "str",
        "missing": 6,
        "distinct": 5,
        "categories": ["Biscoe", "Dream", "Torgersen"],
        "counts": [60, 40, 12],
        "other": 2,
    }
    return ColumnProfile(**{**values, **changes})


def profile(classes: list[Label] | None = None, columns: list[ColumnProfile] | None = None) -> Profile:
    """A train set of 120 rows."""
    classes = SPECIES if classes is None else classes
    return Profile(
        rows=120,
        holdout_rows=30,
        target="species",
        classes=classes,
        class_counts=[40 + i for i in range(len(classes))],
        columns=[number_column(), category_column()] if columns is None else columns,
    )


def lineage(**changes: Any) -> Provenance:
    """Where the challenger comes from."""
    values: dict[str, Any] = {
        "use_case": "iris",
        "data_path": "data/iris.csv",
        "data_version": "717820ef0af287ff346c5cabfb4c612c",
        "commit": "3f2a9c1e5b7d4f60",
        "dirty": False,
        "fingerprint": "9b1c5e0f2a7d",
        "seed": 42,
        "split": "hash of the features, salt 'iris', 20 % of rows",
        "libraries": {"scikit-learn": "1.9.1", "pandas": "3.1.0"},
        "stack": "local",
        "created": "2026-11-23T04:52:43+00:00",
    }
    return Provenance(**{**values, **changes})


def outcome(**changes: Any) -> Outcome:
    """Version 4 replaced version 3."""
    values: dict[str, Any] = {"action": "promoted", "challenger": 4, "champion": 4, "replaced": 3, "judged": 7}
    return Outcome(**{**values, **changes})


def decision(found: Evaluation, **policy: Any) -> Decision:
    """What the policy says of an evaluation."""
    return decide(found, Promotion(**policy))
