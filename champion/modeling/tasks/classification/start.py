"""The candidates of a new use case that learns classes, and by what they are judged: lines of YAML, which `init` writes."""

from collections import Counter
from collections.abc import Sequence

from champion.modeling.evaluation import Label

COMMON, RARE = 0.8, 0.1  # share of the largest class, and of the smallest in the largest, of unbalanced classes

_HISTOGRAMS = """\
  hist_gradient_boosting:  # the trees for a table of this size
    estimator: sklearn.ensemble.HistGradientBoostingClassifier
    params: {max_iter: 200}"""
_FOREST = """\
  random_forest:
    estimator: sklearn.ensemble.RandomForestClassifier
    params: {n_estimators: 200}"""
_REGRESSION = """\
  logistic_regression:
    estimator: sklearn.linear_model.LogisticRegression
    params: {max_iter: 1000}
    search: {C: [0.1, 1.0, 10.0]}  # cross-validated on the train set alone"""


def candidates(many: bool) -> list[str]:
    """Trees, of histograms where there are so many rows that sorting takes longer, and a logistic regression."""
    return [_HISTOGRAMS if many else _FOREST, _REGRESSION]


def metric(labels: Sequence[Label]) -> list[str]:
    """The accuracy, or its balanced form where one class is so large that it would say nothing."""
    smallest, *_, largest = sorted(Counter((type(label), label) for label in labels).values())
    share = largest / len(labels)
    if share <= COMMON and smallest >= RARE * largest:
        return ["  metric: accuracy"]
    return [
        f"  # Unbalanced classes ({smallest:,} to {largest:,} rows): a model that always says the largest would have an",
        f"  # accuracy of {share:.2f}. This is the mean share of each class that is found.",
        "  metric: balanced_accuracy",
    ]
