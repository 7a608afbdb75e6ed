"""What a task makes of a target column."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.modeling.evaluation import Label
from champion.modeling.tasks import part_of


class Target(Protocol):
    """A module of functions; all take the target column without missing values, but `check`."""

    def check(self, target: pd.Series, folds: int) -> list[str]:
        """Refuse a target that cannot be learned (DataError); else say what is doubtful about it."""

    def canonical_labels(self, target: pd.Series) -> NDArray[np.object_]:
        """The values to learn, shape (rows,), whatever dtype they came with."""

    def classes_to_learn(self, target: pd.Series, split: str) -> list[Label]:
        """The classes of a train set, in order, where the task knows any; NotEnoughDataError where `split` left too few."""

    def class_counts(self, target: pd.Series, classes: Sequence[Label]) -> list[int]:
        """The rows of each class, for the profile."""


target_of: Callable[[str], Target] = partial(part_of, __name__)  # by task
