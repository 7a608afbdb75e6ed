"""Evaluations as a run leaves them, made up without training anything; `changes` are fields that differ."""

from collections.abc import Callable
from typing import Any

from champion.comparison.decision import Decision, decide
from champion.comparison.evaluation import ComparisonRows, Evaluation, Outcome, Performance, Provenance
from champion.modeling.evaluation import CandidateResult, Importance, Label, PairedTest, Trial
from champion.modeling.profile import ColumnProfile, Profile
from champion.modeling.tasks.classification.evidence import ClassScore, Curve
from champion.use_case.policy import Promotion

SPECIES: list[Label] = ["setosa", "versicolor", "virginica"]
LOGISTIC = "sklearn.linear_model.LogisticRegression"
THIRTY_JUDGED = ComparisonRows.model_validate_json("""{
    "train": 120, "holdout": 30, "judged": 30, "overlap_only": false, "missing_classes": [], "smallest_gain": 0.2,
    "sampled_for_importance": 30
}""")
NUMBER = ColumnProfile.model_validate_json("""{
    "name": "petal length (cm)", "kind": "numeric", "used": true, "why": "A number: scaled.", "dtype": "float64", "missing": 0,
    "distinct": 40, "minimum": 1, "maximum": 7, "mean": 3.75, "std": 1.76, "edges": [1, 3, 5, 7], "counts": [50, 30, 40]
}""")
CATEGORY = ColumnProfile.model_validate_json("""{
    "name": "island", "kind": "categorical", "used": true, "why": "A category: one column per value.", "dtype": "str",
    "missing": 6, "distinct": 5, "categories": ["Biscoe", "Dream", "Torgersen"], "counts": [60, 40, 12], "other": 2
}""")
PROVENANCE = Provenance.model_validate_json("""{
    "use_case": "iris", "data_path": "data/iris.csv", "data_version": "717820ef0af287ff346c5cabfb4c612c",
    "commit": "3f2a9c1e5b7d4f60", "dirty": false, "fingerprint": "9b1c5e0f2a7d", "seed": 42, "stack": "local",
    "split": "hash of the features, salt 'iris', 20 % of rows", "created": "2026-11-23T04:52:43+00:00",
    "libraries": {"scikit-learn": "1.9.1", "pandas": "3.1.0"}
}""")


def performance(role: str, classes: list[Label], wrong: int = 2, features: int = 4, **changes: Any) -> Performance:
    """Ten rows per class; of the second class `wrong` rows are taken for the last."""
    size, steps = len(classes), [i / 20 for i in range(21)]
    labels = classes[1:] if size == 2 else classes
    confusion = [[10 if i == j else 0 for j in range(size)] for i in range(size)]
    confusion[1][1], confusion[1][0 if size == 2 else -1] = 10 - wrong, wrong
    rising, falling = [step**0.2 for step in steps], [1 - step / 5 for step in steps]
    values: dict[str, Any] = {
        "role": role,
        "number": 3 if role == "champion" else None,
        "candidate": "random_forest" if role == "champion" else "logistic_regression",
        "estimator": LOGISTIC,
        "params": {"C": 1.0, "max_iter": 1000},
        "scores": {"f1_macro": 0.9 - wrong / 100, "accuracy": (10 * size - wrong) / (10 * size)},
        "per_class": [ClassScore(label=each, precision=0.9, recall=0.8, f1=0.85, support=10) for each in classes],
        "confusion": confusion,
        "roc": [Curve(label=each, x=steps, y=rising, area=0.9 + i / 1000) for i, each in enumerate(labels)],
        "precision_recall": [Curve(label=each, x=steps, y=falling, area=0.8) for each in labels],
        "calibration": [
            Curve(label=each, x=[0.05, 0.55, 0.95], y=[0.0, 0.5, 1.0], counts=[20, 4, 6]) for each in labels
        ],
        "importance": [Importance(feature=f"x{i}", mean=0.5 / (i + 1) ** 2, std=0.01) for i in range(features)],
    }
    return Performance(**{**values, **changes})


def evaluation(
    classes: list[Label] | None = None, candidates: int | list[CandidateResult] = 2, trials: int = 3, **changes: Any
) -> Evaluation:
    """A challenger that got one row wrong against a champion that got two."""
    classes = SPECIES if classes is None else classes
    values: dict[str, Any] = {
        "use_case": "iris",
        "metric": "accuracy",
        "classes": classes,
        "rows": THIRTY_JUDGED,
        "candidates": [candidate(i, trials) for i in range(candidates)] if isinstance(candidates, int) else candidates,
        "challenger": performance("challenger", classes, wrong=1),
        "champion": performance("champion", classes, wrong=2),
        "champion_unjudged": None,
        "paired": PairedTest(both_right=27, only_challenger_right=2, only_champion_right=1, both_wrong=0, p_value=1.0),
    }
    return Evaluation(**{**values, **changes})


def candidate(place: int, trials: int) -> CandidateResult:
    """The candidate at a place of the ranking, after a search."""
    mean = 0.95 - place / 100
    tried = [Trial(params={"C": 10.0**-i}, mean=mean - i / 50, std=0.02) for i in range(trials)]
    scored: dict[str, Any] = {"cv_mean": mean, "cv_std": 0.005, "trials": tried, "chosen": place == 0}
    return CandidateResult(name=f"candidate_{place}", estimator=LOGISTIC, params={"C": 1.0}, seconds=0.25, **scored)


def _changing(model: Any) -> Callable[..., Any]:
    """A maker of what is like this, but for the fields that it is given; the name may come first."""
    return lambda *name, **changes: model.model_copy(update={**dict(zip(["name"], name, strict=False)), **changes})


comparison_rows, lineage = _changing(THIRTY_JUDGED), _changing(PROVENANCE)
number_column, category_column = _changing(NUMBER), _changing(CATEGORY)


def profile(classes: list[Label] | None = None, columns: list[ColumnProfile] | None = None) -> Profile:
    """A train set of 120 rows."""
    classes = SPECIES if classes is None else classes
    return Profile(
        rows=120, holdout_rows=30, target="species", classes=classes, class_counts=[40 + i for i in range(len(classes))],
        columns=[NUMBER, CATEGORY] if columns is None else columns,
    )  # fmt: skip


def outcome(**changes: Any) -> Outcome:
    """Version 4 replaced version 3, after five others had been judged."""
    numbers = {"challenger": 4, "champion": 4, "replaced": 3, "judged": 7, "luckiest": 0.9874, "luckiest_guess": 0.4731}
    return Outcome(**{"action": "promoted", **numbers, **changes})


def decision(evaluation: Evaluation, **policy: Any) -> Decision:
    return decide(evaluation, Promotion(**policy))
