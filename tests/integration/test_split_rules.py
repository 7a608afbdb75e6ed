"""The holdout stays the holdout: changed rules, times and groups, through the whole pipeline."""

import random

import pandas as pd
import pytest

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.split import SplitRule, is_holdout
from tests.conftest import Session, tree

MEMORY = {"memory": {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {"n_neighbors": 1}}}


def chance(rows: int) -> str:
    """A table that nobody can learn: who knows an answer has seen its row."""
    draw = random.Random(0)
    lines = [f"{draw.random():.6f},{draw.random():.6f},{draw.choice('ab')}" for _ in range(rows)]
    return "\n".join(["x,y,answer", *lines]) + "\n"


def days(first: int, last: int) -> str:
    return "".join(
        f"{day},{day % 7},{(day * 37) % 101},{'hot' if day % 7 > 3 else 'cold'}\n" for day in range(first, last)
    )


def test_after_a_change_of_salt_only_rows_that_nobody_trained_on_judge(session: Session) -> None:
    session.write(chance(400), "data/chance.csv")
    data = {"path": "data/chance.csv", "target": "answer"}
    session.train(tree(1, data=data, candidates=MEMORY))
    package = session.manifest()
    changed = {"salt": "another", "min_overlap": 300}
    with pytest.raises(NotEnoughDataError, match=r"Nothing is decided: the split rule changed.*only \d+ rows") as error:
        session.train(tree(1, data=data, split=changed))
    assert error.value.exit_code == 4
    assert session.stages() == {1: "production"}
    assert session.manifest() == package

    done, _ = session.train(tree(1, data=data, split={**changed, "min_overlap": 20}))
    table = pd.read_csv(session.root / "data/chance.csv")
    former = SplitRule.model_validate(package["split"])
    today = is_holdout(table, former.model_copy(update={"salt": "another"}))
    both = today & is_holdout(table, former)
    assert (done.evaluation.rows.judged, done.evaluation.rows.holdout) == (both.sum(), today.sum())
    assert done.evaluation.rows.overlap_only
    assert done.evaluation.champion.scores["accuracy"] < 0.7, "it was judged on rows that it had learned by heart"


def test_a_time_cutoff_is_recorded_moves_on_while_the_table_grows_and_never_back(session: Session) -> None:
    header = "day,weekday,noise,weather\n"
    session.write(header + days(0, 100), "data/days.csv")
    use_case = tree(1, data={"path": "data/days.csv", "target": "weather"}, split={"by": "time", "column": "day"})
    first, _ = session.train(use_case)
    assert session.manifest()["split"]["cutoff"] == 70
    assert "day" not in [feature["name"] for feature in session.manifest()["signature"]]
    assert first.evaluation.rows.holdout == 30

    session.write(header + days(0, 160), "data/days.csv")
    grown, _ = session.train(use_case)
    assert (grown.evaluation.rows.train, grown.evaluation.rows.holdout) == (112, 48)
    assert not grown.evaluation.rows.overlap_only
    assert [period.rows for period in grown.evaluation.periods] == [24, 24]
    assert grown.evaluation.champion

    back = {**use_case, "split": {**use_case["split"], "cutoff": 50}}
    with pytest.raises(ConfigurationError, match=r"earlier than 70") as error:
        session.train(back)
    assert error.value.exit_code == 2

    later, _ = session.train({**use_case, "split": {**use_case["split"], "cutoff": 100}})
    assert (later.evaluation.rows.train, later.evaluation.rows.judged) == (100, 60)


def test_a_table_written_otherwise_has_the_same_holdout_and_one_in_a_spelling_that_nobody_knows_decides_nothing(
    session: Session,
) -> None:
    session.write(chance(400), "data/chance.csv")
    data = {"path": "data/chance.csv", "target": "answer"}
    first, _ = session.train(tree(1, data=data, candidates=MEMORY))
    table = pd.read_csv(session.root / "data/chance.csv")
    table.astype({"x": "float32", "y": "float32"}).to_parquet(session.root / "data/chance.parquet", index=False)
    same, _ = session.train(tree(1, data={**data, "path": "data/chance.parquet"}))
    assert same.evaluation.rows.holdout == first.evaluation.rows.holdout
    assert (same.evaluation.rows.learned.learned, same.evaluation.rows.learned.train) == (
        0,
        first.evaluation.rows.train,
    )
    assert same.evaluation.champion.scores["accuracy"] < 0.7, "it was judged on rows that it had learned by heart"

    commas = table.assign(x=table["x"].map("{:.6f}".format).str.replace(".", ","))
    session.write(commas.to_csv(index=False), "data/chance.csv")
    with pytest.raises(NotEnoughDataError, match=r"trained the champion, and are written otherwise now, in 'x'"):
        session.train(tree(1, data=data))


def test_a_group_is_never_torn_apart(session: Session) -> None:
    rows = "".join(f"g{day % 40}," + line + "\n" for day, line in enumerate(days(0, 400).splitlines()))
    session.write("who,day,weekday,noise,weather\n" + rows, "data/groups.csv")
    data = {"path": "data/groups.csv", "target": "weather", "drop": ["day"]}
    done, _ = session.train(tree(1, data=data, split={"by": "group", "column": "who"}))
    manifest = session.manifest()
    assert manifest["split"]["column"] == "who"
    assert "who" not in [feature["name"] for feature in manifest["signature"]]
    table = pd.read_csv(session.root / "data/groups.csv")
    aside = is_holdout(table, SplitRule.model_validate(manifest["split"]))
    assert not set(table["who"][aside]) & set(table["who"][~aside])
    assert done.evaluation.rows.holdout == aside.sum() > 0
