"""The drift monitor: the newest data of each use case, by a rule that a person can follow, and one issue for what it finds."""

import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from champion.ci import repository
from champion.ci.drift import Watch, keep_issues, load, newest, open_issues, retrain
from champion.ci.environment import Environment
from champion.ci.repository import GitHubError
from champion.errors import ConfigurationError
from champion.reporting.drift.issue import MOST_BYTES, UseCaseDrift, body, marker, shortened, summary
from champion.workspace.files import write_text
from tests.conftest import iris_csv
from tests.support.doubles.github import API, LONGEST, REPOSITORY, Fault, GitHub
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


TOKEN = "a-token-that-may-write"
PERSON = {"login": "eve", "type": "User"}
FOUND = {"source": "data/iris-new.csv", "data_version": "abcd1234" * 4, "model_version": 3}
FOUND |= {"created": "2026-03-01T05:17:00+00:00", "why": "2 of 4 columns moved."}


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(tokens={TOKEN: True}) as double:
        yield double


class Monitor:
    """A checkout in which data were compared, and the issues that are kept of it."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        values = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": url + API, "REPO_TOKEN": TOKEN}
        self.env = Environment({**values, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "7"})

    def keeps(self, outcome: str | None = None, report: str = "## iris: drift\n", **others: str) -> str:
        """What is said of the issues, after a comparison where its outcome is given; `others` are of more use cases."""
        if outcome is not None:
            outcomes = {"iris": outcome, **others}
            seen = {name: UseCaseDrift(**{**FOUND, "outcome": what}) for name, what in outcomes.items()}
            write_text(self.root / "reports/drift.json", Watch(seen=seen).as_json())
            for name in seen:
                write_text(self.root / "reports" / name / "drift.md", report)
        return keep_issues(self.root, self.env)


@pytest.fixture
def monitor(tmp_path: Path, github: GitHub) -> Monitor:
    return Monitor(tmp_path, github.url)


def issue_of(github: GitHub, name: str = "iris", **more: Any) -> dict[str, Any]:
    """An issue that a former run left."""
    return github.report("Drift", f"{marker(name)}\nas it was", **more)


def comments(github: GitHub, issue: dict[str, Any]) -> list[str]:
    return [each["body"] for each in github.comments.get(issue["number"], [])]


def test_an_issue_is_opened_at_drift_edited_while_it_lasts_and_closed_with_one_comment(
    monitor: Monitor, github: GitHub
) -> None:
    assert monitor.keeps() == "Nothing was compared, so the issues stay as they are."
    assert monitor.keeps("none") == "iris: no drift."
    assert github.issues == {}

    assert monitor.keeps("drift") == "iris: drift; opened issue 1."
    (issue,) = github.issues.values()
    assert issue["title"] == "Drift in the data of iris"
    assert issue["labels"] == ["drift"]
    assert issue["body"].startswith(f"{marker('iris')}\n## iris: drift\n")
    assert "`data/iris-new.csv` (abcd1234) with what version 3 was trained on, 2026-03-01 05:17 UTC." in issue["body"]
    assert "(https://github.com/team/champion/actions/runs/7)" in issue["body"]

    assert monitor.keeps("schema", report="## iris: other columns\n") == "iris: drift; issue 1 is up to date."
    assert "## iris: other columns" in issue["body"]
    assert comments(github, issue) == [], "no comment a day"

    assert monitor.keeps("none") == "iris: the drift is over; closed issue 1."
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    (last,) = comments(github, issue)
    assert last.startswith("The drift is over. 2 of 4 columns moved.")
    assert monitor.keeps() == "iris: no drift."
    assert len(comments(github, issue)) == 1


@pytest.mark.parametrize("outcome", ["not_enough", "skipped", "failed"])
def test_what_was_not_compared_changes_nothing_and_says_so(monitor: Monitor, github: GitHub, outcome: str) -> None:
    issue = issue_of(github)
    assert monitor.keeps(outcome).endswith(f"issue {issue['number']} stays as it is.")
    assert (issue["edits"], issue["state"], comments(github, issue)) == (0, "open", [])


def test_an_issue_is_found_on_a_later_page_among_issues_and_pull_requests(monitor: Monitor, github: GitHub) -> None:
    ours = issue_of(github)
    for number in range(205):
        github.report(f"Other {number}", "Something else")
    github.open("0" * 40, "a-branch", title=f"{marker('iris')}\na pull request is no issue")
    assert f"issue {ours['number']} is up to date" in monitor.keeps("drift")
    assert github.calls.count(f"GET {API}/repos/{REPOSITORY}/issues") == 3


def test_a_closed_issue_stays_closed_a_new_one_is_opened_and_of_two_the_older_is_kept_the_other_closed_with_a_word(
    monitor: Monitor, github: GitHub
) -> None:
    former = issue_of(github, state="closed")
    assert "opened issue 2" in monitor.keeps("drift")
    first, second = github.issues[2], issue_of(github)
    monitor.keeps("drift")
    assert (former["state"], former["edits"]) == ("closed", 0)
    assert (first["state"], second["state"], second["state_reason"]) == ("open", "closed", "not_planned")
    assert comments(github, second) == ["#2 is about the same data; that one is kept up to date."]


def test_a_strangers_issue_and_one_that_quotes_the_marker_are_never_taken_for_ours(
    monitor: Monitor, github: GitHub
) -> None:
    github.report("By a stranger", f"{marker('iris')}\nfooled?", PERSON, "NONE")
    github.report("A quotation", f"It says:\n{marker('iris')}\n")
    github.report("Of a longer name", f"{marker('iris-2')}\n")
    member = github.report("By a member's token", f"{marker('iris')}\n", PERSON, "MEMBER")
    assert open_issues(monitor.env) == {"iris-2": [3], "iris": [member["number"]]}


def test_each_use_case_has_its_issue_and_one_that_is_gone_takes_it_along(monitor: Monitor, github: GitHub) -> None:
    gone, wine = issue_of(github, "rose"), issue_of(github, "wine")
    monitor.keeps("drift", wine="none")
    assert (gone["state"], wine["state"]) == ("closed", "closed")
    assert "no use case `rose`" in comments(github, gone)[0]
    titles = [each["title"] for each in github.issues.values() if each["state"] == "open"]
    assert titles == ["Drift in the data of iris"]


def test_a_comment_that_failed_leaves_the_issue_closed_and_is_not_repeated(monitor: Monitor, github: GitHub) -> None:
    issue = issue_of(github)
    github.faults["POST /comments"] = [Fault(500, "Server Error")]
    with pytest.raises(GitHubError, match="500 Server Error"):
        monitor.keeps("none")
    assert monitor.keeps() == "iris: no drift."
    assert comments(github, issue) == []


def test_an_error_of_github_is_told_and_opens_no_second_issue(
    monitor: Monitor, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "PAUSE", 0.0)
    github.faults["GET /issues"] = [Fault(502, "Bad Gateway")] * 3
    with pytest.raises(GitHubError, match=r"refused GET issues\?state=open&per_page=100&page=1: 502 Bad Gateway"):
        monitor.keeps("drift")
    github.faults["GET /issues"] = [Fault(502, "Bad Gateway")] * 2
    github.faults["POST /issues"] = [Fault(502, "Bad Gateway")]
    with pytest.raises(GitHubError, match="POST issues: 502"):
        monitor.keeps()
    assert github.issues == {}, "what writes is not tried again: it may have been done"
    assert "opened issue" in monitor.keeps()


def test_a_rate_limit_is_waited_for_when_it_is_short_and_told_when_it_is_long(monitor: Monitor, github: GitHub) -> None:
    past = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) - 5)}
    github.faults["GET /issues"] = [Fault(429, "slow down", {"Retry-After": "0"}), Fault(403, "limit", past)]
    github.faults["POST /issues"] = [Fault(403, "secondary rate limit", {"Retry-After": "0"})]
    assert "opened issue" in monitor.keeps("drift")
    assert len(github.issues) == 1

    later = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    for fault in (Fault(403, "API rate limit exceeded", later), Fault(403, "Resource not accessible by integration")):
        github.faults["PATCH /1"] = [fault]
        with pytest.raises(GitHubError, match=f"403 {fault.message}"):
            monitor.keeps()


def test_a_long_report_is_shortened_and_keeps_the_marker_and_what_to_do(monitor: Monitor, github: GitHub) -> None:
    rows = "".join(f"| `column {number} äöü` | drift |\n" for number in range(5000))
    report = f"## iris: drift\n\nThe worst\n\n<details>\n<summary>All</summary>\n\n{rows}</details>\n"
    assert "opened issue" in monitor.keeps("drift", report)
    (issue,) = github.issues.values()
    assert len(issue["body"]) <= LONGEST
    assert [words for words in ("The worst", "Shortened", "### What to do") if words not in issue["body"]] == []
    assert "<details>" not in issue["body"], "a fold that is cut in two would swallow the rest"
    assert list(open_issues(monitor.env)) == ["iris"]


def test_a_report_is_cut_at_a_line_and_never_longer_than_asked_for() -> None:
    report = "".join(f"line {number} ß\n" for number in range(100))
    for most in (100, 500, 900):
        cut = shortened(report, most)
        assert len(cut.encode()) <= most
        assert cut.partition("\nShortened")[0] in report
    assert shortened(report, len(report.encode())) == report
    assert len(body("iris", UseCaseDrift(**FOUND, outcome="drift"), "x" * 100_000, None).encode()) <= MOST_BYTES


def test_the_summary_tells_of_every_use_case_and_lets_no_log_write_markdown() -> None:
    failed = UseCaseDrift(outcome="failed", why="Error: no\n~~~~\n# A heading", exit_code=1)
    drifted = UseCaseDrift(**FOUND, outcome="drift")
    written = summary({"iris": (drifted, "## iris: drift\n"), "wine": (failed, "")}, None)
    assert written.startswith("## iris: drift\n\nCompared: `data/iris-new.csv`")
    assert "## wine: the comparison failed\n\n~~~~text\nError: no\n----\n# A heading\n~~~~" in written
    assert "no use case" in summary({}, None)
