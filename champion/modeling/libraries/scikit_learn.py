"""scikit-learn, and estimators that follow its conventions; see `champion.modeling.libraries.Library`."""

import itertools
from typing import Any

import numpy as np

from champion.patching import Reach, fits

MOST_COLUMNS_PER_CATEGORY = 50  # one-hot; rarer categories share a column
MOST_CODES_PER_CATEGORY = 250  # HistGradientBoosting takes at most 255

ADAPTED = frozenset[str]()
GROUP: str | None = None
IMPORTS_PANDAS = False
SCORES = frozenset(
    f"sklearn.metrics._{module}.{name}"
    for module, names in {
        "classification": (
            *(
                "accuracy_score",
                "balanced_accuracy_score",
                "brier_score_loss",
                "cohen_kappa_score",
                "d2_log_loss_score",
            ),
            *(
                "f1_score",
                "fbeta_score",
                "hamming_loss",
                "jaccard_score",
                "log_loss",
                "matthews_corrcoef",
                "precision_score",
            ),
            *("recall_score", "zero_one_loss"),
        ),
        "ranking": ("average_precision_score", "roc_auc_score", "top_k_accuracy_score"),
    }.items()
    for name in names
)
"""Functions of labels and answers, by which a threshold is tuned."""

CHOOSING = frozenset(
    f"sklearn.feature_selection._{name}"
    for name in ("univariate_selection.chi2", "univariate_selection.f_classif", "mutual_info_.mutual_info_classif")
)
"""Functions of columns and labels, by which columns are chosen."""

DISTANCES = frozenset(
    f"sklearn.metrics._dist_metrics.{name}Distance64"
    for name in (
        *("BrayCurtis", "Canberra", "Chebyshev", "Dice", "Euclidean", "Hamming", "Jaccard", "Manhattan", "Minkowski"),
        *("RogersTanimoto", "RussellRao", "SokalMichener", "SokalSneath"),
    )
)
"""Distances of two rows, which hold nothing but the power of Minkowski's."""

_REFUSED: dict[tuple[str, str, object], str] = {
    ("BernoulliNB", "binarize", None): "its columns would have to be 0 and 1 already, and are not; expected a number",
    ("GaussianProcessClassifier", "multi_class", "one_vs_one"): "it gives no probabilities; expected 'one_vs_rest'",
    ("KNeighborsClassifier", "n_neighbors", None): "expected a whole number",
    ("KNeighborsClassifier", "p", None): "expected a number",
    **{
        (f"{kind}NeighborsClassifier", "metric", name): "it needs more than the rows that a use case has"
        for kind in ("K", "Radius")
        for name in ("precomputed", "pyfunc", "mahalanobis", "seuclidean")
    },
    **{(kind, "kernel", "precomputed"): "a use case has rows, no kernel between them" for kind in ("SVC", "NuSVC")},
}
"""Values that scikit-learn takes, and whose models could not answer, or be read as they were written."""

TRUSTED = (
    SCORES
    | DISTANCES
    | CHOOSING
    | frozenset(
        {
            "champion.modeling.pipeline.text_encoding.TextEncoder",
            "functools.partial",
            "numpy.dtype",
            "sklearn.calibration._CalibratedClassifier",
            "sklearn.calibration._SigmoidCalibration",
            "sklearn.calibration._TemperatureScaling",
            "sklearn.metrics._scorer._CurveScorer",
            "sklearn.metrics._scorer._Scorer",
            "sklearn.utils._metadata_requests.MetadataRequest",
            "sklearn.utils._metadata_requests.MethodMetadataRequest",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
            "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
            "sklearn.gaussian_process.kernels.ConstantKernel",
            "sklearn.gaussian_process.kernels.Product",
            "sklearn.gaussian_process.kernels.RBF",
            "sklearn.model_selection._split.KFold",
            "sklearn.model_selection._split.StratifiedKFold",
            "sklearn.multiclass._ConstantPredictor",
            "sklearn.neighbors._ball_tree.BallTree",
            "sklearn.neighbors._kd_tree.KDTree",
            "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
            "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
            "sklearn.tree._tree.Tree",
            "sklearn.utils.validation.check_array",
        }
    )
)
"""What scikit-learn's own classifiers need beyond skops' defaults, found by writing each of them. The function inside
a `functools.partial` is audited as a type of its own, so trusting the wrapper trusts no function."""

_LOSSES = (
    "AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss", "HalfMultinomialLoss", "HalfPoissonLoss",
    "HalfSquaredError", "HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss",
)  # fmt: skip
RENAMED = {f"_loss.Cy{name}": f"sklearn._loss._loss.Cy{name}" for name in _LOSSES}
"""The losses of gradient boosting named no package until 1.8; https://github.com/scikit-learn/scikit-learn/pull/33770
mended the name alone."""

