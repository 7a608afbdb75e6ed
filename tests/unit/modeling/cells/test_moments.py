"""The clock of a moment, its instant, and far values that stand for none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from champion.modeling.cells import moments as of_moments
from champion.modeling.cells.moments import (
    OWN,
    Moments,
    are_iso,
    model_parts,
    moment_parts,
    sentinels_of,
    without_sentinels,
)
from champion.modeling.features import model_frame
from champion.tabular.tables import read_table
from tests.support.one_reader import assert_read_alike, case_of, learn
from tests.support.packages import write

HOURS = pd.date_range("2024-03-30T20:00", periods=60, freq="h", tz="UTC")  # over the change of summer time
ZONE = "Europe/Berlin"


def table(x: object, rows: int = 240) -> pd.DataFrame:
    number = np.arange(rows)
    return pd.DataFrame({"x": x, "n": number * 7919 % 1013 / 8, "y": np.array(["a", "b"])[number % 2]})


def parts(path: Path, **data: object) -> pd.DataFrame:
    """The model columns of "x", which every reader has alike."""
    learned = learn(path, case_of(path, kinds={"x": "datetime"}, **data))
    assert_read_alike(learned, path)
    frame = read_table(path, path.name)
    made = model_frame(frame, learned.package.manifest.signature)
    return made[[name for name in made if name.startswith("x (")]]


def test_hour_weekday_and_month_are_those_of_the_offset_that_stands_there_and_the_days_are_instants(
    tmp_path: Path,
) -> None:
    moments = pd.Series(HOURS.tz_convert(ZONE)).repeat(4).reset_index(drop=True)
    parquet = write(pa.Table.from_pandas(table(moments)), tmp_path / "one.parquet")
    csv = write(table(moments.map(lambda moment: moment.isoformat())), tmp_path / "one.csv")
    of_csv, of_parquet = parts(csv), parts(parquet)
    pd.testing.assert_frame_equal(of_csv, of_parquet)
    assert of_csv["x (hour)"].tolist() == [moment.hour for moment in moments]
    assert of_csv["x (weekday)"].tolist() == [moment.weekday() for moment in moments]
    np.testing.assert_allclose(of_csv["x (days)"], [moment.timestamp() / 86_400 for moment in moments], rtol=1e-15)


def test_data_zone_names_the_zone_of_what_has_no_offset_and_turns_what_came_in_utc(tmp_path: Path) -> None:
    there = pd.Series(HOURS.tz_convert(ZONE)).repeat(4).reset_index(drop=True)
    came = {
        "naive.csv": table(there.dt.tz_localize(None).astype("str")), "utc.csv": table(there.dt.tz_convert("UTC").astype("str")),
        "naive.parquet": table(there.dt.tz_localize(None)), "utc.parquet": table(there.dt.tz_convert("UTC")),
    }  # fmt: skip
    for name, frame in came.items():
        made = parts(write(frame, tmp_path / name), zone=ZONE)
        assert made["x (hour)"].tolist() == [moment.hour for moment in there]
        np.testing.assert_allclose(made["x (days)"], [moment.timestamp() / 86_400 for moment in there], rtol=1e-15)
    assert parts(tmp_path / "utc.csv")["x (hour)"].tolist() == [moment.hour for moment in there.dt.tz_convert("UTC")]


@pytest.mark.parametrize("never", ["9999-12-31", "0001-01-01", "1900-01-01"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_far_sentinel_is_a_flag_and_no_number_of_days(never: str, suffix: str, tmp_path: Path) -> None:
    days = [str(day.date()) for day in pd.date_range("2023-01-01", periods=60)] * 4
    ends = pd.Series([day if row % 5 else never for row, day in enumerate(days)])
    if suffix == ".parquet":
        ends = ends.map(lambda day: np.datetime64(day, "us").astype(object))
        columns = pa.Table.from_pandas(table(0.0))
        columns = columns.set_column(0, "x", pa.array(ends.tolist(), pa.timestamp("us")))
        path = write(columns, tmp_path / "one.parquet")
    else:
        path = write(table(ends), tmp_path / "one.csv")
    learned = learn(path, case_of(path))
    (x, _) = learned.package.manifest.signature
    assert (x.kind, x.nullable, x.columns[-1], len(x.sentinels)) == ("datetime", False, "x (far)", 1)
    assert (x.minimum, x.maximum) == (19359.0, 19417.0)
    made = parts(path)
    assert made["x (far)"].tolist() == [float(row % 5 == 0) for row in range(240)]
    assert made["x (days)"].isna().tolist() == [row % 5 == 0 for row in range(240)]


def test_days_that_the_others_are_near_are_no_sentinels() -> None:
    births = np.arange(-40_000, 5_000, 50.0)
    assert sentinels_of(np.append(births, [-25567.0] * 20)) == (), "1900-01-01 among dates of birth"
    assert sentinels_of(np.array([19000.0, 19001.0, np.nan])) == ()


def test_the_parts_of_version_0_1_are_those_of_utc() -> None:
    instants = HOURS.tz_localize(None).to_numpy()
    moments = Moments(instants, instants + np.timedelta64(2, "h"), np.ones(len(instants), dtype=bool))
    np.testing.assert_array_equal(model_parts(moments, None, ()), moment_parts(instants))
    assert (model_parts(moments, OWN, ()) != moment_parts(instants))[:, 3].all()


def test_texts_are_iso_where_every_block_of_them_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_moments, "BLOCK", 3)
    texts = ["2024-02-29", "9999-12-31", "2024-02-29T10:00Z", "2024-02-29 10:00:00.5", "2024-03-01", "2024-03-02"]
    assert are_iso(texts)
    assert are_iso(pd.array([*texts, None], dtype="str"))
    assert [are_iso([*texts[:at], "5 March 2024", *texts[at:]]) for at in range(7)] == [False] * 7


def test_the_parts_of_a_moment_are_its_days_month_weekday_and_hour_and_nothing_where_there_is_none() -> None:
    moments = np.array(["2024-01-01T06:00", "1969-12-31T23:00", "NaT"], dtype="datetime64[us]")
    made = moment_parts(moments)
    np.testing.assert_array_equal(made[:2], [[19723.25, 1, 0, 6], [-1 / 24, 12, 2, 23]])
    assert np.isnan(made[2]).all()


def test_what_has_an_offset_keeps_its_instant_and_what_has_none_is_of_the_zone_beside_it() -> None:
    shown = np.array(["2024-07-01T12:00", "2024-07-01T12:00"], dtype="datetime64[us]")
    moments = Moments(shown, shown, np.array([True, False]))
    made = model_parts(moments, ZONE, ())
    assert made[:, 3].tolist() == [14, 12]
    np.testing.assert_allclose(made[:, 0], [19905.5, 19905.5 - 2 / 24])


def test_a_zone_of_three_quarters_of_an_hour_and_the_ends_of_the_calendar_are_read() -> None:
    shown = np.array(["2024-07-01T00:10", "1986-01-01T00:20", "0001-01-01", "9999-12-31T23:00"], dtype="datetime64[us]")
    made = model_parts(Moments(shown, shown, np.zeros(4, dtype=bool)), "Asia/Kathmandu", ())
    np.testing.assert_allclose(made[:2, 0] * 1440 % 1440, [1440 + 10 - 345, 1440 + 20 - 345])
    assert made[:, 3].tolist() == [0, 0, 0, 23]


RECENT = np.arange(19000.0, 19100.0)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ([*RECENT, -25567.0, -25567.0], (-25567.0,)),
        ([*np.tile(RECENT, 3), -25567.0, -25567.0], ()),
        ([*RECENT, 0.0, 0.0, -25567.0, -25567.0], (-25567.0,)),
        ([*(RECENT / 30 + 1000), 0.0, 0.0], ()),
        ([*(np.arange(100.0) * 100 + 5000), 0.0, 0.0], ()),
        ([*(np.arange(100.0) * 100 + 12_000), 0.0, 0.0], (0.0,)),
        ([19000.0, 0.0], ()),
        ([*RECENT, -62_091.0, 84_005.0], ()),
        ([*RECENT, -62_092.0, 84_005.0], (-62_092.0,)),
        ([*RECENT, -62_091.0, 84_006.0], (84_006.0,)),
        ([*RECENT, *np.arange(90_000.0, 90_030.0)], tuple(np.arange(90_000.0, 90_020.0))),
    ],
)
def test_a_day_that_programs_fill_in_is_a_sentinel_where_it_is_frequent_and_far_from_all_others(
    days: list[float], found: tuple[float, ...]
) -> None:
    assert sentinels_of(np.array(days)) == found


def test_far_days_stand_for_no_moment_also_those_that_training_did_not_have() -> None:
    days = np.array([19000.0, 0.0, -70_000.0, 90_000.0])
    assert np.isnan(without_sentinels(days, (0.0,))).tolist() == [False, True, True, True]
    assert without_sentinels(days, ()).tolist() == days.tolist()
