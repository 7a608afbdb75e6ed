"""Carry a decision out: under the lock, against the champion of this moment, with a record that stays."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from champion.bundle.build import build
from champion.bundle.decision_record import DecisionRecord, shared
from champion.bundle.folder import digest
from champion.bundle.manifest import ChampionState, HoldoutUse, Manifest
from champion.bundle.model import TrainedCandidate
from champion.bundle.needs import with_needs
from champion.comparison.decision import Decision, decide
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.comparison.wear import luck
from champion.modeling.contract import Plan
from champion.modeling.own.code import OwnCode
from champion.modeling.profile import Profile
from champion.orchestration.store import locked
from champion.registry import versions as champions
from champion.registry.versions import Record, Version, VersionHistory
from champion.use_case.policy import Promotion
from champion.use_case.strict import Strict

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client


class Unreachable(Strict):
    """The champion that git names, and whose package this machine cannot have."""

    number: int | None
    metrics: dict[str, float]


class Terms(Strict):
    """On what terms a run may change production.

    `champion` and `revision` are those of the moment when the run started; None where there was no champion. `by` is
    who started it. With `unreachable` nothing can be decided.
    """

    policy: Promotion
    promote: bool
    readmit: bool
    champion: str | None
    revision: int | None
    by: str | None = None
    unreachable: Unreachable | None = None


@dataclass(frozen=True)
class Made:
    """A trained model with all that a package takes; `rows`: of its whole table."""

    candidate: TrainedCandidate
    plan: Plan
    profile: Profile
    facts: Provenance
    rows: int

    @functools.cached_property
    def model(self) -> str:
        """The sha256 of the model file."""
        return digest(self.candidate.model)


@dataclass(frozen=True)
class Judged:
    """Everything a decision is carried out with: the challenger, and what evaluation found."""

    made: Made
    evaluation: Evaluation


def carry_out(client: Client, judged: Judged, terms: Terms) -> tuple[Decision, Outcome, UUID | None]:
    """Decide, and do it: one process at a time, and only against the champion that was judged.

    A fingerprint that was judged before against the same champion leaves no new version. What a rollback took out of
    production, by its fingerprint or by its model file, is not promoted again unless the terms readmit it. The
    UUID is the challenger's model version, where it has one.
    """
    name, fingerprint = judged.made.facts.use_case, judged.made.facts.fingerprint
    with locked(client, name):
        history = champions.version_history(client, name)
        use = _use_of_holdout(history, judged)
        decision = _with_history(decide(judged.evaluation, terms.policy, use.count), history, judged, terms)
        number, version = history.champion_number, _known(history, fingerprint)
        replaced = number if decision.promote else None
        in_production = terms.unreachable.number if terms.unreachable else number
        lucky = luck(judged.evaluation, use.count)
        outcome = functools.partial(
            Outcome, champion=in_production, replaced=replaced, judged=use.count,
            luckiest=lucky.no_better, luckiest_guess=lucky.guessing,
        )  # fmt: skip
        if not terms.promote:
            action = "would_promote" if decision.promote else "would_keep"
            known = (version.number, version.id) if version else (None, None)
            return decision, outcome(action=action, challenger=known[0]), known[1]
        if version is None or (decision.promote and version.stage == champions.PRODUCTION):
            version = _record(client, history, judged, decision)
        if not decision.promote:
            return decision, outcome(action="kept", challenger=version.number), version.id
        _set_champion(client, history, version, judged, decision, terms.by, use)
    return decision, outcome(action="promoted", challenger=version.number, champion=version.number), version.id


def _use_of_holdout(history: VersionHistory, judged: Judged) -> HoldoutUse:
    """How often today's holdout has judged, this challenger included, as far as store and champion know."""
    rule = judged.made.plan.rule
    states = [version.champion_state for version in history.versions if version.champion_state]
    known = [use for state in states for use in state.holdouts]
    records = [version.record for version in history.versions if version.record.reason_code != "refit"]
    every = [*((record.fingerprint, record.split) for record in records), (judged.made.facts.fingerprint, rule)]
    return HoldoutUse.of(rule, known, every)


