"""The comment of a pull request in every situation: what stands in it, and what cannot break it."""

import json
import re
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from champion.ci.champion import recorded_scores
from champion.ci.comment import behind, post
from champion.ci.environment import Environment
from champion.comparison.evaluation import Evaluation
from champion.errors import ProjectError
from champion.modeling.evaluation import Trial
from champion.reporting import comment as room
from champion.reporting.comment import Change, ComparedChampion, Failure, Findings, UseCaseResult, render_comment
from champion.reporting.markdown import chart_label
from champion.workspace.files import write_text
from tests.support import report_examples as examples
from tests.support.doubles.github import API, REPOSITORY, GitHub, Secure
from tests.support.loopback import Handler

BASE, COMMIT = "1234abcd" * 5, "abcd1234" * 5
HOSTILE = (
    '</summary>|x```mermaid\n@octocat #1 GH-2 ![p](https://evil.example/x.png) <script>alert(1)</script> "]"%%{init}'
)
STAND_IN = str(Path(examples.__file__).with_name("doubles") / "cml.py")
NO_CHAMPION = {"champion": None, "paired": None}


def findings(found: Evaluation | None = None, action: str = "would_promote", **decided: Any) -> Findings:
    found = found or examples.evaluation()
    decision, outcome = examples.decision(found).model_copy(update=decided), examples.outcome(action=action)
    return Findings(evaluation=found, decision=decision, provenance=examples.lineage(), outcome=outcome)


def champion(source: str = "package", **changes: Any) -> ComparedChampion:
    facts = {"model_version": 3, "data_version": examples.lineage().data_version, "rows": 150}
    return ComparedChampion(**{"source": source, **facts, **changes})


def case(found: Findings | None = None, **changes: Any) -> UseCaseResult:
    return UseCaseResult(**{"use_case": "iris", "champion": champion(), "findings": found or findings(), **changes})


def story(*cases: UseCaseResult, **changes: Any) -> room.CommentInput:
    facts = {"commit": COMMIT, "base": BASE, "compared": True, "results": list(cases or (case(),))}
    return room.CommentInput(**{**facts, **changes})


def comment(*cases: UseCaseResult, **changes: Any) -> str:
    return render_comment(story(*cases, **changes), "https://github.com/o/r/actions/runs/7")


def test_the_decisions_stand_first_then_one_screen_for_each_use_case_and_what_a_click_opens_as_in_comment_md() -> None:
    failure = Failure(step="tree", exit_code=1, lines=["Error: no room", "~~~~ @octocat"])
    changes = [
        Change(file="configs/iris.yaml", name="candidates.tree.params.max_depth", before=1, after=2),
        Change(file="configs/iris.yaml", name="promotion.min_score", before=None, after=0.8),
        Change(file="params.yaml", name="elsewhere", before=1, after=2),
    ]
    written = comment(case(), case(use_case="wine", findings=None, failure=failure), changes=changes)
    assert written == Path(__file__).with_name("comment.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("told", "head", "words"),
    [
        (
            case(findings(None, "would_keep", reason_code="same", promote=False, reason="The champion stays.")),
            "nothing that makes a model has changed",
            "No parameter of this use case changed.",
        ),
        (
            case(findings(examples.evaluation(**NO_CHAMPION)), champion=ComparedChampion(source="none")),
            "the challenger would be the first champion",
            "| score | challenger v4 |\n",
        ),
        (
            case(findings(examples.evaluation(**NO_CHAMPION, champion_unjudged="no column 'a'"), "would_keep")),
            "the champion stays",
            "cannot be judged",
        ),
        (case(findings(action="promoted")), "version 4 is in production now; it replaced version 3", "champion v3"),
        (
            case(champion=champion(data_version="0" * 32, rows=140)),
            "the challenger would become the champion",
            "Data changed: 150 rows, version 717820ef; the champion was made from 140 rows, version 00000000.",
        ),
    ],
)
def test_every_situation_has_its_heading_and_its_reasons(told: UseCaseResult, head: str, words: str) -> None:
    written = comment(told)
    assert written.startswith(f"## iris: {head}\n")
    assert words in written


