"""New rows through the counts: tables whose columns are called as ours are, and tables without rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from champion.bundle.folder import Package
from champion.drift.report import DriftReport, Moment
from champion.drift.rows import DriftRequest, compared
from champion.use_case.learning import Read
from champion.use_case.policy import Drift
from tests.support.drift_examples import champion, mixed
from tests.support.packages import write

TRAIN = mixed(400, 1)


def found(source: Path, train: pd.DataFrame = TRAIN, labels: Path | None = None) -> DriftReport:
    request = DriftRequest(rules=Drift(), source=source.name)
    package = champion(train)
    read = package.manifest.model_copy(update={"read": Read()})
    return compared(source, replace(package, manifest=read), request, labels, lambda *_: None)


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


def test_columns_that_the_use_case_leaves_out_are_no_difference_and_a_new_one_is(tmp_path: Path) -> None:
    source = write(mixed(300, 2).assign(id="a", note="b", more="c"), tmp_path / "new.csv")
    package = champion(TRAIN)
    package = Package(package.manifest.model_copy(update={"drop": ("id",)}), package.files)
    request = DriftRequest(rules=Drift(), source=source.name, dropped=("note",))
    report = compared(source, package, request, None, lambda *_: None)
    assert [(each.column, each.what) for each in report.schema_differences] == [("more", "new")]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_table_without_rows_is_not_enough_to_judge(suffix: str, tmp_path: Path) -> None:
    report = found(write(mixed(5, 2).head(0), tmp_path / f"new{suffix}"))
    assert (report.verdict, report.current_rows) == ("not_enough", 0)
    assert report.reason == "There are 0 new rows; a verdict takes 50. Collect more."
    assert {each.verdict for each in report.features} == {"not_enough", "ignored"}
    assert np.isfinite([each.missing for each in report.features]).all()


def test_few_wrong_cells_are_missing_as_in_a_prediction_and_many_are_not_counted(tmp_path: Path) -> None:
    train = TRAIN.assign(size=TRAIN["size"].where(TRAIN.index % 50 > 0))
    new = mixed(400, 2).astype({"size": str})

    def with_wrong(count: int) -> DriftReport:
        return found(write(new.assign(size=["soon"] * count + [*new["size"][count:]]), tmp_path / "new.csv"), train)

    few, many = with_wrong(4), with_wrong(40)
    size = {each.name: each for each in few.features}["size"]
    assert (size.missing, size.wrong, size.verdict) == (0.01, 0.0, "none")
    assert few.predictions is not None
    assert few.predictions.current_rows == 400, "the champion answers these rows too"
    assert few.notes[0] == (
        "4 of 400 values of 'size' are no numbers: 'soon' (rows 1, 2, 3, ...). They are read as missing (data.max_bad_cells)."
    )
    size = {each.name: each for each in many.features}["size"]
    assert (size.missing, size.wrong) == (0.0, 0.1)
    assert many.predictions is not None
    assert many.predictions.current_rows == 360
    assert "40 of 400 rows are not counted in 'size': the value is no number." in many.notes
