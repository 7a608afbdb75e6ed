"""Fitting where the use case splits by a group or by time: what stops early is told which rows belong together.

Boosters take groups and moments, also inside other estimators, where these pass them on (scikit-learn's metadata routing);
scikit-learn's HistGradientBoosting takes the rows to stop by. All others cut the rows by chance inside `fit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from champion.modeling.libraries.aside import set_aside
from champion.modeling.libraries.boosting import Boosted

_AUTO = 10_000  # rows beyond which `early_stopping: auto` of HistGradientBoosting stops early


@dataclass(frozen=True)
class Related:
    """Of each row its group, or its moment, where the use case splits by one; shape (rows,) each."""

    groups: NDArray[np.int64] | None = None
    moments: NDArray[np.float64] | None = None

    def part(self, rows: NDArray[Any]) -> Related:
        """That of some rows, by their places."""
        return Related(*(None if each is None else each[rows] for each in (self.groups, self.moments)))

    @property
    def given(self) -> dict[str, NDArray[Any]]:
        """As arguments of `Boosted.fit` and `set_aside`; nothing where rows are split by a hash."""
        both = {"groups": self.groups, "moments": self.moments}
        return {name: values for name, values in both.items() if values is not None}


def fit_pipeline(pipeline: Pipeline, frame: Any, learned: NDArray[Any], related: Related) -> Pipeline:
    """Fit a pipeline of `build_pipeline`, early stopping by rows that are apart from the others."""
    if not related.given:
        fitted: Pipeline = pipeline.fit(frame, learned)
        return fitted
    prepare = pipeline[:-1]
    rows = prepare.fit_transform(frame, learned)
    return Pipeline([*prepare.steps, ("model", fit_model(pipeline[-1], rows, learned, related))])


def fit_model(estimator: Any, rows: Any, learned: NDArray[Any], related: Related) -> Any:
    """Fit an estimator on prepared rows, as `fit_pipeline` does."""
    given = related.given
    if given and isinstance(estimator, Boosted):
        return estimator.fit(rows, learned, **given)
    if given and isinstance(estimator, FixedThresholdClassifier):
        estimator.estimator_ = fit_model(clone(estimator.estimator), rows, learned, related)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(estimator.estimator_, name):
                setattr(estimator, name, getattr(estimator.estimator_, name))
        return estimator
    if given and _takes_rows_to_stop_by(estimator) and _cuts(estimator, len(learned)):
        return _fit_histogram(estimator, rows, learned, related)
    if given and any(map(_stops, _below(estimator))):
        with config_context(enable_metadata_routing=True):
            if _passes_on(estimator, given):
                return estimator.fit(rows, learned, **given)
    return estimator.fit(rows, learned)


def cutting_by_chance(estimator: Any, rows: int, related: Related) -> list[str]:
    """The classes of estimators, in one or itself, that cut so many rows by chance in `fit`, where this tears them apart."""
    if not related.given:
        return []
    if isinstance(estimator, FixedThresholdClassifier):
        return cutting_by_chance(estimator.estimator, rows, related)
    passes = isinstance(estimator, Boosted)
    if not passes and any(map(_stops, _below(estimator))):
        with config_context(enable_metadata_routing=True):
            passes = _passes_on(clone(estimator), related.given)
    inner = [each for each in _below(estimator) if each is not estimator or not _takes_rows_to_stop_by(each)]
    cutting = [each for each in inner if _cuts(each, rows) or (_stops(each) and not passes)]
    return sorted({type(each).__name__ for each in cutting})


def _takes_rows_to_stop_by(estimator: Any) -> bool:
    return isinstance(estimator, HistGradientBoostingClassifier)


def _fit_histogram(estimator: Any, rows: Any, learned: NDArray[Any], related: Related) -> Any:
    _, codes = np.unique(learned, return_inverse=True)
    share = estimator.validation_fraction
    share = share / len(codes) if share >= 1 else share
    aside = set_aside(codes, estimator.random_state or 0, share, **related.given)
    asked = estimator.early_stopping
    estimator.set_params(early_stopping=True)  # `auto` counts the rows without these
    try:
        return estimator.fit(rows[~aside], learned[~aside], X_val=rows[aside], y_val=learned[aside])
    finally:
        estimator.set_params(early_stopping=asked)


def _below(estimator: Any) -> Iterator[Any]:
    """An estimator and those in its parameters."""
    yield estimator
    for each in estimator.get_params(deep=True).values():
        if hasattr(each, "get_params") and not isinstance(each, type):
            yield each


def _stops(estimator: Any) -> bool:
    return isinstance(estimator, Boosted) and estimator.stops_early()


def _cuts(estimator: Any, rows: int) -> bool:
    """Whether an estimator of scikit-learn would set rows aside in `fit`, or cross-validates there."""
    if isinstance(estimator, Boosted):
        return False
    params = estimator.get_params(deep=False)
    if "cv" in params and (params["cv"] is None or isinstance(params["cv"], int | float)):
        return True
    asked = params.get("early_stopping", params.get("n_iter_no_change"))
    return params.get("validation_fraction") is not None and (rows > _AUTO if asked == "auto" else bool(asked))


def _passes_on(estimator: Any, given: dict[str, Any]) -> bool:
    """Whether all boosters in an estimator that stop early get what is given to it; they are asked to.

    A stack gives it to its last estimator too, which need not take it.
    """
    if any(isinstance(each, StackingClassifier) for each in _below(estimator)):
        return False
    for each in filter(_stops, _below(estimator)):
        each.set_fit_request(**dict.fromkeys(given, True))
    methods = MethodMapping().add(caller="fit", callee="fit")
    try:
        router = MetadataRouter(owner="training").add(model=estimator, method_mapping=methods)
        router.validate_metadata(params=given, method="fit")
        router.route_params(params=given, caller="fit")
    except (NotImplementedError, TypeError, ValueError, AttributeError):  # of those that pass nothing on
        return False
    return True