def test_a_run_that_was_refused_or_ended_before_everything_is_told() -> None:
    written = comment(refusal="This pull request changes models/iris.dvc.", results=[])
    assert written.startswith("## Nothing was trained\n\nThis pull request changes models/iris.dvc.\n")
    assert comment(results=[]).startswith("## The pipeline failed\n")


def test_scores_in_the_pointer_stand_in_for_a_champion_that_could_not_be_fetched() -> None:
    for recorded, says in [
        ({"accuracy": 0.9}, "the challenger scores higher than the champion did"),
        ({"accuracy": 29 / 30}, "the challenger scores the same as the champion did"),
        ({"accuracy": 0.99}, "the challenger scores lower than the champion did"),
        ({}, "the champion could not be asked"),
    ]:
        pointer = champion("pointer", why="there are no credentials here", metrics=recorded)
        written = comment(case(findings(examples.evaluation(**NO_CHAMPION)), champion=pointer))
        assert written.startswith(
            f"## iris: {says}\n\nThe champion (version 3) was not asked: there are no credentials"
        )
        assert "decide nothing" in written
        assert "becomes the champion" not in written, "no decision is told that nobody made"


def test_a_pointer_that_is_behind_the_servers_champion_is_told() -> None:
    pointer = "outs:\n- md5: 0a.dir\n  path: iris\nmeta:\n  model_version: {}\n"
    assert recorded_scores(pointer.format(2)).model_version == 2
    of_server = champion("server")
    assert behind(of_server, pointer.format(3)) == ""
    why = behind(of_server, pointer.format(2))
    assert why.startswith("The champion is the server's, version 3. The pointer names version 2: it is behind")
    assert "There is no pointer" in behind(of_server, None)
    assert "next run on the main branch records" in comment(case(champion=champion("server", why=why)))


@pytest.mark.parametrize("count", [1, 4, 30])
def test_the_longest_input_stays_under_githubs_limit_and_says_what_it_left_out(count: int) -> None:
    classes: list[Any] = [f"{i:02d} " + "a class with a long name, and more of it " * 3 for i in range(50)]
    found = examples.evaluation(classes=classes, candidates=30, trials=200, warnings=["w" * 3000] * 9)
    long = {"name": "n" * 100, "params": {f"parameter_{j}": "value " * 20 for j in range(20)}}
    found = found.model_copy(update={"candidates": [each.model_copy(update=long) for each in found.candidates]})
    changes = [Change(file="configs/case0.yaml", name="k" * 300, before="b" * 9000, after="a" * 9000)] * 2000
    written = comment(*(case(findings(found), use_case=f"case{i}") for i in range(count)), changes=changes)
    assert len(written.encode()) <= room.LIMIT < 65_536
    kept = ["Class by class</summary>", "Candidates</summary>", "the 12 of 50 classes with most errors"]
    kept = ["## case0", *kept] if count == 1 else ["`case0`", "a comment has its limit"]
    assert [words for words in ("[The full report](", *kept) if words not in written] == []
    assert written.count("<details>") == written.count("</details>")
    assert written.count("```") % 2 == 0


def test_no_name_can_break_out_of_its_place() -> None:
    found = examples.evaluation(classes=["a", HOSTILE, "c"], use_case=HOSTILE, metric="accuracy", warnings=[HOSTILE])
    candidate = found.candidates[0].model_copy(update={"name": HOSTILE, "params": {HOSTILE: HOSTILE}})
    found = found.model_copy(update={"candidates": [candidate]})
    changes = [Change(file=f"configs/{HOSTILE}.yaml", name=HOSTILE, before=HOSTILE, after={"x": HOSTILE})]
    written = comment(case(findings(found), use_case=HOSTILE), changes=changes)
    assert written.count("```mermaid\n") == written.count("xychart-beta") + written.count("pie showData")
    bare = re.sub(r"(?ms)^```mermaid$.*?^```$", "", written).replace("\\`", "")
    bare = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", bare)
    assert [
        threat for threat in ("<script", "](https://evil", "@octocat", "#1", "GH-2", "</summary>|") if threat in bare
    ] == []
    rows = re.findall(r"^\| .*\|$", written, re.MULTILINE)
    assert min(row.count("|") - row.count("\\|") for row in rows) >= 3
    assert not set(chart_label(HOSTILE)) & set('"`<>;{}[]#@|\n%&'), "a label would end its text or its chart"
    assert [chart_label(label) for label in ("花弁 Länge 5", "]")] == ["花弁 Länge 5", "(empty)"]


