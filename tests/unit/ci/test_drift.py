"""The drift monitor: the newest data of each use case, by a rule that a person can follow, and one issue for what it finds."""

import io
import re
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


@pytest.fixture
def runner(server: Server) -> Runner:
    """A clone as the monitor's job has it: a champion fetched, and a pointer to new data without drift."""
    runner = server.clone()
    (runner.root / "data/iris.csv").unlink()
    runner.share(iris_csv())
    runner.ci("champion", WITHOUT_DATA="true", **MAIN)
    assert not (runner.root / "data/iris.csv").exists(), "the training table is not needed, and may be large"
    return runner


def watched(runner: Runner, expect: int = 0, **variables: str) -> UseCaseDrift:
    """What ``make ci-drift`` leaves."""
    runner.ci("drift", expect=expect, GITHUB_OUTPUT=str(runner.root / "output"), **variables)
    return load(runner.root).seen["iris"]


def test_the_data_that_the_pointer_names_are_compared_and_drift_is_a_finding_and_no_failure_of_the_job(
    runner: Runner,
) -> None:
    seen = watched(runner, GITHUB_STEP_SUMMARY=str(runner.root / "summary"))
    assert (seen.outcome, seen.source, seen.model_version) == ("none", "data/iris-new.csv", 1)
    assert (runner.root / "summary").read_text().startswith("## iris: no drift")
    table = pd.read_csv(io.BytesIO(iris_csv()))
    for other, outcome in [
        (table.drop(columns="petal_length"), "schema"),
        (table.head(5), "not_enough"),
        (table.assign(petal_length=table["petal_length"] + 3.0), "drift"),
    ]:
        runner.share(other.to_csv(index=False).encode())
        assert watched(runner).outcome == outcome
    assert (runner.root / "output").read_text().split() == ["drift=false", "drift=true", "drift=false", "drift=true"]
    assert "petal_length" in runner.report("iris/drift.md")


def test_a_comparison_that_fails_fails_the_job_with_its_last_words_and_without_data_or_a_champion_there_is_none(
    runner: Runner,
) -> None:
    write_text(runner.root / "reports/iris/drift.md", "## iris: no drift")
    runner.share(b"\x00\x01 no table")
    seen = watched(runner, expect=1)
    assert (seen.outcome, seen.exit_code) == ("failed", 1)
    assert "data/iris-new.csv" in seen.why
    assert not (runner.root / "reports/iris/drift.md").exists(), "a former report"
    assert "## iris: the comparison failed" in runner.report("drift.md")

    (runner.root / "data/iris-new.csv").unlink()
    pointer = runner.root / "data/iris-new.csv.dvc"
    pointer.write_text(pointer.read_text().replace("md5: ", "md5: 0123456789abcdef0123456789abcdef #", 1))
    assert "never pushed" in watched(runner, expect=1).why, "a table that the remote does not have is named"

    state = runner.root / "reports/ci.json"
    state.write_text('{"base": "1", "standings": {"iris": {"source": "pointer", "why": "no credentials"}}}')
    assert watched(runner, expect=1).why == "The champion was not fetched: no credentials."
    state.write_text('{"base": "1", "standings": {"iris": {"source": "none"}}}')
    assert watched(runner).why == "There is no champion yet."
    pointer.unlink()
    seen = watched(runner)
    assert (seen.outcome, seen.why) == ("skipped", "There are no new data: no pointer data/iris-new.*.dvc.")


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


FOUND = {"source": "data/iris-new.csv", "data_version": "abcd1234" * 4, "model_version": 3}
FOUND |= {"created": "2026-03-01T05:17:00+00:00", "why": "2 of 4 columns moved."}
DRIFTED = UseCaseDrift(**FOUND, outcome="drift")


