"""The drift gate as its user meets it: a table or the log of a service in, verdict, reports and exit code out."""

import html
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.drift.judge import exit_code
from champion.drift.report import DriftReport
from champion.errors import ConfigurationError, DataError, NotEnoughDataError, ProjectError
from champion.registry.prune import prune
from champion.registry.versions import version_history
from cli import console
from pipelines.drift_files import GAUGES, history, moment_of
from tests.conftest import ROOT, Checkout, Session, enter_store, forget_store, quick, tree
from tests.support.monitor_examples import iris, monitored, new_rows, of_sales, sales, shops, with_champion, write_log
from tests.support.stores import copy_store, rolled_back


@pytest.fixture
def trained(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "iris")


@pytest.fixture
def shop(store: Any, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return with_champion(store, tmp_path_factory, "sales")


def test_rows_as_in_training_are_no_drift_and_reports_history_and_documented_gauges_are_there(trained: Session) -> None:
    found = monitored(trained, iris())
    assert (found.verdict, found.current_rows, found.model_version) == ("none", 150, 1)
    run = next(iter(trained.client.list_pipeline_runs(pipeline="drift_monitoring", sort_by="desc:created")))
    artifact = run.steps["monitor"].outputs["report"][0]
    assert [Path(each.uri).name for each in artifact.visualizations or ()] == ["drift.html"], "the dashboard shows it"
    assert artifact.run_metadata["verdict"] == "none"
    folder = trained.root / "reports" / trained.name
    assert DriftReport.model_validate_json((folder / "drift.json").read_text()) == found
    assert "No drift" in (folder / "drift.html").read_text()
    assert (folder / "drift.md").read_text().startswith(f"## {trained.name}: no drift")
    assert history(trained.workspace(tree(2)))[-1].verdict == "none"
    gauges = (folder / "drift.prom").read_text()
    assert f'champion_drift{{use_case="{trained.name}",model_version="1"}} 0' in gauges
    assert sorted(re.findall(r"^# HELP (\w+) .", gauges, re.MULTILINE)) == sorted(GAUGES)
    assert set(re.findall(r"`(champion_\w+)`", (ROOT / "docs/drift.md").read_text(encoding="utf-8"))) == set(GAUGES)


def test_a_shifted_column_is_drift_unless_the_use_case_ignores_it_or_sets_a_threshold(trained: Session) -> None:
    rows = new_rows().assign(sepal_length=lambda table: table["sepal_length"] + 0.5)
    found = monitored(trained, rows)
    assert (found.verdict, found.features[0].name, found.features[0].verdict) == ("drift", "sepal_length", "drift")
    assert found.features[0].outside > 0
    assert found.reason.startswith("The values of 'sepal_length' changed.")
    rules = {"ignore": ["sepal_width"], "effects": {"sepal_length": 0.9}}
    found = monitored(trained, rows.assign(sepal_width=rows["sepal_width"] + 0.5), drift=rules)
    assert found.verdict == "none"
    assert {each.name: each.verdict for each in found.features}["sepal_width"] == "ignored"
    with pytest.raises(ConfigurationError, match="Did you mean 'sepal_width'"):
        monitored(trained, rows, drift={"ignore": ["sepal_widht"]})


def test_a_table_with_the_target_tells_how_good_the_champion_is(trained: Session) -> None:
    table = iris()
    wrong = table.assign(species=table["species"].replace({"setosa": "virginica", "virginica": "setosa"}))
    found = monitored(trained, wrong)
    assert found.live.worse
    assert found.live.low < found.live.score < found.live.high < found.live.promoted
    assert found.verdict == "drift"
    found = monitored(trained, table.assign(species="rose"))
    assert (found.verdict, found.live) == ("none", None)
    assert found.notes == [
        "No value of 'species' is a class that the champion knows, so that it is not scored: found 'rose'."
    ]


def test_what_cannot_be_counted_or_read_is_named_in_report_and_console(trained: Session, tmp_path: Path) -> None:
    table = iris().astype({"sepal_width": object})
    table.loc[:2, "petal_length"], table.loc[3, "sepal_width"], table.loc[9:13, "species"] = np.inf, "wide", "rose"
    said = [
        "3 of 150 rows are not counted in 'petal_length': the value is infinite, or beyond 3.402823e+38.",
        "1 of 150 rows are not counted in 'sepal_width': the value is no number.",
        "5 of 146 labels are no class that the champion knows, and count as wrong: 'rose'. A new class takes rows of it in "
        "the table that it is trained on.",
    ]
    assert monitored(trained, table).notes == said
    folder = trained.root / "reports" / trained.name
    for name in ("drift.html", "drift.md"):
        text = re.sub(r"[\\\u2060]|<[^>]+>", "", html.unescape((folder / name).read_text(encoding="utf-8")))
        assert all(each in text for each in said), name
    write_log(trained, tmp_path / "log", new_rows(60))
    whole = next((tmp_path / "log").iterdir())
    content = whole.read_bytes()
    for number, broken in {8: content[:-100], 9: content[:4] + bytes(36) + content[40:]}.items():  # 9: a footer alone
        whole.with_name(f"{whole.stem[:-1]}{number}.parquet").write_bytes(broken)
    (note,) = monitored(trained, tmp_path / "log").notes
    assert note.startswith("2 files of the log cannot be read")
    assert all(f"0a1b2c3d-{number}.parquet'" in note for number in (8, 9))


def test_a_column_that_is_missing_new_or_of_another_type_is_named(trained: Session) -> None:
    rows = new_rows().drop(columns="petal_width").assign(sepal_width="wide", colour="red")
    found = monitored(trained, rows)
    assert {each.column: each.what for each in found.schema_differences} == {
        "petal_width": "missing", "sepal_width": "type", "colour": "new",
    }  # fmt: skip
    assert found.verdict == "schema"
    assert found.predictions is None
    assert {each.name: each.verdict for each in found.features}["sepal_length"] == "none"
    new_rows().assign(colour="red").to_csv(path := trained.root / "twice.csv", index=False)
    path.write_text(path.read_text().replace("colour", "colour,colour", 1).replace(",red", ",red,blue"))
    found = monitored(trained, path)
    assert found.notes == ["The table has more than one column named 'colour'; nothing uses it, and it is left out."]
    found = monitored(trained, new_rows().assign(colour="red"))
    assert (found.verdict, [each.what for each in found.schema_differences]) == ("none", ["new"]), "no drift by itself"


def test_too_few_rows_or_the_same_row_over_and_over_are_not_enough(trained: Session) -> None:
    for rows, words in [
        (new_rows(20), "There are 20 new rows; a verdict takes 50"),
        (pd.concat([new_rows(1)] * 200), "All 200 rows are the same"),
        (new_rows(0), "There are 0 new rows"),
    ]:
        found = monitored(trained, rows)
        assert found.verdict == "not_enough"
        assert words in found.reason
        assert {each.verdict for each in found.features} == {"not_enough"}


def test_a_table_of_another_use_case_is_an_error_and_the_former_report_stays(trained: Session) -> None:
    before = monitored(trained, new_rows())
    with pytest.raises(DataError, match="has no column of the use case"):
        monitored(trained, pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    folder = trained.root / "reports" / trained.name
    assert DriftReport.model_validate_json((folder / "drift.json").read_text()) == before


def test_the_size_of_chunks_changes_nothing(trained: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    new_rows(500).to_parquet(trained.root / "new.parquet")
    whole = monitored(trained, trained.root / "new.parquet")
    monkeypatch.setattr("champion.tabular.parquet_format.CHUNK_ROWS", 7)
    parts = monitored(trained, trained.root / "new.parquet")
    cells, cells_of_whole = ([(each.name, each.cells, each.p) for each in found.every] for found in (parts, whole))
    assert cells == cells_of_whole


def sold(shop: Session, rows: pd.DataFrame, name: str = "new.csv", **more: Any) -> dict[str, Any]:
    path = shop.root / name
    if "." not in name:
        shutil.rmtree(path, ignore_errors=True)
        rows.to_parquet(path, partition_cols=["place"])
    else:
        rows.to_parquet(path) if name.endswith(".parquet") else rows.to_csv(path, index=False)
    found = monitored(shop, path, **of_sales(**more))
    return {each.name: each for each in found.features} | {"report": found}


def test_of_forty_shops_those_that_training_saw_once_or_never_are_no_drift_and_a_new_one_is(
    store: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = with_champion(store, tmp_path_factory, "shops")
    for seed in (2, 3):
        found = monitored(session, shops(5_000, seed), **of_sales())
        assert (found.verdict, {each.verdict for each in found.features}) == ("none", {"none"})
        assert {each.name: each.unseen for each in found.features}["shop"] > 0.05
    moved = shops(5_000, 4)
    moved.loc[:999, "shop"] = "abroad"
    shop = monitored(session, moved, **of_sales()).features[0]
    assert (shop.name, shop.verdict, shop.effect) == ("shop", "drift", pytest.approx(0.2, abs=0.1))


def test_rows_that_a_client_asks_again_and_again_count_once_and_both_numbers_are_said(
    store: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = with_champion(store, tmp_path_factory, "shops")
    few = monitored(session, pd.concat([shops(20, 2)] * 20), **of_sales())
    assert (few.verdict, few.current_rows, few.counted_rows) == ("not_enough", 400, 20)
    assert "There are 20 new rows (400 that repeat each other count as so many)" in few.reason
    again = monitored(session, pd.concat([shops(60, seed) for seed in range(3, 6) for _ in range(20)]), **of_sales())
    assert (again.verdict, again.current_rows, again.counted_rows) == ("none", 3600, 180)
    assert again.notes[0].startswith("3,600 rows count as 180: 180 of them are different")
    folder = session.root / "reports" / session.name
    assert "champion_drift_rows_counted{" in (folder / "drift.prom").read_text()
    for name in ("drift.html", "drift.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert all(each in text for each in ("as 180 rows", "they count as 180, because")), name


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet", "partitions"])
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
    assert found["report"].live.score > 0.7


def test_the_command_says_it_with_its_exit_code_and_the_history_draws_it(ready: Checkout) -> None:
    ready.write_use_case(quick())
    ready.train()
    rows = new_rows()
    rows.to_csv(ready.root / "same.csv", index=False)
    rows.assign(petal_length=rows["petal_length"] + 2).to_csv(ready.root / "other.csv", index=False)
    rows.head(20).assign(petal_width=[np.inf, *[0.2] * 19]).to_csv(ready.root / "few.csv", index=False)
    assert "No drift." in ready.run("monitor", "same.csv").stdout
    told = ready.run("monitor", "other.csv", expect=3).stdout
    assert told.index("petal_length") < told.index("sepal_length")
    assert "Drift." in told
    ready.run("monitor", "other.csv", "--fail-on", "never")
    pd.concat([rows.head(30)] * 20).to_csv(ready.root / "again.csv", index=False)
    assert "600 new rows (counted as 30)" in ready.run("monitor", "again.csv", expect=4).stdout
    assert "1 of 20 rows are not counted in 'petal_width'" in ready.run("monitor", "few.csv", expect=4).stderr
    assert json.loads(ready.run("monitor", "few.csv", "--json", expect=4).stdout)["verdict"] == "not_enough"
    shown = ready.run("monitor", "--history").stdout
    assert "6 comparisons, 2 with drift." in shown
    assert "<svg" in (ready.root / "reports/iris/drift_history.html").read_text(encoding="utf-8")
    ready.run("monitor", expect=2)
    ready.run("monitor", "same.csv", "--history", expect=2)
    assert "--since chooses from a log" in ready.run("monitor", "same.csv", "--since", "7d", expect=2).stderr
    for fail_on, codes in {"drift": [0, 3, 4, 1], "schema": [0, 0, 4, 1], "never": [0, 0, 0, 0]}.items():
        assert [exit_code(verdict, fail_on) for verdict in ("none", "drift", "not_enough", "schema")] == codes


def test_a_log_is_compared_from_a_moment_on_and_by_the_answers_of_the_champion(
    trained: Session, tmp_path: Path
) -> None:
    write_log(trained, tmp_path / "log", new_rows(70), version=7)
    with pytest.raises(NotEnoughDataError, match=r"no answer of model version 1 \(the champion\); it has answers of 7"):
        monitored(trained, tmp_path / "log")
    with pytest.raises(NotEnoughDataError, match=r"\(the champion\) since 2130-01-01 00:00 UTC. Wait"):
        monitored(trained, tmp_path / "log", since="2130-01-01")
    shifted = new_rows(200).assign(petal_length=lambda table: table["petal_length"] + 3)
    write_log(trained, tmp_path / "log", shifted, time=datetime.now(UTC) - timedelta(days=9))
    write_log(trained, tmp_path / "log", new_rows(100, seed=2), label="versicolor")
    everything, lately = (monitored(trained, tmp_path / "log", since=since) for since in (None, "2d"))
    assert (everything.current_rows, lately.current_rows) == (300, 100)
    assert lately.notes == ["70 rows of the log were answered by model version 7 and are left out."]
    assert {each.name: each.verdict for each in everything.features}["petal_length"] == "drift"
    assert {each.verdict for each in lately.features} == {"none"}
    assert lately.predictions.cells.current == [0, 100, 0, 0]


def test_labels_are_joined_by_request_and_row_or_refused(trained: Session, tmp_path: Path) -> None:
    """Each request has two rows, and the champion answers setosa to all; every second row is one."""
    ids = write_log(trained, tmp_path / "log", new_rows(200))
    truth = ["setosa" if place % 2 else "virginica" for place in range(200)]
    labels = pd.DataFrame({"request_id": ids, "species": truth}).head(180)
    found = monitored(trained, tmp_path / "log", labels)
    assert (found.live.rows, found.live.right, found.live.unmatched) == (180, 90, 20)
    assert "20 rows have no label; the live score is of the other 180." in found.notes
    for source, table, said in [
        (tmp_path / "log", labels.assign(request_id="a"), "None of the 200 rows has a label"),
        (tmp_path / "log", labels.rename(columns={"request_id": "id"}), "expected 'request_id' and 'species'"),
        (tmp_path / "log", labels.assign(species="rose"), "none of which the champion knows"),
        (new_rows(60), labels, "has no column 'request_id' to join on"),
    ]:
        with pytest.raises(ProjectError, match=said) as refused:
            monitored(trained, source, table)
        assert refused.value.exit_code == (4 if "None of the 200" in said else 1)


def test_labels_that_come_after_the_next_promotion_judge_the_version_that_answered_and_models_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Version 1 is champion again after a rollback; version 2 answered meanwhile, and 9 is of another store."""
    rolled_back()
    copy_store(rolled_back() / "store", tmp_path / "store")
    shutil.copytree(rolled_back() / "work", tmp_path / "work")
    session = Session(tmp_path / "work", enter_store(tmp_path / "store", monkeypatch), "shared")
    ids = [each for number in (2, 9) for each in write_log(session, tmp_path / "log", new_rows(100), version=number)]
    rows = pd.DataFrame({"request_id": ids, "species": ["setosa"] * 80 + ["virginica"] * 20 + ["setosa"] * 100})
    late = monitored(session, tmp_path / "log", pd.concat([rows.head(1).assign(species="virginica"), rows.iloc[:180]]))
    assert (late.verdict, late.current_rows, late.model_version) == ("not_enough", 0, 1), "nothing of the champion"
    assert [(each.model_version, each.answered, each.labelled) for each in late.versions] == [
        (9, 100, 80),
        (2, 100, 100),
    ]
    nine, two = (each.live for each in late.versions)
    assert (nine.score, nine.promoted) == (1.0, None)
    assert (two.right, two.promoted) == (80, pytest.approx(0.95, abs=0.01))
    assert any("1 request id has more labels than rows" in note for note in late.notes)

    ids = write_log(session, tmp_path / "log", new_rows(120), version=1, label="virginica")
    more = pd.concat([rows, pd.DataFrame({"request_id": [*ids, "x"], "species": "setosa"})])
    found = monitored(session, tmp_path / "log", more)
    assert [(each.model_version, each.live.score) for each in found.versions] == [(9, 1.0), (2, 0.8), (1, 0.0)]
    assert (found.live.rows, found.current_rows) == (120, 120)
    assert any(note.startswith("1 of 321 labels count for nothing") for note in found.notes)
    console.drift_summary(found)
    said = capsys.readouterr().out
    assert "Version 1, the champion: 0.0% of 120 labelled rows are right" in said
    assert "Version 2: 80.0% of 100 labelled rows are right" in said
    reports = session.root / "reports/shared"
    for name in ("drift.html", "drift.md"):
        assert "live score" in (reports / name).read_text(encoding="utf-8")
    gauges = (reports / "drift.prom").read_text(encoding="utf-8")
    assert 'champion_live_accuracy{use_case="shared",model_version="2"} 0.8' in gauges

    prune(session.client, session.workspace(tree(1)), really=True)
    versions = version_history(session.client, "shared").versions
    assert {version.number: console.version_facts(version)["live"]["score"] for version in versions} == {1: 0.0, 2: 0.8}
    console.versions_list("shared", versions, None, "accuracy")
    today = found.created[:10]
    assert (
        f"live accuracy 0.8000 (100 labelled rows, 95 % interval 0.7112 to 0.8666, {today})" in capsys.readouterr().out
    )
    forget_store()


def test_a_log_of_every_kind_of_column_is_compared(shop: Session, tmp_path: Path) -> None:
    rows = sales(200, 2, month=1).drop(columns="returned")
    rows["when"] = rows["when"].dt.tz_localize("UTC")
    write_log(shop, tmp_path / "log", rows.astype(object).where(rows.notna(), None), label="True")
    found = monitored(shop, tmp_path / "log", **of_sales())
    assert {each.name: each.verdict for each in found.features} == {
        "amount": "none", "paid": "none", "place": "none", "when": "ignored",
    }  # fmt: skip
    assert (found.predictions.verdict, "other classes than before" in found.reason) == ("drift", True)


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
