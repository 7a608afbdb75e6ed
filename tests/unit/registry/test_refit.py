"""The champion's recipe after a library has another version: its number where it answers the same, else a challenger."""

from typing import Any

import pytest

from champion.orchestration import code
from champion.registry.rollback import roll_back
from champion.registry.versions import Version, version_history
from tests.conftest import Session, tree

Patch = pytest.MonkeyPatch


def upgraded(monkeypatch: Patch, version: str = "9.9.9", library: str = "scikit-learn") -> None:
    """Have a library another version from now on."""
    found = code.metadata.version
    monkeypatch.setattr(code.metadata, "version", lambda name: version if name == library else found(name))


def refit(session: Session, use_case: dict[str, Any], **options: bool) -> tuple[Any, set[str]]:
    from pipelines import refitting

    executed = set()

    def tell(step: str, what: str) -> None:
        if what == "finished":
            executed.add(step)

    with Patch.context() as patch:
        patch.setattr("champion.reporting.charts.figures", lambda *_: {})
        options_ = refitting.Options(**options)
        return refitting.refit(session.client, session.workspace(use_case), options_, tell), executed


def versions(session: Session) -> list[tuple[int, str]]:
    return [(each.number, each.stage) for each in version_history(session.client, session.name).versions]


def champion(session: Session) -> Version:
    found = version_history(session.client, session.name).champion
    assert found is not None
    return found


def test_equal_answers_keep_the_number_with_a_new_revision_and_the_champion_is_not_loaded(
    session: Session, monkeypatch: Patch
) -> None:
    session.train(tree(1))
    session.train(tree(2))
    before, made_with = champion(session), session.manifest()["libraries"]
    same, executed = refit(session, tree(2))
    assert (same.outcome, executed) == (None, set())
    assert same.said.startswith("Nothing to refit: version 2 was made with the libraries that are here")

    upgraded(monkeypatch)
    with Patch.context() as patch:
        patch.setattr("champion.bundle.build._pipeline", lambda *_: pytest.fail("the champion was loaded"))
        done, executed = refit(session, tree(1))
    assert executed == {"train_tree", "compare_answers", "refit"}, "another library trains anew; the split is as it was"
    now = champion(session)
    assert (done.outcome.action, done.outcome.champion, done.outcome.revision) == ("refitted", 2, 3)
    assert (now.number, now.id != before.id, now.champion_state.event) == (2, True, "refit")
    assert now.states[1:] == before.states, "it follows the state that it renewed"
    assert f"scikit-learn {made_with['scikit-learn']}, which is 9.9.9 here" in now.champion_state.reason
    assert versions(session) == [(1, "archived"), (2, "archived"), (2, "production")]
    assert session.client.get_model_version(session.name, "v2-b").stage == "production"
    manifest = session.manifest()
    assert (manifest["model_version"], manifest["libraries"]["scikit-learn"]) == (2, "9.9.9")
    assert (manifest["title"]["event"], manifest["title"]["turn"]) == ("refit", 3)
    assert manifest["metrics"] == pytest.approx(before.record.metrics)
    assert now.record.fingerprint == manifest["fingerprint"] != before.record.fingerprint

    again, _ = session.train(tree(2))
    assert (again.decision.reason_code, again.outcome.champion) == ("same", 2), "the recipe is what the use case says"
    assert roll_back(session.client, session.workspace(tree(2)), None).champion == 1, "and not to its own twin"
