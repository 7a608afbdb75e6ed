"""What a champion's state carries on: whom its holdout has judged, and what former champions took."""

import dataclasses
from typing import Any

import pytest

from champion.bundle.manifest import CHALLENGERS, FORMER_FIELDS, ChampionState, HoldoutUse
from champion.comparison.clients import contract_change
from champion.comparison.evaluation import Outcome
from champion.modeling.features import Feature
from champion.modeling.split import SplitRule
from champion.registry.promotion import Judged, carry_out
from champion.registry.reconcile import write_champion
from champion.use_case.policy import Promotion
from tests.unit.registry.conftest import PLAN, RULE, Clone, Machine

OTHER = SplitRule(by="hash", share=0.2, salt="another", columns=("x",))


def number(name: str) -> Feature:
    return Feature(name=name, kind="numeric", dtype="float64", nullable=False)


def run(machine: Machine, again: str | None = None, **terms: Any) -> tuple[Any, Outcome]:
    client, judged, asked = machine.judged(again)
    decision, outcome, _ = carry_out(client, judged, asked.model_copy(update=terms))
    if outcome.action == "promoted":
        write_champion(client, machine.workspace)
    return decision, outcome


def count(machine: Machine, again: str | None = None, **terms: Any) -> int:
    return run(machine, again, **terms)[1].judged


KEPT: dict[str, Any] = {"policy": Promotion(min_gain=0.5)}


def test_each_new_challenger_counts_once_and_a_store_that_only_knows_the_package_goes_on_counting(
    clone: Clone,
) -> None:
    ada = clone("ada")
    assert [count(ada), count(ada), count(ada, "kept", **KEPT)] == [1, 2, 3]
    assert count(ada, "kept", **KEPT) == 3, "the same one again"
    assert [count(ada, promote=False), count(ada, promote=False)] == [4, 4], "what leaves no record is not counted on"
    decision, outcome = run(ada, policy=Promotion(max_p_value=1.0), promote=False)
    (check,) = [check for check in decision.checks if check.name == "p_value"]
    most = f"at most {1 / 3**1.73:.4g} (1 for the first comparison, and this holdout has judged 4 challengers)"
    assert (decision.reason_code, check.required) == ("p_value", most)
    assert outcome.luckiest is not None
    assert outcome.luckiest == pytest.approx(28 / 30 + 0.0567, abs=1e-3), "of which the champion got 28 right"
    assert outcome.luckiest_guess == pytest.approx(0.4225, abs=1e-4), "of ten rows of each of three classes"
    assert count(ada) == 4
    ada.push()

    bob = clone("bob")
    bob.pull()
    assert count(bob, "kept", **KEPT) == 4, "the package names whom its holdout has judged"
    assert count(bob) == 5
    bob.push()

    ada.pull()
    ada.roll_back()
    ada.refit()
    ada.push()
    carol = clone("carol")
    carol.pull()
    assert count(carol) == 6, "neither a rollback nor a refit judges, and both keep the count"


