"""Candidates are tried on a few made-up rows before a table is loaded.

So parameters that contradict each other, and models that no file may hold, are refused before all the training. What fails
because of these rows must not be refused: it has to fail in the same words on tables of several sizes, with and without
categories, of two classes and of three; and what has a value for each column or class is not judged.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from champion.bundle.model import dumps
from champion.errors import ConfigurationError, PackageError
from champion.modeling.estimators import BY_COLUMN, build_pipeline, with_params
from champion.modeling.features import Feature
from champion.modeling.libraries.boosting import Boosted
from champion.modeling.own import code
from champion.use_case.learning import Candidate
from champion.use_case.whole import UseCase

_ROUNDS = ("n_estimators", "max_iter")
_FEWER = 5  # of those, which contradict no other parameter
_MOST_POINTS = 32  # of a search, which differ in more than numbers


class _Shape(NamedTuple):
    rows: int
    numbers: int
    categories: int
    classes: int


_FIRST = _Shape(120, 8, 0, 2)
_OTHERS = (_Shape(48, 3, 1, 3), _Shape(300, 0, 4, 2), _Shape(1000, 40, 0, 2))


def try_candidates(use_case: UseCase, source: str) -> None:
    """Raises ConfigurationError naming the candidate that cannot be fitted by its parameters, or whose model cannot be written.

    Those of own code are not tried: what it does with rows is not known.
    """
    for name, candidate in use_case.candidates.items():
        where = f"{source}: candidates.{name}"
        if any(code.found(path, where) is not None for path in candidate.estimators):
            continue
        for params in _points(candidate):
            _try(candidate, params, use_case.task, where)


def _points(candidate: Candidate) -> Iterator[Mapping[str, Any]]:
    """The points of a search which differ in more than numbers, the first of them where these are many."""
    seen = set[str]()
    for params in ParameterGrid(dict(candidate.search)):
        kind = repr({name: value for name, value in params.items() if isinstance(value, bool) or not _is_number(value)})
        if kind not in seen and len(seen) < _MOST_POINTS:
            seen.add(kind)
            yield params


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _try(candidate: Candidate, params: Mapping[str, Any], task: str, where: str) -> None:
    fitted, reason = _fit(candidate, params, task, _FIRST)
    if fitted is None:
        if any(map(_has_lists, {**candidate.params, **params}.values())):
            return
        for shape in _OTHERS:
            again, other = _fit(candidate, params, task, shape)
            if again is not None or other != reason:
                return
        said = f" (with {dict(params)})" if params else ""
        raise ConfigurationError(f"{where}: {candidate.estimator} refuses these parameters{said}: {reason}")
    try:
        dumps(fitted)
    except PackageError as error:
        raise ConfigurationError(f"{where}: its model could not be written. {error}") from None


def _fit(candidate: Candidate, params: Mapping[str, Any], task: str, shape: _Shape) -> tuple[Pipeline | None, str]:
    """The fitted pipeline, or None and the first line of what was raised."""
    random, labels = np.random.default_rng(0), np.arange(shape.rows) % shape.classes
    numbers = [f"number_{place}" for place in range(shape.numbers)]
    categories = [f"category_{place}" for place in range(shape.categories)]
    rows = pd.DataFrame(random.normal(size=(shape.rows, shape.numbers)) + 2.0 * labels[:, None], columns=numbers)
    for name in categories:
        rows[name] = np.array(["a", "b", "c"])[random.integers(0, 3, shape.rows)]
    features = [
        *(Feature(name=name, kind="numeric", dtype="float64", nullable=False) for name in numbers),
        *(
            Feature(name=name, kind="categorical", dtype="str", nullable=False, categories=tuple("abc"))
            for name in categories
        ),
    ]
    left = {name: value for name, value in candidate.params.items() if name not in BY_COLUMN}
    candidate = candidate.model_copy(update={"params": left})
    pipeline = build_pipeline(candidate, features, seed=0, task=task, classes=shape.classes)
    if params:
        pipeline = with_params(pipeline, params, task, 0, ())
    _shorten(pipeline)
    try:
        with warnings.catch_warnings(action="ignore"), threadpool_limits(1):
            return pipeline.fit(rows, labels), ""
    except Exception as error:  # an estimator of any library may raise anything
        return None, (str(error).strip().splitlines() or [type(error).__name__])[0]


def _shorten(pipeline: Pipeline) -> None:
    """Fewer rounds, one process, no weights by label and no values by column: what takes time, or names what is not there."""
    estimator = pipeline[-1]
    for each in (estimator, *estimator.get_params(deep=True).values()):
        if isinstance(each, Boosted):
            left = {
                name: value
                for name, value in each.params.items()
                if name not in (*each.OF_COLUMNS, *each.ROUNDS, each.WEIGHTS)
            }
            each.params = {**left, each.ROUNDS[0]: 1}
        elif hasattr(each, "get_params") and not isinstance(each, type):
            own = each.get_params(deep=False)
            fewer = {name: _FEWER for name in _ROUNDS if isinstance(own.get(name), int) and own[name] > _FEWER}
            alone = {"n_jobs": None} if "n_jobs" in own else {}
            weights = {"class_weight": None} if isinstance(own.get("class_weight"), dict) else {}
            each.set_params(**fewer, **alone, **weights)


def _has_lists(value: Any) -> bool:
    """Whether a parameter has a value for each of many, which may be columns or classes."""
    if isinstance(value, Mapping):
        each = value.get("params", {}).values() if "estimator" in value else value.values()
        return any(
            _has_lists(inner) if isinstance(inner, Mapping | list | tuple) else "estimator" not in value
            for inner in each
        )
    return isinstance(value, list | tuple) and (
        not value or any(map(_has_lists, value)) or not isinstance(value[0], Mapping)
    )
