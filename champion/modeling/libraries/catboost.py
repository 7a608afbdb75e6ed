"""CatBoost; see `champion.modeling.libraries.Library`. Its models are its own JSON."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.errors import nearest
from champion.modeling.libraries import boosting
from champion.modeling.libraries.boosting import Boosted, Rows

TRUSTED = frozenset[str]()
RENAMED: dict[str, str] = {}
ADAPTED = frozenset({"catboost.CatBoostClassifier"})
GROUP: str | None = "catboost"
IMPORTS_PANDAS = True
THREADS = 4  # CatBoost learns another model with another number: so it is the same everywhere, whatever the machine has

_LOSSES = (None, "Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")
_QUIET = ("verbose", "logging_level", "silent", "verbose_eval")
_UNSEEN, _NOTHING = -2, -1


class CatBoostClassifier(Boosted):
    """CatBoost's classifier."""

    LIBRARY = "catboost"
    SEEDS = ("random_state", "random_seed")
    ROUNDS = ("iterations", "n_estimators", "num_boost_round", "num_trees")
    STOPPING = ("early_stopping_rounds", "od_wait", "od_pval", "od_type", "use_best_model")
    WEIGHTS = "class_weights"
    OF_COLUMNS = (
        *("cat_features", "text_features", "embedding_features", "ignored_features", "monotone_constraints"),
        *(
            "feature_weights",
            "first_feature_use_penalties",
            "per_object_feature_penalties",
            "per_float_feature_quantization",
        ),
    )

    def trained(
        self,
        params: dict[str, Any],
        rows: Rows,
        codes: NDArray[np.int64],
        weights: NDArray[np.float64] | None,
        aside: NDArray[np.bool_] | None,
    ) -> bytes:
        """See `Boosted`."""
        import catboost

        loss = params.get("loss_function", params.get("objective"))
        if str(loss).partition(":")[0] not in (*map(str, _LOSSES), "Focal"):
            raise ValueError(
                f"loss_function: found {loss!r}, which gives no probabilities; expected one of {_LOSSES[1:]}"
            )
        if params.get("task_type", "CPU") != "CPU":
            raise ValueError(
                f"task_type: found {params['task_type']!r}, expected CPU: a package must answer on any machine"
            )
        params.pop("cat_features", None)
        if not any(name in params for name in _QUIET):
            params["verbose"] = False
        estimator = catboost.CatBoostClassifier(**{"thread_count": THREADS, "allow_writing_files": False, **params})
        pool = self._pool(rows, codes, weights)
        held = None
        if aside is not None:
            held = pool.slice(np.flatnonzero(aside))
            pool = pool.slice(np.flatnonzero(~aside))
        estimator.fit(pool, eval_set=held)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            estimator.save_model(str(path), format="json", pool=pool)
            made = json.loads(path.read_bytes())
        made.pop("model_info", None)  # when and where it was trained, another text each time
        return json.dumps(made, sort_keys=True).encode()

    def read(self, text: bytes, width: int, classes: int) -> Any:
        """See `Boosted`."""
        import catboost

        check_text(text, width, classes)
        model = catboost.CatBoost()
        with _as_file(text) as path:
            model.load_model(path, format="json")
        return model

    def answers(self, rows: Rows) -> Any:
        """See `Boosted`."""
        from scipy.special import expit, softmax

        threads = 1 if len(rows) < boosting.FEW_ROWS else -1
        raw = self.model_.predict(self._pool(rows), prediction_type="RawFormulaVal", thread_count=threads)
        loss = self.params.get("loss_function", self.params.get("objective"))
        return expit(raw) if raw.ndim == 1 or loss == "MultiClassOneVsAll" else softmax(raw, axis=1)

    def _pool(self, rows: Rows, codes: Any = None, weights: Any = None) -> Any:
        """Rows as CatBoost takes them: categories as whole numbers, which it compares as texts."""
        import catboost

        places = list(self.params.get("cat_features") or ())
        if not places:
            return catboost.Pool(np.ascontiguousarray(rows, dtype=np.float32), label=codes, weight=weights)
        mixed = rows.astype(np.float32).astype(object)
        whole = np.where(np.isnan(rows[:, places]), _NOTHING, rows[:, places]).astype(np.int64)
        mixed[:, places] = whole.astype(object)
        return catboost.Pool(mixed, label=codes, weight=weights, cat_features=places)


