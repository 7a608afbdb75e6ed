"""Candidates as estimators: is it there, is it made for the task, does it have this parameter; and the pipeline that feeds it."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from sklearn.base import ClassifierMixin, ClusterMixin, OutlierMixin, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.utils import get_tags

from champion.errors import ConfigurationError, nearest
from champion.modeling.columns import MANY_CATEGORIES
from champion.modeling.evaluation import Label
from champion.modeling.features import Feature, takes_numbers
from champion.modeling.libraries import LIBRARIES, Library, library_of
from champion.modeling.libraries.boosting import FURTHER, Boosted
from champion.modeling.libraries.scikit_learn import is_tree_based
from champion.modeling.own import code
from champion.modeling.own.columns import hidden, own_steps
from champion.modeling.pipeline.text_encoding import TextEncoder
from champion.modeling.tasks.learning import learning_of
from champion.use_case.learning import Candidate, FeatureStep

if TYPE_CHECKING:
    from champion.use_case.whole import UseCase

_DIRECTIONS, _SETS = ("monotone_constraints", "monotonic_cst"), ("interaction_constraints", "interaction_cst")
BY_COLUMN = (*_DIRECTIONS, *_SETS)  # parameters whose values may be given by the names of columns
MOST_MEANS = 30  # classes of a target, up to which there is a mean for each of them


def check_candidates(use_case: UseCase, source: str) -> None:
    """Refuse candidates and scorers that scikit-learn does not know.

    Raises ConfigurationError naming the key, what was found and the nearest valid one.
    """
    for name, candidate in use_case.candidates.items():
        _check_candidate(candidate, use_case.task, f"{source}: candidates.{name}")
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


def estimator_class(path: str, where: str, task: str = "classification", nested: bool = False) -> type[Any]:
    """Find the estimator class at an import path, for example ``sklearn.ensemble.RandomForestClassifier``.

    One that is `nested` in another may be of any kind, a transformer too. Of a class that takes others, such as a pipeline, only
    what is made of it tells what it is.

    Raises ConfigurationError when nothing is there, its library is not installed, or what is there is not for the task.
    """
    kind = learning_of(task).ESTIMATOR_NAME
    module_name, _, class_name = path.rpartition(".")
    own = code.found(path, where)
    if not module_name:
        raise ConfigurationError(
            f"{where}: found {path!r}, expected an import path such as sklearn.ensemble.RandomForestClassifier."
        )
    for name, library in LIBRARIES.items():
        if library.GROUP and path.partition(".")[0] == name:
            if path not in library.ADAPTED:
                raise ConfigurationError(f"{where}: {path!r} cannot be a candidate. {nearest(path, library.ADAPTED)}")
            if find_spec(name) is None:
                raise ConfigurationError(
                    f"{where}: {path} needs {name}, which is not installed here. `make {library.GROUP}` installs it."
                )
            return library.adapted(path)
    try:
        module = importlib.import_module(module_name) if own is None else None
    except (ImportError, TypeError) as error:  # a path that begins with a dot is a TypeError
        raise ConfigurationError(
            f"{where}: cannot import {module_name!r} ({error}). {_near_class(path, kind)}"
        ) from None
    estimator = getattr(module, class_name, None) if own is None else own
    if estimator is None:
        raise ConfigurationError(f"{where}: {module_name} has no {class_name!r}. {_near_class(path, kind)}")
    fits = inspect.isclass(estimator) and all(hasattr(estimator, name) for name in ("fit", "get_params", "set_params"))
    if not fits or not (nested or _may_be(estimator, task)):
        raise ConfigurationError(f"{where}: {path} is no scikit-learn {kind}. {_near_class(path, kind)}")
    checked: type[Any] = estimator
    return checked


def _may_be(estimator: type[Any], task: str) -> bool:
    """Whether a class is of a task by its parents, or is one that only what it is made of can tell."""
    if issubclass(estimator, learning_of(task).ESTIMATOR):
        return True
    others = (ClassifierMixin, RegressorMixin, ClusterMixin, OutlierMixin)
    return hasattr(estimator, "predict") and not issubclass(estimator, others)


def _near_class(path: str, kind: str) -> str:
    known = {name: path for library in LIBRARIES.values() for name, path in library.names(kind).items()}
    close = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
    if close:
        return f"Did you mean {known[close[0]]!r}?"
    return f"Expected a {kind} such as 'sklearn.ensemble.RandomForest{kind.capitalize()}'."


def _check_candidate(candidate: Candidate, task: str, where: str) -> None:
    estimator = _made(candidate.estimator, candidate.params, _Making(task, 0, where, check=True))
    if not is_of(estimator, task):
        kind = learning_of(task).ESTIMATOR_NAME
        raise ConfigurationError(f"{where}.estimator: {candidate.estimator} with these params is no {kind}.")
    for parameter, values in candidate.search.items():
        place = f"{where}.search.{parameter}"
        _check_name(estimator, parameter, where, "search")
        if not values:
            raise ConfigurationError(f"{where}.search.{parameter}: found no value, expected a list of values to try.")
        for value in values:
            changed = clone(estimator)
            given = _resolved(value, _Making(task, 0, place, check=True))
            with _refusing(place):
                changed.set_params(**{parameter: given})
                holder = changed.get_params().get(parameter.rpartition("__")[0], changed)
                library_of(type(holder)).check_parameters(holder)


def is_of(estimator: Any, task: str) -> bool:
    """Whether scikit-learn's tags say that an estimator is of a task."""
    try:
        return bool(get_tags(estimator).estimator_type == learning_of(task).ESTIMATOR_NAME)
    except (AttributeError, TypeError, ValueError, IndexError):  # as those that follow no convention do
        return isinstance(estimator, learning_of(task).ESTIMATOR)


