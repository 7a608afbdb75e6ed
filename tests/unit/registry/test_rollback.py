"""The former champion back in production, and what the next runs make of it."""

from pathlib import Path
from typing import Any

import pytest

from champion.bundle import folder
from champion.errors import ProjectError
from champion.orchestration import code
from champion.registry.rollback import roll_back
from champion.registry.versions import version_history
from tests.conftest import Checkout, Session, enter_store, tree
from tests.unit.registry.conftest import Clone


def back(session: Session, use_case: dict[str, Any], number: int | None = None) -> int:
    done = roll_back(session.client, session.workspace(use_case), number)
    assert session.manifest()["model_version"] == done.champion
    assert session.stages()[done.champion] == "production"
    assert list(session.stages().values()).count("production") == 1
    return done.champion


def refused(session: Session, use_case: dict[str, Any], number: int | None, message: str) -> None:
    before = session.stages()
    with pytest.raises(ProjectError, match=message):
        roll_back(session.client, session.workspace(use_case), number)
    assert session.stages() == before


def test_a_rollback_holds_until_it_is_readmitted(session: Session) -> None:
    refused(session, tree(0), None, "has no champion yet")
    session.train(tree(0))
    refused(session, tree(0), None, "is the first champion")
    refused(session, tree(0), 1, "is the champion already")
    for depth in (1, 2):
        session.train(tree(depth))
    refused(session, tree(0), 7, "not to be had")
    assert back(session, tree(0), 1) == 1, "a rollback can name its version"
    assert back(session, tree(0), 3) == 3, "and go forth again"
    assert session.train(tree(2))[0].decision.reason_code == "same", "it is no longer withdrawn"
    assert session.manifest()["title"]["turn"] == 5

    assert back(session, tree(2)) == 2
    assert session.manifest()["title"]["event"] == "rollback"
    again, _ = session.train(tree(2))
    assert (again.decision.reason_code, again.outcome.action, again.outcome.champion) == ("withdrawn", "kept", 2)
    assert "--readmit" in again.decision.reason
    assert again.outcome.challenger == 3
    assert session.train(tree(2), promote=False)[0].outcome.action == "would_keep"
    never, _ = session.train(tree(0))
    assert session.stages()[never.outcome.challenger] == "none"
    refused(session, tree(0), never.outcome.challenger, "not to be had")

    assert back(session, tree(2)) == 1, "the former one of the former one"
    assert session.train(tree(1))[0].decision.reason_code == "withdrawn"
    readmitted, _ = session.train(tree(2), readmit=True)
    assert readmitted.outcome.action == "promoted"
    assert session.manifest()["model_version"] == readmitted.outcome.champion
    champion = version_history(session.client, session.name).champion
    assert champion is not None
    assert champion.champion_state is not None
    assert champion.record.fingerprint not in champion.champion_state.withdrawn
    assert session.train(tree(2))[0].decision.reason_code == "same"


def test_what_was_rolled_back_is_known_by_its_bytes_when_the_code_around_it_was_reworded(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for depth in (1, 2):
        session.train(tree(depth))
    taken_out = session.manifest()["files"]["model.skops"]
    assert back(session, tree(2)) == 1
    assert session.manifest()["title"]["withdrawn_models"] == [taken_out]

    monkeypatch.setattr(code, "fingerprint", lambda *_: ("of other words", {}))
    again, executed = session.train(tree(2), cache=False)
    assert "train_tree" in executed
    assert (again.facts.fingerprint, again.decision.reason_code) == ("of other words", "withdrawn")
    readmitted, _ = session.train(tree(2), readmit=True)
    assert readmitted.outcome.action == "promoted"
    assert session.manifest()["files"]["model.skops"] == taken_out
    assert "withdrawn_models" not in session.manifest()["title"], "as version 0.1 wrote it"


def test_a_run_reads_and_hashes_the_champion_once_from_the_workspace_and_once_from_the_store(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.train(tree(2))
    champion = (session.root / "models" / session.name / folder.MODEL).read_bytes()
    hashed = []
    digest = folder.digest
    monkeypatch.setattr(folder, "digest", lambda data: hashed.append(data == champion) or digest(data))
    session.train(tree(0))
    assert sum(hashed) == 2, "where it lies, and as an input of evaluate"
    hashed.clear()
    session.train(tree(0))
    assert sum(hashed) == 1, "evaluate was cached"


def test_a_fresh_clone_with_an_empty_store_rolls_back(
    ready: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote stands in no commit, as credentials do not either."""
    remote = f"[core]\n    remote = shared\n['remote \"shared\"']\n    url = {tmp_path / 'remote'}\n"
    (ready.root / ".dvc/config.local").write_text(remote)
    session = Session(ready.root, enter_store(ready.root / ".zenml", monkeypatch), "iris")
    for depth in (1, 2):
        session.train(tree(depth))
        ready.run("data", "push")
        ready.git("add", "--all")
        ready.git("commit", "--quiet", "--message", "a new champion")
        assert ready.git("show", "--name-only", "--format=", "HEAD").split() == ["models/iris.dvc"]

    clone = type(ready)(tmp_path / "clone", tmp_path / "another_home")
    clone.home.mkdir()
    ready.git("clone", "--quiet", str(ready.root), str(clone.root))
    (clone.root / ".dvc/config.local").write_text(remote)
    remote_folder = tmp_path / "remote"
    remote_folder.rename(tmp_path / "away")
    refused = clone.run("train", expect=1).stderr
    assert "models/iris.dvc names version 2 as the champion, and its package cannot be had" in refused
    assert "--offline" in refused
    offline = clone.train("--offline")
    assert (offline["action"], offline["ground"], offline["champion"]) == ("would_keep", "champion_unreachable", 2)
    assert "which had 0.9512 on other rows" in offline["reason"]
    listed = clone.run("models")
    assert listed.stderr.startswith("Note: models/iris.dvc names version 2, this machine has no champion")
    assert listed.stdout.startswith("version 2    production  accuracy 0.9512")
    assert [(each["number"], each["stage"]) for each in clone.models()] == [(2, "production")]
    (tmp_path / "away").rename(remote_folder)
    session = Session(clone.root, enter_store(clone.root / ".zenml", monkeypatch), "iris")
    assert back(session, tree(2)) == 1
    assert session.stages() == {1: "production", 2: "archived"}
    assert clone.git("status", "--porcelain") == ""


def test_a_rollback_that_is_refused_says_what_it_did_before(clone: Clone) -> None:
    here = clone("ada")
    here.promote()
    here.push()
    with pytest.raises(
        ProjectError, match=r"first champion.*\nBefore that, version 1 is the champion, as models/shared"
    ):
        clone("bob").roll_back()
