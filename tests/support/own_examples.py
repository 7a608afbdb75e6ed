"""A team's own code, as its checkout has it: a transformer that imports a module beside it, and a classifier."""

from pathlib import Path

from champion.modeling.own.code import OwnCode

HELPERS = '''\
"""What several modules need."""


def ratio(frame):
    """The first column by the second."""
    return frame.iloc[:, 0] / frame.iloc[:, 1]
'''
RATIOS = '''\
"""Ratios of columns, and a classifier by the nearest centre."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin

import features.helpers
from features.helpers import ratio


class Ratio(TransformerMixin, BaseEstimator):
    """One column by another."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, frame, target=None):
        assert isinstance(frame, pd.DataFrame), type(frame)
        self.mean_ = float(ratio(frame).mean())
        return self

    def transform(self, frame):
        assert isinstance(frame, pd.DataFrame), type(frame)
        return (features.helpers.ratio(frame) / self.mean_ * self.scale).to_frame("ratio")


class Nearest(ClassifierMixin, BaseEstimator):
    """The class whose centre is the nearest one."""

    def __init__(self, power=2.0):
        self.power = power

    def fit(self, rows, target):
        rows = np.asarray(rows)
        self.classes_ = np.unique(target)
        self.centres_ = np.stack([rows[target == each].mean(axis=0) for each in self.classes_])
        return self

    def predict(self, rows):
        distances = (np.abs(np.asarray(rows)[:, None] - self.centres_) ** self.power).sum(axis=2)
        return self.classes_[distances.argmin(axis=1)]
'''
FILES = {"features/ratios.py": RATIOS, "features/helpers.py": HELPERS}


def own(shown: str = "", **replaced: str) -> OwnCode:
    """The code; `replaced` are texts of RATIOS, with what stands in their place."""
    text = RATIOS
    for former, new in replaced.items():
        assert former in text
        text = text.replace(former, new)
    return OwnCode({"features/ratios.py": text.encode(), "features/helpers.py": HELPERS.encode()}, shown)


def write(root: Path, files: dict[str, str] | None = None) -> None:
    """Put it into a checkout."""
    for path, text in (FILES if files is None else files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
