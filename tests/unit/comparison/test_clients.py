"""What a promotion changes for those who ask the service, and which of it the policy lets through."""

import html
from typing import Any

import pytest

from champion.comparison.clients import contract_change
from champion.comparison.decision import decide
from champion.comparison.evaluation import Evaluation
from champion.modeling.contract import Contract
from champion.modeling.evaluation import Label
from champion.modeling.features import Feature
from champion.reporting import sentences
from champion.reporting.comment import CommentInput, ComparedChampion, Findings, UseCaseResult, render_comment
from champion.reporting.html import render_html
from champion.reporting.markdown import render_markdown
from champion.reporting.report import ReportedRun
from champion.use_case.policy import Promotion
from cli import console
from pipelines.outputs import decision_facts
from tests.support import report_examples as examples
from tests.unit.comparison.test_compare import compared_model, exam, table


def field(name: str, kind: Any = "numeric", nullable: bool = False, **more: Any) -> Feature:
    return Feature(name=name, kind=kind, dtype="float64", nullable=nullable, **more)


def contract(*fields: Feature, classes: tuple[Label, ...] = ("a", "b")) -> Contract:
    return Contract(features=fields, classes=classes)


AGE, PLACE = field("age"), field("place", "categorical", categories=("1", "2"))
SERVED = contract(AGE, PLACE, field("note", "categorical", nullable=True))
SAME = {"same": True, "may_drop": True, "any": True}
GONE = {"same": False, "may_drop": True, "any": True}
NEW = {"same": False, "may_drop": False, "any": True}
CASES: dict[str, tuple[Contract, dict[str, bool], str]] = {
    "nothing": (SERVED, SAME, ""),
    "another range and order": (
        contract(*reversed(SERVED.features[1:]), field("age", minimum=1, maximum=9)),
        SAME,
        "",
    ),
    "gone": (contract(AGE, PLACE), GONE, "the service no longer takes 'note'"),
    "asked": (contract(*SERVED.features, field("size")), NEW, "the service will ask for 'size'"),
    "renamed": (
        contract(AGE, PLACE, field("remark", "categorical")),
        NEW,
        "the service will ask for 'remark', and no longer takes 'note'",
    ),
    "offered": (
        contract(*SERVED.features, field("size", nullable=True)),
        GONE,
        "the service will take 'size', which may be left out",
    ),
    "another kind": (
        contract(AGE, PLACE, field("note", nullable=True)),
        NEW,
        "'note' is a number or nothing, where it is a text or nothing today",
    ),
    "no longer missing": (
        contract(AGE, PLACE, field("note", "categorical")),
        NEW,
        "'note' is a text, where it is a text or nothing today",
    ),
    "may be missing now": (
        contract(field("age", nullable=True), *SERVED.features[1:]),
        SAME,
        "'age' is a number or nothing, where it is a number today",
    ),
    "numbers no longer stand for texts": (
        contract(AGE, field("place", "categorical", categories=("1", "x")), SERVED.features[2]),
        NEW,
        "'place' is a text, where it is a text or a number today",
    ),
}


def evidence(challenger: Contract, /, **changes: Any) -> Evaluation:
    return examples.evaluation(contract_change=contract_change(SERVED, challenger), **changes)


@pytest.mark.parametrize(("challenger", "allowed", "words"), CASES.values(), ids=CASES)
def test_both_signatures_are_compared_the_policy_gates_and_clients_are_told(
    challenger: Contract, allowed: dict[str, bool], words: str
) -> None:
    found = evidence(challenger)
    assert found.contract_change is not None
    assert found.contract_change.in_words() == words
    for fields, promoted in allowed.items():
        decision = decide(found, Promotion(fields=fields))  # type: ignore[arg-type]  # one of the three
        assert decision.promote == promoted, fields
        if not promoted:
            assert decision.reason_code == "fields"
            assert f"promotion.fields is {fields}, and `any` would allow it" in decision.reason
            assert found.contract_change.in_words(would=True) in decision.reason
    told = sentences.clients(found, examples.outcome())
    assert told.startswith(f"For clients: {words}." if words else "")
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_a_champion_that_cannot_be_judged_is_not_replaced_by_one_that_asks_for_what_the_policy_forbids() -> None:
    unjudged = {"champion": None, "paired": None, "champion_unjudged": "no column 'note'"}
    renamed = evidence(CASES["renamed"][0], **unjudged)
    decision = decide(renamed, Promotion(replace_unjudged=True))
    assert (decision.promote, decision.reason_code) == (False, "fields")
    assert "the service would ask for 'remark', and would no longer take 'note'" in decision.reason
    assert decide(renamed, Promotion(replace_unjudged=True, fields="any")).reason_code == "unjudged_replaced"
    assert decide(renamed, Promotion()).reason_code == "unjudged"
    gone = evidence(CASES["gone"][0], **unjudged)
    assert decide(gone, Promotion(replace_unjudged=True)).promote


