"""Parts of a model that skops would write slowly, or not at all, as plain arrays: trees by the hundred, and boosted models.

A list of trees becomes one array of all their nodes, and a model of a boosting library becomes that library's own text. In the
skops file they are dictionaries with the key `MARK`; `champion.bundle.written` looks at them before they become trees again.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.libraries import LIBRARIES
from champion.modeling.libraries.boosting import Boosted
from champion.modeling.libraries.boosting import read as read_boosted
from champion.modeling.libraries.boosting import written as written_boosted

MARK = "champion.packed"
TREES, BOOSTING, NAMED = "trees", "boosting", "named"
_NAMED = "named_estimators_"  # of a stack or a vote: its parts once more, by their names
_PLAIN = (str, bytes, int, float, bool, type(None), types.ModuleType, types.FunctionType, type, np.dtype, np.generic)


def pack(model: Any) -> Any:
    """A copy of a fitted model with such parts as dictionaries; the model itself where it has none."""
    parts: dict[int, Any] = {}
    for part in _below(model, set()):
        if _NAMED in getattr(part, "__dict__", ()):
            parts[id(vars(part)[_NAMED])] = _names(part)
        made = _packed(part)
        if made is not None:
            parts[id(part)] = made
    return copy.deepcopy(model, parts) if parts else model


def unpack(model: Any) -> Any:
    """A loaded model, changed in place, with its parts as they were. Raises ValueError where one is something else."""
    return _restored(model, {})


def _names(part: Any) -> dict[str, Any]:
    """Which of its parts has which name; -1 of one that was dropped."""
    place = {id(each): number for number, each in enumerate(part.estimators_)}
    named = vars(part)[_NAMED]
    return {MARK: NAMED, "names": list(named), "places": [place.get(id(each), -1) for each in named.values()]}


def _packed(part: Any) -> dict[str, Any] | None:
    if isinstance(part, Boosted):
        return {MARK: part.LIBRARY, **written_boosted(part)}
    if isinstance(part, list) and part and all(isinstance(each, list) for each in part):
        return _boosting(part)
    if isinstance(part, list) or (isinstance(part, np.ndarray) and part.dtype == object):
        return _trees(part)
    return None


def _children(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part
    elif isinstance(part, np.ndarray):
        yield from part.ravel() if part.dtype == object else ()
    elif hasattr(part, "__dict__"):
        yield from vars(part).values()


def _below(part: Any, seen: set[int]) -> Iterator[Any]:
    """A part and all that it consists of; nothing below what is packed."""
    todo = [part]
    while todo:
        each = todo.pop()
        if isinstance(each, _PLAIN) or id(each) in seen:
            continue
        seen.add(id(each))
        seen.add(id(getattr(each, "__dict__", {}).get(_NAMED)))
        yield each
        if _packed_type(each) is None:
            todo += _children(each)


def _packed_type(part: Any) -> str | None:
    """Whether nothing below it is looked at: it is packed as a whole."""
    if isinstance(part, Boosted):
        return part.LIBRARY
    first: Any = part
    while (isinstance(first, list) and first) or (isinstance(first, np.ndarray) and first.ndim and first.size):
        first = first[0]
    if first is part:
        return None
    return BOOSTING if type(first).__name__ == "TreePredictor" else TREES if hasattr(first, "tree_") else None


def _boosting(predictors: list[Any]) -> dict[str, Any] | None:
    """The trees of a histogram boosting: a list for each iteration, of a tree for each class."""
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    each = [tree for iteration in predictors for tree in iteration]
    width = len(predictors[0])
    if (
        not each
        or any(type(tree) is not TreePredictor for tree in each)
        or any(len(row) != width for row in predictors)
    ):
        return None
    return {
        MARK: BOOSTING,
        "together": width,
        "counts": np.array([len(tree.nodes) for tree in each]),
        "sets": np.array([len(tree.raw_left_cat_bitsets) for tree in each]),
        "nodes": _joined([tree.nodes for tree in each]),
        "binned": _joined([tree.binned_left_cat_bitsets for tree in each]),
        "raw": _joined([tree.raw_left_cat_bitsets for tree in each]),
    }


def _trees(part: Any) -> dict[str, Any] | None:
    """Trees of scikit-learn, in a list or an array of objects, which differ in their nodes and their seed alone."""
    from sklearn.tree import BaseDecisionTree

    each = list(part.ravel()) if isinstance(part, np.ndarray) else part
    if len(each) < 2 or not all(isinstance(tree, BaseDecisionTree) and hasattr(tree, "tree_") for tree in each):
        return None
    first, seeds = each[0], [tree.random_state for tree in each]
    own = {"tree_"} if all(seed is seeds[0] for seed in seeds) else {"tree_", "random_state"}
    common = {name: value for name, value in vars(first).items() if name not in own}
    if "random_state" in own and not all(isinstance(seed, int | np.integer) for seed in seeds):
        return None
    if not all(type(tree) is type(first) and _same(vars(tree), common, own) for tree in each):
        return None
    states = [tree.tree_.__getstate__() for tree in each]
    template = _like(first, common)
    return {
        MARK: TREES,
        "template": template,
        "shape": list(part.shape) if isinstance(part, np.ndarray) else [],
        "seeds": np.array(seeds, dtype=np.int64) if "random_state" in own else None,
        "features": int(first.tree_.n_features),
        "classes": np.asarray(first.tree_.n_classes),
        "counts": np.array([state["node_count"] for state in states], dtype=np.int64),
        "depths": np.array([state["max_depth"] for state in states], dtype=np.int64),
        "nodes": _joined([state["nodes"] for state in states]),
        "values": _joined([state["values"] for state in states]),
    }


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """What `np.concatenate` makes of arrays of one type, which of records compares the types anew for each."""
    first = arrays[0]
    if any(each.dtype != first.dtype or not each.flags.c_contiguous for each in arrays):
        return np.concatenate(arrays)
    whole = np.frombuffer(b"".join(each.data for each in arrays), first.dtype)
    whole = whole.reshape(sum(map(len, arrays)), *first.shape[1:])
    return whole.astype(
        np.result_type(first.dtype, first.dtype), copy=False
    )  # records without gaps between their fields


def _same(one: dict[str, Any], common: dict[str, Any], own: set[str]) -> bool:
    if len(one) != len(common) + len(own) or not own <= one.keys() or not common.keys() <= one.keys():
        return False
    for name, value in common.items():
        theirs = one[name]
        if value is not theirs and not _equal(value, theirs):
            return False
    return True


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        alike = isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.dtype == other.dtype
        return alike and np.array_equal(one, other)
    return type(one) is type(other) and bool(one == other)


def _like(tree: Any, fields: dict[str, Any]) -> Any:
    made: Any = object.__new__(type(tree))
    vars(made).update(fields)
    return made


def _restored(part: Any, seen: dict[int, Any]) -> Any:
    if isinstance(part, _PLAIN) or (isinstance(part, np.ndarray) and part.dtype != object):
        return part
    if id(part) in seen:
        return seen[id(part)][0]
    if isinstance(part, tuple):
        each = [_restored(one, seen) for one in part]
        made: Any = tuple(each) if any(new is not old for new, old in zip(each, part, strict=True)) else part
    else:
        made = _unpacked(part) if isinstance(part, dict) and MARK in part else part
    seen[id(part)] = made, part  # kept, so that no other part gets its address
    if made is part:
        _restore_below(part, seen)
    return made


def _restore_below(part: Any, seen: dict[int, Any]) -> None:
    if isinstance(part, dict):
        part.update({name: _restored(value, seen) for name, value in part.items()})
    elif isinstance(part, list):
        part[:] = [_restored(each, seen) for each in part]
    elif isinstance(part, np.ndarray):
        for place, one in enumerate(part.flat):
            part.flat[place] = _restored(one, seen)
    elif hasattr(part, "__dict__"):
        for name, value in list(vars(part).items()):
            vars(part)[name] = _restored(value, seen)
        if _NAMED in vars(part):
            vars(part)[_NAMED] = _named(part, vars(part)[_NAMED])


def _named(part: Any, names: dict[str, Any]) -> Any:
    from sklearn.utils import Bunch

    if names.get(MARK) != NAMED:
        return names
    parts = [part.estimators_[place] if place >= 0 else "drop" for place in names["places"]]
    return Bunch(**dict(zip(names["names"], parts, strict=True)))


def _unpacked(part: dict[str, Any]) -> Any:
    kind = part[MARK]
    if kind == BOOSTING:
        return _boosting_of(part)
    if kind == TREES:
        return _trees_of(part)
    if kind == NAMED:
        return part  # its owner knows what they are
    library: Any = LIBRARIES.get(kind)
    if library is None:
        raise ValueError(f"a part {kind!r} that is not known")
    return read_boosted(library.adapted(kind), part)


def _slices(counts: NDArray[Any]) -> Iterator[slice]:
    ends = np.cumsum(counts).tolist()
    return map(slice, [0, *ends[:-1]], ends)


def _boosting_of(part: dict[str, Any]) -> list[Any]:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    width = int(part["together"])
    each = [
        TreePredictor(part["nodes"][rows], part["binned"][sets], part["raw"][sets])
        for rows, sets in zip(_slices(part["counts"]), _slices(part["sets"]), strict=True)
    ]
    return [each[start : start + width] for start in range(0, len(each), width)]


def _trees_of(part: dict[str, Any]) -> Any:
    from sklearn.tree._tree import Tree

    template, seeds, made = part["template"], part["seeds"], []
    fields = dict(vars(template))
    own = [{}] * len(part["counts"]) if seeds is None else [{"random_state": seed} for seed in seeds.tolist()]
    for rows, depth, seed in zip(_slices(part["counts"]), part["depths"].tolist(), own, strict=True):
        tree = Tree(part["features"], part["classes"], 1)
        state = {"max_depth": depth, "node_count": rows.stop - rows.start}
        tree.__setstate__({**state, "nodes": part["nodes"][rows], "values": part["values"][rows]})
        made.append(_like(template, {**fields, **seed, "tree_": tree}))
    if not part["shape"]:
        return made
    array = np.empty(len(made), dtype=object)
    array[:] = made
    return array.reshape(part["shape"])
