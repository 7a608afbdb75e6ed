"""Steps before the model: transformers that get a pandas frame of the columns which they name, and give numbers.

In training, batch and service the frame is the same: numbers and truth values as float64, categories as texts, moments as
datetime64 without a zone, and nothing where a value is missing. What a transformer makes stands beside the other columns.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import make_pipeline

from champion.errors import ConfigurationError, DataError, listed, nearest, nearest_column
from champion.modeling.features import Feature
from champion.modeling.own import code
from champion.modeling.own.kinds import TRANSFORMERS
from champion.use_case.learning import Data, FeatureStep

if TYPE_CHECKING:
    import pandas as pd

_DAY = 86_400_000_000  # microseconds


class OwnStep(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A transformer with the frame that it is given, and a check of what it makes.

    `layout`: for each column its name, its kind, and the model columns that it is made from. Whatever the transformer makes is
    numbers, shape (rows, columns); an infinite one counts as missing.
    """

    KEEPS_NAMES = True  # the transformer gets a frame whoever asks: the names that it was fitted with stay

    def __init__(self, transformer: Any = None, layout: Sequence[Sequence[Any]] = ()) -> None:
        self.transformer, self.layout = transformer, layout

    def fit(self, frame: pd.DataFrame, target: Any = None) -> OwnStep:
        """Fit the transformer; `frame` has the model columns of the layout."""
        self.fit_transform(frame, target)
        return self

    def fit_transform(self, frame: pd.DataFrame, target: Any = None) -> NDArray[np.float64]:
        """Fit the transformer and transform, by its own way of doing both, where it has one."""
        self.transformer_ = clone(self.transformer)
        both = getattr(self.transformer_, "fit_transform", None)
        given = self._frame(frame)
        if both is not None:
            made = self._asked(lambda: both(given, target), given)
        else:
            made = self._asked(lambda: self.transformer_.fit(given, target).transform(given), given)
        self.width_ = made.shape[1]
        return made

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """What the fitted transformer makes of a frame of the layout's model columns."""
        given = self._frame(frame)
        made = self._asked(lambda: self.transformer_.transform(given), given)
        if made.shape[1] != self.width_:
            raise DataError(f"{self._name} gives {made.shape[1]} columns, and gave {self.width_} in training. Mend it.")
        return made

    @property
    def _name(self) -> str:
        kind = type(self.transformer)
        return code.public_path(f"{kind.__module__}.{kind.__name__}")

    def _frame(self, columns: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        made: dict[str, Any] = {}
        for name, kind, parts in self.layout:
            values = columns[parts[0]].to_numpy()
            if kind in ("numeric", "boolean"):
                made[name] = np.asarray(values, dtype=np.float64)
            elif kind == "datetime":
                days = np.asarray(values, dtype=np.float64)
                moments = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[us]")
                there = np.isfinite(days)
                moments[there] = np.round(days[there] * _DAY).astype(np.int64).astype("datetime64[us]")
                made[name] = moments
            else:
                made[name] = pd.array(np.asarray(values, dtype=object), dtype="str")
        return pd.DataFrame(made, columns=[name for name, *_ in self.layout])

    def _asked(self, ask: Any, given: pd.DataFrame) -> NDArray[np.float64]:
        try:
            made = ask()
        except Exception as error:  # what a team's own class may raise
            raise DataError(f"{self._name} fails: {_said(error)}") from error
        made = made.toarray() if hasattr(made, "toarray") else made
        made = np.asarray(made.to_numpy() if hasattr(made, "to_numpy") else made)
        made = made.reshape(-1, 1) if made.ndim == 1 else made
        if made.ndim != 2 or len(made) != len(given):
            raise DataError(
                f"{self._name} gives an array of shape {made.shape} for {len(given)} rows, expected a row for each. Mend it."
            )
        try:
            numbers = made.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"{self._name} gives values that are no numbers (dtype {made.dtype}). Let it encode texts, or leave them out."
            ) from None
        numbers[np.isinf(numbers)] = np.nan
        return numbers


def _said(error: Exception) -> str:
    place, words = code.place_of(error), f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return f"{place}: {words}" if place else words


def check_steps(steps: Sequence[FeatureStep], source: str) -> None:
    """Refuse steps whose transformer does not exist, is none, or does not have a parameter, before any table is read.

    Raises ConfigurationError naming the key, what was found and the nearest valid one.
    """
    for number, step in enumerate(steps):
        _transformer(step, f"{source}: features.{number}")


