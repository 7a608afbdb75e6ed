"""A forest packed into flat arrays, and walked level by level for all trees at once.

For a few rows scikit-learn's forest spends its time in validation and in a hundred calls; the walk itself is nothing.
Packed, the answer is the same to the last bit: inputs are cast to float32 as scikit-learn casts them, and the leaves'
probabilities are added tree by tree in float64.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.libraries.scikit_learn import TREES
from champion.modeling.predictor import Predictions
from champion.patching import fits

_LANES = 200_000  # rows times trees that are walked at once, so that memory stays small


@dataclass(frozen=True)
class Forest:
    """All trees of a forest, one after another.

    `roots` has the node where each tree begins, `children` the left and right child of every node (a leaf is its own child),
    `features` the column that a node asks (0 at a leaf), `thresholds` the number at most which a row goes left (infinity at a
    leaf), `missing_left` whether one without a value does, and `leaves` the shares of the classes, shape (nodes, classes).
    """

    roots: NDArray[np.int64]
    children: NDArray[np.int64]
    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    leaves: NDArray[np.float64]
    depth: int
    most_rows: int = 256  # above, the estimator's own loop in C is faster

    def predict(self, columns: NDArray[np.float64]) -> Predictions:
        """Answer rows as the forest was fitted on, within float32's range and NaN where missing."""
        shares = self.probabilities(columns)
        return Predictions(shares.argmax(axis=1), shares)

    def probabilities(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """The shares of the classes, shape (rows, classes)."""
        at_once = max(1, _LANES // len(self.roots))
        parts = [self._walked(columns[start : start + at_once]) for start in range(0, len(columns), at_once)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def boundaries(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The column and threshold of every split."""
        inner = np.isfinite(self.thresholds)
        return self.features[inner], self.thresholds[inner]

    def _walked(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        rows, width = columns.shape
        flat = columns.astype(np.float32).astype(np.float64).ravel()
        missing = bool(np.isnan(flat).any())
        starts = (np.arange(rows) * width)[:, None]
        nodes = np.tile(self.roots, (rows, 1))
        for _ in range(self.depth):
            values = flat.take(self.features.take(nodes) + starts)
            right = values > self.thresholds.take(nodes)
            if missing:
                right |= np.isnan(values) & ~self.missing_left.take(nodes)
            nodes = self.children.take(2 * nodes + right)
        shares = self.leaves.take(nodes, axis=0)
        summed: NDArray[np.float64] = np.zeros((rows, shares.shape[2]))
        if rows == 1:
            np.add.reduce(shares[0], axis=0, out=summed[0])
        else:
            for tree in range(shares.shape[1]):
                summed += shares[:, tree]
        summed /= len(self.roots)
        return summed


def can(model: Any) -> bool:
    """Whether it is a forest, or a tree, whose answer is the mean of its trees."""
    return bool(_trees(model)) and fits(TREES)


def make(model: Any, classes: int) -> Forest:
    """Pack a fitted forest or tree for so many classes, also where it was fitted without some of them."""
    trees = _trees(model)
    known = np.asarray(model.classes_, dtype=np.int64)
    states = [tree.tree_.__getstate__() for tree in trees]
    counts = [int(state["node_count"]) for state in states]
    roots = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    nodes = np.concatenate([state["nodes"] for state in states])
    first = np.repeat(roots, counts)
    leaf = nodes["left_child"] < 0
    own = np.arange(len(nodes))
    children = np.empty(2 * len(nodes), dtype=np.int64)
    children[0::2] = np.where(leaf, own, nodes["left_child"] + first)
    children[1::2] = np.where(leaf, own, nodes["right_child"] + first)
    leaves = np.zeros((len(nodes), classes))
    leaves[:, known] = np.concatenate([state["values"][:, 0, : len(known)] for state in states])
    return Forest(
        roots=roots,
        children=children,
        features=np.where(leaf, 0, nodes["feature"]).astype(np.int64),
        thresholds=np.where(leaf, np.inf, nodes["threshold"]),
        missing_left=leaf | nodes["missing_go_to_left"].astype(np.bool_),
        leaves=leaves,
        depth=max(int(state["max_depth"]) for state in states),
    )


def _trees(model: Any) -> list[Any]:
    """The trees of a forest whose answer is the mean of theirs; empty for anything else."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

    if type(model) in (DecisionTreeClassifier, ExtraTreeClassifier):
        return [model]
    return list(model.estimators_) if type(model) in (RandomForestClassifier, ExtraTreesClassifier) else []
