"""New rows through the counts: tables whose columns are called as ours are, and tables without rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from champion.drift.report import DriftReport, Moment
from champion.drift.rows import DriftRequest, compared
from champion.use_case.policy import Drift
from tests.support.drift_examples import champion, mixed
from tests.support.packages import write

TRAIN = mixed(400, 1)


def found(source: Path, train: pd.DataFrame = TRAIN, labels: Path | None = None) -> DriftReport:
    request = DriftRequest(rules=Drift(), source=source.name)
    return compared(source, champion(train), request, labels, lambda *_: None)


@pytest.mark.parametrize("name", ["request_id", "label", "predictions", "model_version", "time", "probability_a"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_feature_may_be_called_as_a_column_of_ours(name: str, suffix: str, tmp_path: Path) -> None:
    train, new = (rows.rename(columns={"size": name}) for rows in (TRAIN, mixed(300, 2)))
    report = found(write(new.assign(y="a"), tmp_path / f"new{suffix}"), train)
    assert (report.current_rows, report.schema_differences) == (300, [])
    assert {each.verdict for each in report.features} == {"none", "ignored"}
    assert report.live is not None
    assert report.live.rows == 300
    assert len(Moment.of(report).effects) == len(train.columns) + 1, "each feature and the predictions"
    labels = pd.DataFrame({"request_id": new[name], "label": "b"}).drop_duplicates("request_id")
    if name == "request_id":
        joined = found(write(new, tmp_path / f"bare{suffix}"), train, write(labels, tmp_path / f"labels{suffix}"))
        assert joined.live is not None
        assert joined.live.rows >= len(labels)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_table_without_rows_is_not_enough_to_judge(suffix: str, tmp_path: Path) -> None:
    report = found(write(mixed(5, 2).head(0), tmp_path / f"new{suffix}"))
    assert (report.verdict, report.current_rows) == ("not_enough", 0)
    assert report.reason == "There are 0 new rows; a verdict takes 50. Collect more."
    assert {each.verdict for each in report.features} == {"not_enough", "ignored"}
    assert np.isfinite([each.missing for each in report.features]).all()