def _transformer(step: FeatureStep, where: str) -> Any:
    """The transformer of a step, with its parameters."""
    kind = _transformer_class(step.transformer, f"{where}.transformer")
    parameters = inspect.signature(kind).parameters
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        for name in step.params:
            if name not in parameters:
                raise ConfigurationError(
                    f"{where}.params: {kind.__name__} has no parameter {name!r}. {nearest(name, parameters)}"
                )
    try:
        return kind(**step.params)
    except Exception as error:  # what a team's own class may raise
        raise ConfigurationError(f"{where}.params: {kind.__name__} refuses them: {_said(error)}.") from error


def _transformer_class(path: str, where: str) -> type[Any]:
    kind, own = code.found(path, where), True
    if kind is None:
        kind, own = _of_a_library(path, where), False
    if not inspect.isclass(kind) or not hasattr(kind, "transform") or not hasattr(kind, "fit"):
        raise ConfigurationError(f"{where}: {path} is no transformer. Expected a class with fit and transform.")
    if not hasattr(kind, "get_params"):
        raise ConfigurationError(
            f"{where}: {path} has no get_params, which copies it for each fold. Let it inherit from sklearn.base.BaseEstimator."
        )
    if not own and f"{kind.__module__}.{kind.__name__}" not in TRANSFORMERS:
        names = sorted(each.rpartition(".")[2] for each in TRANSFORMERS)
        raise ConfigurationError(
            f"{where}: {path} cannot be kept in a package. {nearest(kind.__name__, names)} Or write a class of your own that "
            "does what is needed: `python run.py new transformer NAME` begins one."
        )
    checked: type[Any] = kind
    return checked


def _of_a_library(path: str, where: str) -> Any:
    name, _, attribute = path.rpartition(".")
    try:
        module = importlib.import_module(name)
    except (ImportError, ValueError, TypeError) as error:
        known = sorted(f"{each.rpartition('._')[0]}.{each.rpartition('.')[2]}" for each in TRANSFORMERS)
        own = code.active()
        known += own.modules if own else []
        raise ConfigurationError(
            f"{where}: found {path!r}, which cannot be imported ({error}). {_near(path, known)}A module of this checkout has "
            "to stand in `code`."
        ) from None
    found = getattr(module, attribute, None)
    if found is None:
        names = [each for each in dir(module) if inspect.isclass(getattr(module, each, None))]
        raise ConfigurationError(f"{where}: {name} has no {attribute!r}. {nearest(attribute, names)}")
    return found


def _near(path: str, known: list[str]) -> str:
    sentence = nearest(path, known)
    return f"{sentence} " if sentence.startswith("Did") else ""


def require_columns(frame: pd.DataFrame, data: Data, split_column: str | None, steps: Sequence[FeatureStep]) -> None:
    """Refuse steps that name a column which is no feature. Raises DataError."""
    from champion.modeling.columns import describe

    names = [str(name) for name in frame.columns]
    apart = {data.target: "it is the target", split_column: "it splits the table"}
    apart |= dict.fromkeys(data.drop, "it stands in data.drop")
    for number, step in enumerate(steps):
        for name in step.columns:
            key = f"features.{number}.columns names {name!r}"
            if name in apart:
                raise DataError(f"{key}, which is no feature: {apart[name]}. Name columns that the model may see.")
            if name not in names:
                raise DataError(f"{key}, which the table does not have. {nearest_column(name, names)}")
            column = describe(frame[name], data.kinds.get(name))
            if not column.used:
                raise DataError(
                    f"{key}, which is not used: {column.why.rstrip('.')}. Say in data.kinds what it is, for example "
                    f"{name}: categorical."
                )


def own_steps(
    steps: Sequence[FeatureStep], features: Sequence[Feature], numbers: Any
) -> list[tuple[str, Any, list[str]]]:
    """The steps as parts of a ColumnTransformer; `numbers` prepares what they make, as it does other numbers."""
    known, made = {feature.name: feature for feature in features}, []
    for number, step in enumerate(steps):
        lacking = [name for name in step.columns if name not in known]
        if lacking:
            raise DataError(
                f"features.{number}.columns names {listed(lacking)}, without a value in the train set, or the same one in every "
                "row. Take it out there."
            )
        layout = [[name, known[name].kind, list(known[name].columns)] for name in step.columns]
        each: Any = OwnStep(_transformer(step, f"features.{number}"), layout)
        columns = [column for *_, parts in layout for column in parts]
        if numbers != "passthrough":
            each = make_pipeline(each, clone(numbers))
        made.append((f"{code.OWN_STEP}{number}", each, columns))
    return made


def hidden(steps: Sequence[FeatureStep]) -> set[str]:
    """The columns that only the steps see."""
    return {name for step in steps if not step.keep for name in step.columns}
