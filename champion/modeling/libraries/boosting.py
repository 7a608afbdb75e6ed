"""What the libraries of boosting have in common: an estimator that keeps its model as the library's own text.

A library's own estimator forgets things when it is written: which value stands for a missing one, the labels of the classes,
the best iteration. So here the text of the model is cut at the best iteration, and all else is kept beside it. What is fitted
is read back from its text at once: a model answers before it is written as it does after.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from champion.modeling.libraries.aside import set_aside

Rows = NDArray[np.float64]
_SIGNS, _SETS = "monotone_constraints", ("interaction_constraints", "interaction_cst")
FURTHER = -1  # in a set of `interaction_constraints`: all columns behind those that the sets have
FEW_ROWS = 1000  # answered by one thread: others would cost more than they do


class Boosted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier of a boosting library, with that library's parameters; missing numbers are NaN.

    Categories are whole numbers in the columns that the library's own parameter names. Labels are learned as 0, 1, ... in
    their order. Where a parameter asks for early stopping, a tenth of the rows is set aside to stop by: see
    `champion.modeling.libraries.aside`.
    """

    LIBRARY: ClassVar[str]  # its row in `champion.modeling.libraries.LIBRARIES`
    SEEDS: ClassVar[tuple[str, ...]]  # names of the seed
    ROUNDS: ClassVar[tuple[str, ...]]  # names of the number of trees
    STOPPING: ClassVar[tuple[str, ...]]  # names of what asks for early stopping
    WEIGHTS: ClassVar[str] = ""  # the name of weights by class
    OF_COLUMNS: ClassVar[tuple[str, ...]] = ()  # parameters that name columns, or have a value for each
    most_probable = True  # predict is the first of the largest probabilities

    def __init__(self, **params: Any) -> None:
        self.params = params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters that were given."""
        del deep
        return dict(self.params)

    def set_params(self, **params: Any) -> Boosted:
        """Change some of them; what a library does not know, it refuses when it trains."""
        self.params = {**self.params, **params}
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, moments: Any = None) -> Boosted:
        """Learn; raises ValueError where there is one class only, and what the library raises.

        Early stopping keeps the rows of one of the `groups` together, or stops by the latest of the `moments`.
        """
        rows = np.ascontiguousarray(X, dtype=np.float64)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("all rows are of one class, expected two or more")
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.n_features_in_ = rows.shape[1]
        params = dict(self.params)
        if isinstance(params.get(self.WEIGHTS), dict):
            places = {label: code for code, label in enumerate(self.classes_.tolist())}
            given = {places[label]: value for label, value in params[self.WEIGHTS].items() if label in places}
            params[self.WEIGHTS] = {code: given.get(code, 1.0) for code in places.values()}
        if isinstance(signs := params.get(_SIGNS), list | tuple):  # of what texts and own steps became, none is known
            params[_SIGNS] = [*signs, *[0] * (rows.shape[1] - len(signs))]
        params.update({name: _filled(params[name], rows.shape[1]) for name in _SETS if name in params})
        aside = None
        if self.stops_early():
            seed = next((self.params[name] for name in self.SEEDS if self.params.get(name) is not None), 0)
            aside = set_aside(codes, seed, groups=groups, moments=moments)
        self.text_ = self.trained(params, rows, codes, weights, aside)
        self.model_ = self.read(self.text_, rows.shape[1], len(self.classes_))
        return self

    def stops_early(self) -> bool:
        """Whether a parameter asks for that."""
        return any(self.params.get(name) not in (None, 0, False) for name in self.STOPPING)

    def predict_proba(self, X: Any) -> Rows:
        """The probabilities of the classes, shape (rows, classes)."""
        rows = np.ascontiguousarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(f"found rows of shape {rows.shape}, expected {self.n_features_in_} columns")
        found = np.asarray(self.answers(rows), dtype=np.float64)
        return found if found.ndim == 2 else np.stack([1.0 - found, found], axis=1)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row."""
        predicted: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return predicted

    def trained(
        self,
        params: dict[str, Any],
        rows: Rows,
        codes: NDArray[np.int64],
        weights: NDArray[np.float64] | None,
        aside: NDArray[np.bool_] | None,
    ) -> bytes:
        """Let the library learn; returns the text of its model, up to the best iteration where rows were set `aside`."""
        raise NotImplementedError

    def read(self, text: bytes, width: int, classes: int) -> Any:
        """The library's own model of a text; ValueError where that is not one of so many columns and classes."""
        raise NotImplementedError

    def answers(self, rows: Rows) -> Any:
        """Probabilities, shape (rows, classes), or (rows,) of the second of two classes."""
        raise NotImplementedError