@contextlib.contextmanager
def _as_file(text: bytes) -> Iterator[str]:
    """A path of these bytes, which CatBoost asks for; in memory where that can be: a service may write no file."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("model.json"), "wb") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(text)
        yield str(path)


def check_text(text: bytes, width: int, classes: int) -> None:
    """Refuse a text that CatBoost would follow out of its memory, or whose model has other columns or classes.

    Raises ValueError with what is wrong.
    """
    model = boosting.plain_json(text)
    known = {"ctr_data", "features_info", "oblivious_trees", "trees", "scale_and_bias"}
    if not model.keys() <= known or ("trees" in model) == ("oblivious_trees" in model):
        raise ValueError("a text of CatBoost with other parts than it writes")
    features = model["features_info"]
    if not features.keys() <= {"float_features", "categorical_features", "cat_features_hash", "ctrs"}:
        raise ValueError("a text of CatBoost with columns of other kinds than numbers and categories")
    numbers, categories = features.get("float_features", []), features.get("categorical_features", [])
    places = sorted(each["flat_feature_index"] for each in (*numbers, *categories))
    if places != list(range(width)):
        raise ValueError(f"a text of CatBoost with other columns than {width}")
    for kind in (numbers, categories):
        if [each["feature_index"] for each in kind] != list(range(len(kind))):
            raise ValueError("a text of CatBoost whose columns are out of their places")
    scale, bias = model["scale_and_bias"]
    outputs = len(bias)
    if outputs != (1 if classes == 2 and outputs == 1 else classes) or not isinstance(scale, int | float):
        raise ValueError(f"a text of CatBoost with {outputs} answers, expected {classes}")
    asked = [*_plain(numbers, categories), *_statistics(numbers, categories, features.get("ctrs", []))]
    tables = model.get("ctr_data", {})
    _check_tables(tables, [each["identifier"] for each in features.get("ctrs", [])])
    _check_trees(model, dict(enumerate(asked)), outputs)


def _check_tables(tables: dict[str, Any], asked: list[str]) -> None:
    if set(asked) - tables.keys():
        raise ValueError("a text of CatBoost without a table that it asks")
    for table in tables.values():
        stride, cells = table["hash_stride"], table["hash_map"]
        if not isinstance(stride, int) or stride < 2 or len(cells) % stride:
            raise ValueError("a text of CatBoost with a table of another width than it says")


def _check_trees(model: dict[str, Any], splits: dict[int, str], outputs: int) -> None:
    if "oblivious_trees" in model:
        for tree in model["oblivious_trees"]:
            asked = tree.get("splits") or []
            if len(tree["leaf_values"]) != outputs * 2 ** len(asked) or len(asked) > 16:
                raise ValueError("a tree of CatBoost with other leaves than its depth has")
            for split in asked:
                _check_split(split, splits)
    else:
        todo = list(model["trees"])
        while todo:
            node = todo.pop()
            if "split" in node:
                _check_split(node["split"], splits)
                todo += [node["left"], node["right"]]
            elif len(value if isinstance(value := node["value"], list) else [value]) != outputs:
                raise ValueError("a leaf of CatBoost with other answers than classes")


def _plain(numbers: list[Any], categories: list[Any]) -> list[str]:
    """The splits by a number or a category, in CatBoost's order."""
    by_number = ["FloatFeature" for each in numbers for _ in each["borders"] or []]
    return by_number + ["OneHotFeature" for each in categories for _ in each.get("values") or []]


def _statistics(numbers: list[Any], categories: list[Any], ctrs: list[Any]) -> list[str]:
    """The splits by a statistic of categories, which follow those."""
    columns = {
        "cat_feature_value": ("cat_feature_index", categories),
        "cat_feature_exact_value": ("cat_feature_index", categories),
        "float_feature": ("float_feature_index", numbers),
    }
    for each in ctrs:
        for part in each["elements"]:
            name, of = columns[part["combination_element"]]
            _within(part[name], of)
    return ["OnlineCtr" for each in ctrs for _ in each["borders"]]


def _within(index: Any, columns: list[Any]) -> None:
    if not isinstance(index, int) or not 0 <= index < len(columns):
        raise ValueError("a text of CatBoost asks for a column that the model has not")


def _check_split(split: dict[str, Any], known: dict[int, str]) -> None:
    if known.get(split["split_index"]) != split["split_type"]:
        raise ValueError("a tree of CatBoost asks what the model does not know")


def owns(estimator: type[Any]) -> bool:
    """Whether a class is the one of this module."""
    return issubclass(estimator, CatBoostClassifier)


def names(kind: str) -> dict[str, str]:
    """The import paths of its estimators of a kind, by the names of their classes."""
    return boosting.names_of(ADAPTED, kind)


def adapted(path: str) -> type[Any]:
    """The class that stands for an import path of `ADAPTED`."""
    del path
    return CatBoostClassifier


def check_parameters(estimator: Any) -> None:
    """CatBoost itself looks at them."""
    import catboost

    known = inspect.signature(catboost.CatBoostClassifier).parameters
    unknown = [name for name in estimator.params if name not in known]
    if unknown:
        raise ValueError(f"CatBoost has no parameter {unknown[0]!r}. {nearest(unknown[0], known)}")
    try:
        boosting.example(CatBoostClassifier, estimator.params)
    except catboost.CatBoostError as error:
        said = (str(error).splitlines() or ["no reason"])[0]
        raise ValueError(f"CatBoost refuses these parameters: {said}") from None


is_wrong_parameter = boosting.is_wrong_parameter
number_steps = boosting.number_steps


def category_encoder(estimator: Any) -> Any:
    """Codes, one for a missing category, and one for those that were never seen."""
    from sklearn.preprocessing import OrdinalEncoder

    del estimator
    unknown = {"handle_unknown": "use_encoded_value", "unknown_value": _UNSEEN, "encoded_missing_value": _NOTHING}
    return OrdinalEncoder(**unknown)


def category_parameters(estimator: Any, numbers: int, categories: int) -> dict[str, Any]:
    """Which columns hold codes."""
    del estimator
    return {"cat_features": list(range(numbers, numbers + categories))}