_VERSION = "scikit-learn 1.9"
PARAMETERS = Reach(
    "sklearn.base:BaseEstimator._validate_params",
    "(self)",
    "a wrong parameter is refused before the table is read, and not when a candidate is fitted",
    _VERSION,
)
TREES = Reach(
    "sklearn.tree._tree:Tree.__getstate__",
    "(self)",
    "the arrays of a tree, from which a forest is packed; without them it answers itself",
    _VERSION,
)
REACHES = (PARAMETERS, TREES)
"""What is taken from scikit-learn's inside; nothing else is."""


def owns(estimator: type[Any]) -> bool:
    """Whether a class is scikit-learn's, or is made from one."""
    from sklearn.base import BaseEstimator

    return issubclass(estimator, BaseEstimator)


def adapted(path: str) -> type[Any]:
    """scikit-learn's classes stand for themselves."""
    raise ValueError(path)


def names(kind: str) -> dict[str, str]:
    """Where scikit-learn documents its estimators: their module up to the first private part."""
    from sklearn.utils import all_estimators

    def path(estimator: type[Any]) -> str:
        public = itertools.takewhile(lambda part: not part.startswith("_"), estimator.__module__.split("."))
        return ".".join((*public, estimator.__name__))

    return {name: path(estimator) for name, estimator in all_estimators(type_filter=kind)}


def check_parameters(estimator: Any) -> None:
    """Let an estimator refuse its parameters, as `fit` would."""
    if fits(PARAMETERS) and hasattr(estimator, "_parameter_constraints"):
        estimator._validate_params()  # noqa: SLF001 - a row of REACHES
    params = estimator.get_params(deep=False)
    for (kind, name, value), reason in _REFUSED.items():
        if type(estimator).__name__ == kind and params.get(name) == value and type(params.get(name)) is type(value):
            raise ValueError(f"{name}: found {value!r}: {reason}.")
    if type(estimator).__name__ == "TunedThresholdClassifierCV":
        _check_scoring(params["scoring"])


def _check_scoring(scoring: Any) -> None:
    """Refuse a score by which a threshold is tuned, and which a package may not hold."""
    from sklearn.metrics import get_scorer

    scored_by = getattr(get_scorer(scoring), "_score_func", None) if isinstance(scoring, str) else None
    if scored_by is not None and f"{scored_by.__module__}.{scored_by.__name__}" not in SCORES:
        raise ValueError(f"scoring: found {scoring!r}, which is no score of classes; expected one such as 'f1'.")


def is_wrong_parameter(error: Exception) -> bool:
    """Whether an error is of scikit-learn's class for that, which is private: its public parents do not tell."""
    return any(parent.__name__ == "InvalidParameterError" for parent in type(error).__mro__)


def number_steps(estimator: Any) -> Any:
    """Imputed where an estimator takes no gaps; standardized, but for trees, or from 0 to 1 where it takes no negative ones."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.utils import get_tags

    takes = get_tags(estimator).input_tags
    steps: list[Any] = [] if takes.allow_nan else [SimpleImputer(strategy="median")]
    if takes.positive_only:
        steps.append(MinMaxScaler(clip=True))
    elif not is_tree_based(estimator):
        steps.append(StandardScaler())
    return make_pipeline(*steps) if steps else "passthrough"


def category_encoder(estimator: Any) -> Any:
    """One column for each category, or codes for HistGradientBoosting."""
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    if _takes_codes(estimator):
        most = min(MOST_CODES_PER_CATEGORY, estimator.max_bins)
        unknown = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "encoded_missing_value": np.nan}
        return OrdinalEncoder(**unknown, max_categories=most)
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_COLUMNS_PER_CATEGORY, sparse_output=False
    )


def category_parameters(estimator: Any, numbers: int, categories: int) -> dict[str, Any]:
    """Which columns hold codes, for HistGradientBoosting."""
    return {"categorical_features": [*range(numbers, numbers + categories)]} if _takes_codes(estimator) else {}


def _takes_codes(estimator: Any) -> bool:
    return type(estimator).__name__.startswith("HistGradientBoosting")


def is_tree_based(estimator: object) -> bool:
    """Tell whether an estimator splits on thresholds, so that no scaling changes it."""
    words = ("Forest", "Tree", "GradientBoosting", "LGBM", "XGB")
    return any(word in parent.__name__ for parent in type(estimator).__mro__ for word in words)
