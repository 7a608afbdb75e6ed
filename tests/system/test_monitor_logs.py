"""The drift gate over what a service logged, and labels that come later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from champion.errors import ConfigurationError, DataError
from pipelines.drift_files import gathered, moment_of
from tests.conftest import Session
from tests.support.monitor_examples import monitored, new_rows, of_sales, sales, with_champion, write_log

if TYPE_CHECKING:
    from zenml.client import Client


@pytest.fixture
def trained(store: Client, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "iris")


@pytest.fixture
def shop(store: Client, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "sales")


def test_a_log_is_compared_from_a_moment_on(trained: Session, tmp_path: Path) -> None:
    shifted = new_rows(200)
    shifted["petal_length"] += 3
    write_log(trained, tmp_path / "log", shifted, time=datetime.now(UTC) - timedelta(days=9))
    write_log(trained, tmp_path / "log", new_rows(100, seed=2), label="versicolor")
    everything, lately = (monitored(trained, tmp_path / "log", since=since) for since in (None, "2d"))
    assert (everything.current_rows, lately.current_rows) == (300, 100)
    assert {each.name: each.verdict for each in everything.features}["petal_length"] == "drift"
    assert {each.verdict for each in lately.features} == {"none"}
    assert lately.predictions is not None
    assert lately.predictions.cells.current == [0, 100, 0, 0]


def test_answers_of_another_version_are_left_out_and_counted(trained: Session, tmp_path: Path) -> None:
    write_log(trained, tmp_path / "log", new_rows(60), version=1)
    write_log(trained, tmp_path / "log", new_rows(70), version=7)
    found = monitored(trained, tmp_path / "log")
    assert found.current_rows == 60
    assert found.notes == ["70 rows of the log were answered by model version 7 and are left out."]


def test_a_log_without_an_answer_of_the_champion_is_an_error_that_says_what_is_there(
    trained: Session, tmp_path: Path
) -> None:
    write_log(trained, tmp_path / "log", new_rows(60), version=7)
    with pytest.raises(DataError, match=r"no answer of model version 1 \(the champion\); it has answers of 7"):
        monitored(trained, tmp_path / "log")
    with (
        pytest.raises(DataError, match="since 2030-01-01 00:00 UTC"),
        gathered(tmp_path / "log", "log", 7, datetime(2030, 1, 1, tzinfo=UTC)),
    ):
        pass


def test_labels_are_joined_by_request_and_row(trained: Session, tmp_path: Path) -> None:
    """Each request has two rows, and the champion answers setosa to all; every second row is one."""
    ids = write_log(trained, tmp_path / "log", new_rows(200))
    truth = ["setosa" if place % 2 else "virginica" for place in range(200)]
    labels = pd.DataFrame({"request_id": ids, "species": truth}).head(180)
    found = monitored(trained, tmp_path / "log", labels.sample(frac=1, random_state=0).sort_index())
    assert found.live is not None
    assert (found.live.rows, found.live.right, found.live.unmatched) == (180, 90, 20)
    assert "20 rows have no label; the live score is of the other 180." in found.notes


def test_labels_that_cannot_be_joined_are_an_error(trained: Session, tmp_path: Path) -> None:
    write_log(trained, tmp_path / "log", new_rows(60))
    foreign = pd.DataFrame({"request_id": ["a", "b"], "species": ["setosa", "setosa"]})
    with pytest.raises(DataError, match="None of the 60 rows has a label"):
        monitored(trained, tmp_path / "log", foreign)
    with pytest.raises(DataError, match="expected 'request_id' and 'species'"):
        monitored(trained, tmp_path / "log", foreign.rename(columns={"request_id": "id"}))
    with pytest.raises(DataError, match="none of which the champion knows"):
        monitored(trained, tmp_path / "log", foreign.assign(species="rose"))
    with pytest.raises(DataError, match="has no column 'request_id' to join on"):
        monitored(trained, new_rows(60), foreign)


def test_a_log_of_every_kind_of_column_is_compared(shop: Session, tmp_path: Path) -> None:
    rows = sales(200, 2, month=1).drop(columns="returned")
    rows["when"] = rows["when"].dt.tz_localize("UTC")
    write_log(shop, tmp_path / "log", rows.astype(object).where(rows.notna(), None), label="True")
    found = monitored(shop, tmp_path / "log", **of_sales())
    assert {each.name: each.verdict for each in found.features} == {
        "amount": "none", "paid": "none", "place": "none", "when": "ignored",
    }  # fmt: skip
    assert found.predictions is not None
    assert found.predictions.verdict == "drift"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("36h", datetime(2026, 5, 8, 12, tzinfo=UTC)),
        ("10d", datetime(2026, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_how_long_ago_it_was(text: str, moment: datetime) -> None:
    assert moment_of(text, datetime(2026, 5, 10, tzinfo=UTC)) == moment


@pytest.mark.parametrize("text", ["yesterday", "9999999999d", "7 weeks", ""])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no moment"):
        moment_of(text, datetime(2026, 5, 10, tzinfo=UTC))
