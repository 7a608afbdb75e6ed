import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.errors import ConfigurationError, DataError
from champion.modeling.split import SplitRule, is_holdout, missing_columns, overlap, rule_for
from champion.use_case.learning import Data, Split

DATA = Data(path="table.csv", target="target")
quick = settings(max_examples=40, deadline=None, database=None)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integers": st.integers(-(2**40), 2**40),
    "floats": st.floats(-1e12, 1e12, allow_nan=False),
    "strings": st.text("abc é0.", max_size=6),
    "booleans": st.booleans(),
    "dates": st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
}


@st.composite
def tables(draw: st.DrawFn, least: int = 1) -> pd.DataFrame:
    """A table with a column of each sort, some values missing, some rows there twice, and a target."""
    rows = draw(st.integers(least, 25))
    columns = {name: draw(st.lists(values, min_size=rows, max_size=rows)) for name, values in VALUES.items()}
    columns["gaps"] = draw(st.lists(st.none() | st.floats(0, 9), min_size=rows, max_size=rows))
    frame = pd.DataFrame({**columns, "target": [row % 3 for row in range(rows)]})
    twice = draw(st.lists(st.integers(0, rows - 1), max_size=5))
    return pd.concat([frame, frame.iloc[twice]], ignore_index=True)


def by_hash(share: float = 0.5, salt: str = "salt") -> Split:
    return Split(share=share, salt=salt)


def split(frame: pd.DataFrame, how: Split, data: Data = DATA) -> list[bool]:
    """Which rows are holdout, under the rule that fits this very table."""
    return is_holdout(frame, rule_for(frame, data, how)).tolist()


def numbered(rows: int = 2000) -> pd.DataFrame:
    return pd.DataFrame({"x": range(rows), "target": 0})


@quick
@given(tables(), tables())
def test_old_rows_stay_where_they_were_when_the_table_grows(old: pd.DataFrame, more: pd.DataFrame) -> None:
    grown = pd.concat([old, more], ignore_index=True)
    assert split(grown, by_hash())[: len(old)] == split(old, by_hash())


@quick
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_columns_does_not_matter(frame: pd.DataFrame, random: Any) -> None:
    order, names = list(range(len(frame))), list(frame.columns)
    random.shuffle(order)
    random.shuffle(names)
    before = split(frame, by_hash())
    assert split(frame.iloc[order][names], by_hash()) == [before[row] for row in order]


@quick
@given(tables())
def test_duplicates_stay_together_whatever_their_target(frame: pd.DataFrame) -> None:
    twice = pd.concat([frame, frame.assign(target=7)], ignore_index=True)
    aside = split(twice, by_hash())
    assert aside[: len(frame)] == aside[len(frame) :]


