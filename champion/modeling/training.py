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
from sklearn.model_selection import ParameterGrid, StratifiedGroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError
from threadpoolctl import threadpool_limits

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.classifier import ask
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import CandidateResult, Label, Trial
from champion.modeling.features import Feature, model_frame
from champion.modeling.scoring import Answers, needs_probabilities, score
from champion.modeling.table import canonical_labels
from champion.use_case.learning import Candidate, Fitting

FEWEST_ROWS_FOR_THREADS = 10_000  # below, threads wait for each other longer than they work

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]  # places of the rows to learn from, and of those to ask


def encode(labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[np.int64]:
    """Find the place of every label in `classes`, shape (rows,); -1 for a label that is not there."""
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
    candidate without rivals is not cross-validated: there is nothing to rank. Folds are scored as the exam scores,
    over the classes that they have.

    Parameters
    ----------
    train : DataFrame, shape (rows, columns)
        The train set, target included.
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
        When there are too few rows, classes or groups to cross-validate.
    """
    started = time.perf_counter()
    frame = model_frame(train, features)
    codes = encode(canonical_labels(train[fitting.target]), classes)
    pipeline = build_pipeline(candidate, features, fitting.seed).set_params(**_for_model(candidate.params, classes))
    mean = std = None
    chosen: dict[str, Any] = {}
    trials: list[Trial] = []
    with _named_errors(name), threadpool_limits(1 if len(frame) < FEWEST_ROWS_FOR_THREADS else None):
        if candidate.search or fitting.ranked:
            folds = _folds(codes, train, fitting)

            def validate(attempt: Pipeline) -> tuple[float, float]:
                return _cross_validate(attempt, frame, codes, folds, fitting, len(classes))

            if candidate.search:
                pipeline, best, trials = _search(pipeline, candidate, validate, classes)
                chosen, mean, std = best.params, best.mean, best.std
            else:
                mean, std = validate(pipeline)
        with _quiet():
            pipeline.fit(frame, codes)
    return pipeline, CandidateResult(
        name=name, estimator=candidate.estimator, params={**candidate.params, **chosen},
        cv_mean=mean, cv_std=std, seconds=round(time.perf_counter() - started, 3), trials=trials,
    )  # fmt: skip


def rank(results: Sequence[CandidateResult]) -> list[CandidateResult]:
    """Put the candidates best first, and mark the best as chosen; on a tie the one named first stays first."""
    ordered = sorted(results, key=lambda result: -result.cv_mean if result.cv_mean is not None else 0.0)
    return [result.model_copy(update={"chosen": place == 0}) for place, result in enumerate(ordered)]


def _folds(codes: NDArray[np.int64], train: pd.DataFrame, fitting: Fitting) -> list[Fold]:
    """Stratified folds that tear no group apart, without those that could not be learned from or have no row."""
    groups = None if fitting.group is None else train[fitting.group].astype(str).to_numpy()
    most = int(np.bincount(codes).max()) if groups is None else min(np.bincount(codes).max(), len(np.unique(groups)))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    found: list[Fold] = []
    if most > 1:
        with _quiet():
            split = kind(n_splits=min(fitting.folds, most), shuffle=True, random_state=fitting.seed)
            found = list(split.split(codes, codes, groups))
    kept = [(learned, asked) for learned, asked in found if len(asked) and len(np.unique(codes[learned])) > 1]
    if not kept:
        raise NotEnoughDataError(
            f"The train set has {len(codes)} rows, too few to rank candidates by cross-validation: in every fold at "
            "least two classes must be left to learn from, and no group may be torn apart. Add rows, or keep one "
            "candidate without a search."
        )
    return kept


def _cross_validate(
    pipeline: Pipeline, frame: pd.DataFrame, codes: NDArray[np.int64], folds: list[Fold], fitting: Fitting, classes: int
) -> tuple[float, float]:
    with _quiet():
        scores = cross_val_score(
            pipeline, frame, codes, scoring=_scorer(fitting.metric, classes), cv=folds, error_score="raise"
        )
    if np.isnan(scores).all():
        raise NotEnoughDataError(
            f"{fitting.metric} cannot be computed in cross-validation: a class has too few rows for "
            f"{fitting.folds} folds. Add rows, merge classes, or choose another promotion.metric."
        )
    return float(np.nanmean(scores)), float(np.nanstd(scores))


def _scorer(metric: str, classes: int) -> Callable[[Pipeline, pd.DataFrame, NDArray[np.int64]], float]:
    """The metric as the exam computes it, over the classes present; NaN where a fold has too few rows for it."""

    def measure(pipeline: Pipeline, frame: pd.DataFrame, codes: NDArray[np.int64]) -> float:
        given = ask(pipeline, frame, classes, probabilities=needs_probabilities(metric))
        answers = Answers(range(classes), codes, given.codes, given.probabilities)
        try:
            return score(answers, (), required=metric)[metric]
        except NotEnoughDataError:
            return float("nan")

    return measure


def _search(
    pipeline: Pipeline,
    candidate: Candidate,
    validate: Callable[[Pipeline], tuple[float, float]],
    classes: Sequence[Label],
) -> tuple[Pipeline, Trial, list[Trial]]:
    """Every point of the grid on the same folds; of equals the first wins."""
    tried: list[tuple[Pipeline, Trial]] = []
    for params in ParameterGrid(dict(candidate.search)):
        attempt = clone(pipeline).set_params(**_for_model(params, classes))
        mean, std = validate(attempt)
        tried.append((attempt, Trial(params=params, mean=mean, std=std)))
    best = max(tried, key=lambda attempt: attempt[1].mean)
    return *best, [trial for _, trial in tried]


def _for_model(params: dict[str, Any], classes: Sequence[Label]) -> dict[str, Any]:
    """Parameters by their name in the pipeline; class weights by code, because codes are what the pipeline learns."""
    named = {f"model__{name}": value for name, value in params.items()}
    weights = params.get("class_weight")
    if isinstance(weights, dict):
        place = {(type(label), label): code for code, label in enumerate(classes)}
        unknown = [label for label in weights if (type(label), label) not in place]
        if unknown:
            raise ConfigurationError(
                f"class_weight names {unknown[0]!r}, which is no class of the train set. "
                f"The classes are: {', '.join(map(repr, classes))}."
            )
        named["model__class_weight"] = {place[type(label), label]: weight for label, weight in weights.items()}
    return named


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the warnings on small classes and slow convergence, one line per fold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _named_errors(name: str) -> Iterator[None]:
    try:
        yield
    except InvalidParameterError as error:
        raise ConfigurationError(f"candidates.{name}: {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"The candidate {name!r} cannot be trained on this table: {first}") from error
