"""A beginning of own code: a transformer with its test, which run as they stand."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from champion.errors import ConfigurationError
from champion.workspace.files import write_text

MODULE = '''"""{title}: a step before the model, for the `features` of a use case."""

from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin


class {kind}(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """How far the columns lie from their means, together; put what you need in its place.

    `fit` gets the train set, and keeps what it learns in attributes that end with _: numbers, texts, lists, dicts and numpy
    arrays. `transform` gets frames of the same columns, in training, batch and service, and gives numbers: a row for each row.
    """

    def __init__(self, power: float = 2.0) -> None:
        self.power = power

    def fit(self, frame: pd.DataFrame, target: Any = None) -> "{kind}":
        """Learn the means."""
        del target  # the classes by number, where it is needed
        self.means_ = frame.mean().to_numpy()
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One column."""
        return ((frame - self.means_).abs() ** self.power).sum(axis=1).to_frame("{name}")
'''
TEST = '''"""What the step {name} makes of a frame."""

import pandas as pd

from features.{name} import {kind}


def test_{name}_gives_one_number_for_each_row() -> None:
    frame = pd.DataFrame({{"a": [1.0, 2.0, 3.0], "b": [0.0, 0.0, 0.0]}})
    step = {kind}().fit(frame)
    assert step.transform(frame)["{name}"].tolist() == [1.0, 0.0, 1.0]
    assert len(step.transform(frame.head(1))) == 1
'''


@dataclass(frozen=True)
class NewCode:
    """What was written, relative to the checkout, and the import path of the class."""

    module: Path
    test: Path
    path: str


def new_transformer(root: Path, name: str) -> NewCode:
    """Write features/NAME.py and its test. Raises ConfigurationError when the name is none for a module, or one is there."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"found {name!r}, expected a name for a module of Python: a to z, 0 to 9 and _, a letter first, such as ratios."
        )
    kind = "".join(part.capitalize() for part in name.split("_"))
    made = NewCode(
        Path("features") / f"{name}.py", Path("tests/features") / f"test_{name}.py", f"features.{name}.{kind}"
    )
    for file in (made.module, made.test):
        if (root / file).exists():
            raise ConfigurationError(f"{file.as_posix()} is there already. Give another name, or edit that file.")
    words = {"name": name, "kind": kind, "title": kind}
    write_text(root / made.module, MODULE.format(**words))
    write_text(root / made.test, TEST.format(**words))
    return made
