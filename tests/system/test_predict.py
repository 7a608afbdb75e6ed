"""`run.py predict`, as its user meets it: files whole or not at all, and a sentence for each mistake."""

import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from champion.bundle.batch import BatchRequest
from champion.bundle.build import predictor
from champion.bundle.folder import read
from champion.errors import ProjectError
from pipelines.batch_files import checked_files
from tests.conftest import Checkout, Session, quick, tree
from tests.support.monitor_examples import monitored
from tests.support.pages import CLI
from tests.support.pages import read as read_page

TABLE = "data/iris.csv"


@pytest.fixture
def champion(session: Session) -> Session:
    """A session with a champion."""
    session.train(quick())
    return session


def predicted(session: Session, table: str, out: str, cache: bool = True, **asked: Any) -> tuple[Any, set[str]]:
    """Predict; what was made, and the steps that were not taken from the cache."""
    from pipelines.batch_inference import predict

    executed = set()

    def tell(step: str, what: str) -> None:
        if what == "finished":
            executed.add(step)

    options = {"rejects": None, "keep": (), "keep_all": False, **asked}
    files = checked_files(session.root / table, session.root / out, **options)
    return predict(session.client, session.workspace(quick()), files, cache, tell), executed


def left(session: Session) -> set[str]:
    return {path.name for path in session.root.iterdir() if path.is_file()}


def test_the_command_scores_a_table_with_the_champion(ready: Checkout) -> None:
    config = ready.write_use_case(quick())
    ready.run("train", "--config", config)
    table = pd.read_csv(ready.root / TABLE)
    table[table.columns[::-1]].assign(note="x").to_parquet(ready.root / "rows.parquet")
    done = ready.run("predict", "rows.parquet", "out.csv", "--config", config, "--keep", "species", "--keep", "note")
    assert "Predicted 150 of 150 rows with model version 1: out.csv" in done.stdout
    assert "predict " in done.stderr

    model = predictor(read(ready.root / "models/iris", "models/iris"), "models/iris")
    answer, found = model.predict(table), pd.read_csv(ready.root / "out.csv")
    assert list(found.columns)[-3:] == ["model_version", "species", "note"]
    assert found["label"].tolist() == [model.contract.classes[code] for code in answer.values]
    assert found["species"].tolist() == table["species"].tolist()

    facts = ready.json("predict", "rows.parquet", "again.parquet", "--config", config)
    assert (facts["rows"], facts["predicted"], facts["rejected"], facts["rejects"]) == (150, 150, 0, None)
    assert (facts["out"], facts["model_version"]) == ("again.parquet", 1)
    assert sum(facts["labels"].values()) == 150
    section = read_page(CLI).partition("### `predict --json`\n")[2].partition("\n##")[0]
    assert list(facts) == re.findall(r"`(\w+)`", section)


def test_without_a_champion_nothing_is_predicted(session: Session) -> None:
    with pytest.raises(ProjectError, match="has no champion to work with"):
        predicted(session, TABLE, "out.csv")
    assert left(session) == set()


def test_a_table_is_scored_once_for_a_champion_and_a_question_and_written_as_often_as_asked(session: Session) -> None:
    session.train(tree(1))
    _, first = predicted(session, TABLE, "out.parquet")
    again, second = predicted(session, TABLE, "other.parquet")
    assert (first, second) == ({"predict"}, set())
    assert (session.root / "out.parquet").read_bytes() == (session.root / "other.parquet").read_bytes()
    assert again.tally.predicted == 150
    assert predicted(session, TABLE, "out.parquet", cache=False)[1] == {"predict"}
    assert predicted(session, TABLE, "out.parquet", keep=("species",))[1] == {"predict"}, "another question"
    session.train(tree(2))
    done, executed = predicted(session, TABLE, "out.parquet")
    assert (done.tally.model_version, executed) == (2, {"predict"}), "another champion"
    session.write((session.root / TABLE).read_text(encoding="utf-8").replace("5.1,", "5.2,", 1))
    assert predicted(session, TABLE, "out.parquet")[1] == {"predict"}, "another table"


