"""Fit one candidate on the train set, and rank the fitted ones by cross-validation.

The holdout is not an argument of anything here.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, cross_val_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.classifier import ask
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import CandidateResult, Label, Trial
from champion.modeling.features import Feature, model_frame
from champion.modeling.sklearn_private import InvalidParameterError
from champion.modeling.tasks.classification.learning import Answers, Fold
from champion.modeling.tasks.learning import LEARNING
from champion.modeling.tasks.target import TARGETS
from champion.use_case.learning import Candidate, Fitting

FEWEST_ROWS_FOR_THREADS = 10_000  # below, threads wait for each other longer than they work


def fit_candidate(
    train: pd.DataFrame,
    features: Sequence[Feature],
    classes: Sequence[Label],
    name: str,
    candidate: Candidate,
    fitting: Fitting,
) -> tuple[Pipeline, CandidateResult]:
    """Search, rank and fit one candidate on the whole train set, target included.

    With a search, its best parameters are taken by cross-validation and the score of that is the ranking score. A single
    candidate is not cross-validated: there is nothing to rank. Folds are scored as a comparison scores, over the classes
    that they have. The result's `seconds` include search and cross-validation.

    Raises DataError when the estimator refuses the table, ConfigurationError when it refuses its parameters, and
    NotEnoughDataError when there are too few rows, classes or groups to cross-validate.
    """
    started = time.perf_counter()
    learning = LEARNING[fitting.task]
    frame = model_frame(train, features)
    codes = learning.encode(TARGETS[fitting.task].canonical_labels(train[fitting.target]), classes)
    pipeline = _with(
        build_pipeline(candidate, features, fitting.seed, fitting.task), candidate.params, classes, fitting
    )
    best: Trial | None = None
    trials: list[Trial] = []
    with _named_errors(name), threadpool_limits(1 if len(frame) < FEWEST_ROWS_FOR_THREADS else None):
        if candidate.search or fitting.ranked:
            groups = None if fitting.group is None else train[fitting.group].astype(str).to_numpy()
            folds = learning.folds(codes, groups, fitting)
            tried = []
            for params in ParameterGrid(dict(candidate.search)):  # without a search one point, of no parameter
                attempt = _with(clone(pipeline), params, classes, fitting)
                mean, std = _cross_validate(attempt, frame, codes, folds, fitting, len(classes))
                tried.append((attempt, Trial(params=params, mean=mean, std=std)))
            pipeline, best = max(tried, key=lambda attempt: attempt[1].mean)  # of equals the first
            trials = [trial for _, trial in tried] if candidate.search else []
        with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
            pipeline.fit(frame, codes)
    return pipeline, CandidateResult(
        name=name,
        estimator=candidate.estimator,
        params={**candidate.params, **(best.params if best else {})},
        cv_mean=best.mean if best else None,
        cv_std=best.std if best else None,
        seconds=round(time.perf_counter() - started, 3),
        trials=trials,
    )


def rank(results: Sequence[CandidateResult]) -> list[CandidateResult]:
    """Put the candidates best first, and mark the best as chosen; on a tie the one named first stays first."""
    ordered = sorted(results, key=lambda result: -result.cv_mean if result.cv_mean is not None else 0.0)
    return [result.model_copy(update={"chosen": rank == 0}) for rank, result in enumerate(ordered)]


def _cross_validate(
    pipeline: Pipeline, frame: pd.DataFrame, codes: NDArray[np.int64], folds: list[Fold], fitting: Fitting, classes: int
) -> tuple[float, float]:
    with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
        scores = cross_val_score(
            pipeline, frame, codes, scoring=_scorer(fitting, classes), cv=folds, error_score="raise"
        )
    if np.isnan(scores).all():
        raise NotEnoughDataError(
            f"{fitting.metric} cannot be computed in cross-validation: a class has too few rows for "
            f"{fitting.folds} folds. Add rows, merge classes, or choose another promotion.metric."
        )
    return float(np.nanmean(scores)), float(np.nanstd(scores))


def _scorer(fitting: Fitting, classes: int) -> Callable[[Pipeline, pd.DataFrame, NDArray[np.int64]], float]:
    """The metric as a comparison computes it, over the classes present; NaN where a fold has too few rows for it."""
    learning, metric, codes_of_all = LEARNING[fitting.task], fitting.metric, range(classes)

    def measure(pipeline: Pipeline, frame: pd.DataFrame, codes: NDArray[np.int64]) -> float:
        predictions = ask(pipeline, frame, classes, probabilities=learning.needs_probabilities(metric))
        answers = Answers(codes_of_all, codes, predictions.codes, predictions.probabilities)
        try:
            return learning.score(answers, (), required=metric)[metric]
        except NotEnoughDataError:
            return float("nan")

    return measure


def _with(pipeline: Pipeline, params: dict[str, Any], classes: Sequence[Label], fitting: Fitting) -> Pipeline:
    """The pipeline with parameters of its estimator."""
    given = LEARNING[fitting.task].parameters(params, classes)
    return pipeline.set_params(**{f"model__{name}": value for name, value in given.items()})


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidParameterError as error:
        raise ConfigurationError(f"candidates.{name}: {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"The candidate {name!r} cannot be trained on this table: {first}") from error
