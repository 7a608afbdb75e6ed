"""Fit one candidate on the train set, and rank the fitted ones by cross-validation.

The holdout is not an argument of anything here.
"""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError
from champion.modeling.contract import Contract
from champion.modeling.estimators import build_pipeline, with_params
from champion.modeling.evaluation import CandidateResult, FailedFit, Trial
from champion.modeling.features import model_frame
from champion.modeling.libraries import LIBRARIES, library_of
from champion.modeling.libraries.scikit_learn import is_tree_based
from champion.modeling.own.code import place_of
from champion.modeling.pipeline.stopping import Related, cutting_by_chance, fit_model, fit_pipeline
from champion.modeling.pipeline.threshold import answering_from, require_two_classes, tuned
from champion.modeling.predictor import FEWEST_ROWS_FOR_THREADS, ask
from champion.modeling.split import moments
from champion.modeling.tasks.learning import Fold, learning_of
from champion.modeling.tasks.target import target_of
from champion.progress import tell_part
from champion.use_case.learning import Candidate, Fitting, Threshold


def fit_candidate(
    train: pd.DataFrame, contract: Contract, name: str, candidate: Candidate, fitting: Fitting
) -> tuple[Pipeline, CandidateResult]:
    """Search, rank and fit one candidate on the whole train set, target included.

    With a search, its best parameters are taken by cross-validation and the score of that is the ranking score. A single
    candidate is not cross-validated: there is nothing to rank, unless a threshold is tuned.
    Folds are scored as a comparison scores, over the classes
    that they have. The result's `seconds` include search and cross-validation.

    Raises DataError when the estimator refuses the table, ConfigurationError when it refuses its parameters, and
    NotEnoughDataError when there are too few rows, classes or groups to cross-validate.
    """
    started = time.perf_counter()
    task = contract.task
    if candidate.threshold is not None:
        require_two_classes(contract, name)
    learning, frame = learning_of(task), model_frame(train, contract.features)
    learned = learning.encode(target_of(task).canonical_labels(train[fitting.target]), contract.classes)
    classes, steps = contract.classes, fitting.features
    pipeline = build_pipeline(candidate, contract.features, fitting.seed, task, len(classes), classes, steps)
    ranking: _Ranking | None = None
    best: Trial | None = None
    trials: list[Trial] = []
    threshold: float | None = None
    points = ParameterGrid(dict(candidate.search))  # without a search one point, of no parameter
    related = _related(train, fitting)
    threads = 1 if len(frame) < FEWEST_ROWS_FOR_THREADS else None
    with _named_errors(name, pipeline[-1]), threadpool_limits(threads), _all_cores(pipeline, threads) as (fast, slow):
        if candidate.search or fitting.ranked or candidate.threshold is not None:
            ranking = _Ranking(related, frame, learned, contract, fitting)
            fits = _Fits(name, len(ranking.folds) * (len(points) + (candidate.threshold is not None)) + 1)
            given = task, fitting.seed, classes, contract.features, steps
            attempts = [with_params(clone(fast), params, *given) for params in points]
            scores = ranking.scores(attempts, fits)
            tried = [Trial(params=params, **score) for params, score in zip(points, scores, strict=True)]
            fast, best = max(zip(attempts, tried, strict=True), key=lambda each: each[1].mean)  # of equals the first
            trials = tried if candidate.search else []
            if candidate.threshold is not None:
                threshold, mean = ranking.threshold(fast, candidate.threshold, fits)
                best = best.model_copy(update={"mean": mean})
                fast = answering_from(fast, threshold)
        with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
            fast = fit_pipeline(fast, frame, learned, related)
        pipeline = slow(fast)
    return pipeline, CandidateResult(
        name=name,
        estimator=candidate.estimator,
        params={**candidate.params, **(best.params if best else {})},
        cv_mean=best.mean if best else None,
        cv_std=best.std if best else None,
        seconds=round(time.perf_counter() - started, 3),
        trials=trials,
        threshold=threshold,
        folds=len(ranking.folds) if ranking else 0,
        rank_rows=ranking.rows if ranking and ranking.rows < len(frame) else None,
        folds_without_score=ranking.without if ranking else 0,
        cut_by_chance=tuple(cutting_by_chance(pipeline[-1], len(frame), related)),
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


def _related(train: pd.DataFrame, fitting: Fitting) -> Related:
    """What the use case splits its rows by, of each row; nothing where that is a hash."""
    groups = moments_of = None
    if fitting.group is not None:
        groups, _ = pd.factorize(train[fitting.group].astype(str), sort=True)
    if fitting.time is not None:
        moments_of = moments(train[fitting.time])
    return Related(groups, moments_of)


class _Fits:
    """Tells whoever looks on how many fits of a candidate are done."""

    def __init__(self, name: str, count: int) -> None:
        self._what, self._count, self._done = f"train_{name}", count, 0

    def one_more(self) -> None:
        self._done += 1
        tell_part(self._what, self._done, self._count)


class _Ranking:
    """The rows and folds by which candidates are ranked, and the scores of those."""

    def __init__(
        self, related: Related, frame: pd.DataFrame, learned: NDArray[Any], contract: Contract, fitting: Fitting
    ) -> None:
        if fitting.rank_rows is not None and fitting.rank_rows < len(frame):
            order = np.random.default_rng(fitting.seed).permutation(len(frame))
            drawn = np.sort(order[: fitting.rank_rows])
            related, frame, learned = related.part(drawn), frame.iloc[drawn], learned[drawn]
        self._related, self._frame, self._learned = related, frame, learned
        self._contract, self._fitting = contract, fitting
        self._learning, self._classes = learning_of(contract.task), range(len(contract.classes))
        self.folds: list[Fold] = self._learning.folds(learned, related.groups, fitting, related.moments)
        self.rows, self.without = len(frame), 0

    def scores(self, models: Sequence[Pipeline], fits: _Fits) -> list[dict[str, float]]:
        """Of each model the mean and the deviation of the metric over the folds, as a comparison computes it.

        The models differ in their estimators alone: what prepares the columns is fitted once in each fold.
        In which folds the metric has no meaning (`without`) depends on their rows alone, so that all candidates are ranked over
        the same.
        """
        measured = np.empty((len(models), len(self.folds)))
        for place, (learn, asked) in enumerate(self.folds):
            learned, truth = self._learned[learn], self._learned[asked]
            with warnings.catch_warnings(action="ignore"):  # on small classes and slow convergence, one line per fold
                prepare, related = clone(models[0][:-1]), self._related.part(learn)
                rows = prepare.fit_transform(self._frame.iloc[learn], learned)
                for number, model in enumerate(models):
                    estimator = fit_model(clone(model[-1]), rows, learned, related)
                    fitted = Pipeline([*prepare.steps, ("model", estimator)])
                    measured[number, place] = self._measured(fitted, self._frame.iloc[asked], truth)
                    fits.one_more()
        without = np.isnan(measured[0])
        if without.all():
            raise NotEnoughDataError(
                f"{self._fitting.metric} cannot be computed in cross-validation: a class has too few rows for "
                f"{self._fitting.folds} folds. Add rows, merge classes, or choose another promotion.metric."
            )
        self.without = int(without.sum())
        return [{"mean": float(np.nanmean(each)), "std": float(np.nanstd(each))} for each in measured]

    def _measured(self, fitted: Pipeline, asked: pd.DataFrame, truth: NDArray[Any]) -> float:
        """The metric on rows that a model did not learn from; NaN where it has no meaning on them."""
        learning, metric = self._learning, self._fitting.metric
        predictions = ask(fitted, asked, len(self._classes), probabilities=learning.needs_probabilities(metric))
        try:
            return learning.score(learning.answers(predictions, truth, self._classes), (), required=metric)[metric]
        except NotEnoughDataError:
            return float("nan")

    def threshold(self, model: Pipeline, wanted: Threshold, fits: _Fits) -> tuple[float, float]:
        """The threshold that is best on the rows that the folds ask, and the metric on them."""
        likely, asked_of = [], []
        for learn, asked in self.folds:
            with warnings.catch_warnings(action="ignore"):
                part = self._frame.iloc[learn], self._learned[learn], self._related.part(learn)
                fitted = fit_pipeline(clone(model), *part)
            fits.one_more()
            shares = ask(fitted, self._frame.iloc[asked], len(self._classes)).probabilities
            if shares is None:
                raise ConfigurationError(
                    f"candidates: {type(model[-1]).__name__} gives no probabilities, and a threshold is one. Leave "
                    "`threshold` out, or choose another estimator."
                )
            likely.append(shares[:, 1])
            asked_of.append(asked)
        truth = self._learned[np.concatenate(asked_of)]
        return tuned(wanted, np.concatenate(likely), truth, self._fitting.metric, self._contract)


@contextmanager
def _all_cores(pipeline: Pipeline, threads: int | None) -> Iterator[tuple[Pipeline, Callable[[Pipeline], Pipeline]]]:
    """A pipeline whose trees are grown on all cores that this process may use, and what undoes that in the fitted one.

    The answers are the same. A service would pay for the threads with each request. joblib sees the limits of a container.
    """
    estimator = pipeline[-1]
    many = (
        threads is None
        and library_of(type(estimator)) is LIBRARIES["scikit-learn"]
        and is_tree_based(estimator)
        and estimator.get_params(deep=False).get("n_jobs", 1) is None
    )
    if not many:
        yield pipeline, lambda fitted: fitted
        return
    fast = clone(pipeline).set_params(model__n_jobs=-1)

    def slow(fitted: Pipeline) -> Pipeline:
        inner = fitted[-1]
        for each in (inner, *(getattr(inner, name, None) for name in ("estimator", "estimator_"))):
            if each is not None and "n_jobs" in each.get_params(deep=False):
                each.set_params(n_jobs=None)
        return fitted

    yield fast, slow


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
        if place := place_of(error):
            first = f"{place}: {type(error).__name__}: {first}"
        raise DataError(f"The candidate {name!r} cannot be trained on this table: {first}") from error
