"""The champion's recipe under other libraries: where its answers are the champion's, it takes the number and a new revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from champion.bundle.build import build
from champion.bundle.decision_record import shared
from champion.bundle.manifest import ChampionState, Manifest
from champion.bundle.needs import with_needs
from champion.modeling.evaluation import Frozen
from champion.modeling.own.code import OwnCode
from champion.orchestration.store import locked
from champion.registry import versions as champions
from champion.registry.promotion import Made
from champion.registry.versions import Record, Version, VersionHistory
from champion.use_case.strict import Strict

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client

    from champion.modeling.kept import AnswersCompared


class RefitTerms(Strict):
    """On what terms a refit may change production.

    `champion` and `revision` are those of the moment when it started; `moved` says which libraries have another version
    than the champion was made with.
    """

    champion: str
    revision: int | None
    moved: str
    readmit: bool
    by: str | None = None


class RefitOutcome(Frozen):
    """What became of a refit; number, revision and the sha256 of the model file are those of the champion afterwards."""

    action: Literal["refitted", "other_answers", "champion_changed", "withdrawn"]
    reason: str
    champion: int | None = None
    revision: int | None = None
    model: str | None = None


@dataclass(frozen=True)
class Refitted:
    """The new model, and how its answers compare with the champion's."""

    made: Made
    compared: AnswersCompared


def carry_out_refit(client: Client, refitted: Refitted, terms: RefitTerms) -> tuple[RefitOutcome, UUID | None]:
    """Put the new model into production under the champion's number, where its answers are the champion's.

    One process at a time does, and only in the place of the champion that it was compared with. The UUID is the model
    version that is champion afterwards.
    """
    made, compared = refitted.made, refitted.compared
    name, fingerprint = made.facts.use_case, made.facts.fingerprint
    action: Literal["refitted", "other_answers", "champion_changed", "withdrawn"]
    with locked(client, name):
        history = champions.version_history(client, name)
        champion = history.champion
        if champion is None or (str(champion.id), history.revision) != (terms.champion, terms.revision):
            action, reason = "champion_changed", "The champion changed while this refit was under way."
        elif compared.difference is not None:
            action, reason = "other_answers", f"It answers otherwise than version {champion.number}: "
            reason += f"{compared.difference}."
        elif history.is_withdrawn(fingerprint, made.model) and not terms.readmit:
            action, reason = "withdrawn", f"A rollback took this refit of version {champion.number} out of production."
        else:
            action, reason = "refitted", f"Refitted, as it was made with {terms.moved}: its answers to all "
            reason += f"{compared.rows} rows of the holdout are what they were."
            champion = _set_champion(client, history, champion, made, terms, reason)
    outcome = RefitOutcome(action=action, reason=reason)
    if champion is None:
        return outcome, None
    revision = champion.champion_state.revision if champion.champion_state else None
    now = {"champion": champion.number, "revision": revision, "model": champion.record.model}
    return outcome.model_copy(update=now), champion.id


def _set_champion(
    client: Client, history: VersionHistory, champion: Version, made: Made, terms: RefitTerms, reason: str
) -> Version:
    """The model version is whole, its package and its state included, before the stage is set, which is the last act."""
    former, facts = champions.load_package(client, champion).manifest, made.facts
    state = ChampionState.after(
        history.state,
        now=(facts.fingerprint, made.model),
        withdrawn=history.left,
        follows=champion.states,
        by=terms.by,
        highest_version=history.highest_version,
        since=champions.now(),
        event="refit",
        reason=reason,
    )
    said = {"reason_code": "refit", "reason": reason}
    about = {field: getattr(former, field) for field in Manifest.model_fields.keys() - {"format", "stage", "files"}}
    about |= shared(facts, Manifest, without={"split"}) | {"champion_state": state, "rows": made.rows}
    about |= {"decision": former.decision.model_copy(update=said)}
    candidate, own = made.candidate, OwnCode.from_bytes(made.candidate.code)
    about |= {"memory": None}  # of the former model
    package = build(candidate.model, made.profile, candidate.equivalence, candidate.train_rows, own, **about)
    package = with_needs(package, f"models/{package.manifest.use_case}")
    update = {**shared(facts, Record, without={"split"}), **said, "model": made.model, "imported": False}
    record = champion.record.model_copy(update=update)
    killed = [v for v in history.made_by(facts.fingerprint) if (v.stage, v.number) == ("none", record.number)]
    version = killed[0].id if killed else champions.create(client, facts.use_case, record)
    if killed:
        champions.log(client, version, record=record)
    champions.save_package(client, version, package, made.candidate.answers)
    champions.set_champion(client, version, state)
    return Version(version, champions.PRODUCTION, record, state, None)