class Monitor:
    """A checkout in which data were compared, and the issues that are kept of it."""

    def __init__(self, root: Path, github: GitHub) -> None:
        self.root, self.github = root, github
        values = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": github.url + API, "REPO_TOKEN": "may-write"}
        self.env = Environment({**values, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "7"})

    def keeps(self, outcome: str | None = None, report: str = "## iris: drift\n", **others: str) -> str:
        """What is said of the issues, after a comparison where its outcome is given; `others` are of more use cases."""
        if outcome is not None:
            outcomes = {"iris": outcome, **others}
            seen = {name: UseCaseDrift(**FOUND, outcome=what) for name, what in outcomes.items()}
            write_text(self.root / "reports/drift.json", Watch(seen=seen).as_json())
            for name in seen:
                write_text(self.root / "reports" / name / "drift.md", report)
        return keep_issues(self.root, self.env)

    def left(self, name: str = "iris", **more: Any) -> dict[str, Any]:
        """An issue that a former run left."""
        return self.github.report("Drift", f"{marker(name)}\nas it was", **more)

    def state(self, issue: dict[str, Any]) -> tuple[Any, ...]:
        """Of an issue: how often it was edited, whether it is open or why it is closed, and its comments."""
        comments = [each["body"] for each in self.github.comments.get(issue["number"], [])]
        return issue["edits"], issue.get("state_reason", issue["state"]), *comments


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    with GitHub(tokens={"may-write": True, "reads": False}) as github:
        yield Monitor(tmp_path, github)


def test_retraining_starts_the_pipeline_on_the_branch_and_says_why_when_it_may_not(monitor: Monitor) -> None:
    values = {**monitor.env.values, "GITHUB_REF_NAME": "main"}
    assert "Started mlops-pipeline.yml on main" in retrain(Path(), Environment(values))
    assert monitor.github.started == ["mlops-pipeline.yml main"]
    with pytest.raises(GitHubError, match="403 Resource not accessible"):
        retrain(Path(), Environment({**values, "REPO_TOKEN": "reads"}))


def test_an_issue_is_opened_at_drift_edited_while_it_lasts_and_closed_with_one_comment(monitor: Monitor) -> None:
    assert monitor.keeps() == "Nothing was compared, so the issues stay as they are."
    assert monitor.keeps("none") == "iris: no drift."
    assert monitor.github.issues == {}

    assert monitor.keeps("drift") == "iris: drift; opened issue 1."
    (issue,) = monitor.github.issues.values()
    assert (issue["title"], issue["labels"]) == ("Drift in the data of iris", ["drift"])
    assert issue["body"].startswith(f"{marker('iris')}\n## iris: drift\n")
    assert "`data/iris-new.csv` (abcd1234) with what version 3 was trained on, 2026-03-01 05:17 UTC." in issue["body"]
    assert "(https://github.com/team/champion/actions/runs/7)" in issue["body"]

    assert monitor.keeps("schema", report="## iris: other columns\n") == "iris: drift; issue 1 is up to date."
    assert "## iris: other columns" in issue["body"]
    assert monitor.state(issue) == (1, "open"), "no comment a day"

    assert monitor.keeps("none") == "iris: the drift is over; closed issue 1."
    assert monitor.keeps() == "iris: no drift."
    edits, state, comment = monitor.state(issue)
    assert (edits, state, issue["state"]) == (2, "completed", "closed")
    assert comment.startswith("The drift is over. 2 of 4 columns moved.")


def test_each_use_case_has_its_issue_which_stays_where_nothing_was_compared_and_goes_with_it(monitor: Monitor) -> None:
    names = ("iris", "wine", "few", "none", "broken", "gone")
    iris, wine, *kept, gone = [monitor.left(name) for name in names]
    said = monitor.keeps("drift", wine="none", few="not_enough", none="skipped", broken="failed")
    assert re.findall("issue (.) stays as it is", said) == ["3", "4", "5"]
    assert [monitor.state(each)[:2] for each in (iris, wine, gone)] == [(1, "open"), *[(1, "completed")] * 2]
    assert [monitor.state(each) for each in kept] == [(0, "open")] * 3
    assert "no use case `gone`" in monitor.state(gone)[2]


def test_an_issue_is_found_on_a_later_page_among_issues_and_pull_requests(monitor: Monitor) -> None:
    ours = monitor.left()
    for number in range(205):
        monitor.github.report(f"Other {number}", "Something else")
    monitor.github.open("0" * 40, "a-branch", title=f"{marker('iris')}\na pull request is no issue")
    assert f"issue {ours['number']} is up to date" in monitor.keeps("drift")
    assert monitor.github.calls.count(f"GET {API}/repos/{REPOSITORY}/issues") == 3


def test_a_closed_issue_stays_closed_a_new_one_is_opened_and_of_two_the_older_is_kept_the_other_closed_with_a_word(
    monitor: Monitor,
) -> None:
    former = monitor.left(state="closed")
    assert "opened issue 2" in monitor.keeps("drift")
    second = monitor.left()
    monitor.keeps("drift")
    word = "#2 is about the same data; that one is kept up to date."
    states = [monitor.state(each) for each in (former, monitor.github.issues[2], second)]
    assert states == [(0, "closed"), (1, "open"), (1, "not_planned", word)]