@dataclass(frozen=True)
class _Making:
    """For what estimators are made: `classes` where parameters that name labels are to name their codes."""

    task: str
    seed: int
    where: str
    classes: Sequence[Label] = ()
    check: bool = False

    def at(self, *parts: str) -> _Making:
        return replace(self, where=".".join((self.where, *parts)))


def _made(path: str, params: Mapping[str, Any], making: _Making, nested: bool = False) -> Any:
    """An estimator with its parameters, some of which may be estimators; one without a seed gets that of `making`."""
    kind = estimator_class(path, f"{making.where}.estimator", making.task, nested)
    where = f"{making.where}.params"
    for name in params:
        if "__" not in name:
            _check_name(kind, name, making.where, "params")
    given = {name: _resolved(value, making.at("params", name)) for name, value in params.items()}
    if making.classes:
        given = learning_of(making.task).parameters(given, making.classes)
    seeds = getattr(kind, "SEEDS", ("random_state",) if "random_state" in inspect.signature(kind).parameters else ())
    if seeds and not any(name in given for name in seeds):
        given = {seeds[0]: making.seed, **given}
    with _refusing(where):
        estimator = kind(**{name: value for name, value in given.items() if "__" not in name})
        deep = {name: value for name, value in given.items() if "__" in name}
        if deep:
            estimator.set_params(**deep)
        if making.check:
            library_of(kind).check_parameters(estimator)
    return estimator


def _resolved(value: Any, making: _Making) -> Any:
    """A parameter of YAML, in which an estimator may stand wherever a value may.

    `{estimator: PATH, params: {...}}` is an estimator; a mapping of names to such, or a list of such, each with its `name`, is a
    list of named estimators.
    """
    if _is_estimator(value):
        odd = [str(name) for name in value if name not in ("estimator", "params", "name")]
        if odd:
            raise ConfigurationError(
                f"{making.where}: unknown key {odd[0]!r}. {nearest(odd[0], ('estimator', 'params'))}"
            )
        params = value.get("params") or {}
        if not isinstance(params, dict):
            raise ConfigurationError(f"{making.where}.params: found {params!r}, expected a mapping of names to values.")
        return _made(value["estimator"], params, making, nested=True)
    if isinstance(value, dict) and any(map(_is_estimator, value.values())):
        if not all(isinstance(each, str) or _is_estimator(each) for each in value.values()):
            raise ConfigurationError(f"{making.where}: expected a mapping of names to estimators.")
        return [(str(name), _resolved(each, making.at(str(name)))) for name, each in value.items()]
    if isinstance(value, list | tuple) and any(map(_is_estimator, value)):
        if all(_is_estimator(each) and isinstance(each.get("name"), str) for each in value):
            return [(each["name"], _resolved(each, making.at(each["name"]))) for each in value]
        return [_resolved(each, making.at(str(place))) for place, each in enumerate(value)]
    if isinstance(value, list | tuple):
        made = [_resolved(each, making) for each in value]
        return tuple(made) if making.where.endswith((".named", "_range")) else made
    return value


def _is_estimator(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("estimator"), str)


