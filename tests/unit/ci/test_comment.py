"""The comment of a pull request in every situation: what stands in it, and what cannot break it."""

import re
from typing import Any

import pytest

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import Trial
from champion.reporting import comment as room
from champion.reporting.comment import ComparedChampion, Failure, Findings, UseCaseResult, render_comment
from champion.reporting.markdown import chart_label
from tests.support import report_examples as examples

BASE, COMMIT = "1234abcd" * 5, "abcd1234" * 5
HOSTILE = '</summary>|x```mermaid\n@octocat ![p](https://evil.example/x.png) <script>alert(1)</script> "]"%%{init}'


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


def heading(written: str) -> str:
    return next(line for line in written.splitlines() if line.startswith("## "))


NO_CHAMPION = {"champion": None, "paired": None}
SITUATIONS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "a better challenger": (
        {},
        "iris: the challenger would become the champion",
        [
            "| **`accuracy`** | **0.9333** | **0.9667** | **+0.0333** |",
            "| `versicolor` | 10 | 0.9000 | 0.8000 | 0.8500 | 0.8500 | ±0 |",
            "McNemar's exact test",
            "[The full report](https://github.com/o/r/actions/runs/7)",
            "Commit `abcd1234`, base `1234abcd`",
        ],
    ),
    "the same challenger": (
        {"findings": findings(None, "would_keep", reason_code="same", promote=False, reason="The champion stays.")},
        "iris: nothing that makes a model has changed",
        ["champion v3"],
    ),
    "no champion": (
        {"findings": findings(examples.evaluation(**NO_CHAMPION)), "champion": ComparedChampion(source="none")},
        "iris: the challenger would be the first champion",
        ["there was no champion"],
    ),
    "a champion that cannot be judged, which is no missing one": (
        {"findings": findings(examples.evaluation(**NO_CHAMPION, champion_unjudged="no column 'a'"), "would_keep")},
        "iris: the champion stays",
        ["cannot be judged"],
    ),
    "a step that failed, its last words in a fence that is longer than any inside": (
        {"findings": None, "failure": Failure(step="tree", exit_code=1, lines=["Error: no room", "~~~~ @octocat"])},
        "iris: the pipeline failed in tree",
        ["exit code 1", "~~~~~text\nError: no room\n~~~~ @octocat\n~~~~~"],
    ),
    "after a merge": (
        {"findings": findings(action="promoted")},
        "iris: version 4 is in production now; it replaced version 3",
        [],
    ),
    "other data": (
        {"champion": champion(data_version="0" * 32, rows=140)},
        "iris: the challenger would become the champion",
        ["Data changed: 150 rows, version 717820ef; the champion was made from 140 rows, version 00000000."],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_situation_has_its_heading_and_its_reasons(situation: str) -> None:
    changes, head, words = SITUATIONS[situation]
    written = comment(case(**changes))
    assert heading(written).startswith(f"## {head}")
    assert [each for each in words if each not in written] == []
    assert situation != "no champion" or "champion v" not in written


def test_a_run_that_was_refused_or_ended_before_everything_is_told() -> None:
    written = comment(refusal="This pull request changes models/iris.dvc.", results=[])
    assert heading(written) == "## Nothing was trained"
    assert "changes models/iris.dvc" in written
    assert heading(comment(results=[])) == "## The pipeline failed"


def test_what_decides_stands_before_the_first_fold() -> None:
    first = comment().partition("<details>")[0]
    for words in ("becomes the champion", "champion v3", "Data: 150 rows", "No parameter of this use case", "p = 1"):
        assert words in first
    assert len(first.splitlines()) < 40, "one screen"
    assert "nobody has verified them" not in comment(), "that is said of a stranger's numbers alone"


def test_a_parameter_that_changed_is_shown_before_and_after() -> None:
    changes = [
        room.Change(file="configs/iris.yaml", name="candidates.tree.params.max_depth", before=1, after=2),
        room.Change(file="configs/iris.yaml", name="promotion.min_score", before=None, after=0.8),
        room.Change(file="params.yaml", name="elsewhere", before=1, after=2),
    ]
    written = comment(changes=changes)
    named = ("| `candidates.tree.params.max_depth` | `1` | `2` |", "| `promotion.min_score` | \N{EN DASH} | `0.8` |")
    assert [words for words in (*named, "`elsewhere` of `params.yaml`") if words not in written] == []


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        ({"accuracy": 0.9}, "the challenger scores higher than the champion did"),
        ({"accuracy": 29 / 30}, "the challenger scores the same as the champion did"),
        ({"accuracy": 0.99}, "the challenger scores lower than the champion did"),
        ({}, "the champion could not be asked"),
    ],
)
def test_scores_in_the_pointer_stand_in_for_a_champion_that_could_not_be_fetched(
    recorded: dict[str, float], says: str
) -> None:
    pointer = champion("pointer", why="there are no credentials here", metrics=recorded)
    written = comment(case(findings(examples.evaluation(**NO_CHAMPION)), champion=pointer))
    assert heading(written) == f"## iris: {says}"
    assert "The champion (version 3) was not asked: there are no credentials here" in written
    assert "decide nothing" in written
    assert "becomes the champion" not in written, "no decision is told that nobody made"