def test_a_strangers_issue_and_one_that_quotes_the_marker_are_never_taken_for_ours(monitor: Monitor) -> None:
    person, mark = {"login": "eve", "type": "User"}, marker("iris")
    monitor.github.report("By a stranger", f"{mark}\nfooled?", person, "NONE")
    monitor.github.report("A quotation", f"It says:\n{mark}\n")
    monitor.github.report("Of a longer name", f"{marker('iris-2')}\n")
    monitor.github.report("By a member's token", f"{mark}\n", person, "MEMBER")
    assert open_issues(monitor.env) == {"iris-2": [3], "iris": [4]}


def test_an_error_of_github_is_told_and_nothing_is_done_twice(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "PAUSE", 0.0)
    faults = monitor.github.faults
    faults["GET /issues"] = [Fault(502, "Bad Gateway")] * 3
    with pytest.raises(GitHubError, match=r"refused GET issues\?state=open&per_page=100&page=1: 502 Bad Gateway"):
        monitor.keeps("drift")
    faults["GET /issues"] = [Fault(502, "Bad Gateway")] * 2
    faults["POST /issues"] = [Fault(502, "Bad Gateway")]
    with pytest.raises(GitHubError, match="POST issues: 502"):
        monitor.keeps()
    assert monitor.github.issues == {}, "what writes is not tried again: it may have been done"
    assert "opened issue 1" in monitor.keeps()
    faults["POST /comments"] = [Fault(500, "Server Error")]
    with pytest.raises(GitHubError, match="500 Server Error"):
        monitor.keeps("none")
    assert monitor.keeps() == "iris: no drift."
    assert monitor.state(monitor.github.issues[1]) == (1, "completed"), "closed, and the comment is not repeated"


def test_a_rate_limit_is_waited_for_when_it_is_short_and_told_when_it_is_long(monitor: Monitor) -> None:
    faults, wait = monitor.github.faults, {"Retry-After": "0"}
    past, later = ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{time.time() + s:.0f}"} for s in (-5, 3600))
    faults["GET /issues"] = [Fault(429, "slow down", wait), Fault(403, "limit", past)]
    faults["POST /issues"] = [Fault(403, "secondary rate limit", wait)]
    assert "opened issue" in monitor.keeps("drift")
    assert len(monitor.github.issues) == 1
    for fault in (Fault(403, "API rate limit exceeded", later), Fault(403, "Resource not accessible by integration")):
        faults["PATCH /1"] = [fault]
        with pytest.raises(GitHubError, match=f"403 {fault.message}"):
            monitor.keeps()


def test_a_long_report_is_cut_at_a_line_and_keeps_the_marker_and_what_to_do() -> None:
    rows = "".join(f"| `column {number} äöü` | drift |\n" for number in range(5000))
    report = f"## iris: drift\n\nThe worst\n\n<details>\n<summary>All</summary>\n\n{rows}</details>\n"
    written = body("iris", DRIFTED, report, None)
    assert len(body("iris", DRIFTED, rows, None).encode()) <= MOST_BYTES < LONGEST
    assert written.startswith(f"{marker('iris')}\n## iris: drift\n\nThe worst\n\n\nShortened: ")
    assert "### What to do" in written
    assert "<details>" not in written, "a fold that is cut in two would swallow the rest"
    for most in (100, 500, 900):
        cut = shortened(rows, most)
        assert len(cut.encode()) <= most
        assert re.fullmatch(r"(\| .* \| drift \|\n)+", cut.partition("\nShortened")[0])
    assert shortened(rows, len(rows.encode())) == rows


def test_the_summary_tells_of_every_use_case_and_lets_no_log_write_markdown() -> None:
    failed = UseCaseDrift(outcome="failed", why="Error: no\n~~~~\n# A heading", exit_code=1)
    written = summary({"iris": (DRIFTED, "## iris: drift\n"), "wine": (failed, "")}, None)
    assert written.startswith("## iris: drift\n\nCompared: `data/iris-new.csv`")
    assert "## wine: the comparison failed\n\n~~~~text\nError: no\n----\n# A heading\n~~~~" in written
    assert "no use case" in summary({}, None)
