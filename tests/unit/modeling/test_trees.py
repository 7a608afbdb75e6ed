from typing import Any

import numpy as np
import pytest

from champion.modeling.trees import check_bins, check_bitsets, check_neighbours, check_tree, check_vectors

#        0
#      1   4
#     2 3
LEFT, RIGHT, FEATURES = np.array([1, 2, -1, -1, -1]), np.array([4, 3, -1, -1, -1]), np.array([1, 0, -2, -2, -2])
NODE = [("is_leaf", "u1"), ("is_categorical", "u1"), ("bitset_idx", "u4"), ("feature_idx", "i8")]
ASKS = np.array([(0, 1, 0, 1), (0, 0, 0, 0), (1, 0, 0, 0)], dtype=NODE)
HEAP = np.array([(0, 4, 0), (0, 2, 1), (2, 4, 1)], dtype=[("idx_start", "i8"), ("idx_end", "i8"), ("is_leaf", "i8")])


def other(array: Any, place: Any, value: Any, field: str | None = None) -> Any:
    """The same array, but for one value."""
    changed = array.copy()
    (changed[field] if field else changed)[place] = value
    return changed


def test_a_tree_has_its_depth() -> None:
    assert check_tree(LEFT, RIGHT, FEATURES, 2) == 2
    assert check_tree(LEFT[-1:], RIGHT[-1:], FEATURES[-1:], 1) == 0


@pytest.mark.parametrize(
    ("left", "right", "features", "width", "reason"),
    [
        (LEFT[:0], RIGHT[:0], FEATURES[:0], 2, "there are other nodes of trees than it says"),
        (other(LEFT, 2, -2), RIGHT, FEATURES, 2, "a leaf of a tree has a child"),
        (LEFT, other(RIGHT, 2, 3), FEATURES, 2, "a leaf of a tree has a child"),
        (other(LEFT, 0, 5), RIGHT, FEATURES, 2, "are no tree"),
        (LEFT, other(RIGHT, 0, 2), FEATURES, 2, "are no tree"),
        (other(LEFT, 1, 1), other(RIGHT, 0, 2), FEATURES, 2, "are no tree"),
        (other(LEFT, 0, 0), RIGHT, FEATURES, 2, "are no tree"),
        (LEFT, RIGHT, FEATURES, 1, "a feature that the model has not; it has 1"),
        (LEFT, RIGHT, other(FEATURES, 1, -1), 2, "a feature that the model has not"),
    ],
)
def test_what_is_no_tree_is_refused(left: Any, right: Any, features: Any, width: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_tree(left, right, features, width)


@pytest.mark.parametrize(
    ("nodes", "bitsets", "categorical", "reason"),
    [
        (ASKS, np.zeros((1, 8)), [False, True], None),
        (ASKS, np.zeros((0, 8)), [False, True], "a set of categories that it has not"),
        (other(ASKS, 0, 1, "bitset_idx"), np.zeros((1, 8)), [False, True], "a set of categories that it has not"),
        (ASKS, np.zeros((1, 7)), [False, True], "a set of categories that it has not"),
        (ASKS, np.zeros((1, 8)), [True, False], "a feature that has none"),
    ],
)
def test_a_boosted_tree_asks_for_sets_and_features_that_are_there(
    nodes: Any, bitsets: Any, categorical: Any, reason: str | None
) -> None:
    refused(reason, lambda: check_bitsets(nodes, bitsets, np.array(categorical)))


@pytest.mark.parametrize(
    ("thresholds", "width", "reason"),
    [
        ([[0.5, 300.0], [0.0, 255.0]], 2, None),
        ([[0.5], [0.0, 256.0]], 2, "not from 0 to 255"),
        ([[0.5], [-1.0]], 2, "not from 0 to 255"),
        ([[0.5], [np.nan]], 2, "not from 0 to 255"),
        ([[0.5]], 2, "not bins for each of 2"),
        ([[0.5], [0.0]], 3, "not bins for each of 3"),
    ],
)
def test_the_categories_of_a_boosting_are_codes(thresholds: Any, width: int, reason: str | None) -> None:
    refused(reason, lambda: check_bins([np.array(each) for each in thresholds], np.array([0, 1]), width))


@pytest.mark.parametrize(
    ("order", "nodes", "bounds", "reason"),
    [
        ([3, 1, 0, 2], HEAP, (2, 3, 5), None),
        ([3, 1, 0, 4], HEAP, (2, 3, 5), "no order of its rows"),
        ([3, 1, 0, 0], HEAP, (2, 3, 5), "no order of its rows"),
        ([3, 1, 0, 2], HEAP, (1, 3, 5), "the bounds of its nodes"),
        ([3, 1, 0, 2], HEAP, (2, 2, 5), "the bounds of its nodes"),
        ([3, 1, 0, 2], HEAP, (2, 3, 4), "the bounds of its nodes"),
        ([3, 1, 0, 2], HEAP[:2], (2, 2, 5), "the bounds of its nodes"),
        ([3, 1, 0, 2], other(HEAP, 2, 0, "is_leaf"), (2, 3, 5), "leaves elsewhere"),
        ([3, 1, 0, 2], other(HEAP, 2, 5, "idx_end"), (2, 3, 5), "out of its rows"),
        ([3, 1, 0, 2], other(HEAP, 1, -1, "idx_start"), (2, 3, 5), "out of its rows"),
    ],
)
def test_an_index_of_neighbours_stays_within_its_rows(order: Any, nodes: Any, bounds: Any, reason: str | None) -> None:
    refused(reason, lambda: check_neighbours(np.zeros((4, 5)), np.array(order), nodes, np.zeros(bounds), 2))


@pytest.mark.parametrize(
    ("counts", "factors", "intercepts", "reason"),
    [
        ([2, 1, 1], (2, 4), 3, None),
        ([2, 1, 2], (2, 4), 3, "not as many"),
        ([2, 3, -1], (2, 4), 3, "not as many"),
        ([4], (0, 4), 0, "not as many"),
        ([2, 1, 1], (1, 4), 3, "not as many"),
        ([2, 1, 1], (2, 4), 1, "not as many"),
    ],
)
def test_support_vectors_are_as_many_as_their_classes_need(
    counts: Any, factors: Any, intercepts: int, reason: str | None
) -> None:
    vectors = np.zeros((4, 5))
    refused(reason, lambda: check_vectors(vectors, np.array(counts), np.zeros(factors), np.zeros(intercepts), 5))


def refused(reason: str | None, check: Any) -> None:
    """A check passes, or fails with the reason."""
    if reason is None:
        check()
    else:
        with pytest.raises(ValueError, match=reason):
            check()