def _check_name(estimator: Any, name: str, where: str, section: str) -> None:
    """Refuse a parameter that a class, or what was made of it, has not; what takes any, refuses it itself."""
    kind = estimator if inspect.isclass(estimator) else type(estimator)
    parameters = inspect.signature(kind).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return None
    holder, _, last = name.rpartition("__")
    if holder and not inspect.isclass(estimator):
        known = estimator.get_params()
        if holder in known and hasattr(known[holder], "get_params"):
            return _check_name(known[holder], last, where, section)
        if name not in known:
            raise ConfigurationError(
                f"{where}.{section}: {kind.__name__} has no parameter {name!r}. {nearest(name, known)}"
            )
    elif name not in parameters:
        raise ConfigurationError(
            f"{where}.{section}: {kind.__name__} has no parameter {name!r}. {nearest(name, parameters)}"
        )
    return None


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Say where a parameter stands that an estimator or its library refuses, whatever it raises."""
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:  # each library has errors of its own for this
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigurationError(f"{where}: {first}") from None


def _many(features: Sequence[Feature]) -> list[Feature]:
    """Columns of so many categories that one column for each says little."""
    return [each for each in features if not each.free_text and len(each.categories or ()) > MANY_CATEGORIES]


def _of_many(many: Sequence[Feature], estimator: Any, seed: int, task: str) -> list[tuple[str, Any, list[str]]]:
    transformers: list[tuple[str, Any, list[str]]] = []
    if many and not isinstance(estimator, Boosted):  # which learn of the categories themselves
        folds = (StratifiedKFold if task == "classification" else KFold)(5, shuffle=True, random_state=seed)
        means: Any = TargetEncoder(cv=folds)
        if not is_tree_based(estimator):
            means = make_pipeline(means, StandardScaler())
        transformers.append(("means", means, [feature.name for feature in many]))
    named = [feature.name for feature in many if not takes_numbers(feature)]
    return transformers + ([("letters", TextEncoder("letters", 30, seed), named)] if named else [])


def _of_texts(texts: list[str], seed: int) -> list[tuple[str, Any, list[str]]]:
    return [("words", TextEncoder("words", 50, seed), texts)] if texts else []


def build_pipeline(
    candidate: Candidate,
    features: Sequence[Feature],
    seed: int,
    task: str = "classification",
    classes: int = 0,
    labels: Sequence[Label] = (),
    steps: Sequence[FeatureStep] = (),
) -> Pipeline:
    """Put the preprocessing that the candidate's estimator needs in front of it, and no more.

    What numbers and categories become, its library says. A category that training never saw is no error. A column of more than
    `MANY_CATEGORIES` categories is known to scikit-learn's own estimators by the target's mean for each of them, cross-fitted, so
    that no row is told its own target, and by the letters of its texts; to boosters as a category and by its letters; a free text
    by its words. `classes` are those of the
    target, none where it is a number. Parameters that name `labels` get their codes.

    What `steps` make of some columns stands beside the others, prepared as numbers are.

    The pipeline is to be fitted on `champion.modeling.features.model_frame` of the features. Its steps are ``prepare`` (a
    ColumnTransformer, or nothing where the estimator takes the columns as they are) and ``model``.
    """
    estimator = _made(candidate.estimator, candidate.params, _Making(task, seed, "candidate", labels))
    library, is_own = library_of(type(estimator)), type(estimator).__module__.startswith(code.PREFIX)
    numbers, categories, many, texts = seen = _columns(features, steps, library, classes)
    transformers = []
    if numbers:
        transformers.append(("numbers", library.number_steps(estimator), numbers))
    if categories:
        transformers.append(("categories", library.category_encoder(estimator), categories))
        parameters = library.category_parameters(estimator, len(numbers), len(categories))
        if steps:  # which make further columns
            parameters = {name: _places(value) for name, value in parameters.items()}
        estimator.set_params(**{name: value for name, value in parameters.items() if name not in candidate.params})
    _with_values_by_column(estimator, seen, features)
    transformers += _of_many(many, estimator, seed, task) + _of_texts(texts, seed)
    transformers += own_steps(steps, features, library.number_steps(estimator))
    prepare: Any = ColumnTransformer(transformers, sparse_threshold=0.0, verbose_feature_names_out=False)
    plain = all(step == "passthrough" for _, step, _ in transformers)
    if plain and not isinstance(estimator, Boosted) and not is_own:
        prepare = "passthrough"  # a ColumnTransformer would copy the table, column by column, for nothing
    return Pipeline([("prepare", prepare), ("model", estimator)])


class _Columns(NamedTuple):
    """How an estimator sees the columns: as numbers, as categories, by means and letters, by words."""

    numbers: list[str]
    categories: list[str]
    many: list[Feature]
    texts: list[str]


def _columns(features: Sequence[Feature], steps: Sequence[FeatureStep], library: Library, classes: int) -> _Columns:
    seen = [feature for feature in features if feature.name not in hidden(steps)]
    numbers = [column for feature in seen if feature.kind != "categorical" for column in feature.columns]
    texts = [feature.name for feature in seen if feature.free_text]
    in_place = library is LIBRARIES["scikit-learn"]  # of the categories; boosters keep them too
    many = _many(seen) if library.GROUP or (in_place and classes <= MOST_MEANS) else []
    apart = {*texts, *(feature.name for feature in many if in_place)}
    categories = [feature.name for feature in seen if feature.kind == "categorical" and feature.name not in apart]
    return _Columns(numbers, categories, many, texts)


def _with_values_by_column(estimator: Any, seen: _Columns, features: Sequence[Feature]) -> None:
    """Let parameters that name columns have what the estimator takes: of directions a value for each, of sets their places.

    A direction that is not named is 0. A column in no set is with the others that are in none, whatever the library would do.

    Raises ConfigurationError where one names a column that the estimator does not see as one.
    """
    columns, categories = [*seen.numbers, *seen.categories], len(seen.categories)
    for parameter, value in estimator.get_params(deep=False).items():
        if parameter in _DIRECTIONS and isinstance(value, Mapping):
            for name in value:
                _require_seen(name, columns, parameter)
            estimator.set_params(**{parameter: [value.get(name, 0) for name in columns]})
        elif parameter in _SETS and _names_columns(value) and not type(estimator).__module__.startswith(code.PREFIX):
            places = _sets(value, columns, features, parameter)
            if isinstance(estimator, Boosted):
                rest = set(range(len(columns))).difference(*places)
                places = [*places, [*sorted(rest), FURTHER]]
            elif categories:  # which scikit-learn 1.9 puts before the numbers, and counts these places then
                places = [[(place + categories) % len(columns) for place in each] for each in places]
            estimator.set_params(**{parameter: places})


def _names_columns(value: Any) -> bool:
    sets = value if isinstance(value, list | tuple) else ()
    return any(
        isinstance(each, str) for inner in sets for each in (inner if isinstance(inner, list | tuple) else [inner])
    )


def _sets(
    value: Sequence[Sequence[str]], columns: Sequence[str], features: Sequence[Feature], parameter: str
) -> list[list[int]]:
    """Sets of columns as their places; a moment is all that it became."""
    if not all(isinstance(each, list | tuple) for each in value):
        raise ConfigurationError(
            f"{parameter}: found {value!r}, expected lists of names in a list: [[age, income], [size]]."
        )
    moments = {feature.name: feature.columns for feature in features if feature.kind == "datetime"}
    named = [[column for name in each for column in moments.get(name, (name,))] for each in value]
    for each in named:
        for name in each:
            _require_seen(name, columns, parameter)
    return [sorted({columns.index(name) for name in each}) for each in named]


def _require_seen(name: Any, columns: Sequence[str], parameter: str) -> None:
    if name not in columns:
        raise ConfigurationError(
            f"{parameter} names the column {name!r}, which the estimator does not see as one. "
            f"{nearest(str(name), columns)}"
        )


def with_params(
    pipeline: Pipeline,
    params: Mapping[str, Any],
    task: str,
    seed: int,
    classes: Sequence[Label],
    features: Sequence[Feature] = (),
    steps: Sequence[FeatureStep] = (),
) -> Pipeline:
    """A pipeline of `build_pipeline` whose estimator has other parameters, as a search has them.

    Without `features` those that name columns stay as they are.
    """
    making = _Making(task, seed, "search", classes)
    given = {name: _resolved(value, making.at(name)) for name, value in params.items()}
    given = learning_of(task).parameters(given, classes)
    pipeline.set_params(**{f"model__{name}": value for name, value in given.items()})
    if features:
        seen = _columns(features, steps, library_of(type(pipeline[-1])), len(classes))
        _with_values_by_column(pipeline[-1], seen, features)
    return pipeline


def _places(value: Any) -> Any:
    """The places of what is true in a list of truth values, which names the columns whatever follows them."""
    is_mask = isinstance(value, list) and all(isinstance(each, bool) for each in value)
    return [place for place, chosen in enumerate(value) if chosen] if is_mask else value