def test_rejected_rows_get_a_file_of_their_own_that_goes_when_there_are_none_and_what_is_unusual_is_told(
    champion: Session,
) -> None:
    whole = (champion.root / TABLE).read_text(encoding="utf-8")
    champion.write(whole.replace("5.1,", "long,", 1).replace("4.9,", "99,", 1))
    done, _ = predicted(champion, TABLE, "out.csv.gz")
    assert done.tally.outside["sepal_length"] == 1
    assert "1 row holds a value of 'sepal_length' beyond the range of training" in "".join(done.warnings)
    assert done.rejects == champion.root / "out.rejected.csv"
    rejected = pd.read_csv(champion.root / "out.rejected.csv")
    assert rejected.iloc[0, :4].tolist() == [1, "sepal_length", "is no number", "long"]
    assert len(pd.read_csv(champion.root / "out.csv.gz")) == 149
    champion.write(whole)
    assert predicted(champion, TABLE, "out.csv.gz")[0].rejects is None
    assert left(champion) == {"out.csv.gz"}
    columns = list(pd.read_csv(champion.root / "out.csv.gz"))
    champion.write(whole.splitlines()[0] + "\n")
    done, _ = predicted(champion, TABLE, "out.csv.gz")
    assert (done.tally.rows, done.rejects, left(champion)) == (0, None, {"out.csv.gz"})
    empty = pd.read_csv(champion.root / "out.csv.gz")
    assert (list(empty), len(empty)) == (columns, 0)


def test_a_folder_of_parquet_files_is_scored_as_one_table(champion: Session) -> None:
    table = pd.read_csv(champion.root / TABLE)
    table.assign(year=2024).to_parquet(champion.root / "parts", partition_cols=["year", "species"])
    done, _ = predicted(champion, "parts", "out.csv", keep=("species", "year"))
    assert (done.tally.rows, done.tally.predicted) == (150, 150)
    written = pd.read_csv(champion.root / "out.csv")
    assert written["species"].value_counts().to_dict() == dict.fromkeys(("setosa", "versicolor", "virginica"), 50)
    assert (written["year"] == 2024).all()


def test_a_table_that_cannot_be_scored_leaves_the_former_file(champion: Session) -> None:
    whole = (champion.root / TABLE).read_text(encoding="utf-8")
    head, *rows = whole.splitlines()
    champion.write("former", "out.csv")
    for copied, table, said in [
        (0, whole.replace("petal_width", "Petal width"), "lacks the column 'petal_width', which model .*'Petal width'"),
        (1, whole + "1,2\n", "line 152 has 2 fields, the header has 5"),
        (2, "\n".join([head, *("," + row.partition(",")[2] for row in rows)]),
         "None of the 150 rows .* The first is row 1: 'sepal_length' is empty"),
    ]:  # fmt: skip
        champion.write(table)
        assert left(champion) == {"out.csv"}
        with pytest.raises(ProjectError, match=said):
            predicted(champion, TABLE, "out.csv", rejects=champion.root / "why.csv")
        assert champion.client.list_artifact_versions(artifact=f"{champion.name}_batch_table").total == copied
    assert left(champion) == {"out.csv", "why.csv"}, "the reasons are written and nothing else"
    assert (champion.root / "out.csv").read_text(encoding="utf-8") == "former"


def test_a_table_or_an_answer_that_was_deleted_from_the_store_is_made_again(champion: Session) -> None:
    predicted(champion, TABLE, "out.csv")
    artifact = champion.client.list_artifact_versions(artifact=f"{champion.name}_batch_table").items[0]
    for path in Path(artifact.uri).iterdir():
        path.unlink()
    assert predicted(champion, TABLE, "out.csv", cache=False)[0].tally.predicted == 150
    run = champion.client.list_pipeline_runs(pipeline="batch_inference", sort_by="desc:created").items[0]
    for path in Path(run.steps["predict"].outputs["predictions"][0].uri).iterdir():
        path.unlink()
    with pytest.raises(ProjectError, match="is gone from the store"):
        predicted(champion, TABLE, "out.csv")


