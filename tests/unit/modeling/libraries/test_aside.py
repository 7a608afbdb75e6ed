import numpy as np
import pytest

from champion.modeling.libraries.aside import set_aside


def test_whole_groups_are_set_aside_and_no_class_is_lost_to_learning() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), random.integers(1, 30, 60))
    codes = random.integers(0, 3, len(groups))
    codes[groups < 6] = 3  # a class of few groups
    for seed in range(5):
        aside = set_aside(codes, seed, groups=groups)
        assert not set(groups[aside]) & set(groups[~aside])
        assert set(codes[~aside]) == {0, 1, 2, 3}
        assert 0.05 < aside.mean() < 0.2
    few = set_aside(np.array([0, 0, 1, 1, 0, 1]), 0, groups=np.array([5, 5, 5, 9, 9, 7]))
    assert few.tolist() == [False, False, False, False, False, True], "of groups that are all long the shortest"


def test_the_latest_rows_are_set_aside_as_far_as_every_class_was_seen_before_them() -> None:
    random = np.random.default_rng(0)
    moments = random.permutation(100).astype(np.float64)
    codes = (moments % 2).astype(np.int64)
    assert set(moments[set_aside(codes, 0, moments=moments)]) == set(range(90, 100))
    codes[moments >= 95] = 2
    assert set(moments[set_aside(codes, 0, moments=moments)]) == set(range(96, 100))
    days = np.floor(moments / 30)  # the last of which has ten rows, and no moment is on both sides
    assert set(moments[set_aside((moments % 2).astype(np.int64), 0, moments=days)]) == set(range(90, 100))


@pytest.mark.parametrize(
    ("given", "what"),
    [({"groups": [1, 1, 2, 2]}, "groups"), ({"moments": [1.0, 1.0, 2.0, 2.0]}, "moments"), ({}, "rows")],
)
def test_where_none_can_be_set_aside_the_reason_is_said(given: dict[str, list[float]], what: str) -> None:
    arrays = {name: np.array(values) for name, values in given.items()}
    codes = np.array([0, 0, 1, 1]) if given else np.array([0, 1])
    with pytest.raises(ValueError, match=f"too few {what} to set some aside for early stopping"):
        set_aside(codes, 0, **arrays)
