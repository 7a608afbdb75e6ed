"""Fit one candidate on the train set, and rank the fitted ones by cross-validation.

The holdout is not an argument of anything here.
"""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, cross_val_score
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError
from champion.modeling.contract import Contract
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import CandidateResult, FailedFit, Trial
from champion.modeling.features import model_frame
from champion.modeling.libraries import library_of
from champion.modeling.predictor import ask
from champion.modeling.split import moments
from champion.modeling.tasks.learning import Fold, learning_of
from champion.modeling.tasks.target import target_of
from champion.use_case.learning import Candidate, Fitting

FEWEST_ROWS_FOR_THREADS = 10_000  # below, threads wait for each other longer than they work


def fit_candidate(
    train: pd.DataFrame, contract: Contract, name: str, candidate: Candidate, fitting: Fitting
) -> tuple[Pipeline, CandidateResult]:
    """Search, rank and fit one candidate on the whole train set, target included.

    With a search, its best parameters are taken by cross-validation and the score of that is the ranking score. A single
    candidate is not cross-validated: there is nothing to rank. Folds are scored as a comparison scores, over the classes
    that they have. The result's `seconds` include search and cross-validation.

    Raises DataError when the estimator refuses the table, ConfigurationError when it refuses its parameters, and
    NotEnoughDataError when there are too few rows, classes or groups to cross-validate.
    """
    started = time.perf_counter()
    task = contract.task
    learning, frame = learning_of(task), model_frame(train, contract.features)
    learned = learning.encode(target_of(task).canonical_labels(train[fitting.target]), contract.classes)
    pipeline = build_pipeline(candidate, contract.features, fitting.seed, task)
    pipeline = _with(pipeline, candidate.params, contract)
    best: Trial | None = None
    trials: list[Trial] = []
    without = 0
    with _named_errors(name, pipeline[-1]), threadpool_limits(1 if len(frame) < FEWEST_ROWS_FOR_THREADS else None):
        if candidate.search or fitting.ranked:
            groups = None if fitting.group is None else train[fitting.group].astype(str).to_numpy()
            when = None if fitting.time is None else moments(train[fitting.time])
            folds = learning.folds(learned, groups, fitting, when)
            tried = []
            for params in ParameterGrid(dict(candidate.search)):  # without a search one point, of no parameter
                attempt = _with(clone(pipeline), params, contract)
                mean, std, without = _cross_validate(attempt, frame, learned, folds, contract, fitting)
                tried.append((attempt, Trial(params=params, mean=mean, std=std)))
            pipeline, best = max(tried, key=lambda attempt: attempt[1].mean)  # of equals the first
            trials = [trial for _, trial in tried] if candidate.search else []
        with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
            pipeline.fit(frame, learned)
    return pipeline, CandidateResult(
        name=name,
        estimator=candidate.estimator,
        params={**candidate.params, **(best.params if best else {})},
        cv_mean=best.mean if best else None,
        cv_std=best.std if best else None,
        seconds=round(time.perf_counter() - started, 3),
        trials=trials,
        folds_without_score=without,
    )


def rank(results: Sequence[CandidateResult]) -> list[CandidateResult]:
    """Put the candidates best first, and mark the best as chosen; on a tie the one named first stays first.

    Those that failed come last. Raises ConfigurationError or DataError, with every reason, where all did.
    """
    failures = [(result.name, result.failed) for result in results if result.failed]
    if len(failures) == len(results):
        reasons = "\n".join(f"{name}: {why.reason}" for name, why in failures)
        if all(why.configuration for _, why in failures):
            raise ConfigurationError(f"No candidate could be trained:\n{reasons}")
        raise DataError(f"No candidate could be trained:\n{reasons}")
    ordered = sorted(
        results, key=lambda result: (result.failed is not None, -result.cv_mean if result.cv_mean is not None else 0.0)
    )
    return [result.model_copy(update={"chosen": rank == 0}) for rank, result in enumerate(ordered)]


def failure(name: str, candidate: Candidate, error: ProjectError) -> CandidateResult:
    """The result of a candidate that could not be trained, or whose model could not be written."""
    why = FailedFit(reason=str(error), configuration=isinstance(error, ConfigurationError))
    unscored: dict[str, Any] = {"cv_mean": None, "cv_std": None, "seconds": 0.0}
    return CandidateResult(name=name, estimator=candidate.estimator, params=candidate.params, failed=why, **unscored)


def _cross_validate(
    model: Pipeline, frame: pd.DataFrame, learned: NDArray[Any], folds: list[Fold], contract: Contract, fitting: Fitting
) -> tuple[float, float, int]:
    """The mean and the deviation of the metric as a comparison computes it, and in how many folds it has no meaning.

    Which those are depends on the rows of the folds alone, so that all candidates are ranked over the same ones.
    """
    learning, metric, classes = learning_of(contract.task), fitting.metric, range(len(contract.classes))

    def measure(fitted: Pipeline, asked: pd.DataFrame, truth: NDArray[Any]) -> float:
        predictions = ask(fitted, asked, len(classes), probabilities=learning.needs_probabilities(metric))
        try:
            return learning.score(learning.answers(predictions, truth, classes), (), required=metric)[metric]
        except NotEnoughDataError:
            return float("nan")

    with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
        scores = cross_val_score(model, frame, learned, scoring=measure, cv=folds, error_score="raise")
    if np.isnan(scores).all():
        raise NotEnoughDataError(
            f"{fitting.metric} cannot be computed in cross-validation: a class has too few rows for "
            f"{fitting.folds} folds. Add rows, merge classes, or choose another promotion.metric."
        )
    return float(np.nanmean(scores)), float(np.nanstd(scores)), int(np.isnan(scores).sum())


def _with(pipeline: Pipeline, params: dict[str, Any], contract: Contract) -> Pipeline:
    """The pipeline with parameters of its estimator."""
    given = learning_of(contract.task).parameters(params, contract.classes)
    return pipeline.set_params(**{f"model__{name}": value for name, value in given.items()})


@contextmanager
def _named_errors(name: str, estimator: Any) -> Iterator[None]:
    try:
        yield
    except ProjectError:
        raise
    except Exception as error:  # an estimator of any library may raise anything
        if library_of(type(estimator)).is_wrong_parameter(error):
            raise ConfigurationError(f"candidates.{name}: {error}") from error
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"The candidate {name!r} cannot be trained on this table: {first}") from error
