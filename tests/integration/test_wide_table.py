"""A table whose columns are named by whole survey questions: the record of its champion is whole on every way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Checkout, tree

QUESTION = "{}. All in all, how content are you with what your town has done about matter number {}"
WHEN = " in the last twelve months, and in the twelve before"


def survey(columns: int, times: int, told: float) -> pd.DataFrame:
    """Answers of 150 people, of which one tells who says yes, as well as `told`; the questions are longer than they need be."""
    random, truth = np.random.default_rng(0), np.arange(150) % 2
    names = [QUESTION.format(number, number) + times * WHEN + "?" for number in range(columns)]
    answers = {name: random.normal(size=150) for name in names}
    answers[names[3]] = told * truth + random.normal(size=150)
    return pd.DataFrame({**answers, "answer": np.where(truth, "yes", "no")})


@pytest.mark.parametrize(
    ("columns", "times", "told"), [(50, 25, 3.0), pytest.param(5000, 1, 8.0, marks=pytest.mark.long)]
)
def test_a_wide_table_goes_through_train_gate_rollback_push_and_pull(
    checkout: Checkout, tmp_path: Path, columns: int, times: int, told: float
) -> None:
    """ZenML 0.98 drops a metadata value of more than 65,535 characters; 50 long names are more (surprise)."""
    table = survey(columns, times, told)
    table.to_csv(checkout.root / "data/survey.csv", index=False)
    assert sum(map(len, table)) > 65_535
    remote = f"[core]\n    remote = shared\n['remote \"shared\"']\n    url = {tmp_path / 'remote'}\n"
    (checkout.root / ".dvc/config.local").write_text(remote)
    data = {"path": "data/survey.csv", "target": "answer"}
    bayes = {"bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"}}
    for use_case in (tree(1, data=data, candidates=bayes), tree(1, data=data)):
        checkout.write_use_case(use_case)
        assert checkout.train()["action"] == "promoted"
    assert checkout.json("rollback")["champion"] == 1
    assert "models/iris.dvc names version 1" in checkout.run("data", "push").stderr
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "champion")

    clone = Checkout(tmp_path / "clone", tmp_path / "another_home")
    clone.home.mkdir()
    checkout.git("clone", "--quiet", str(checkout.root), str(clone.root))
    (clone.root / ".dvc/config.local").write_text(remote)
    clone.run("data", "pull")
    assert clone.train()["ground"] == "withdrawn", "also where another rolled back"
    assert clone.champion() == 1
