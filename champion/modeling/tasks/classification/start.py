"""The candidates of a new use case that learns classes, and by what they are judged: lines of YAML, which `init` writes."""

from collections import Counter
from collections.abc import Sequence

from champion.modeling.evaluation import Label

COMMON, RARE = 0.8, 0.1  # share of the largest class, and of the smallest in the largest, of unbalanced classes

FOREST_ROWS = 20_000  # up to which a forest is quick
EARLY_ROWS = 10_000  # from which scikit-learn stops boosting where it gains no more
SEARCH_VALUES = 2_000_000  # rows x columns x classes, up to which a linear model is searched


def candidates(labels: Sequence[Label], columns: int) -> list[str]:
    """Boosted trees and a linear model, and a forest where that is quick; classes weighed alike where they are unbalanced."""
    rows, classes = len(labels), len({(type(label), label) for label in labels})
    weights = ", class_weight: balanced" if is_unbalanced(labels) else ""
    iterations = 300 if rows >= EARLY_ROWS else 100
    lines = [
        "  boosting:  # trees, each of which mends what those before got wrong; gaps and categories as they are",
        "    estimator: sklearn.ensemble.HistGradientBoostingClassifier",
        f"    params: {{max_iter: {iterations}, l2_regularization: 1.0{weights}}}  # few rows of a class move no tree far",
        "  linear:  # a weight for each column; quick, and easy to explain",
        "    estimator: sklearn.linear_model.LogisticRegression",
        f"    params: {{max_iter: 1000{weights}}}",
    ]
    if rows * columns * classes <= SEARCH_VALUES:
        lines.append("    search: {C: [0.1, 1.0, 10.0]}  # each is tried in cross-validation on the train set alone")
    if rows <= FOREST_ROWS:
        lines += [
            "  forest:  # many trees that vote; hard to get wrong on few rows",
            "    estimator: sklearn.ensemble.RandomForestClassifier",
            f"    params: {{n_estimators: 100{weights}}}",
        ]
    return lines


def is_unbalanced(labels: Sequence[Label]) -> bool:
    """Whether one class is so large, or one so small, that the share of right answers would say little."""
    smallest, *_, largest = sorted(Counter((type(label), label) for label in labels).values())
    return largest / len(labels) > COMMON or smallest < RARE * largest


def metric(labels: Sequence[Label]) -> list[str]:
    """The accuracy, or its balanced form where one class is so large that it would say nothing."""
    smallest, *_, largest = sorted(Counter((type(label), label) for label in labels).values())
    share = largest / len(labels)
    if not is_unbalanced(labels):
        return ["  metric: accuracy"]
    return [
        f"  # Unbalanced classes ({smallest:,} to {largest:,} rows): a model that always says the largest would have an",
        f"  # accuracy of {share:.2f}. This is the mean share of each class that is found.",
        "  metric: balanced_accuracy",
    ]