def test_a_class_that_the_challenger_does_not_know_keeps_it_out_and_a_new_one_is_told() -> None:
    lost = evidence(contract(*SERVED.features, classes=("a", "c", True)))
    decision = decide(lost, Promotion())
    assert (decision.promote, decision.reason_code) == (False, "classes")
    assert "it does not know 'b', which the champion answers; promotion.classes: any would allow it" in decision.reason
    assert decide(lost, Promotion(classes="any")).promote
    told = sentences.clients(lost, examples.outcome())
    assert told == (
        "The challenger does not know 'b', which the champion answers. The challenger knows 'c', True, which the champion "
        "does not."
    )
    more = evidence(contract(*SERVED.features, classes=("a", "b", "c")))
    assert decide(more, Promotion()).checks == decide(examples.evaluation(), Promotion()).checks
    assert decide(more, Promotion()).promote


def test_worse_is_the_reason_before_any_of_it_and_the_check_is_in_the_report_also_where_it_does_not_gate() -> None:
    sides = {
        role: examples.performance(role, [0, 1], scores={"accuracy": score})
        for role, score in (("champion", 0.9), ("challenger", 0.8))
    }
    assert decide(evidence(CASES["asked"][0], **sides), Promotion()).reason_code == "worse"
    (check,) = [
        each for each in decide(evidence(CASES["asked"][0]), Promotion(fields="any")).checks if each.name == "fields"
    ]
    assert (check.found, check.passed, check.gates) == (1, False, False)


def test_console_json_report_and_comment_say_what_changes_for_clients(capsys: pytest.CaptureFixture[str]) -> None:
    found = evidence(CASES["renamed"][0])
    decision, outcome = decide(found, Promotion(fields="any")), examples.outcome()
    console.training_summary(found, decision, outcome)
    said = "For clients: the service will ask for 'remark', and no longer takes 'note'."
    assert said in capsys.readouterr().out
    run = ReportedRun(found, decision, examples.profile(), examples.lineage(), outcome)
    findings = Findings(evaluation=found, decision=decision, provenance=examples.lineage(), outcome=outcome)
    result = UseCaseResult(use_case="iris", champion=ComparedChampion(source="package"), findings=findings)
    for written in (
        render_html(run, {}),
        render_markdown(run),
        render_comment(CommentInput(commit="ab12", results=[result])),
    ):
        plain = html.unescape(written).replace("\\", "")
        assert said in plain
        assert "What is no longer taken may still be sent: it is ignored and counted." in plain
    facts = decision_facts(found, decision, examples.lineage(), outcome)["contract_change"]
    assert (facts["asked"], facts["dropped"]) == (["remark"], ["note"])
    console.training_summary(found, decision, examples.outcome(action="kept", replaced=None))
    assert "the service would ask for 'remark', and would no longer take 'note'" in capsys.readouterr().out


def test_a_comparison_holds_both_contracts_also_of_a_champion_that_cannot_be_asked() -> None:
    challenger, champion = (
        compared_model(table().drop(columns="noise")),
        compared_model(table(("a", "b", "c")), "champion"),
    )
    found = exam(table(seed=1).drop(columns="noise"), challenger, champion)
    assert found.champion is None
    assert found.contract_change is not None
    assert (found.contract_change.dropped, found.contract_change.classes_lost) == (["noise"], ["c"])
    assert exam(table(seed=1), compared_model(table())).contract_change is None
