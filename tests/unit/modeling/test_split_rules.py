"""Groups, time, and two rules at once; the hash is in test_split.py."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from champion.errors import ConfigurationError, DataError
from champion.modeling.split import SplitRule, is_holdout, missing_columns, overlap, rule_for
from champion.use_case.learning import Data, Split
from tests.unit.modeling.test_split import DATA, by_hash, numbered, quick, split


@quick
@given(st.lists(st.integers(0, 8) | st.sampled_from(["a", "b"]), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_groups_stay_together(groups: list[Any], share: float) -> None:
    frame = pd.DataFrame({"group": pd.Series(groups, dtype=object), "x": range(len(groups)), "target": 0})
    how = Split(by="group", column="group", share=share, salt="salt")
    assert pd.Series(split(frame, how)).groupby(frame["group"].astype(str)).nunique().max() == 1


def test_a_group_stays_where_it_was_when_rows_come_and_its_type_changes() -> None:
    how = Split(by="group", column="who", share=0.5)
    old = pd.DataFrame({"who": range(60), "x": 1, "target": 0})
    new = pd.DataFrame({"who": [str(number) for number in range(60)] * 2, "x": 2, "target": 0})
    assert split(new, how) == split(old, how) * 2


def test_about_the_share_of_the_groups_is_set_aside() -> None:
    frame = pd.DataFrame({"who": np.repeat(range(500), 3), "target": 0})
    assert 0.15 < np.mean(split(frame, Split(by="group", column="who", share=0.2))) < 0.25


def test_an_empty_group_is_refused_with_the_number_of_rows() -> None:
    frame = pd.DataFrame({"who": ["a", None, "b", None], "target": 0})
    with pytest.raises(DataError, match=r"'who' is empty in 2 rows"):
        split(frame, Split(by="group", column="who"))


def days(count: int = 100, start: str = "2026-01-01") -> pd.DataFrame:
    return pd.DataFrame({"when": pd.date_range(start, periods=count), "target": 0})


BY_TIME = Split(by="time", column="when", share=0.2)


def since(cutoff: float | str) -> SplitRule:
    return SplitRule(by="time", share=0.2, salt="", column="when", cutoff=cutoff)


@pytest.mark.parametrize(
    ("when", "cutoff", "aside"),
    [
        (days()["when"], None, [False] * 80 + [True] * 20),
        (["0900-01-01", "2026-01-01", "9999-12-31"], dt.date(2026, 1, 1), [False, True, True]),
        ([1] * 9 + [2], None, [False] * 9 + [True]),
    ],
    ids=["the latest share", "far dates", "ties at the first moment leave something to train on"],
)
def test_a_time_split_sets_the_latest_rows_aside(when: Any, cutoff: dt.date | None, aside: list[bool]) -> None:
    assert split(pd.DataFrame({"when": when, "target": 0}), BY_TIME.model_copy(update={"cutoff": cutoff})) == aside


def test_the_recorded_cutoff_is_kept_when_the_table_grows() -> None:
    recorded = rule_for(days(), DATA, BY_TIME)
    later = rule_for(days(300), DATA, BY_TIME, recorded)
    assert later == recorded
    assert is_holdout(days(300), later).tolist() == [False] * 80 + [True] * 220


def test_the_cutoff_may_move_forward_and_never_back() -> None:
    asked = BY_TIME.model_copy(update={"cutoff": dt.date(2026, 2, 1)})
    with pytest.raises(ConfigurationError, match="earlier than 2026-03-01, where the champion's holdout begins"):
        rule_for(days(), DATA, asked, since("2026-03-01"))
    later = BY_TIME.model_copy(update={"cutoff": dt.datetime(2026, 4, 1)})
    assert is_holdout(days(), rule_for(days(), DATA, later, since("2026-03-01"))).sum() == 10


def test_a_cutoff_is_the_same_as_a_date_and_as_a_moment() -> None:
    rules = [since("2026-03-01"), since("2026-03-01T00:00")]
    assert rules[0].same_rows(rules[1])
    assert is_holdout(days(), rules[0]).tolist() == is_holdout(days(), rules[1]).tolist()


@pytest.mark.parametrize("resolution", ["s", "ms", "us", "ns"])
def test_the_row_of_the_cutoff_is_holdout_at_every_resolution(resolution: str) -> None:
    moments = pd.to_datetime(pd.Series(np.arange(100) * 86_399_999_999_997 + 1_700_000_000_123_456_789))
    frame = pd.DataFrame({"when": moments.astype(f"datetime64[{resolution}]"), "target": 0})
    assert split(frame, BY_TIME) == [False] * 80 + [True] * 20


@pytest.mark.parametrize(
    "column",
    [
        days()["when"].dt.strftime("%Y-%m-%d"),
        days()["when"].dt.strftime("%Y-%m-%d").astype("category"),
        days()["when"].dt.tz_localize("UTC"),
        days()["when"].dt.date,
        days()["when"].dt.date.astype("date32[pyarrow]"),
    ],
    ids=["text", "category", "utc", "date", "arrow"],
)
def test_a_time_column_of_another_type_has_the_same_cutoff_and_rows(column: pd.Series) -> None:
    frame = pd.DataFrame({"when": column, "target": 0})
    assert rule_for(frame, DATA, BY_TIME).same_rows(rule_for(days(), DATA, BY_TIME))
    assert split(frame, BY_TIME) == split(days(), BY_TIME)


def test_numbers_can_be_a_time() -> None:
    frame = pd.DataFrame({"when": [2020, 2024, 2022, 2021, 2023], "target": 0})
    rule = rule_for(frame, DATA, BY_TIME)
    assert rule.cutoff == 2024.0
    assert is_holdout(frame, rule).tolist() == [False, True, False, False, False]


def test_a_cutoff_of_another_sort_than_the_column_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="holds times; give one of the same sort"):
        rule_for(days(), DATA, BY_TIME.model_copy(update={"cutoff": 5}))
    with pytest.raises(DataError, match="holds numbers, but the holdout begins at '2026-01-01'"):
        is_holdout(pd.DataFrame({"when": [1, 2]}), since("2026-01-01"))


@pytest.mark.parametrize(
    "recorded",
    [
        SplitRule(by="time", share=0.2, salt="", column="when", cutoff=12.0),
        SplitRule(by="time", share=0.2, salt="", column="other", cutoff="2026-01-05"),
        SplitRule(by="hash", share=0.2, salt="", columns=("when",)),
    ],
    ids=["another sort", "another column", "no cutoff"],
)
def test_what_was_recorded_of_something_else_is_no_bound(recorded: SplitRule) -> None:
    assert rule_for(days(), DATA, BY_TIME, recorded) == rule_for(days(), DATA, BY_TIME)


@pytest.mark.parametrize("values", [["2026-01-01", None], ["2026-01-01", "soon"]])
def test_a_moment_that_cannot_be_read_is_refused(values: list[str | None]) -> None:
    with pytest.raises(DataError, match="1 values that are empty or no time"):
        split(pd.DataFrame({"when": values, "target": 0}), BY_TIME)


def test_rows_that_the_former_rule_had_for_training_are_told_apart() -> None:
    frame = numbered()
    former, today = (rule_for(frame, DATA, by_hash(salt=salt)) for salt in ("former", "today"))
    holdout = frame[is_holdout(frame, today)]
    found = overlap(holdout, today, former)
    assert found.tolist() == is_holdout(holdout, former).tolist()
    assert 0.4 < found.mean() < 0.6
    assert overlap(frame, today, today).all()


@pytest.mark.parametrize(("before", "dropped"), [(["x", "target"], ()), (["x", "target", "more"], ("more",))])
def test_a_column_that_is_new_or_no_feature_any_more_moves_no_row_while_a_champion_stands(
    before: list[str], dropped: tuple[str, ...]
) -> None:
    wider = numbered().assign(more=range(2000))
    recorded = rule_for(wider[before], DATA, by_hash())
    data = DATA.model_copy(update={"drop": dropped})
    assert rule_for(wider, data, by_hash(), recorded).same_rows(recorded)
    assert not rule_for(wider, data, by_hash()).same_rows(recorded)


def test_a_column_that_left_a_new_target_and_todays_salt_and_share_make_another_rule() -> None:
    frame = numbered().assign(more=1)
    recorded = rule_for(frame, DATA, by_hash())
    today = rule_for(numbered(), DATA, by_hash(0.3, "new"), recorded)
    assert (today.columns, today.share, today.salt) == (("x",), 0.3, "new")
    assert rule_for(frame, Data(path="", target="more"), by_hash(), recorded).columns == ("target", "x")


def test_nobody_can_tell_when_a_column_of_the_former_rule_is_gone() -> None:
    frame = numbered().assign(more=1)
    former = rule_for(frame, DATA, by_hash())
    today = rule_for(frame[["x", "target"]], DATA, by_hash())
    assert overlap(frame[["x", "target"]], today, former) is None
    assert missing_columns(frame[["x"]], former.needs()) == ["more"]


def test_a_rule_of_another_sort_sets_other_rows_aside() -> None:
    rules = [
        SplitRule(by="hash", share=0.2, salt="a", columns=("x",)),
        SplitRule(by="group", share=0.2, salt="a", column="x"),
        SplitRule(by="time", share=0.2, salt="", column="x", cutoff=1.0),
        SplitRule(by="hash", share=0.3, salt="a", columns=("x",)),
    ]
    assert [one.same_rows(other) for one in rules for other in rules] == np.eye(4, dtype=bool).ravel().tolist()


def test_a_rule_says_itself_to_a_reader() -> None:
    assert SplitRule(by="hash", share=0.125, salt="iris").in_words() == "12.5% of rows, by hash with salt 'iris'"
    assert SplitRule(by="group", share=0.2, salt="", column="who").in_words() == "20% of the groups of who, by hash"
    time = SplitRule(by="time", share=0.2, salt="", column="when", cutoff="2026-01-31")
    assert time.in_words() == "rows from 2026-01-31 on, by when"
