import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.preparation import prepare_table
from champion.modeling.split import REPEAT, SplitRule, is_holdout, missing_columns, overlap, rule_for
from champion.use_case.learning import Data, Split

DATA = Data(path="table.csv", target="target")
quick = settings(max_examples=40, deadline=None, database=None)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integers": st.integers(-(2**43), 2**43),
    "floats": st.floats(-1e12, 1e12, allow_nan=False),
    "strings": st.text("abc é0.", max_size=6),
    "booleans": st.booleans(),
    "dates": st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
}


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """A table with a column of each sort, some values missing, some rows there twice, and a target."""
    rows = draw(st.integers(1, 25))
    columns = {name: draw(st.lists(values, min_size=rows, max_size=rows)) for name, values in VALUES.items()}
    columns["gaps"] = draw(st.lists(st.none() | st.floats(0, 9), min_size=rows, max_size=rows))
    frame = pd.DataFrame({**columns, "target": [row % 3 for row in range(rows)]})
    twice = draw(st.lists(st.integers(0, rows - 1), max_size=5))
    return pd.concat([frame, frame.iloc[twice]], ignore_index=True)


def by_hash(share: float = 0.5, salt: str = "salt") -> Split:
    return Split(share=share, salt=salt)


def split(frame: pd.DataFrame, how: Split, data: Data = DATA) -> list[bool]:
    """Which rows are holdout, under the rule that fits this very table, read from a manifest."""
    rule = rule_for(frame, data, how)
    read = SplitRule.model_validate_json(rule.model_dump_json())
    assert (read, read.same_rows(rule)) == (rule, True)
    return is_holdout(frame, read).tolist()


def numbered(rows: int = 2000) -> pd.DataFrame:
    return pd.DataFrame({"x": range(rows), "target": 0})


@quick
@given(tables(), tables(), st.randoms(use_true_random=False))
def test_a_row_and_its_twins_stay_where_they_were_whatever_is_beside_them_in_any_order(
    old: pd.DataFrame, more: pd.DataFrame, random: Any
) -> None:
    grown = pd.concat([old, old.assign(target=7), more], ignore_index=True)
    grown = grown.reindex(range(len(grown) + 1))  # a row without values: integers become floats, booleans objects
    aside = split(grown, by_hash())
    assert aside[: 2 * len(old)] == split(old, by_hash()) * 2
    order, names = list(range(len(grown))), list(grown.columns)
    random.shuffle(order)
    random.shuffle(names)
    assert split(grown.iloc[order][names], by_hash()) == [aside[row] for row in order]


@quick
@given(tables(), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_larger_share_contains_the_rows_of_a_smaller_one(frame: pd.DataFrame, one: float, other: float) -> None:
    fewer, more = (np.array(split(frame, by_hash(share=share))) for share in sorted((one, other)))
    assert not (fewer & ~more).any()


@pytest.mark.parametrize(
    "values",
    [
        *([1, 2], [1, None], [0.5, 1.5], [True, False], ["a", "b"], pd.Categorical(["a", "b"])),
        *(pd.date_range("2020-01-01", periods=2, tz=zone) for zone in (None, "Asia/Tokyo")),
        pd.to_timedelta([1, 2], unit="h"),
    ],
)
def test_another_salt_can_move_each_value_of_every_dtype(values: Any) -> None:
    frame = pd.DataFrame({"x": values, "target": 0})
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
    "numbers but for rounding": [pd.Series([0.125, 37.375]), pd.Series(np.nextafter([0.125, 37.375], np.inf))],
    "gaps": [pd.Series([None] * 2, dtype=dtype) for dtype in (object, float, "datetime64[ns]", "Int64")],
}


@pytest.mark.parametrize("family", SAME)
def test_the_same_values_of_another_type_move_no_row(family: str) -> None:
    salts = [str(salt) for salt in range(25)]
    found = {
        tuple(tuple(split(pd.DataFrame({"x": column, "target": 0}), by_hash(salt=salt))) for salt in salts)
        for column in SAME[family]
    }
    assert len(found) == 1


def test_a_text_is_placed_whatever_else_is_there_and_odd_values_are_no_error() -> None:
    dates = ["0001-01-01", "2026-01-31", "9999-12-31 10:00", "2026-13-45", "7", "name"]
    odd = [10**400, 2**64, "nan", "inf", "1e999", "9999-99-99", dt.date(9999, 12, 31), b"bytes", "", 1.5]
    finer = [*dates, "2026-01-31T10:00:00.123456789", "2026-01-31T10:00:00+02:00", *odd]
    old, grown = (pd.DataFrame({"x": pd.Series(values, dtype=object), "target": 0}) for values in (dates, finer))
    for salt in map(str, range(20)):
        assert split(grown, by_hash(salt=salt))[: len(dates)] == split(old, by_hash(salt=salt))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.8])