def _with_history(decision: Decision, history: VersionHistory, judged: Judged, terms: Terms) -> Decision:
    """The decision in view of what the store knows: who is champion now, and what was withdrawn."""
    champion, fingerprint = history.champion, judged.made.facts.fingerprint

    def keep(reason_code: str, reason: str) -> Decision:
        return decision.model_copy(update={"promote": False, "reason_code": reason_code, "reason": reason})

    if (str(champion.id) if champion else None) != terms.champion or history.revision != terms.revision:
        now = f"version {champion.number}" if champion else "none"
        return keep(
            "champion_changed",
            f"Nothing was promoted: the champion changed while this run was under way (it is {now} now). Run again to "
            "be judged against it.",
        )
    if champion and champion.record.fingerprint == fingerprint and decision.reason_code == "tie":
        return keep(
            "same", "The champion stays: this run made the champion again; nothing that makes a model has changed."
        )
    withdrawn = history.is_withdrawn(fingerprint, judged.made.model)
    if decision.promote and withdrawn and not terms.readmit:
        return keep(
            "withdrawn",
            "The champion stays: this challenger was in production and a rollback took it out. `--readmit` lets it back.",
        )
    if decision.promote and terms.unreachable:
        score = terms.unreachable.metrics.get(decision.metric)
        theirs = "of which no score is known" if score is None else f"which had {score:.4f} on other rows"
        return keep(
            "champion_unreachable",
            f"Nothing is decided: the champion is version {terms.unreachable.number}, {theirs}, and its package is not here; "
            f"the challenger has {decision.metric} {decision.challenger_score:.4f}.",
        )
    return decision


def _known(history: VersionHistory, fingerprint: str) -> Version | None:
    """The version that this fingerprint left when it was judged against the present champion, or is it."""
    number, versions = history.champion_number, history.made_by(fingerprint)
    return next((v for v in versions if v.stage == champions.PRODUCTION or v.record.judged_against == number), None)


def _record(client: Client, history: VersionHistory, judged: Judged, decision: Decision) -> Version:
    record = _record_of(history, judged, decision, history.highest_version + 1)
    created = champions.create(client, judged.made.facts.use_case, record)
    return Version(id=created, stage="none", record=record, champion_state=None, package_id=None)


def _record_of(history: VersionHistory, judged: Judged, decision: Decision, number: int) -> Record:
    against = history.champion_number
    if decision.reason_code == "champion_changed":  # it was judged against the former one, not against this
        against = judged.evaluation.champion.number if judged.evaluation.champion else None
    return Record(
        **shared(judged.made.facts, Record, without={"split"}),
        **shared(decision, Record),
        number=number,
        split=judged.made.plan.rule,
        metrics=judged.evaluation.challenger.scores,
        judged_against=against,
        model=judged.made.model,
    )


def _set_champion(
    client: Client,
    history: VersionHistory,
    version: Version,
    judged: Judged,
    decision: Decision,
    by: str | None,
    use: HoldoutUse,
) -> None:
    """Package first, then the record, then the champion's state; the stage is the last act."""
    replaced, change = history.champion_number, judged.evaluation.contract_change
    state = ChampionState.after(
        history.state,
        now=(judged.made.facts.fingerprint, judged.made.model),
        withdrawn=history.left,
        judged=use,
        fields=([feature.name for feature in judged.made.plan.features], change.dropped if change else ()),
        follows=history.champion.states if history.champion else (),
        by=by,
        highest_version=max(history.highest_version, version.number),
        since=champions.now(),
        event="promotion",
        reason=decision.reason,
    )
    result = judged.made.candidate.result
    package = build(
        judged.made.candidate.model,
        judged.made.profile,
        judged.made.candidate.equivalence,
        judged.made.candidate.train_rows,
        OwnCode.from_bytes(judged.made.candidate.code),
        **shared(judged.made.facts, Manifest, without={"split"}),
        **shared(result, Manifest),
        model_version=version.number,
        rows=judged.made.rows,
        candidate=result.name,
        target=judged.made.profile.target,
        task=judged.made.plan.task,
        classes=judged.made.plan.classes,
        signature=judged.made.plan.features,
        split=judged.made.plan.rule,
        metrics=judged.evaluation.challenger.scores,
        decision=DecisionRecord(**shared(decision, DecisionRecord), champion=replaced),
        champion_state=state,
    )
    package = with_needs(package, f"models/{package.manifest.use_case}")
    champions.save_package(client, version.id, package, judged.made.candidate.answers)
    record = _record_of(history, judged, decision, version.number)
    champions.log(client, version.id, record=record.model_copy(update={"replaced": replaced}))
    champions.set_champion(client, version.id, state)
