"""Parts of a model as plain arrays; whole models go through them in test_model.py."""

from typing import Any

import numpy as np
import pytest

from champion.bundle.packed import _joined

GAPS = np.dtype({"names": ["left", "flag"], "formats": ["<i8", "u1"], "offsets": [0, 8], "itemsize": 16})


@pytest.mark.parametrize(
    "arrays",
    [
        [np.array([(1, 2)], GAPS), np.array([(3, 4), (5, 6)], GAPS)],
        [np.arange(4.0).reshape(2, 1, 2), np.arange(2.0).reshape(1, 1, 2)],
        [np.zeros((0, 8), np.uint32), np.zeros((0, 8), np.uint32)],
        [np.arange(6)[::2], np.arange(3)],
        [np.arange(2), np.arange(2.0)],
    ],
    ids=lambda arrays: f"{arrays[0].dtype} {arrays[0].shape}",
)
def test_arrays_are_joined_as_numpy_does_it_to_the_byte(arrays: list[Any]) -> None:
    joined, expected = _joined(arrays), np.concatenate(arrays)
    assert (joined.dtype, joined.shape, joined.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