def test_the_share_of_rows_or_of_groups_is_about_what_was_asked(share: float) -> None:
    for how in (by_hash(share=share), Split(by="group", column="x", share=share)):
        assert abs(np.mean(split(numbered(), how)) - share) < 4 * np.sqrt(share * (1 - share) / 2000)


def test_a_row_is_placed_by_all_its_columns_and_by_which_value_is_in_which() -> None:
    frame = pd.DataFrame([(a, b, 0) for a in range(30) for b in range(30)], columns=["a", "b", "target"])
    aside = pd.Series(split(frame, by_hash()))
    assert all(aside.groupby(frame[name]).mean().between(0.1, 0.9).all() for name in "ab")
    assert split(frame.rename(columns={"a": "b", "b": "a"}), by_hash()) != aside.tolist()


def test_target_and_dropped_columns_place_no_row() -> None:
    frame = pd.DataFrame({"x": range(100), "note": range(100), "target": 0})
    data = DATA.model_copy(update={"drop": ("note",)})
    assert rule_for(frame, data, by_hash()).columns == ("x",)
    assert split(frame.assign(note=0, target=1), by_hash(), data) == split(frame, by_hash(), data)


# Groups, time, and two rules at once


def test_a_group_stays_together_where_it_was_when_rows_come_and_its_type_changes() -> None:
    how = Split(by="group", column="who", share=0.5)
    old = pd.DataFrame({"who": [*range(60), "a"], "x": 1, "target": 0})
    new = pd.DataFrame({"who": [*map(str, range(60)), "a"] * 2, "x": range(122), "target": 0})
    assert split(new, how) == split(old, how) * 2


def test_an_empty_group_is_refused_with_the_number_of_rows() -> None:
    frame = pd.DataFrame({"who": ["a", None, "b", None], "target": 0})
    with pytest.raises(DataError, match=r"'who' is empty in 2 rows"):
        split(frame, Split(by="group", column="who"))


def days() -> pd.DataFrame:
    return pd.DataFrame({"when": pd.date_range("2026-01-01", periods=100), "target": 0})


def by_time(cutoff: Any = None) -> Split:
    return Split(by="time", column="when", share=0.2, cutoff=cutoff)


def since(cutoff: float | str, column: str = "when") -> SplitRule:
    return SplitRule(by="time", share=0.2, salt="", column=column, cutoff=cutoff)


@pytest.mark.parametrize(
    ("when", "cutoff", "aside"),
    [
        (days()["when"], None, [False] * 80 + [True] * 20),
        (["0900-01-01", "2026-01-01", "9999-12-31"], dt.date(2026, 1, 1), [False, True, True]),
        ([2020, 2024, 2022, 2021, 2023], None, [False, True, False, False, False]),
        ([1] * 9 + [2], None, [False] * 9 + [True]),
    ],
    ids=["the latest share", "far dates", "numbers", "ties at the first moment leave something to train on"],
)
def test_a_time_split_sets_the_latest_rows_aside(when: Any, cutoff: dt.date | None, aside: list[bool]) -> None:
    assert split(pd.DataFrame({"when": when, "target": 0}), by_time(cutoff)) == aside


@pytest.mark.parametrize(
    ("asked", "recorded", "aside"),
    [
        (None, since("2026-03-01"), 20),
        (None, since("2026-04-01T00:00"), 10),
        (dt.datetime(2026, 4, 1), since("2026-03-01"), 10),
        (None, since(12.0), 20),
        (None, since("2026-01-05", "other"), 20),
        (None, SplitRule(by="hash", share=0.2, salt="", columns=("when",)), 20),
    ],
    ids=["moved on with the table", "never back", "moved by hand", "another sort", "another column", "no cutoff"],
)
def test_the_recorded_cutoff_of_this_column_moves_on_with_the_table_and_never_back(
    asked: Any, recorded: SplitRule, aside: int
) -> None:
    assert is_holdout(days(), rule_for(days(), DATA, by_time(asked), recorded)).sum() == aside


