"""New data counted in chunks."""

import numpy as np
import pandas as pd
import pytest

from champion.drift.counts import MOST_NAMES, FeatureCounts, reference_cells
from champion.drift.statistics import ALL_LISTED, Unlisted
from champion.modeling.columns import Column
from champion.modeling.profile import ColumnProfile, build

PLAIN = ColumnProfile(name="x", kind="numeric", used=True, why="", dtype="float64", missing=0, distinct=100)


def column(**facts: object) -> ColumnProfile:
    return PLAIN.model_copy(update=facts)


NUMBER = column(edges=[0.0, 1.0, 2.0, 4.0], counts=[5, 5, 6], mean=1.5)
COLOUR = column(kind="categorical", distinct=4, categories=["red", "blue"], counts=[7, 3], other=2, unlisted=[1, 1])


def counted(profile: ColumnProfile, *chunks: np.ndarray) -> FeatureCounts:
    """The counts of chunks in which no value is wrong."""
    counts = FeatureCounts(profile, frozenset({"red", "blue", "green"}))
    for chunk in chunks:
        counts.add(chunk, np.zeros(len(chunk), dtype=bool))
    return counts


def test_a_bin_holds_its_lower_edge_and_the_last_one_its_upper_edge_too() -> None:
    counts = counted(NUMBER, np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 4.0, 4.5, np.nan]))
    assert counts.cells.tolist() == [1, 2, 1, 2, 1]
    assert (counts.rows, counts.missing, counts.values, counts.outside) == (8, 1, 7, 2)
    assert reference_cells(NUMBER).tolist() == [0, 5, 5, 6, 0]


def test_the_bins_are_those_in_which_the_profile_counted() -> None:
    values = np.round(np.random.default_rng(1).lognormal(size=500), 2)
    table = pd.DataFrame({"x": values, "y": ["a"] * 500})
    (described,) = build(table, 0, "y", [Column(name="x", kind="numeric", used=True, why="")], ["a"]).columns
    assert counted(described, values).cells.tolist() == reference_cells(described).tolist()


def test_chunks_add_up_to_the_whole() -> None:
    values = np.random.default_rng(2).normal(2, 3, size=1000)
    parts = counted(NUMBER, *np.array_split(values, 7))
    assert parts.cells.tolist() == counted(NUMBER, values).cells.tolist()
    assert parts.mean == pytest.approx(values.mean())
    assert not counted(NUMBER, *[np.array([1.5, 1.5])] * 3).varied
    assert counted(NUMBER, *[np.array([1.5, 1.5])] * 3, np.array([1.6])).varied, "rows differ, in chunks that do not"


def test_a_wrong_value_is_neither_a_value_nor_missing_and_a_boolean_is_true_or_false() -> None:
    counts = FeatureCounts(NUMBER)
    counts.add_numbers(np.array([np.inf, np.nan, np.nan, 1.0]), np.array([True, True, False, False]))
    assert (counts.wrong, counts.missing, counts.values, counts.cells.sum()) == (2, 1, 1, 1)
    flag = column(kind="boolean", distinct=2, categories=["true", "false"], counts=[7, 3])
    counts = counted(flag, np.array([1.0, 0.0, 0.0, np.nan]))
    assert (counts.cells.tolist(), counts.missing) == ([1, 2, 0], 1)


def test_unseen_categories_are_named_but_for_those_of_a_single_row() -> None:
    texts = np.array(["red", "green", "pink", "pink", "Jane Doe", np.nan, "blue", "red"], dtype=object)
    counts = counted(COLOUR, texts)
    assert counts.cells.tolist() == [2, 1, 4]
    assert (counts.unseen_rows, counts.unseen(5), counts.missing) == (3, [("pink", 2)], 1)


def test_every_category_has_a_cell_as_far_as_profile_and_signature_tell_its_rows() -> None:
    texts = np.array(["red", "gold", "green", "pink", "pink", "gold", "mauve"], dtype=object)
    known = frozenset({"red", "blue", "gold", "green"})

    def cells(profile: ColumnProfile, known: frozenset[str] | None = known) -> tuple[list[int], list[int], Unlisted]:
        counts = FeatureCounts(profile, known)
        counts.add(texts, np.zeros(len(texts), dtype=bool))
        ours, theirs, unlisted = counts.category_cells(profile)
        return ours.tolist(), theirs.tolist(), unlisted

    all_told = cells(COLOUR)  # red and blue, gold and green, pink and mauve, nothing else
    assert all_told == ([7, 3, 1, 1, 0, 0, 0], [1, 0, 2, 1, 2, 1, 0], ALL_LISTED)
    assert cells(COLOUR.model_copy(update={"unlisted": []})) == all_told, "in 0.1: two others with two rows"
    cut = COLOUR.model_copy(update={"unlisted": [], "other": 5})
    assert cells(cut) == ([7, 3, 0, 0, 5], [1, 0, 2, 1, 3], Unlisted(3, 2)), "in 0.1: one of them may have had three"
    assert cells(COLOUR, None) == ([7, 3, 2], [1, 0, 6], Unlisted(1, 2))


def test_memory_does_not_grow_with_ever_new_categories() -> None:
    names = np.array([f"n{i}" for i in range(5 * MOST_NAMES)], dtype=object)
    counts = counted(COLOUR, *np.split(names, 5))
    assert counts.unseen_rows == 5 * MOST_NAMES
    assert len(counts._unseen) == MOST_NAMES
