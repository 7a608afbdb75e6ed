"""The drift gate as its user meets it: a table or the log of a service in, verdict, reports and exit code out."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from champion.drift.judge import exit_code
from champion.drift.report import DriftReport
from champion.errors import ConfigurationError, DataError, PackageError, ProjectError
from pipelines.drift_files import GAUGES, gathered, history, moment_of
from tests.conftest import ROOT, Checkout, Session, quick, tree
from tests.support.monitor_examples import iris, monitored, new_rows, of_sales, sales, with_champion, write_log


@pytest.fixture
def trained(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "iris")


@pytest.fixture
def shop(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "sales")


def test_rows_as_in_training_are_no_drift_and_the_reports_are_there(trained: Session) -> None:
    found = monitored(trained, new_rows())
    assert (found.verdict, found.current_rows, found.model_version) == ("none", 300, 1)
    run = next(iter(trained.client.list_pipeline_runs(pipeline="drift_monitoring", sort_by="desc:created")))
    artifact = run.steps["monitor"].outputs["report"][0]
    assert [Path(each.uri).name for each in artifact.visualizations or ()] == ["drift.html"], "the dashboard shows it"
    assert artifact.run_metadata["verdict"] == "none"
    folder = trained.root / "reports" / trained.name
    assert DriftReport.model_validate_json((folder / "drift.json").read_text()) == found
    assert "No drift" in (folder / "drift.html").read_text()
    assert (folder / "drift.md").read_text().startswith(f"## {trained.name}: no drift")
    assert history(trained.workspace(tree(2)))[-1].verdict == "none"


def test_a_shifted_column_is_drift_and_its_figures_are_given(trained: Session) -> None:
    rows = new_rows()
    rows["sepal_length"] += 0.5
    found = monitored(trained, rows)
    worst = found.features[0]
    assert (found.verdict, worst.name, worst.verdict) == ("drift", "sepal_length", "drift")
    assert worst.effect is not None
    assert worst.effect > worst.threshold
    assert worst.outside is not None
    assert found.reason.startswith("The values of 'sepal_length' changed.")


def test_the_use_case_sets_thresholds_and_ignores_columns(trained: Session) -> None:
    rows = new_rows()
    rows["sepal_length"] += 0.5
    rows["sepal_width"] += 0.5
    rules = {"ignore": ["sepal_width"], "effects": {"sepal_length": 0.9}}
    found = monitored(trained, rows, drift=rules)
    assert found.verdict == "none"
    assert {each.name: each.verdict for each in found.features}["sepal_width"] == "ignored"
    with pytest.raises(ConfigurationError, match="Did you mean 'sepal_width'"):
        monitored(trained, rows, drift={"ignore": ["sepal_widht"]})


def test_predictions_are_compared(trained: Session) -> None:
    found = monitored(trained, iris().iloc[:50, :4].sample(200, replace=True, random_state=1))
    assert found.predictions is not None
    assert found.predictions.verdict == "drift"
    assert "other classes than before" in found.reason


def test_a_table_with_the_target_tells_how_good_the_champion_is(trained: Session) -> None:
    table = iris()
    assert monitored(trained, table).live is not None
    wrong = table.assign(species=table["species"].replace({"setosa": "virginica", "virginica": "setosa"}))
    found = monitored(trained, wrong)
    assert found.live is not None
    assert found.live.worse
    assert found.live.low < found.live.score < found.live.high < found.live.promoted
    assert found.verdict == "drift"
    found = monitored(trained, table.assign(species="rose"))
    assert (found.verdict, found.live) == ("none", None)
    assert found.notes == ["No value of 'species' is a class that the champion knows, so that it is not scored."]


def test_a_column_that_is_missing_new_or_of_another_type_is_named(trained: Session) -> None:
    rows = new_rows().drop(columns="petal_width").assign(sepal_width="wide", colour="red")
    found = monitored(trained, rows)
    assert {each.column: each.what for each in found.schema_differences} == {
        "petal_width": "missing", "sepal_width": "type", "colour": "new",
    }  # fmt: skip
    assert found.verdict == "schema"
    assert found.predictions is None
    assert {each.name: each.verdict for each in found.features}["sepal_length"] == "none"
    found = monitored(trained, new_rows().assign(colour="red"))
    assert (found.verdict, [each.what for each in found.schema_differences]) == ("none", ["new"]), "no drift by itself"


def test_too_few_rows_or_the_same_row_over_and_over_are_not_enough(trained: Session) -> None:
    for rows, words in [
        (new_rows(20), "There are 20 new rows; a verdict takes 50"),
        (pd.concat([new_rows(1)] * 200), "All 200 rows are the same"),
    ]:
        found = monitored(trained, rows)
        assert found.verdict == "not_enough"
        assert words in found.reason
        assert {each.verdict for each in found.features} == {"not_enough"}


def test_a_table_of_another_use_case_or_without_a_row_is_an_error_and_the_former_report_stays(trained: Session) -> None:
    before = monitored(trained, new_rows())
    with pytest.raises(DataError, match="has no column of the use case"):
        monitored(trained, pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    with pytest.raises(DataError, match="columns but no row"):
        monitored(trained, new_rows().head(0))
    folder = trained.root / "reports" / trained.name
    assert DriftReport.model_validate_json((folder / "drift.json").read_text()) == before


def test_memory_does_not_depend_on_the_order_or_the_size_of_chunks(
    trained: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = new_rows(500)
    rows.to_parquet(trained.root / "new.parquet")
    whole = monitored(trained, trained.root / "new.parquet")
    monkeypatch.setattr("champion.tabular.parquet_format.CHUNK_ROWS", 7)
    parts = monitored(trained, trained.root / "new.parquet")
    assert [(each.name, each.cells, each.p) for each in parts.features] == [
        (each.name, each.cells, each.p) for each in whole.features
    ]
    assert parts.predictions == whole.predictions


def test_every_gauge_has_its_help_and_stands_in_the_docs(trained: Session) -> None:
    monitored(trained, iris())
    text = (trained.root / "reports" / trained.name / "drift.prom").read_text()
    told = re.findall(r"^# HELP (\w+) .", text, re.MULTILINE)
    assert set(told) == set(GAUGES)
    assert len(told) == len(set(told))
    assert f'champion_drift{{use_case="{trained.name}",model_version="1"}} 0' in text
    documented = set(re.findall(r"`(champion_\w+)`", (ROOT / "docs/drift.md").read_text(encoding="utf-8")))
    assert documented == set(GAUGES)


def sold(shop: Session, rows: pd.DataFrame, name: str = "new.csv", **more: Any) -> dict[str, Any]:
    path = shop.root / name
    rows.to_parquet(path) if name.endswith(".parquet") else rows.to_csv(path, index=False)
    found = monitored(shop, path, **of_sales(**more))
    return {each.name: each for each in found.features} | {"report": found}


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
def test_every_kind_of_column_is_compared_in_every_format(shop: Session, name: str) -> None:
    found = sold(shop, sales(400, 2, month=5), name)
    assert {each.name: each.verdict for each in found.pop("report").features} == {
        "amount": "none", "paid": "none", "place": "none", "when": "ignored",
    }  # fmt: skip
    assert found["when"].outside == 1.0
    assert found["amount"].missing == pytest.approx(0.1, abs=0.05)
    moved = sales(400, 2).assign(paid=True, place="Köln | West")
    moved.loc[:199, "place"] = "abroad"
    found = sold(shop, moved, name, drift={"effects": {"when": 0.5}})
    assert {each.name: each.verdict for each in found["report"].features} == {
        "place": "drift", "paid": "drift", "amount": "none", "when": "none",
    }  # fmt: skip
    place = found["place"]
    assert (place.unseen, [(each.value, each.rows) for each in place.unseen_values]) == (0.5, [("abroad", 200)])
    assert found["report"].live is not None
    assert found["report"].live.score > 0.7


def test_prune_frees_the_run_its_report_and_the_table(trained: Session) -> None:
    from champion.registry.prune import prune

    place = trained.workspace(tree(2))
    monitored(trained, new_rows())
    before = prune(trained.client, place, really=False)
    monitored(trained, new_rows(123, seed=9))
    after = prune(trained.client, place, really=False)
    assert (after.runs - before.runs, after.artifacts - before.artifacts) == (1, 2)


def test_a_use_case_without_a_champion_is_told_to_train(trained: Session) -> None:
    other = Session(trained.root, trained.client)
    with pytest.raises(ProjectError, match="has no champion to work with"):
        monitored(other, new_rows())


def test_a_profile_of_another_format_is_an_error(trained: Session) -> None:
    from champion.bundle.folder import Package, read
    from champion.drift.rows import DriftRequest, compared

    package = read(trained.root / "models" / trained.name, "the package")
    assert package is not None
    old = Package(package.manifest, {**package.files, "profile.json": b'{"rows": 3}'})
    new_rows().to_csv(trained.root / "new.csv", index=False)
    asked = DriftRequest(rules=trained.workspace(tree(2)).use_case.drift, source="new.csv")
    with pytest.raises(PackageError, match=r"profile\.json cannot be read"):
        compared(trained.root / "new.csv", old, asked, None, lambda *_: None)


def test_what_fails_is_the_users_choice() -> None:
    verdicts: tuple[Any, ...] = ("none", "drift", "not_enough", "schema")
    for fail_on, codes in {"drift": [0, 3, 4, 1], "schema": [0, 0, 4, 1], "never": [0, 0, 0, 0]}.items():
        assert [exit_code(verdict, fail_on) for verdict in verdicts] == codes


def test_the_command_says_it_with_its_exit_code_and_the_history_draws_it(ready: Checkout) -> None:
    ready.write_use_case(quick())
    ready.train()
    rows = new_rows()
    rows.to_csv(ready.root / "same.csv", index=False)
    rows.assign(petal_length=rows["petal_length"] + 2).to_csv(ready.root / "other.csv", index=False)
    rows.head(20).to_csv(ready.root / "few.csv", index=False)
    assert "No drift." in ready.run("monitor", "same.csv").stdout
    told = ready.run("monitor", "other.csv", expect=3).stdout
    assert told.index("petal_length") < told.index("sepal_length")
    assert "Drift." in told
    ready.run("monitor", "other.csv", "--fail-on", "never")
    assert json.loads(ready.run("monitor", "few.csv", "--json", expect=4).stdout)["verdict"] == "not_enough"
    shown = ready.run("monitor", "--history").stdout
    assert "4 comparisons, 2 with drift." in shown
    assert "<svg" in (ready.root / "reports/iris/drift_history.html").read_text(encoding="utf-8")
    ready.run("monitor", expect=2)
    ready.run("monitor", "same.csv", "--history", expect=2)
    assert "--since chooses from a log" in ready.run("monitor", "same.csv", "--since", "7d", expect=2).stderr


# What a service logged, and labels that come later


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


def test_a_moment_is_a_date_or_how_long_ago_it_was() -> None:
    today = datetime(2026, 5, 10, tzinfo=UTC)
    for text, moment in {
        "2026-03-01": datetime(2026, 3, 1, tzinfo=UTC),
        "2026-03-01T12:00:00+02:00": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "36h": datetime(2026, 5, 8, 12, tzinfo=UTC),
        "10d": datetime(2026, 4, 30, tzinfo=UTC),
    }.items():
        assert moment_of(text, today) == moment
    for text in ("yesterday", "9999999999d", "7 weeks", ""):
        with pytest.raises(ConfigurationError, match="is no moment"):
            moment_of(text, today)
