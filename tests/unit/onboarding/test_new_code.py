"""A transformer that begins one's own code runs as it stands, and so does its test."""

from pathlib import Path

import pandas as pd
import pytest

from champion.errors import ConfigurationError
from champion.modeling.own.code import OwnCode
from champion.onboarding.new_code import new_transformer


def test_a_new_transformer_runs_and_its_test_passes(tmp_path: Path) -> None:
    made = new_transformer(tmp_path, "far_away")
    assert (made.module, made.path) == (Path("features/far_away.py"), "features.far_away.FarAway")
    own = OwnCode({made.module.as_posix(): (tmp_path / made.module).read_bytes()})
    step = own.find(made.path, "here")(power=1.0)
    frame = pd.DataFrame({"a": [1.0, 3.0], "b": [0.0, 0.0]})
    assert step.fit(frame).transform(frame)["far_away"].tolist() == [1.0, 1.0]
    both = OwnCode({**own.files, made.test.as_posix(): (tmp_path / made.test).read_bytes()})
    tests = both.load("tests.features.test_far_away", "here")
    tests.test_far_away_gives_one_number_for_each_row()


def test_a_name_that_is_none_and_one_that_is_there_are_refused(tmp_path: Path) -> None:
    for name in ("Ratio", "1st", "a-b", "class", "../x"):
        with pytest.raises(ConfigurationError, match="expected a name for a module of Python"):
            new_transformer(tmp_path, name)
    new_transformer(tmp_path, "ratios")
    with pytest.raises(ConfigurationError, match=r"is there already. Give another name"):
        new_transformer(tmp_path, "ratios")
