"""What the drift monitor compares: the newest data of each use case, taken by a rule that a person can follow."""

import io
import shutil
from pathlib import Path

import pandas as pd
import pytest

from champion.ci.drift import Watch, load, newest, retrain
from champion.ci.environment import Environment
from champion.ci.repository import GitHubError
from champion.errors import ConfigurationError
from champion.workspace.files import write_text
from tests.conftest import iris_csv
from tests.support.doubles.github import API, REPOSITORY, GitHub
from tests.unit.ci.conftest import MAIN, Runner, Server


@pytest.fixture(scope="module")
def fetched(built: tuple[Server, str], tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A clone as the monitor's job has it: a champion fetched, and a pointer to new data without drift."""
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(built[0].folder / "origin.git", folder / "origin.git")
    runner = Server(folder).clone()
    runner.share(iris_csv())
    runner.git("push", "--quiet", "origin", "main")
    (runner.root / "data/iris.csv").unlink()
    runner.ci("champion", WITHOUT_DATA="true", **MAIN)
    assert not (runner.root / "data/iris.csv").exists(), "the training table is not needed, and may be large"
    return runner


@pytest.fixture
def runner(fetched: Runner, tmp_path: Path) -> Runner:
    """A copy of it."""
    shutil.copytree(fetched.root, tmp_path / "clone")
    (tmp_path / "home").mkdir()
    return Runner(tmp_path / "clone", tmp_path / "home")


def watched(runner: Runner, expect: int = 0, **variables: str) -> Watch:
    """What ``make ci-drift`` leaves."""
    runner.ci("drift", expect=expect, GITHUB_OUTPUT=str(runner.root / "output"), **variables)
    found = load(runner.root)
    assert found is not None
    return found


def test_the_data_that_the_pointer_names_are_compared_and_drift_is_a_finding_and_no_failure_of_the_job(
    runner: Runner,
) -> None:
    seen = watched(runner, GITHUB_STEP_SUMMARY=str(runner.root / "summary")).seen["iris"]
    assert (seen.outcome, seen.source, seen.model_version) == ("none", "data/iris-new.csv", 1)
    assert (runner.root / "output").read_text() == "drift=false\n"
    assert (runner.root / "summary").read_text().startswith("## iris: no drift")

    table = pd.read_csv(io.BytesIO(iris_csv()))
    for other, outcome in [
        (table.drop(columns="petal_length"), "schema"),
        (table.head(5), "not_enough"),
        (table.assign(petal_length=table["petal_length"] + 3.0), "drift"),
    ]:
        runner.share(other.to_csv(index=False).encode())
        found = watched(runner)
        assert found.seen["iris"].outcome == outcome
        assert found.drifted == ([] if outcome == "not_enough" else ["iris"])
    assert (runner.root / "output").read_text().endswith("drift=true\n")
    assert "petal_length" in runner.report("iris/drift.md")


def test_a_comparison_that_fails_fails_the_job_with_its_last_words_and_leaves_no_former_report(runner: Runner) -> None:
    write_text(runner.root / "reports/iris/drift.md", "## iris: no drift")
    runner.share(b"\x00\x01 no table")
    seen = watched(runner, expect=1).seen["iris"]
    assert (seen.outcome, seen.exit_code) == ("failed", 1)
    assert "data/iris-new.csv" in seen.why
    assert not (runner.root / "reports/iris/drift.md").exists()
    assert "## iris: the comparison failed" in runner.report("drift.md")

    (runner.root / "data/iris-new.csv").unlink()
    pointer = runner.root / "data/iris-new.csv.dvc"
    pointer.write_text(pointer.read_text().replace("md5: ", "md5: 0123456789abcdef0123456789abcdef #", 1))
    shutil.rmtree(runner.root / ".dvc/cache", ignore_errors=True)
    seen = watched(runner, expect=1).seen["iris"]
    assert seen.outcome == "failed"
    assert "never pushed" in seen.why, "a table that the remote does not have is named"


def test_without_new_data_or_without_a_champion_nothing_is_compared_and_the_job_is_green(runner: Runner) -> None:
    (runner.root / "data/iris-new.csv.dvc").rename(runner.root / "data/kept")
    seen = watched(runner).seen["iris"]
    assert (seen.outcome, seen.why) == ("skipped", "There are no new data: no pointer data/iris-new.*.dvc.")
    (runner.root / "data/kept").rename(runner.root / "data/iris-new.csv.dvc")
    state = runner.root / "reports/ci.json"
    state.write_text('{"base": "1", "standings": {"iris": {"source": "none"}}}')
    assert watched(runner).seen["iris"].why == "There is no champion yet."
    state.write_text('{"base": "1", "standings": {"iris": {"source": "pointer", "why": "no credentials"}}}')
    assert watched(runner, expect=1).seen["iris"].why == "The champion was not fetched: no credentials."


def test_each_use_case_has_the_table_beside_its_own_name_or_where_drift_data_says_else_it_is_refused(
    tmp_path: Path,
) -> None:
    names = ["iris", "wine"]
    (tmp_path / "data").mkdir()
    assert newest(tmp_path, names, "") == {}
    (tmp_path / "data/wine-new.parquet.dvc").touch()
    (tmp_path / "data/iris-newer.csv.dvc").touch()
    assert newest(tmp_path, names, "") == {"wine": tmp_path / "data/wine-new.parquet"}
    (tmp_path / "data/week-iris.csv").touch()
    assert newest(tmp_path, names, "data/week-{use_case}.csv") == {"iris": tmp_path / "data/week-iris.csv"}
    assert newest(tmp_path, names[:1], "data/week-iris.csv") == {"iris": tmp_path / "data/week-iris.csv"}

    for name in ("week.csv", "iris-new.csv.dvc", "iris-new.parquet.dvc"):
        (tmp_path / "data" / name).touch()
    for named, words in [
        ("data/week.csv", r"one table for 2 use cases \(iris, wine\)"),
        ("data/typo-{use_case}.csv", "no use case has a file or a pointer there"),
        ("", "data/iris-new.csv.dvc, data/iris-new.parquet.dvc all name new data of iris"),
    ]:
        with pytest.raises(ConfigurationError, match=words):
            newest(tmp_path, names, named)


def test_retraining_starts_the_pipeline_on_the_branch_and_says_why_when_it_may_not() -> None:
    with GitHub(tokens={"starts": True, "reads": False}) as github:
        values = {"GITHUB_API_URL": github.url + API, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_REF_NAME": "main"}
        assert "Started mlops-pipeline.yml on main" in retrain(Path(), Environment({**values, "REPO_TOKEN": "starts"}))
        assert github.started == ["mlops-pipeline.yml main"]
        with pytest.raises(GitHubError, match="403 Resource not accessible"):
            retrain(Path(), Environment({**values, "REPO_TOKEN": "reads"}))