def test_scores_that_are_no_numbers_survive_the_way_through_the_file() -> None:
    trials = [Trial(params={}, mean=mean, std=0.0) for mean in (float("nan"), 0.5)]
    candidate = examples.candidate(0, 1).model_copy(update={"trials": trials})
    odd = story(case(findings(examples.evaluation(candidates=[candidate]))))
    again = render_comment(room.CommentInput.model_validate_json(odd.as_json()))
    assert again == render_comment(odd)
    assert "bar [0.4750, 0.5000]" in again, "what is no number stands at the lowest end"


@pytest.mark.parametrize("program", sorted({STAND_IN, shutil.which("cml") or STAND_IN}))
def test_cml_asks_a_server_for_what_the_real_one_was_seen_to_ask_for_and_its_error_is_one_sentence(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    def answer(request: Handler) -> None:
        sent = request.body()
        names = ("authorization", "accept", "content-type")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        asked.append({"call": f"{request.command} {request.path}", **headers, "body": sent.decode()})
        request.body = lambda: sent  # type: ignore[method-assign]  # it is read once
        github.answer(request)

    write_text(tmp_path / "reports/comment.md", "## h\u00e9llo\n\n> [!NOTE]\n> a | b\n\n- [ ] a &amp; `b` <details>\n")
    with GitHub(tokens={"writes": True, "reads": False}) as github, Secure(github, tmp_path) as server:
        server.answer = answer
        number = github.open("a" * 40, "better")["number"]
        other = '![](https://cml.dev/watermark.png#c0ffee "CML watermark other")'
        github.comments[number].append({"id": 0, "body": other, "html_url": ""})
        values = {
            "CML": program,
            "PR_NUMBER": str(number),
            "GITHUB_SERVER_URL": server.url,
            "GITHUB_API_URL": github.url + API,
            "GITHUB_REPOSITORY": REPOSITORY,
        }
        for name, value in {"SHA": COMMIT, "ACTOR": "ada", "SERVER_URL": server.url}.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        monkeypatch.setenv("NO_PROXY", "localhost")
        for trust, token, says in [
            (True, "writes", ""),
            (True, "writes", ""),
            (True, "reads", r"1: Resource not accessible by integration\. Give the job `pull-requests: write`;"),
            (True, "gone", r"1: Bad credentials\. REPO_TOKEN is wrong"),
            (False, "writes", r"1: request to https://localhost:.* failed, reason: .*certificate.*\. Name the file"),
        ]:
            monkeypatch.setenv("NODE_EXTRA_CA_CERTS", server.authority if trust else "")
            with pytest.raises(ProjectError, match=says) if says else nullcontext():
                said = post(tmp_path, Environment({**values, "REPO_TOKEN": token}))
                assert f"/pull/{number}#issuecomment-2" in said
        github.comments[number].append({"id": 0, "body": other.replace("other", "champion"), "html_url": ""})
        monkeypatch.setenv("NODE_EXTRA_CA_CERTS", server.authority)
        said = post(tmp_path, Environment({**values, "REPO_TOKEN": "writes"}))
        assert f"/pull/{number}#issuecomment-3" in said, "a stranger's comment is left alone"
    assert asked == json.loads(Path(__file__).with_name("cml-0.20.6.json").read_text(encoding="utf-8"))