@quick
@given(tables(), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_larger_share_contains_the_rows_of_a_smaller_one(frame: pd.DataFrame, one: float, other: float) -> None:
    fewer, more = (np.array(split(frame, by_hash(share=share))) for share in sorted((one, other)))
    assert not (fewer & ~more).any()


@pytest.mark.parametrize(
    "values",
    [
        list(range(200)), [number / 7 for number in range(200)], [f"name {number}" for number in range(200)],
        pd.date_range("2020-01-01", periods=200), pd.date_range("2020-01-01", periods=200, tz="Asia/Tokyo"),
        pd.to_timedelta(range(200), unit="h"), pd.Categorical([f"name {number}" for number in range(200)]),
        pd.array([*range(199), None], dtype="Int64"),
    ],
    ids=["int", "float", "str", "datetime", "tz", "timedelta", "category", "Int64"],
)  # fmt: skip
def test_another_salt_sets_other_rows_aside_for_every_dtype(values: Any) -> None:
    frame = pd.DataFrame({"x": values, "target": 0})
    assert split(frame, by_hash(salt="one")) != split(frame, by_hash(salt="another"))


def test_another_salt_can_move_the_two_values_of_a_boolean_column() -> None:
    frame = pd.DataFrame({"x": [True, False], "target": 0})
    assert len({tuple(split(frame, by_hash(salt=str(salt)))) for salt in range(30)}) == 4


DATES = pd.Series(pd.to_datetime(["2026-01-31 00:00", "1969-12-31 10:00"]))
SAME: dict[str, Sequence[Any]] = {
    "ones": [
        *map(
            pd.Series, ([1, 0], [1.0, 0.0], [1.0, -0.0], ["1", "0"], [" 1.0", "0.00"], [True, False], ["True", "false"])
        ),
        *(pd.Series([True, False], dtype=dtype) for dtype in ("boolean", object, "category")),
        *(pd.Series([1, 0], dtype=dtype) for dtype in ("Int64", "int8[pyarrow]", "category")),
        pd.Series([np.bool_(True), np.int8(0)], dtype=object),
    ],
    "moments": [
        pd.Series(["2026-01-31", "1969-12-31 10:00:00"]),
        pd.Series(["2026/01/31", "1969-12-31T10:00:00Z"]),
        pd.Series(["2026-01-31T02:00:00+02:00", "1969-12-31 10:00"]),
        pd.Series(["2026-01-31", "1969-12-31 10:00"], dtype="category"),
        pd.Series([pd.Timestamp("2026-01-31"), dt.datetime(1969, 12, 31, 10)], dtype=object),
        pd.Series([dt.date(2026, 1, 31), np.datetime64("1969-12-31T10:00")], dtype=object),
        *(DATES, DATES.dt.tz_localize("UTC").dt.tz_convert("America/Lima")),
        *(DATES.astype("datetime64[s]"), DATES.astype("timestamp[us][pyarrow]")),
    ],
    "texts": [
        *(pd.Series(["a", "b"], dtype=dtype) for dtype in (None, "category", "string", object, "string[pyarrow]")),
        pd.Series([" a", "b "]),
    ],
}


@pytest.mark.parametrize("family", SAME)
def test_the_same_values_of_another_type_move_no_row(family: str) -> None:
    salts = [str(salt) for salt in range(25)]
    found = {
        tuple(tuple(split(pd.DataFrame({"x": column, "target": 0}), by_hash(salt=salt))) for salt in salts)
        for column in SAME[family]
    }
    assert len(found) == 1


@quick
@given(
    st.lists(st.integers(-(2**43), 2**43), min_size=1, max_size=30) | st.lists(st.booleans(), min_size=1, max_size=30)
)
def test_values_of_another_dtype_because_one_went_missing_move_no_row(values: list[Any]) -> None:
    whole = pd.DataFrame({"x": values, "n": range(len(values)), "target": 0})
    gap = pd.DataFrame({"x": [*values, None], "n": range(len(values) + 1), "target": 0})
    assert gap["x"].dtype != whole["x"].dtype
    assert split(gap, by_hash())[:-1] == split(whole, by_hash())


def test_rounding_in_the_last_bits_moves_no_row() -> None:
    exact = pd.DataFrame({"x": np.arange(1, 300) / 8, "target": 0})
    noisy = exact.assign(x=np.nextafter(exact["x"], np.inf))
    assert split(noisy, by_hash()) == split(exact, by_hash())


def test_a_missing_value_is_the_same_whatever_stands_for_it() -> None:
    gaps = (pd.Series([None] * 40, dtype=object), np.nan, pd.NaT, pd.Series([pd.NA] * 40, dtype="Int64"))
    frames = [pd.DataFrame({"x": gap, "n": range(40), "target": 0}) for gap in gaps]
    assert len({tuple(split(frame, by_hash())) for frame in frames}) == 1


def test_a_text_is_placed_whatever_other_texts_are_there() -> None:
    dates = ["0001-01-01", "2026-01-31", "9999-12-31 10:00", "2026-13-45", "7", "name"]
    finer = [*dates, "2026-01-31T10:00:00.123456789", "2026-01-31T10:00:00+02:00"]
    old, grown = (pd.DataFrame({"x": values, "target": 0}) for values in (dates, finer))
    for salt in map(str, range(20)):
        assert split(grown, by_hash(salt=salt))[: len(dates)] == split(old, by_hash(salt=salt))


def test_odd_values_are_split_without_an_error() -> None:
    odd = [10**400, 2**64, "nan", "inf", "1e999", "9999-99-99", "0001-01-01", dt.date(9999, 12, 31), b"bytes", "", 1.5]
    frame = pd.DataFrame({"x": pd.Series(odd, dtype=object), "target": 0})
    assert len(split(frame, by_hash())) == len(odd)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8])
def test_the_share_is_about_what_was_asked(share: float) -> None:
    found = np.mean(split(numbered(), by_hash(share=share)))
    assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / 2000)


def test_a_row_is_placed_by_all_its_columns_and_by_which_value_is_in_which() -> None:
    frame = pd.DataFrame([(a, b, 0) for a in range(30) for b in range(30)], columns=["a", "b", "target"])
    aside = pd.Series(split(frame, by_hash()))
    assert all(aside.groupby(frame[name]).mean().between(0.1, 0.9).all() for name in "ab")
    assert split(frame.rename(columns={"a": "b", "b": "a"}), by_hash()) != aside.tolist()


def test_target_and_dropped_columns_place_no_row() -> None:
    frame = pd.DataFrame({"x": range(100), "note": range(100), "target": 0})
    data = DATA.model_copy(update={"drop": ("note",)})
    rule = rule_for(frame, data, by_hash())
    assert rule.columns == ("x",)
    assert split(frame.assign(note=0, target=1), by_hash(), data) == split(frame, by_hash(), data)


def test_a_rule_survives_its_way_through_a_manifest() -> None:
    frame = pd.DataFrame({"x": range(50), "when": pd.date_range("2026-01-01", periods=50), "target": 0})
    for how in (by_hash(), Split(by="group", column="x"), Split(by="time", column="when")):
        rule = rule_for(frame, DATA, how)
        read = SplitRule.model_validate_json(rule.model_dump_json())
        assert read == rule
        assert read.same_rows(rule)
        assert is_holdout(frame, read).tolist() == is_holdout(frame, rule).tolist()


# Groups, time, and two rules at once


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
