"""Carry a decision out: under the lock, against the champion of this moment, with a record that stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from champion.bundle.build import build
from champion.bundle.candidate import TrainedCandidate
from champion.bundle.folder import Package, digest
from champion.bundle.manifest import ChampionState, Judgement
from champion.comparison.decision import Decision, decide
from champion.comparison.evaluation import Evaluation
from champion.comparison.provenance import Outcome, Provenance
from champion.modeling.plan import Plan
from champion.modeling.profile import Profile
from champion.modeling.split import SplitRule
from champion.orchestration.locks import locked
from champion.registry import versions as champions
from champion.registry.versions import Record, Version, VersionHistory
from champion.use_case.learning import Strict
from champion.use_case.policy import Promotion

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client


class Terms(Strict):
    """On what terms a run may change production.

    `champion` and `revision` name the title as it was when the run started; None where there was no champion.
    """

    policy: Promotion
    promote: bool
    readmit: bool
    champion: str | None
    revision: int | None


@dataclass(frozen=True)
class Judged:
    """Everything a decision is carried out with."""

    evaluation: Evaluation
    challenger: TrainedCandidate
    plan: Plan
    profile: Profile
    facts: Provenance
    rows: int


def carry_out(client: Client, judged: Judged, terms: Terms) -> tuple[Decision, Outcome, UUID | None]:
    """Decide, and do it: one process at a time, and only against the champion that was judged.

    A fingerprint that was judged before against the same champion leaves no new version. A fingerprint that a rollback
    took out of production is not promoted again unless the terms readmit it.

    Parameters
    ----------
    terms : Terms
        Policy, and what the run may do.

    Returns
    -------
    Decision, Outcome, UUID or None
        The UUID is the challenger's model version, where it has one.
    """
    decision = decide(judged.evaluation, terms.policy)
    name = judged.facts.use_case
    with locked(client, name):
        history = champions.version_history(client, name)
        decision = _with_history(decision, history, judged.facts.fingerprint, terms)
        number = history.champion.number if history.champion else None
        known = _known(history, judged.facts.fingerprint)
        count = judgements(history, judged.plan.rule, judged.facts.fingerprint)
        if not terms.promote:
            action = "would_promote" if decision.promote else "would_keep"
            outcome = Outcome(
                action=action, challenger=known.number if known else None, champion=number,
                replaced=number if decision.promote else None, judged=count,
            )  # fmt: skip
            return decision, outcome, known.id if known else None
        if not decision.promote:
            kept = known or _record(client, history, judged, decision)
            outcome = Outcome(action="kept", challenger=kept.number, champion=number, replaced=None, judged=count)
            return decision, outcome, kept.id
        version = known if known and known.stage != champions.PRODUCTION else None
        version = version or _record(client, history, judged, decision)
        _set_champion(client, history, version, judged, decision)
    outcome = Outcome(
        action="promoted", challenger=version.number, champion=version.number, replaced=number, judged=count
    )
    return decision, outcome, version.id


def judgements(history: VersionHistory, rule: SplitRule, fingerprint: str) -> int:
    """How many challengers the store knows this holdout to have judged, the present one included."""
    fingerprints = {version.record.fingerprint for version in history.versions if version.record.split.same_rows(rule)}
    return len(fingerprints | {fingerprint})


def _with_history(decision: Decision, history: VersionHistory, fingerprint: str, terms: Terms) -> Decision:
    """The decision in view of what the store knows: who is champion now, and what was withdrawn."""
    champion = history.champion

    def keep(reason_code: str, reason: str) -> Decision:
        return decision.model_copy(update={"promote": False, "reason_code": reason_code, "reason": reason})

    if (str(champion.id) if champion else None) != terms.champion or _revision(champion) != terms.revision:
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
    withdrawn = champion.champion_state.withdrawn if champion and champion.champion_state else ()
    if decision.promote and fingerprint in withdrawn and not terms.readmit:
        return keep(
            "withdrawn",
            "The champion stays: this challenger was in production and a rollback took it out. `--readmit` lets it back.",
        )
    return decision


def _revision(champion: Version | None) -> int | None:
    return champion.champion_state.revision if champion and champion.champion_state else None


def _known(history: VersionHistory, fingerprint: str) -> Version | None:
    """The version that this fingerprint left when it was judged against the present champion, or is it."""
    champion = history.champion
    number = champion.number if champion else None
    found: Iterable[Version] = history.made_by(fingerprint)
    return next((v for v in found if v.stage == champions.PRODUCTION or v.record.judged_against == number), None)


def _record(client: Client, history: VersionHistory, judged: Judged, decision: Decision) -> Version:
    record = _record_of(history, judged, decision, history.highest_version + 1)
    created = champions.create(client, judged.facts.use_case, record)
    return Version(id=created, stage="none", record=record, champion_state=None, package_id=None)


def _record_of(history: VersionHistory, judged: Judged, decision: Decision, number: int) -> Record:
    facts, rival = judged.facts, judged.evaluation.champion
    against = history.champion.number if history.champion else None
    if decision.reason_code == "champion_changed":  # it was judged against the former one, not against this
        against = rival.number if rival else None
    return Record(
        number=number,
        fingerprint=facts.fingerprint,
        data_version=facts.data_version,
        data_path=facts.data_path,
        commit=facts.commit,
        created=facts.created,
        split=judged.plan.rule,
        metrics=judged.evaluation.challenger.scores,
        reason_code=decision.reason_code,
        reason=decision.reason,
        metric=decision.metric,
        challenger_score=decision.challenger_score,
        champion_score=decision.champion_score,
        judged_against=against,
        model=digest(judged.challenger.model),
    )


def _set_champion(
    client: Client, history: VersionHistory, version: Version, judged: Judged, decision: Decision
) -> None:
    """Package first, then the record, then the title; the stage is the last act."""
    former = history.champion
    withdrawn = former.champion_state.withdrawn if former and former.champion_state else ()
    champion_state = ChampionState(
        revision=(_revision(former) or 0) + 1,
        highest_version=max(history.highest_version, version.number),
        since=champions.now(),
        event="promotion",
        reason=decision.reason,
        withdrawn=tuple(found for found in withdrawn if found != judged.facts.fingerprint),
    )
    package = _package(judged, decision, version.number, former.number if former else None, champion_state)
    champions.save_package(client, version.id, package)
    record = _record_of(history, judged, decision, version.number)
    champions.log(version.id, record=record.model_copy(update={"replaced": former.number if former else None}))
    champions.set_champion(client, version.id, champion_state)


def _package(
    judged: Judged, decision: Decision, number: int, replaced: int | None, champion_state: ChampionState
) -> Package:
    facts, plan, result = judged.facts, judged.plan, judged.challenger.result
    return build(
        judged.challenger.model,
        judged.profile,
        judged.challenger.equivalence,
        use_case=facts.use_case,
        model_version=number,
        created=facts.created,
        commit=facts.commit,
        dirty=facts.dirty,
        data_path=facts.data_path,
        data_version=facts.data_version,
        rows=judged.rows,
        fingerprint=facts.fingerprint,
        libraries=facts.libraries,
        seed=facts.seed,
        candidate=result.name,
        estimator=result.estimator,
        params=result.params,
        target=judged.profile.target,
        classes=plan.classes,
        signature=plan.features,
        split=plan.rule,
        metrics=judged.evaluation.challenger.scores,
        decision=Judgement(
            reason_code=decision.reason_code,
            reason=decision.reason,
            metric=decision.metric,
            challenger_score=decision.challenger_score,
            champion_score=decision.champion_score,
            champion=replaced,
            checks=decision.checks,
        ),
        champion_state=champion_state,
    )