def test_a_state_names_the_fields_that_former_champions_took_also_after_a_rollback(clone: Clone) -> None:
    machine = clone("ada")

    def promoted(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
        client, judged, terms = machine.judged()
        contracts = [PLAN.model_copy(update={"features": tuple(map(number, names))}) for names in (before, now)]
        change = contract_change(*contracts) if before else None
        evidence = judged.evaluation.model_copy(update={"contract_change": change})
        judged = Judged(dataclasses.replace(judged.made, plan=contracts[1]), evidence)
        terms = terms.model_copy(update={"policy": Promotion(fields="any")})
        assert carry_out(client, judged, terms)[1].action == "promoted"
        write_champion(client, machine.workspace)
        return former()

    def former() -> tuple[str, ...]:
        package = machine.package
        assert package is not None
        return package.manifest.champion_state.former_fields

    assert promoted((), ("x", "note")) == ()
    assert promoted(("x", "note"), ("x",)) == ("note",)
    assert promoted(("x",), ("x", "size")) == ("note",)
    machine.roll_back()
    assert former() == ("size", "note"), "version 3, which took `size`, is a former one too"
    assert promoted(("x",), ("x", "note")) == ("size",)


def test_of_many_former_fields_the_newest_are_known() -> None:
    facts: dict[str, Any] = {"highest_version": 1, "since": "now", "event": "promotion", "reason": "for a test"}
    many = [f"x{place}" for place in range(FORMER_FIELDS + 5)]
    state = ChampionState.after(None, ("a", "b"), fields=(["x0"], many), **facts)
    assert state.former_fields == tuple(many[1 : FORMER_FIELDS + 1])
    assert "former_fields" not in ChampionState.after(None, ("a", "b"), **facts).model_dump(), "as version 0.1 wrote it"


def test_a_state_names_the_newest_challengers_of_a_holdout_and_counts_the_others() -> None:
    many = HoldoutUse.of(RULE, [], [(f"{place}", RULE) for place in range(CHALLENGERS + 7)])
    assert (many.count, many.earlier, len(many.challengers)) == (CHALLENGERS + 7, 7, CHALLENGERS)
    assert many.challengers[-1] == f"{CHALLENGERS + 6}"
    assert HoldoutUse.of(RULE, [many, many], [(many.challengers[-1], RULE)]) == many
    assert HoldoutUse.of(OTHER, [many], [("new", OTHER)]).count == 1, "another holdout"
    assert HoldoutUse.model_validate_json(many.model_dump_json()) == many
    assert "until" not in many.model_dump()


def window(cutoff: str, until: str | None, column: str = "at") -> SplitRule:
    return SplitRule(by="time", share=0.2, salt="", columns=("x",), column=column, cutoff=cutoff, until=until)


def test_a_holdout_whose_cutoff_moves_on_goes_on_counting_while_it_has_a_row_that_a_challenger_was_judged_on() -> None:
    may, june = window("2026-05-01", "2026-06-30"), window("2026-06-01", "2026-07-31T12:00:00")
    july, autumn = window("2026-07-01", "2026-08-31"), window("2026-09-01", "2026-09-30")
    use = HoldoutUse.of(may, [], [("a", may)])
    for rule, name, count in ((june, "b", 2), (july, "c", 2), (autumn, "d", 1)):
        from_package = HoldoutUse.of(rule, [use], [(name, rule)])
        rules = [("a", may), ("b", june), ("c", july), ("d", autumn)]
        known = rules[: [each for each, _ in rules].index(name) + 1]
        assert HoldoutUse.of(rule, [], known).count == from_package.count == count, "the store, and the package alone"
        use = HoldoutUse.model_validate_json(from_package.model_dump_json())
    old = may.model_copy(update={"until": None})
    assert HoldoutUse.of(june, [HoldoutUse(rule=old, challengers=("a",))], [("b", june)]).count == 1, "nobody knows"
    assert HoldoutUse.of(may, [HoldoutUse(rule=old, challengers=("a",))], [("b", may)]).count == 2
    assert HoldoutUse.of(june, [HoldoutUse(rule=may, challengers=("a",), earlier=7)], []).count == 8
    assert HoldoutUse.of(july, [HoldoutUse(rule=june, challengers=("a", "b"), until=(may.until, june.until), earlier=7)],
                         []).count == 1, "the older ones have no row left"  # fmt: skip
    for other in (
        window("2026-06-01", "2026-07-31", "sold"),
        window("2026-06-01", None).model_copy(update={"cutoff": 3}),
    ):
        assert HoldoutUse.of(other, [use], [("a", may)]).count == 0


def test_a_promotion_after_the_cutoff_moved_on_counts_the_challengers_of_the_former_one(clone: Clone) -> None:
    machine = clone("ada")

    def judged(rule: SplitRule) -> int:
        client, evidence, terms = machine.judged()
        made = dataclasses.replace(evidence.made, plan=PLAN.model_copy(update={"rule": rule}))
        outcome = carry_out(client, Judged(made, evidence.evaluation), terms)[1]
        assert outcome.action == "promoted"
        write_champion(client, machine.workspace)
        return outcome.judged

    rules = [window(f"2026-0{month}-01", f"2026-0{month + 1}-15") for month in (1, 2, 3)]
    assert [judged(rule) for rule in rules] == [1, 2, 2]
    assert machine.package is not None
    (use,) = machine.package.manifest.champion_state.holdouts
    assert (use.rule, use.until) == (rules[2], ("2026-03-15", "2026-04-15"))