@pytest.mark.parametrize("resolution", ["s", "ms", "us", "ns"])
def test_the_row_of_the_cutoff_is_holdout_at_every_resolution(resolution: str) -> None:
    moments = pd.to_datetime(pd.Series(np.arange(100) * 86_399_999_999_997 + 1_700_000_000_123_456_789))
    frame = pd.DataFrame({"when": moments.astype(f"datetime64[{resolution}]"), "target": 0})
    assert split(frame, by_time()) == [False] * 80 + [True] * 20


TEXTS = days()["when"].dt.strftime("%Y-%m-%d")


@pytest.mark.parametrize(
    "column",
    [
        *(TEXTS, TEXTS.astype("category"), days()["when"].dt.tz_localize("UTC")),
        *(days()["when"].dt.date, days()["when"].astype("date32[pyarrow]")),
    ],
    ids=["text", "category", "utc", "date", "arrow"],
)
def test_a_time_column_of_another_type_has_the_same_cutoff(column: pd.Series) -> None:
    frame = pd.DataFrame({"when": column, "target": 0})
    assert rule_for(frame, DATA, by_time()).same_rows(rule_for(days(), DATA, by_time()))
    assert split(frame, by_time()) == split(days(), by_time())


@pytest.mark.parametrize(
    ("when", "asked", "error", "message"),
    [
        (
            days()["when"],
            dt.date(2026, 2, 1),
            ConfigurationError,
            "earlier than 2026-03-01, where the champion's holdout",
        ),
        (days()["when"], 5, ConfigurationError, "holds times; give one of the same sort"),
        (["2026-01-01", None], None, DataError, "1 values that are empty or no time"),
        (["2026-01-01", "soon"], None, DataError, "1 values that are empty or no time"),
    ],
)
def test_a_cutoff_that_moves_back_or_is_of_another_sort_and_a_moment_that_cannot_be_read_are_refused(
    when: Any, asked: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rule_for(pd.DataFrame({"when": when}), DATA, by_time(asked), since("2026-03-01"))


def test_a_column_of_another_sort_than_the_recorded_cutoff_is_refused() -> None:
    with pytest.raises(DataError, match="holds numbers, but the holdout begins at '2026-01-01'"):
        is_holdout(pd.DataFrame({"when": [1, 2]}), since("2026-01-01"))


@pytest.mark.parametrize(
    ("when", "horizon", "aside"),
    [(days()["when"], "30d", 31), (days()["when"], "36h", 2), (pd.Series(range(100)), 9, 10)],
)
def test_a_horizon_begins_so_far_before_the_latest_moment(when: pd.Series, horizon: Any, aside: int) -> None:
    frame = pd.DataFrame({"when": when, "target": 0})
    how = Split(by="time", column="when", horizon=horizon, min_overlap=2)
    assert split(frame, how) == [False] * (100 - aside) + [True] * aside


def test_a_horizon_that_a_mistaken_moment_leaves_without_rows_or_of_another_sort_is_refused() -> None:
    frame = pd.DataFrame({"when": [*days()["when"], pd.Timestamp("9999-12-31")], "target": 0})
    with pytest.raises(NotEnoughDataError, match=r"Too few rows lie within .* of the latest moment: 1 to 9999-12-31"):
        split(frame, Split(by="time", column="when", horizon="30d"))
    with pytest.raises(ConfigurationError, match="holds times; give a time such as 90d"):
        split(frame, Split(by="time", column="when", horizon=30))


def classes_by_sex() -> pd.DataFrame:
    """As of the Titanic: 2,201 rows of 24 combinations."""
    random = np.random.default_rng(0)
    columns = {"class": ["first", "second", "third", "crew"], "age": ["adult", "child"], "sex": ["male", "female"]}
    frame = pd.DataFrame({name: random.choice(values, 2201) for name, values in columns.items()})
    return frame.assign(target=random.random(2201) < np.where(frame["sex"] == "female", 0.7, 0.2))


def test_where_equal_rows_are_observations_each_repeat_is_placed_by_itself_whatever_the_order() -> None:
    frame, how = classes_by_sex(), Split(repeats="observations")
    aside = np.array(split(frame, how))
    assert abs(aside.mean() - 0.2) < 0.04
    assert abs(np.mean(split(frame, Split())) - 0.2) > 0.04
    for values in (True, False):
        assert abs(aside[frame["target"] == values].mean() - 0.2) < 0.05
    order = np.random.default_rng(1).permutation(len(frame))
    shuffled = frame.iloc[order]
    counts = frame[aside].value_counts()
    assert shuffled[split(shuffled, how)].value_counts().to_dict() == counts.to_dict()
    grown = frame.assign(target=frame["target"]).iloc[[*range(len(frame)), *range(300)]]
    more = grown[split(grown, how)].value_counts()
    assert (more.reindex(counts.index) >= counts).all()  # none of them left


def test_the_repeat_of_a_row_goes_with_it_so_that_a_part_of_the_table_has_the_same_split() -> None:
    frame, data = classes_by_sex(), DATA
    rule = rule_for(frame, data, Split(repeats="observations"))
    made = prepare_table(frame, data, rule)
    assert is_holdout(made.holdout, rule).all()
    assert not is_holdout(made.train, rule).any()
    assert REPEAT not in [feature.name for feature in made.plan.features]
    assert made.profile.twins == len(made.holdout)
    other = rule.model_copy(update={"columns": ("age", "class")})
    assert overlap(made.holdout, other, rule) is None


@pytest.mark.parametrize("repeated", [("x", "letter"), ("x",), ("letter",), ()])
def test_holdout_rows_with_all_features_of_a_train_row_are_counted(repeated: tuple[str, ...]) -> None:
    number = np.arange(120)
    frame = pd.DataFrame({"x": number / 4, "letter": [f"{each % 60} of" for each in number], "target": number % 2})
    for name in repeated:
        frame[name] = frame[name].iloc[number // 3].to_numpy()
    frame["row"] = [f"R{each}" for each in number]
    made = prepare_table(
        frame, DATA.model_copy(update={"kinds": {"letter": "categorical"}}), rule_for(frame, DATA, by_hash())
    )
    assert [feature.name for feature in made.plan.features] == ["x", "letter"], (
        "rows are named, and stand on both sides"
    )
    learned = {*zip(made.train["x"], made.train["letter"], strict=True)}
    twins = sum(pair in learned for pair in zip(made.holdout["x"], made.holdout["letter"], strict=True))
    assert made.profile.twins == twins
    assert (twins > 0) == (len(repeated) == 2)


def test_rows_that_the_former_rule_had_for_training_are_told_apart_unless_a_column_of_it_is_gone() -> None:
    frame = numbered()
    former, today = (rule_for(frame, DATA, by_hash(salt=salt)) for salt in ("former", "today"))
    holdout = frame[is_holdout(frame, today)]
    found = overlap(holdout, today, former)
    assert found.tolist() == is_holdout(holdout, former).tolist()
    assert 0.4 < found.mean() < 0.6
    assert overlap(frame, today, today).all()
    wider = rule_for(frame.assign(more=1), DATA, by_hash())
    assert overlap(frame, today, wider) is None
    assert missing_columns(frame[["x"]], wider.needs()) == ["more"]


@pytest.mark.parametrize(
    ("before", "today", "data", "columns"),
    [
        (["x"], ["x", "more"], {}, ("x",)),
        (["x", "more"], ["x", "more"], {"drop": ("more",)}, ("more", "x")),
        (["x", "more"], ["x"], {}, ("x",)),
        (["x", "more"], ["x", "more"], {"target": "more"}, ("target", "x")),
    ],
    ids=["a column is new", "one is no feature any more", "one left", "one is the target now"],
)
def test_while_a_champion_stands_its_columns_place_the_rows_as_long_as_the_table_has_them_all(
    before: list[str], today: list[str], data: dict[str, Any], columns: tuple[str, ...]
) -> None:
    recorded = rule_for(pd.DataFrame(columns=[*before, "target"]), DATA, by_hash())
    frame = pd.DataFrame(columns=[*today, "target"])
    rule = rule_for(frame, DATA.model_copy(update=data), by_hash(0.3, "new"), recorded)
    assert (rule.columns, rule.share, rule.salt) == (columns, 0.3, "new")


def test_a_rule_of_another_sort_sets_other_rows_aside() -> None:
    rules = [
        SplitRule(by="hash", share=0.2, salt="a", columns=("x",)),
        SplitRule(by="group", share=0.2, salt="a", column="x"),
        since(1.0, "x"),
        SplitRule(by="hash", share=0.3, salt="a", columns=("x",)),
    ]
    assert [one.same_rows(other) for one in rules for other in rules] == np.eye(4, dtype=bool).ravel().tolist()
    assert since("2026-03-01").same_rows(since("2026-03-01T00:00"))


def test_a_rule_says_itself_to_a_reader() -> None:
    assert SplitRule(by="hash", share=0.125, salt="iris").in_words() == "12.5% of rows, by hash with salt 'iris'"
    assert SplitRule(by="group", share=0.2, salt="", column="who").in_words() == "20% of the groups of who, by hash"
    assert since("2026-01-31").in_words() == "rows from 2026-01-31 on, by when"