def _filled(sets: Any, width: int) -> Any:
    """Sets of columns with what `FURTHER` stands for; other values as they are."""
    if not isinstance(sets, list) or not any(isinstance(each, list) and FURTHER in each for each in sets):
        return sets
    further = [*range(max(place for each in sets for place in each) + 1, width)]
    filled = [[place for place in each if place >= 0] + (further if FURTHER in each else []) for each in sets]
    return [each for each in filled if each]


def written(model: Boosted) -> dict[str, Any]:
    """An estimator as plain values and arrays; of one that is not fitted its parameters alone."""
    params = {"params": json.dumps(model.params, sort_keys=True)}
    if not hasattr(model, "text_"):
        return params
    return {
        **params,
        "classes": np.asarray(model.classes_),
        "columns": int(model.n_features_in_),
        "text": np.frombuffer(model.text_, dtype=np.uint8),
    }


def read(kind: type[Boosted], parts: dict[str, Any]) -> Boosted:
    """The estimator of what `written` made of it. Raises ValueError, KeyError or TypeError where it is something else."""
    if "text" not in parts:
        return kind(**json.loads(parts["params"]))
    params, classes, columns, text = (parts[name] for name in ("params", "classes", "columns", "text"))
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or classes.dtype.kind not in "iub" or len(classes) < 2:
        raise ValueError("a boosted model without its classes")
    if not isinstance(text, np.ndarray) or text.dtype != np.uint8 or text.ndim != 1:
        raise ValueError("a boosted model without its text")
    model = kind(**json.loads(params))
    model.classes_, model.n_features_in_, model.text_ = classes, int(columns), text.tobytes()
    model.model_ = model.read(model.text_, int(columns), len(classes))
    return model


def example(kind: type[Boosted], params: dict[str, Any]) -> None:
    """Let a library look at parameters: it learns one tree of a few rows by them, and its text is read back.

    Raises what the library raises.
    """
    random = np.random.default_rng(0)
    rows, labels = random.normal(size=(60, 3)), np.arange(60) % (3 if _several(params) else 2)
    rows[:, 0] += labels
    left = {name: value for name, value in params.items() if name not in (*kind.OF_COLUMNS, *kind.ROUNDS, kind.WEIGHTS)}
    kind(**left, **{kind.ROUNDS[0]: 1}).fit(rows, labels)


def _several(params: dict[str, Any]) -> bool:
    asked = " ".join(
        str(params.get(name, "")) for name in ("objective", "loss_function", "num_class", "multi_strategy")
    )
    return "multi" in asked.lower() or "softmax" in asked.lower() or any(word.isdigit() for word in asked.split())


def number_steps(estimator: Any) -> Any:
    """Numbers are learned as they are, missing ones too."""
    del estimator
    return "passthrough"


def category_encoder(estimator: Any) -> Any:
    """Codes; a category that is missing, or was never seen, has none."""
    from sklearn.preprocessing import OrdinalEncoder

    del estimator
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "encoded_missing_value": np.nan}
    return OrdinalEncoder(**unknown)


def is_wrong_parameter(error: Exception) -> bool:
    """These libraries have one class for all their errors."""
    del error
    return False


def names_of(adapted: frozenset[str], kind: str) -> dict[str, str]:
    """The import paths of a library's estimators of a kind, by the names of their classes; all are classifiers."""
    return {path.rpartition(".")[2]: path for path in adapted} if kind == "classifier" else {}


def plain_json(text: bytes) -> Any:
    """JSON in which no object names a key twice, which two parsers might read in two ways. Raises ValueError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a text that names a key twice")
        return made

    return json.loads(text, object_pairs_hook=once)
