"""No champion is judged on rows that it learned, whatever the table is written in."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.comparison.compare import ComparedModel, compare
from champion.comparison.evaluation import Evaluation
from champion.errors import NotEnoughDataError
from champion.modeling.predictor import Predictor
from champion.modeling.preparation import Prepared, prepare_table
from champion.modeling.rows.train_rows import TrainRows
from champion.modeling.split import SplitRule, is_holdout, rule_for
from champion.modeling.training import fit_candidate
from champion.reporting import sentences
from champion.use_case.learning import Candidate, Data, Fitting, Split
from champion.use_case.policy import ComparisonRules
from tests.support import report_examples as examples

DATA = Data(path="a.csv", target="target")
NEAREST = Candidate(estimator="sklearn.neighbors.KNeighborsClassifier", params={"n_neighbors": 1})


def noise(rows: int = 1500) -> pd.DataFrame:
    """A table that nobody can learn: who knows an answer has seen its row."""
    random = np.random.default_rng(0)
    names = random.integers(0, 5000, rows)
    columns = {"a": random.normal(size=rows).round(6), "b": random.normal(size=rows).round(6), "count": names}
    return pd.DataFrame({**columns, "target": random.choice(["x", "y"], rows)})


def learned(table: pd.DataFrame, split: Split, recorded: SplitRule | None = None) -> tuple[Prepared, ComparedModel]:
    made = prepare_table(table, DATA, rule_for(table, DATA, split, recorded))
    fitting = Fitting(target="target", metric="accuracy", folds=2, seed=0, group=None, ranked=False)
    pipeline, _ = fit_candidate(made.train, made.plan, "one", NEAREST, fitting)
    sketch = TrainRows.from_bytes(made.train_rows)
    model = Predictor(made.plan, pipeline)
    return made, ComparedModel("champion", model, made.plan.rule, "one", NEAREST.estimator, {}, train_rows=sketch)


def judged(before: pd.DataFrame, after: pd.DataFrame, former: Split, today: Split, **more: Any) -> Evaluation:
    """Make a champion of a table, change the table, and let a challenger of it be judged against the champion."""
    _, champion = learned(before, former)
    made, challenger = learned(after, today, champion.rule)
    asked = {"metric": "accuracy", "guardrails": (), "min_overlap": 30, "seed": 0, **more}
    rules = ComparisonRules(use_case="made", target="target", **asked)
    return compare(made.holdout, len(made.train), rules, replace(challenger, role="challenger"), champion, [])


def test_a_grown_table_of_other_types_judges_rows_that_nobody_learned_and_the_report_says_so() -> None:
    table = noise()
    more = noise(1900)[1500:]
    grown = pd.concat([table, more]).astype({"a": "float32", "count": "float64", "target": "category"})
    found = judged(table, grown, Split(), Split())
    assert (found.rows.learned.learned, found.rows.learned.known) == (0, found.rows.judged)
    assert found.champion.scores["accuracy"] < 0.65
    assert found.warnings == []
    assert "rows none trained the champion" in sentences.compared_rows(found, examples.outcome())


def test_rows_that_the_champion_learned_are_left_out_for_both_whatever_the_rules_say(monkeypatch: Any) -> None:
    monkeypatch.setattr(SplitRule, "same_rows", lambda *_: True)  # as where a rule is wrong
    found = judged(noise(), noise(), Split(salt="one"), Split(salt="another"))
    learned = found.rows.learned
    assert learned.learned == found.rows.holdout - found.rows.judged > 150
    assert found.champion.scores["accuracy"] < 0.7
    assert (
        f"{learned.learned} of the rows that judge trained the champion, and were left out for both." in found.warnings
    )
    assert f"{learned.learned} rows left out" in sentences.compared_rows(found, examples.outcome())
    with pytest.raises(NotEnoughDataError, match=r"too few rows judge: \d+ of \d+ trained the champion"):
        judged(noise(), noise(), Split(salt="one"), Split(salt="another"), min_overlap=200)


def test_a_sketch_that_is_not_complete_decides_nothing_where_it_finds_learned_rows(monkeypatch: Any) -> None:
    monkeypatch.setattr(SplitRule, "same_rows", lambda *_: True)
    with pytest.raises(
        NotEnoughDataError, match=r"rows that it learned: about \d+% of the .* rows that judge"
    ) as error:
        judged(noise(8000), noise(8000), Split(salt="one"), Split(salt="another"))
    assert error.value.exit_code == 4


COMMAS = {"a": lambda frame: frame["a"].map("{:.6f}".format).str.replace(".", ",")}


def test_a_spelling_that_no_rule_knows_decides_nothing_and_the_column_is_named() -> None:
    before = noise()
    with pytest.raises(
        NotEnoughDataError, match=r"written otherwise now, in 'a' .*'a' was numeric, as float64, and comes as"
    ) as error:
        judged(before, before.assign(**COMMAS), Split(), Split())
    assert error.value.exit_code == 4
    replaced = judged(before, before.assign(**COMMAS), Split(), Split(), replace_unjudged=True)
    assert replaced.champion is None
    assert "trained the champion" in replaced.champion_unjudged


def test_some_corrected_rows_stop_nothing_and_are_told() -> None:
    before, corrected = noise(), noise()
    corrected.loc[:44, "a"] += 1
    found = judged(before, corrected, Split(), Split())
    assert any("seem to be train rows of the champion in which 'a' was changed" in text for text in found.warnings)
    with pytest.raises(NotEnoughDataError, match=r"written otherwise now, in 'a' \('a' has other values in them\)"):
        judged(before, before.assign(a=before["a"] + 1), Split(), Split())


def test_another_table_is_judged_and_the_doubt_is_told() -> None:
    other = noise().assign(
        a=lambda frame: frame["a"] + 9, b=lambda frame: frame["b"] + 9, count=lambda frame: -frame["count"]
    )
    found = judged(noise(), other, Split(), Split())
    assert any("100% of the champion's train rows are not in this table any more" in text for text in found.warnings)


def test_a_champion_of_version_one_is_judged_on_rows_of_both_rules_or_its_rule_is_kept() -> None:
    table = noise()
    old = SplitRule(by="hash", share=0.2, salt="", columns=("a", "b", "count"))
    assert rule_for(table, DATA, Split(), old).version == 2
    few = rule_for(table[:200], DATA, Split(), old)
    assert few.same_rows(old)
    _, champion = learned(table, Split())
    champion = replace(champion, rule=old, train_rows=None)
    made, challenger = learned(table, Split(), old)
    rules = ComparisonRules(use_case="made", target="target", metric="accuracy", guardrails=(), min_overlap=30, seed=0)
    found = compare(made.holdout, len(made.train), rules, challenger, champion, [])
    assert 30 <= found.rows.judged < 0.4 * found.rows.holdout
    assert found.rows.overlap_only
    assert "keeps no sketch" in sentences.compared_rows(found, examples.outcome())


def _holdout_share(table: pd.DataFrame, split: Split, salt: str) -> float:
    return float(is_holdout(table, rule_for(table, DATA, split.model_copy(update={"salt": salt}))).mean())


def test_a_holdout_far_from_the_wanted_share_is_a_warning() -> None:
    masses = noise().assign(a=lambda frame: frame["a"].round(), b=0.0, count=0)
    found = judged(masses, masses, Split(), Split(), min_overlap=1)
    assert any("split.share asks for 20%: many rows are equal" in text for text in found.warnings)
    grouped = noise().assign(who=lambda frame: np.where(frame["count"] % 2, 0, frame["count"] % 50))
    by_group = Split(by="group", column="who", share=0.3, salt="0")
    salt = next(str(salt) for salt in range(50) if _holdout_share(grouped, by_group, str(salt)) > 0.5)
    by_group = by_group.model_copy(update={"salt": salt})
    told = judged(grouped, grouped, by_group, by_group).warnings
    assert any("split.share asks for 30%: some groups have many rows" in text for text in told)
    assert not any("split.share asks" in text for text in judged(noise(), noise(), Split(), Split()).warnings)
