"""Fit one candidate on the train set, and rank the fitted ones by cross-validation.

The holdout is not an argument of anything here.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from ml.errors import ConfigurationError, DataError, NotEnoughDataError
from ml.estimators import build_pipeline
from ml.evaluation import CandidateResult, Label, Trial
from ml.features import Feature, model_frame
from ml.table import canonical_labels
from ml.use_case import Candidate, Fitting


def encode(labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[np.int64]:
    """The place of every label in `classes`, shape (rows,); -1 for a label that is not there."""
    place = {(type(label), label): code for code, label in enumerate(classes)}
    codes, uniques = pd.factorize(np.asarray(labels, dtype=object))
    each = np.array([place.get((type(label), label), -1) for label in uniques] + [-1], dtype=np.int64)
    found: NDArray[np.int64] = each[codes]
    return found


def fit_candidate(
    train: pd.DataFrame,
    features: Sequence[Feature],
    classes: Sequence[Label],
    name: str,
    candidate: Candidate,
    fitting: Fitting,
) -> tuple[Pipeline, CandidateResult]:
    """Search, rank and fit one candidate.

    With a search, its best parameters are taken by cross-validation and the score of that is the ranking score. A
    candidate without rivals is not cross-validated: there is nothing to rank.

    Parameters
    ----------
    train : DataFrame, shape (rows, columns)
        The train set, target included.
    features : sequence of Feature
        The signature.
    classes : sequence of Label
        The classes of the train set; the pipeline predicts their places.
    name : str
        The candidate's name in the use case.
    candidate : Candidate
        Estimator, parameters, search.
    fitting : Fitting
        Metric, folds, seed, group column, and whether there is a rival.

    Returns
    -------
    Pipeline, CandidateResult
        Fitted on the whole train set; the result's `seconds` include search and cross-validation.

    Raises
    ------
    DataError
        When the estimator refuses the table.
    ConfigurationError
        When the estimator refuses its parameters.
    NotEnoughDataError
        When a class has too few rows to cross-validate.
    """
    started = time.perf_counter()
    frame = model_frame(train, features)
    codes = encode(canonical_labels(train[fitting.target]), classes)
    pipeline = build_pipeline(candidate, features, fitting.seed)
    mean = std = None
    chosen: dict[str, Any] = {}
    trials: list[Trial] = []
    with _named_errors(name):
        if candidate.search:
            pipeline, best, trials = _search(pipeline, frame, codes, train, candidate, fitting)
            chosen, mean, std = best.params, best.mean, best.std
        else:
            if fitting.ranked:
                mean, std = _cross_validate(pipeline, frame, codes, train, fitting)
            with _quiet():
                pipeline.fit(frame, codes)
    return pipeline, CandidateResult(
        name=name, estimator=candidate.estimator, params={**candidate.params, **chosen},
        cv_mean=mean, cv_std=std, seconds=round(time.perf_counter() - started, 3), trials=trials,
    )  # fmt: skip


def rank(results: Sequence[CandidateResult]) -> list[CandidateResult]:
    """The candidates best first, the best one marked as chosen; on a tie the one named first stays first."""
    ordered = sorted(results, key=lambda result: -result.cv_mean if result.cv_mean is not None else 0.0)
    return [result.model_copy(update={"chosen": place == 0}) for place, result in enumerate(ordered)]


def _folds(codes: NDArray[np.int64], train: pd.DataFrame, fitting: Fitting) -> tuple[Any, Any]:
    groups = None if fitting.group is None else train[fitting.group].astype(str).to_numpy()
    most = int(np.bincount(codes).max()) if groups is None else len(np.unique(groups))
    folds = min(fitting.folds, most)
    if folds < 2:
        raise NotEnoughDataError(
            f"The train set has {len(codes)} rows; at least two rows of a class (or two groups) are needed to rank "
            "candidates by cross-validation."
        )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return kind(n_splits=folds, shuffle=True, random_state=fitting.seed), groups


def _cross_validate(
    pipeline: Pipeline, frame: pd.DataFrame, codes: NDArray[np.int64], train: pd.DataFrame, fitting: Fitting
) -> tuple[float, float]:
    folds, groups = _folds(codes, train, fitting)
    with _quiet():
        scores = cross_val_score(
            pipeline, frame, codes, groups=groups, scoring=fitting.metric, cv=folds, error_score="raise"
        )
    _require_score(scores, fitting)
    return float(np.nanmean(scores)), float(np.nanstd(scores))


def _search(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    codes: NDArray[np.int64],
    train: pd.DataFrame,
    candidate: Candidate,
    fitting: Fitting,
) -> tuple[Pipeline, Trial, list[Trial]]:
    folds, groups = _folds(codes, train, fitting)
    grid = {f"model__{key}": list(values) for key, values in candidate.search.items()}
    search = GridSearchCV(pipeline, grid, scoring=fitting.metric, cv=folds, error_score="raise")
    with _quiet():
        search.fit(frame, codes, groups=groups)
    found = search.cv_results_
    _require_score(found["mean_test_score"], fitting)
    trials = [
        Trial(params={key.removeprefix("model__"): value for key, value in params.items()}, mean=mean, std=std)
        for params, mean, std in zip(
            found["params"], found["mean_test_score"].tolist(), found["std_test_score"].tolist(), strict=True
        )
    ]
    return search.best_estimator_, trials[search.best_index_], trials


def _require_score(scores: NDArray[np.float64], fitting: Fitting) -> None:
    if np.isnan(scores).all():
        raise NotEnoughDataError(
            f"{fitting.metric} cannot be computed in cross-validation: a class has too few rows for "
            f"{fitting.folds} folds. Add rows, merge classes, or choose another promotion.metric."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings on small classes and slow convergence, one line per fold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidParameterError as error:
        raise ConfigurationError(f"candidates.{name}: {error}") from error
    except (ValueError, TypeError) as error:
        first = str(error).strip().splitlines()[-1] if "fits failed" in str(error) else str(error).splitlines()[0]
        raise DataError(f"The candidate {name!r} cannot be trained on this table: {first}") from error
