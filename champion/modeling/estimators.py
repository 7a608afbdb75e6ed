"""Candidates as estimators: is it there, is it made for the task, does it have this parameter; and the pipeline that feeds it."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from champion.errors import ConfigurationError, nearest
from champion.modeling.columns import MANY_CATEGORIES
from champion.modeling.features import Feature, takes_numbers
from champion.modeling.libraries import LIBRARIES, library_of
from champion.modeling.libraries.scikit_learn import is_tree_based
from champion.modeling.pipeline.text_encoding import TextEncoder
from champion.modeling.tasks.learning import learning_of
from champion.use_case.learning import Candidate

if TYPE_CHECKING:
    from champion.use_case.whole import UseCase

MOST_MEANS = 30  # classes of a target, up to which there is a mean for each of them


def check_candidates(use_case: UseCase, source: str) -> None:
    """Refuse candidates and scorers that scikit-learn does not know.

    Raises ConfigurationError naming the key, what was found and the nearest valid one.
    """
    for name, candidate in use_case.candidates.items():
        estimator = estimator_class(candidate.estimator, f"{source}: candidates.{name}.estimator", use_case.task)
        _check_parameters(estimator, candidate, f"{source}: candidates.{name}")
        _check_threshold(candidate, use_case, f"{source}: candidates.{name}.threshold")
    learning = learning_of(use_case.task)
    known = learning.scorer_names()
    guardrails = {f"guardrails.{name}": name for name in use_case.promotion.guardrails}
    for key, scorer in {"metric": use_case.promotion.metric, **guardrails}.items():
        if scorer in learning.REFUSED_SCORERS:
            raise ConfigurationError(
                f"{source}: promotion.{key}: {scorer!r} can decide nothing: {learning.REFUSED_SCORERS[scorer]}."
            )
        if scorer not in known:
            raise ConfigurationError(
                f"{source}: promotion.{key}: {scorer!r} is no scikit-learn {use_case.task} scorer. {nearest(scorer, known)}"
            )


def _check_threshold(candidate: Candidate, use_case: UseCase, where: str) -> None:
    metric, learning = use_case.promotion.metric, learning_of(use_case.task)
    of_answers = metric not in learning.scorer_names() or not learning.needs_probabilities(metric)
    if candidate.threshold == "tuned" and not of_answers:
        raise ConfigurationError(
            f"{where}: promotion.metric {metric!r} is of the probabilities, and no threshold changes it. Leave it out, name "
            "the costs of wrong answers instead, or choose a metric of the answers, such as 'f1' or 'balanced_accuracy'."
        )


def estimator_class(path: str, where: str, task: str = "classification") -> type[Any]:
    """Find the estimator class at an import path, for example ``sklearn.ensemble.RandomForestClassifier``.

    Raises ConfigurationError when nothing is there, or what is there is not for the task.
    """
    kind = learning_of(task).ESTIMATOR_NAME
    module_name, _, class_name = path.rpartition(".")
    if not module_name:
        raise ConfigurationError(
            f"{where}: found {path!r}, expected an import path such as sklearn.ensemble.RandomForestClassifier."
        )
    try:
        module = importlib.import_module(module_name)
    except (ImportError, TypeError) as error:  # a path that begins with a dot is a TypeError
        raise ConfigurationError(
            f"{where}: cannot import {module_name!r} ({error}). {_near_class(path, kind)}"
        ) from None
    estimator = getattr(module, class_name, None)
    if estimator is None:
        raise ConfigurationError(f"{where}: {module_name} has no {class_name!r}. {_near_class(path, kind)}")
    needed = (learning_of(task).ESTIMATOR, BaseEstimator)
    if not (inspect.isclass(estimator) and all(issubclass(estimator, parent) for parent in needed)):
        raise ConfigurationError(f"{where}: {path} is no scikit-learn {kind}. {_near_class(path, kind)}")
    checked: type[Any] = estimator
    return checked


def _near_class(path: str, kind: str) -> str:
    known = {name: path for library in LIBRARIES.values() for name, path in library.names(kind).items()}
    close = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
    if close:
        return f"Did you mean {known[close[0]]!r}?"
    return f"Expected a {kind} such as 'sklearn.ensemble.RandomForest{kind.capitalize()}'."


def _check_parameters(estimator: type[Any], candidate: Candidate, where: str) -> None:
    known = list(inspect.signature(estimator).parameters)
    for section, names in (("params", candidate.params), ("search", candidate.search)):
        for parameter in names:
            if parameter not in known:
                raise ConfigurationError(
                    f"{where}.{section}: {estimator.__name__} has no parameter {parameter!r}. "
                    f"{nearest(parameter, known)}"
                )
    _check_values(estimator, candidate.params, f"{where}.params")
    for parameter, values in candidate.search.items():
        if not values:
            raise ConfigurationError(f"{where}.search.{parameter}: found no value, expected a list of values to try.")
        for value in values:
            _check_values(estimator, {**candidate.params, parameter: value}, f"{where}.search.{parameter}")


def _check_values(estimator: type[Any], params: dict[str, Any], where: str) -> None:
    try:
        library_of(estimator).check_parameters(estimator(**params))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _many(features: Sequence[Feature], classes: int) -> list[Feature]:
    """Columns of so many categories that one column for each says little."""
    if classes > MOST_MEANS:
        return []
    return [each for each in features if not each.free_text and len(each.categories or ()) > MANY_CATEGORIES]


def _of_many(many: Sequence[Feature], estimator: Any, seed: int) -> list[tuple[str, Any, list[str]]]:
    if not many:
        return []
    means: Any = TargetEncoder(random_state=seed)
    if not is_tree_based(estimator):
        means = make_pipeline(means, StandardScaler())
    transformers = [("means", means, [feature.name for feature in many])]
    named = [feature.name for feature in many if not takes_numbers(feature)]
    return transformers + ([("letters", TextEncoder("letters", 30, seed), named)] if named else [])


def _of_texts(texts: list[str], seed: int) -> list[tuple[str, Any, list[str]]]:
    return [("words", TextEncoder("words", 50, seed), texts)] if texts else []


def build_pipeline(
    candidate: Candidate, features: Sequence[Feature], seed: int, task: str = "classification", classes: int = 0
) -> Pipeline:
    """Put the preprocessing that the candidate's estimator needs in front of it, and no more.

    What numbers and categories become, its library says. A category that training never saw is no error. A column of more than
    `MANY_CATEGORIES` categories is known to scikit-learn's own estimators by the target's mean for each of them, cross-fitted, so
    that no row is told its own target, and by the letters of its texts; a free text by its words. `classes` are those of the
    target, none where it is a number.

    The pipeline is to be fitted on `champion.modeling.features.model_frame` of the features. Its steps are ``prepare`` (a
    ColumnTransformer, or nothing where the estimator takes the columns as they are) and ``model``.
    """
    kind = estimator_class(candidate.estimator, "estimator", task)
    defaults = {"random_state": seed} if "random_state" in inspect.signature(kind).parameters else {}
    estimator, library = kind(**{**defaults, **candidate.params}), library_of(kind)
    numbers = [column for feature in features if feature.kind != "categorical" for column in feature.columns]
    texts = [feature.name for feature in features if feature.free_text]
    many = _many(features, classes) if library is LIBRARIES["scikit-learn"] else []
    apart = {*texts, *(feature.name for feature in many)}
    categories = [feature.name for feature in features if feature.kind == "categorical" and feature.name not in apart]
    transformers = []
    if numbers:
        transformers.append(("numbers", library.number_steps(estimator), numbers))
    if categories:
        transformers.append(("categories", library.category_encoder(estimator), categories))
        parameters = library.category_parameters(estimator, len(numbers), len(categories))
        estimator.set_params(**{name: value for name, value in parameters.items() if name not in candidate.params})
    transformers += _of_many(many, estimator, seed) + _of_texts(texts, seed)
    prepare: Any = ColumnTransformer(transformers, sparse_threshold=0.0, verbose_feature_names_out=False)
    if all(steps == "passthrough" for _, steps, _ in transformers):
        prepare = "passthrough"  # a ColumnTransformer would copy the table, column by column, for nothing
    return Pipeline([("prepare", prepare), ("model", estimator)])