def test_prune_frees_the_tables_that_were_scored_or_compared_and_the_next_run_goes_on(champion: Session) -> None:
    from champion.registry.prune import prune

    place = champion.workspace(quick())
    prune(champion.client, place, really=True)
    predicted(champion, TABLE, "out.csv")
    monitored(champion, champion.root / TABLE)
    freed = prune(champion.client, place, really=True)
    assert (freed.runs, freed.artifacts) == (2, 5), "the table, predictions, rejected rows, the tally, and the report"
    assert freed.bytes > (champion.root / TABLE).stat().st_size
    assert prune(champion.client, place, really=True).runs == 0
    assert predicted(champion, TABLE, "out.csv")[1] == {"predict"}


REFUSED: list[tuple[str, str, list[str], int, str]] = [
    ("none.csv", "out.csv", [], 1, "The table none.csv does not exist"),
    ("run.py", "out.csv", [], 1, "run.py is no table that can be read here"),
    (TABLE, "out.xlsx", [], 2, "out.xlsx does not say how to write the predictions"),
    (TABLE, ".csv", [], 2, ".csv does not say how to write the predictions"),
    (TABLE, "none/out.csv", [], 2, "none/out.csv cannot be written: there is no folder none"),
    (TABLE, "folder.csv", [], 2, "folder.csv is a folder or a device"),
    (TABLE, "link.csv", [], 2, "link.csv is the table itself"),
    (TABLE, "out.csv", ["--rejects", "out.csv"], 2, "would both go to out.csv"),
    (TABLE, "out.csv", ["--rejects", TABLE], 2, "is the table itself"),
    (TABLE, "out.csv", ["--rejects", "why.parquet"], 2, "--rejects names why.parquet"),
    (TABLE, "out.csv", ["--keep-all", "--keep", "species"], 2, "--keep and --keep-all exclude each other"),
]


def test_files_that_cannot_be_used_are_refused_before_the_store_is_opened(ready: Checkout) -> None:
    (ready.root / "folder.csv").mkdir()
    (ready.root / "link.csv").symlink_to(ready.root / TABLE)
    before = (ready.root / TABLE).read_bytes()
    for table, out, more, code, said in REFUSED:
        done = ready.run("predict", table, out, *more, expect=code)
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (ready.root / ".zenml").exists()
    assert (ready.root / TABLE).read_bytes() == before


def test_an_interrupted_run_leaves_nothing_and_the_next_one_is_whole(ready: Checkout) -> None:
    config = ready.write_use_case(quick())
    ready.run("train", "--config", config)
    table = pd.read_csv(ready.root / TABLE)
    pd.concat([table] * 20_000).to_parquet(ready.root / "long.parquet")
    before = {path.name for path in ready.root.iterdir()}
    running = ready.start("predict", "long.parquet", "out.csv", "--config", config)
    stored = ready.root / ".zenml/local_stores"
    until = time.monotonic() + 120
    while not any(path.stat().st_size for path in stored.rglob("predictions.csv")):
        assert time.monotonic() < until
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert "Interrupted." in said
    assert {path.name for path in ready.root.iterdir()} == before
    assert not list(stored.rglob("predictions.csv"))
    assert ready.json("predict", TABLE, "out.csv", "--config", config)["predicted"] == 150


def test_the_step_alone_needs_no_run(champion: Session) -> None:
    from champion.orchestration.materializers.files import StoredFile
    from steps.predict import predict as step

    package = read(champion.root / "models" / champion.name, "models/test")
    made = step.entrypoint(StoredFile(champion.root / TABLE), package, BatchRequest(suffix=".csv"))
    assert [file.path.name for file in made[:2] if file.path.stat().st_size] == ["predictions.csv", "rejects.csv"]
    assert made[2].predicted == 150


def test_a_terminal_shows_the_rows_and_a_program_does_not(ready: Checkout) -> None:
    config = ready.write_use_case(quick())
    quiet = ready.run("train", "--config", config)
    assert "rows" not in quiet.stderr
    table = pd.read_csv(ready.root / TABLE)
    pd.concat([table] * 2_000).to_parquet(ready.root / "long.parquet")
    asked = ("run.py", "predict", "long.parquet", "out.csv", "--config", config)
    terminal = (sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", sys.executable, *asked)
    assert "of 300,000" in ready.command(*terminal, warm=False, env={"TERM": "xterm"}).stdout
    assert "of 300,000" not in ready.run("predict", "long.parquet", "o.csv", "--no-cache", "--config", config).stderr