def test_several_use_cases_are_summed_up_first() -> None:
    broken = case(use_case="wine", findings=None, failure=Failure(step="prepare", exit_code=2))
    written = comment(case(), broken)
    table = written.partition("## ")[0]
    assert "| `iris` | the challenger would become the champion | `accuracy` | 0.9333 | 0.9667 |" in table
    assert "| `wine` | the pipeline failed in prepare |" in table


def big() -> Evaluation:
    classes: list[Any] = [f"{i:02d} " + "a class with a long name, and more of it " * 3 for i in range(50)]
    found = examples.evaluation(classes=classes, candidates=30, trials=200, warnings=["w" * 3000] * 9)
    params = {f"parameter_{j}": "value " * 20 for j in range(20)}
    named = [each.model_copy(update={"name": each.name + "x" * 100, "params": params}) for each in found.candidates]
    return found.model_copy(update={"candidates": named})


@pytest.mark.parametrize("count", [1, 4, 30])
def test_the_longest_input_stays_under_githubs_limit_and_says_what_it_left_out(count: int) -> None:
    changes = [room.Change(file="configs/case0.yaml", name="k" * 300, before="b" * 9000, after="a" * 9000)] * 2000
    found = findings(big())
    written = comment(*(case(found, use_case=f"case{i}") for i in range(count)), changes=changes)
    assert len(written.encode()) <= room.LIMIT < 65_536
    assert "`case0`" in written or "## case0" in written
    assert "[The full report](" in written
    assert count == 1 or "a comment has its limit" in written
    assert written.count("<details>") == written.count("</details>")
    assert written.count("```") % 2 == 0


def test_one_big_use_case_keeps_what_matters_most() -> None:
    written = comment(case(findings(big())))
    for words in ("Class by class</summary>", "Candidates</summary>", "the 12 of 50 classes with most errors"):
        assert words in written


def test_no_name_can_break_out_of_its_place() -> None:
    found = examples.evaluation(classes=["a", HOSTILE, "c"], use_case=HOSTILE, metric="accuracy", warnings=[HOSTILE])
    candidate = found.candidates[0].model_copy(update={"name": HOSTILE, "params": {HOSTILE: HOSTILE}})
    found = found.model_copy(update={"candidates": [candidate]})
    changes = [room.Change(file=f"configs/{HOSTILE}.yaml", name=HOSTILE, before=HOSTILE, after={"x": HOSTILE})]
    written = comment(case(findings(found), use_case=HOSTILE), changes=changes)
    assert written.count("```mermaid\n") == written.count("xychart-beta") + written.count("pie showData")
    bare = re.sub(r"(?ms)^```mermaid$.*?^```$", "", written).replace("\\`", "")
    bare = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", bare)
    for threat in ("<script", "](https://evil", "@octocat", "</summary>|"):
        assert threat not in bare
    for row in re.findall(r"^\| .*\|$", written, re.MULTILINE):
        assert row.count("|") - row.count("\\|") >= 3
    assert not set(chart_label(HOSTILE)) & set('"`<>;{}[]#@|\n%&'), "a label would end its text or its chart"
    assert [chart_label(label) for label in ("花弁 Länge 5", "]")] == ["花弁 Länge 5", "(empty)"]


def test_scores_that_are_no_numbers_survive_the_way_through_the_file() -> None:
    trials = [Trial(params={}, mean=mean, std=0.0) for mean in (float("nan"), 0.5)]
    candidate = examples.evaluation().candidates[0].model_copy(update={"trials": trials})
    odd = story(case(findings(examples.evaluation().model_copy(update={"candidates": [candidate]}))))
    again = room.CommentInput.model_validate_json(odd.as_json())
    assert render_comment(again) == render_comment(odd)
    assert "bar [0.4750, 0.5000]" in render_comment(again), "what is no number stands at the lowest end"
