"""The comment of a pull request in every situation: what stands in it, and what cannot break it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import CandidateResult, Trial
from champion.reporting.comment import (
    LIMIT,
    Change,
    CommentInput,
    ComparedChampion,
    Failure,
    Findings,
    UseCaseResult,
    render_comment,
)
from champion.reporting.markdown import chart_label
from tests.support import report_examples as examples

BASE, COMMIT = "1234abcd" * 5, "abcd1234" * 5
HOSTILE = '</summary>|x```mermaid\n@octocat ![p](https://evil.example/x.png) <script>alert(1)</script> "]"%%{init}'


def findings(
    found: Evaluation | None = None, action: str = "would_promote", reason_code: str | None = None, **more: Any
) -> Findings:
    found = found or examples.evaluation(**more)
    decision = examples.decision(found)
    if reason_code:
        decision = decision.model_copy(
            update={"reason_code": reason_code, "promote": False, "reason": f"The champion stays: {reason_code}."}
        )
    return Findings(
        evaluation=found, decision=decision, provenance=examples.lineage(), outcome=examples.outcome(action=action)
    )


def case(found: Findings | None = None, **changes: Any) -> UseCaseResult:
    standing = ComparedChampion(
        source="package", model_version=3, data_version=examples.lineage().data_version, rows=150
    )
    return UseCaseResult(**{"use_case": "iris", "champion": standing, "findings": found or findings(), **changes})


def story(*cases: UseCaseResult, **changes: Any) -> CommentInput:
    return CommentInput(
        **{"commit": COMMIT, "base": BASE, "compared": True, "results": list(cases or (case(),)), **changes}
    )


def comment(*cases: UseCaseResult, **changes: Any) -> str:
    return render_comment(story(*cases, **changes), "https://github.com/o/r/actions/runs/7")


def heading(written: str) -> str:
    return next(line for line in written.splitlines() if line.startswith("## "))


def test_a_better_challenger_is_told_with_every_score_the_test_and_the_way_to_the_report() -> None:
    written = comment()
    assert heading(written) == "## iris: the challenger would become the champion"
    assert "| **`accuracy`** | **0.9333** | **0.9667** | **+0.0333** |" in written
    assert "| `versicolor` | 10 | 0.9000 | 0.8000 | 0.8500 | 0.8500 | ±0 |" in written
    assert "McNemar's exact test" in written
    assert "[The full report](https://github.com/o/r/actions/runs/7)" in written
    assert "Commit `abcd1234`, base `1234abcd`" in written


def test_what_decides_stands_before_the_first_fold() -> None:
    first = comment().partition("<details>")[0]
    for words in (
        "becomes the champion",
        "champion v3",
        "Data: 150 rows",
        "No parameter of this use case changed",
        "p = 1",
    ):
        assert words in first
    assert len(first.splitlines()) < 40, "one screen"


def test_a_parameter_that_changed_is_shown_before_and_after() -> None:
    changes = [
        Change(file="configs/iris.yaml", name="candidates.tree.params.max_depth", before=1, after=2),
        Change(file="configs/iris.yaml", name="promotion.min_score", before=None, after=0.8),
        Change(file="params.yaml", name="elsewhere", before=1, after=2),
    ]
    written = comment(changes=changes)
    assert "| `candidates.tree.params.max_depth` | `1` | `2` |" in written
    assert "| `promotion.min_score` | \N{EN DASH} | `0.8` |" in written
    assert "`elsewhere` of `params.yaml`" in written


def test_data_that_changed_is_told_with_rows_and_versions() -> None:
    written = comment(
        case(champion=ComparedChampion(source="package", model_version=3, data_version="0" * 32, rows=140))
    )
    assert "Data changed: 150 rows, version 717820ef; the champion was made from 140 rows, version 00000000." in written


def test_it_says_when_nothing_changed() -> None:
    assert heading(comment(case(findings(action="would_keep", reason_code="same")))) == (
        "## iris: nothing that makes a model has changed"
    )


def test_it_says_when_there_is_no_champion() -> None:
    found = examples.evaluation(champion=None, paired=None)
    written = comment(case(findings(found), champion=ComparedChampion(source="none")))
    assert heading(written) == "## iris: the challenger would be the first champion"
    assert "there was no champion" in written
    assert "champion v" not in written


def test_a_champion_that_cannot_be_judged_is_no_missing_champion() -> None:
    found = examples.evaluation(champion=None, paired=None, champion_unjudged="the table has no column 'a'")
    written = comment(case(findings(found, action="would_keep")))
    assert heading(written) == "## iris: the champion stays"
    assert "cannot be judged" in written


def test_a_failure_is_told_with_its_step_and_its_last_lines() -> None:
    failure = Failure(step="train_tree", exit_code=1, lines=["Error: no room", "~~~~ @octocat"])
    written = comment(case(findings=None, failure=failure))
    assert heading(written) == "## iris: the pipeline failed in train\\_tree" or "train_tree" in heading(written)
    assert "exit code 1" in written
    assert "~~~~~text\nError: no room\n~~~~ @octocat\n~~~~~" in written, "the fence is longer than any inside"


def test_a_refusal_is_told_and_nothing_else() -> None:
    written = comment(refusal="This pull request changes models/iris.dvc.", results=[])
    assert heading(written) == "## Nothing was trained"
    assert "changes models/iris.dvc" in written


def test_a_run_that_ended_before_everything_is_told_as_failed() -> None:
    assert heading(comment(results=[])) == "## The pipeline failed"


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
    found = findings(examples.evaluation(champion=None, paired=None))
    standing = ComparedChampion(
        source="pointer", why="there are no credentials here", model_version=3, metrics=recorded
    )
    written = comment(case(found, champion=standing))
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


def test_after_a_merge_it_tells_what_was_done() -> None:
    assert "version 4 is in production now; it replaced version 3" in heading(
        comment(case(findings(action="promoted")))
    )


def test_what_a_stranger_computed_is_marked() -> None:
    assert "nobody has verified them" in render_comment(story(), None, stranger=True)
    assert "nobody has verified them" not in render_comment(story())


def big() -> Evaluation:
    classes: list[Any] = [f"{i:02d} " + "a class with a long name, and more of it " * 3 for i in range(50)]
    found = examples.evaluation(classes=classes)
    candidates = [
        CandidateResult(
            name=f"candidate_{i}_" + "x" * 100, estimator="sklearn.linear_model.LogisticRegression",
            params={f"parameter_{j}": "value " * 20 for j in range(20)}, cv_mean=0.9 - i / 100, cv_std=0.01, seconds=1.0,
            trials=[Trial(params={"C": float(j)}, mean=0.9 - j / 1000, std=0.1) for j in range(200)], chosen=i == 0,
        )
        for i in range(30)
    ]  # fmt: skip
    return found.model_copy(update={"candidates": candidates, "warnings": ["w" * 3000] * 9})


@pytest.mark.parametrize("count", [1, 4, 30])
def test_the_longest_input_stays_under_githubs_limit_and_says_what_it_left_out(count: int) -> None:
    changes = [Change(file="configs/case0.yaml", name="k" * 300, before="b" * 9000, after="a" * 9000)] * 2000
    cases = [case(findings(big()), use_case=f"case{i}") for i in range(count)]
    written = comment(*cases, changes=changes)
    assert len(written.encode()) <= LIMIT < 65_536
    assert "`case0`" in written or "## case0" in written
    assert "[The full report](" in written
    if count > 1:
        assert "a comment has its limit" in written
    assert written.count("<details>") == written.count("</details>")
    assert written.count("```") % 2 == 0


def test_one_big_use_case_keeps_what_matters_most() -> None:
    written = comment(case(findings(big())))
    assert "<summary>Class by class</summary>" in written
    assert "<summary>Candidates</summary>" in written
    assert "the 12 of 50 classes with most errors" in written


def test_no_name_can_break_out_of_its_place() -> None:
    found = examples.evaluation(classes=["a", HOSTILE, "c"], use_case=HOSTILE, metric="accuracy", warnings=[HOSTILE])
    candidate = found.candidates[0].model_copy(update={"name": HOSTILE, "params": {HOSTILE: HOSTILE}})
    found = found.model_copy(update={"candidates": [candidate]})
    changes = [Change(file=f"configs/{HOSTILE}.yaml", name=HOSTILE, before=HOSTILE, after={"x": HOSTILE})]
    written = comment(case(findings(found), use_case=HOSTILE), changes=changes)
    assert written.count("```mermaid\n") == written.count("xychart-beta") + written.count("pie showData")
    bare = re.sub(r"(?ms)^```mermaid$.*?^```$", "", written).replace("\\`", "")
    bare = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", bare)
    for threat in ("<script", "](https://evil", "@octocat", "</summary>|"):
        assert threat not in bare
    for row in re.findall(r"^\| .*\|$", written, re.MULTILINE):
        assert row.count("|") - row.count("\\|") >= 3


def test_a_mermaid_label_cannot_end_its_text_or_its_chart() -> None:
    found = chart_label(HOSTILE)
    assert not set(found) & set('"`<>;{}[]#@|\n%&')
    assert chart_label("花弁 Länge 5") == "花弁 Länge 5"
    assert chart_label("]") == "(empty)"


def test_scores_that_are_no_numbers_survive_the_way_through_the_file() -> None:
    candidate = (
        examples.evaluation()
        .candidates[0]
        .model_copy(
            update={"trials": [Trial(params={}, mean=float("nan"), std=0.0), Trial(params={}, mean=0.5, std=0.0)]}
        )
    )
    told = story(case(findings(examples.evaluation().model_copy(update={"candidates": [candidate]}))))
    again = CommentInput.model_validate_json(told.as_json())
    assert render_comment(again) == render_comment(told)
    assert "bar [0.4750, 0.5000]" in render_comment(again), "what is no number stands at the lowest end"


def test_a_story_accepts_no_key_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        CommentInput.model_validate_json('{"commit": "abcd", "image": "https://evil.example/x.png"}')
