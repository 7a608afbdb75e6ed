"""Whether arrays are what compiled code takes them for: a tree, an index of neighbours, support vectors.

scikit-learn's compiled code follows these arrays without looking whether they lead out of the memory that it has. A fitted
model is sound; arrays that were read from a file are looked at here first. Each function raises ValueError with what is
wrong, and reads the arrays alone.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def check_tree(left: Array, right: Array, features: Array, width: int) -> int:
    """As `check_trees`, of one tree; returns its depth."""
    return int(check_trees(left, right, features, np.array([len(left)]), width)[0])


def check_trees(left: Array, right: Array, features: Array, counts: Array, width: int) -> Array:
    """Trees one after another, of so many nodes each, whose children are at `left` and `right` of their tree, or at a leaf -1.

    Each node that is no leaf asks a feature below `width`. Returns the depths. Every node must be reached from the first one of
    its tree, once, and come after its parent.
    """
    total, inner = len(left), left >= 0
    if not len(counts) or (counts < 1).any() or counts.sum() != total or not len(right) == len(features) == total:
        raise ValueError("there are other nodes of trees than it says")
    if not (left[~inner] == -1).all() or not (right[~inner] == -1).all():
        raise ValueError("a leaf of a tree has a child")
    roots = np.cumsum(counts) - counts
    tree_of, own = np.repeat(np.arange(len(counts)), counts), np.flatnonzero(inner)
    start, count = roots[tree_of[own]], counts[tree_of[own]]
    children = [side[own].astype(np.int64) for side in (left, right)]
    if any(((side < 0) | (side >= count)).any() for side in children):
        raise ValueError("the nodes of a tree are no tree")
    left, right = np.full(total, -1), np.full(total, -1)
    left[own], right[own] = (side + start for side in children)
    reached = np.bincount(np.concatenate([left[own], right[own]]), minlength=total)
    once = np.ones(total, dtype=np.int64)
    once[roots] = 0
    if not np.array_equal(reached, once) or (left[own] <= own).any() or (right[own] <= own).any():
        raise ValueError("the nodes of a tree are no tree")
    if not ((features[own] >= 0) & (features[own] < width)).all():
        raise ValueError(f"a tree asks for a feature that the model has not; it has {width}")
    depths, level = np.zeros(len(counts), dtype=np.int64), roots[inner[roots]]
    while len(level):
        depths[tree_of[level]] += np.diff(np.r_[tree_of[level], -1]) != 0  # once for each tree
        below = np.stack([left[level], right[level]], axis=1).ravel()
        level = below[inner[below]]
    return depths


def check_bitsets(nodes: Array, bitsets: Array, categorical: Array, counts: Array | None = None) -> None:
    """What boosted trees ask of categories: only of a categorical feature, and of a bitset that is there.

    `counts`: how many the tree of each node has; all, where there is one tree.
    """
    asking = (nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)
    asks, there = nodes[asking], len(bitsets) if counts is None else counts[asking]
    if bitsets.shape[1:] != (8,) or (asks["bitset_idx"] >= there).any():
        raise ValueError("a tree asks for a set of categories that it has not")
    if not categorical[asks["feature_idx"]].all():
        raise ValueError("a tree asks for categories of a feature that has none")


def check_bins(thresholds: list[Array], categorical: Array, width: int) -> None:
    """The bins of a boosting's features: those of a categorical one are categories, which are from 0 to 255."""
    if len(thresholds) != width or categorical.shape != (width,):
        raise ValueError(f"there are not bins for each of {width} features")
    codes = [thresholds[number] for number in np.flatnonzero(categorical)]
    if not all(((each >= 0) & (each <= 255)).all() for each in codes):
        raise ValueError("a category is not from 0 to 255")


def check_neighbours(rows: Array, order: Array, nodes: Array, bounds: Array, sides: int) -> None:
    """A tree of neighbours: a heap of nodes over an order of the rows, the last level and no other leaves.

    Each node has so many `sides` of bounds: two where it is a box, one where it is a ball.
    """
    count, first_leaf = len(nodes), len(nodes) // 2
    if rows.ndim != 2 or not np.array_equal(np.sort(order), np.arange(len(rows))):
        raise ValueError("an index of neighbours is no order of its rows")
    if count & (count + 1) or bounds.shape != (sides, count, rows.shape[1]):
        raise ValueError("an index of neighbours has not the bounds of its nodes")
    if not np.array_equal(nodes["is_leaf"] != 0, np.arange(count) >= first_leaf):
        raise ValueError("an index of neighbours has leaves elsewhere than at its end")
    starts, ends = nodes["idx_start"], nodes["idx_end"]
    if not count or (starts < 0).any() or (starts > ends).any() or (ends > len(rows)).any():
        raise ValueError("an index of neighbours leads out of its rows")


def check_vectors(vectors: Array, counts: Array, factors: Array, intercepts: Array, width: int) -> None:
    """Support vectors: so many of each class, with a factor for each other class, and an intercept for each pair of them."""
    classes, count = len(counts), len(vectors)
    shapes = vectors.shape == (count, width), factors.shape == (classes - 1, count)
    pairs = intercepts.shape == (classes * (classes - 1) // 2,)
    if classes < 2 or not all(shapes) or not pairs or (counts < 0).any() or counts.sum() != count:
        raise ValueError("support vectors are not as many as their classes need")
