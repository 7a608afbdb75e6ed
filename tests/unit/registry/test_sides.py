"""The rows of the table in docs/design.md: pointer, store, and what both last agreed on."""

import contextlib
import shutil
import sqlite3

import pytest
import yaml

from champion import settings
from champion.datastore import dvc
from champion.errors import DONE, FAILED, ProjectError
from champion.onboarding.doctor import CHECKS
from champion.registry.reconcile import UnreachableError, adopt, reconcile
from champion.registry.sides import Situation, out_of_step, read_sides, versions_in_truth
from cli.main import main
from cli.serve import _out_of_step
from tests.conftest import Session, tree
from tests.unit.registry.conftest import NAME, Clone, Machine


def said(machine: Machine) -> str:
    return "; ".join(out_of_step(read_sides(machine.client, machine.workspace), machine.workspace))


def champion_in_truth(machine: Machine) -> list[int]:
    versions = versions_in_truth(read_sides(machine.client, machine.workspace))
    return [version.number for version in versions if version.stage == "production"]


def agree(machine: Machine, number: int) -> None:
    """Store, pointer and package name this version, and nothing is said of it."""
    assert machine.reconcile() == ""
    assert (machine.number, machine.situation, said(machine)) == (number, Situation.AGREED, "")
    assert machine.package is not None
    assert machine.package.manifest.model_version == number
    sides = read_sides(machine.client, machine.workspace)
    assert sides.pointer is not None
    assert (sides.pointer.number, sides.pointer.md5) == (number, machine.package.md5)


def test_a_promotion_is_this_machines_alone_until_it_is_pushed(clone: Clone) -> None:
    here = clone("ada")
    assert here.situation is Situation.NONE
    here.promote()
    assert (here.situation, said(here)) == (Situation.UNNAMED, "")
    here.push()
    agree(here, 1)
    here.promote()
    assert here.situation is Situation.UNRECORDED
    assert "version 2 is champion on this machine, models/shared.dvc names version 1: `make push`" in here.reconcile()
    here.push()
    agree(here, 2)
    here.workspace.pointer.unlink()
    assert here.situation is Situation.UNPOINTED
    assert "models/shared.dvc is gone, version 2 is champion on this machine" in here.reconcile()
    here.push()
    agree(here, 2)


def test_a_fresh_clone_follows_the_pointer_and_promotes_the_next_number(clone: Clone) -> None:
    here = clone("ada")
    for _ in range(3):
        here.promote()
    here.push()
    there = clone("bob")
    assert there.situation is Situation.MOVED
    before = there.git("status", "--porcelain")
    assert "names version 3, this machine has no champion" in said(there)
    assert (there.number, there.package, there.git("status", "--porcelain")) == (None, None, before), (
        "saying it does nothing"
    )
    assert "version 3 is the champion, as models/shared.dvc names it" in there.reconcile()
    agree(there, 3)
    there.promote()
    there.push()
    agree(there, 4)
    here.pull()
    assert "version 4 is the champion" in here.reconcile()
    agree(here, 4)


def reverted(here: Machine) -> str:
    """Version 2 took the place of version 1, both pushed, and git took that back; the fingerprint of version 2."""
    for _ in range(2):
        here.promote()
        here.push()
    champion = read_sides(here.client, here.workspace).history.champion
    here.revert()
    return champion.record.fingerprint


@pytest.mark.parametrize("checked_out", [False, True])
def test_a_reverted_pointer_is_a_rollback_and_nothing_brings_the_newer_one_back(
    clone: Clone, checked_out: bool
) -> None:
    here = clone("ada")
    taken_out = reverted(here)
    if checked_out:
        here.dvc_pull()
    assert champion_in_truth(here) == [1], "git's word is law for who only looks"
    done = here.reconcile()
    assert "version 1 is the champion, as models/shared.dvc names it; version 2 was taken out with it" in done
    agree(here, 1)
    assert here.promote(again=taken_out).reason_code == "withdrawn"
    here.push()
    agree(here, 1)


def test_a_pointer_that_names_it_once_more_readmits_what_was_taken_out(clone: Clone) -> None:
    here = clone("ada")
    taken_out = reverted(here)
    here.reconcile()
    here.revert()
    assert "version 2 is the champion" in here.reconcile()
    agree(here, 2)
    assert not read_sides(here.client, here.workspace).history.is_withdrawn(taken_out, "")


def both_promoted(clone: Clone) -> tuple[Machine, Machine]:
    """Both start at version 1, promote a version 2 of their own, and one pushed."""
    here = clone("ada")
    here.promote()
    here.push()
    there = clone("bob")
    there.reconcile()
    here.promote()
    here.push()
    there.promote()
    there.pull()
    return here, there


def test_where_both_moved_nobody_guesses_and_a_person_takes_the_pointer(clone: Clone) -> None:
    _, there = both_promoted(clone)
    with pytest.raises(ProjectError) as error:
        reconcile(there.client, there.workspace)
    for words in (
        "names version 2, accuracy 0.9667",
        "by Ada",
        "has version 2, accuracy",
        "by Bob",
        "adopt pointer",
        "UTC",
    ):
        assert words in str(error.value)
    assert said(there) == str(error.value)
    lost = read_sides(there.client, there.workspace).history.champion
    assert lost is not None
    with pytest.raises(ProjectError, match="Two champions"):
        there.roll_back()
    done = adopt(there.client, there.workspace, "pointer", "Bob")
    assert "version 2 is the champion, as models/shared.dvc names it" in done
    agree(there, 2)
    assert there.promote(again=lost.record.fingerprint).reason_code == "withdrawn"
    with pytest.raises(ProjectError, match="nothing to adopt"):
        adopt(there.client, there.workspace, "store", "Bob")


def test_where_both_moved_a_person_keeps_the_stores_which_then_can_be_pushed(clone: Clone) -> None:
    here, there = both_promoted(clone)
    kept = read_sides(there.client, there.workspace).history.champion
    assert kept is not None
    adopt(there.client, there.workspace, "store", "Bob")
    assert there.situation is Situation.UNRECORDED
    there.push()
    agree(there, 2)
    here.pull()
    assert "version 2 is the champion" in here.reconcile()
    agree(here, 2)
    now = read_sides(here.client, here.workspace).history.champion
    assert now is not None
    assert now.record.model == kept.record.model
    assert now.champion_state is not None
    assert (now.champion_state.event, now.champion_state.by) == ("adoption", "Bob")


def test_the_commands_name_both_and_decide(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there = both_promoted(clone)
    config = there.workspace.config
    config.parent.mkdir()
    config.write_text(yaml.safe_dump(tree(1, NAME)))
    monkeypatch.setattr(settings, "root", lambda: there.root)
    monkeypatch.setattr("champion.orchestration.store.open_store", lambda: there.client)
    monkeypatch.setattr("champion.registry.recording.open_store", lambda: there.client)

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    code, said = run("models", "--config", NAME)
    assert code == DONE
    assert "Note: Two champions: models/shared.dvc names version 2" in " ".join(said.split())
    assert "made champion by Bob <bob@example.org>" in said
    assert _out_of_step(there.workspace) == [
        "models/shared is not the package that models/shared.dvc names (version 2 here, version 2 there): `models` says more"
    ]
    with pytest.raises(ProjectError, match="pointer, store and package disagree: Two champions"):
        CHECKS["champion"](there.workspace)
    code, said = run("data", "push")
    assert (code, "Error: Two champions" in said) == (FAILED, True)
    code, said = run("adopt", "store", "--config", NAME)
    assert (code, "Adopted: version 2 stays the champion; `make push` records it" in said) == (DONE, True)
    code, said = run("data", "push", "--force")
    assert (code, "models/shared.dvc names version 2" in said) == (DONE, True)
    assert CHECKS["champion"](there.workspace) == "version 2; both name the same champion"
    assert _out_of_step(there.workspace) == []


def test_what_a_workflow_made_champion_names_the_workflows_run(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SERVER_URL": "https://github.example", "REPOSITORY": "team/iris", "RUN_ID": "7"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    here = clone("ada")
    here.promote()
    here.push()
    assert "by: https://github.example/team/iris/actions/runs/7" in here.workspace.pointer.read_text()


def test_a_rollback_follows_what_it_left_so_that_it_is_pushed_without_force(clone: Clone) -> None:
    here = clone("ada")
    for _ in range(2):
        here.promote()
        here.push()
    here.roll_back()
    assert here.situation is Situation.UNRECORDED
    here.push()
    agree(here, 1)
    there = clone("bob")
    there.reconcile()
    agree(there, 1)


def test_a_champion_that_did_not_follow_the_pointers_is_recorded_by_force_alone(clone: Clone) -> None:
    here, other = clone("ada"), clone("bob")
    here.promote()
    here.push()
    other.promote()
    shutil.rmtree(here.workspace.package)
    shutil.copytree(other.workspace.package, here.workspace.package)  # copied in: neither side knows it
    with pytest.raises(
        ProjectError, match=r"Nothing was recorded: models/shared.dvc names version 1.* did not follow it"
    ):
        here.push()
    here.push(force=True)
    agree(here, 1)
    assert here.package is not None
    assert other.package is not None
    assert here.package.manifest.files == other.package.manifest.files


def test_a_pointer_whose_package_cannot_be_had_is_no_missing_champion(clone: Clone) -> None:
    here = clone("ada")
    here.promote()
    here.push()
    there = clone("bob")
    shutil.rmtree(here.root.parent / "remote")
    with pytest.raises(
        UnreachableError, match=r"names version 1 as the champion, and its package cannot be had[\s\S]*--offline"
    ):
        there.promote()
    assert there.number is None
    assert "names version 1, this machine has no champion" in said(there)


def test_a_pointer_that_a_sparse_checkout_leaves_out_is_no_missing_champion(clone: Clone) -> None:
    here = clone("ada")
    here.promote()
    here.push()
    there = clone("bob")
    there.git("sparse-checkout", "set", ".dvc")
    assert not there.workspace.pointer.exists()
    for command in (there.promote, there.record):
        with pytest.raises(ProjectError, match=r"names the champion, and this sparse checkout leaves it out"):
            command()
    there.git("sparse-checkout", "add", "models")
    assert "version 1 is the champion" in there.reconcile()
    agree(there, 1)


def test_a_stale_package_that_git_knows_is_no_side(clone: Clone) -> None:
    """A pointer goes forth and back before any command runs: the package of the middle is neither's, and is not imported."""
    here = clone("ada")
    here.promote()
    here.push()
    there = clone("bob")
    there.reconcile()
    here.promote()
    here.push()
    there.pull()
    there.dvc_pull()
    there.revert()
    assert "written anew" in there.reconcile()
    agree(there, 1)


def test_an_experiment_that_was_applied_was_never_judged_and_every_command_says_so(session: Session) -> None:
    """`dvc exp apply` brings metrics.json, and not what the run decided."""
    session.train(tree(1))
    workspace = session.workspace(tree(1))
    assert out_of_step(read_sides(session.client, workspace), workspace) == []
    metrics = workspace.reports / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"challenger": "tree"', '"challenger": "another"'))
    (line,) = out_of_step(read_sides(session.client, workspace), workspace)
    assert "was never judged on this machine" in line
    assert "`python run.py train` judges" in line
    assert reconcile(session.client, workspace).notes == (line,)
    session.train(tree(1))
    assert reconcile(session.client, workspace).notes == ()


def test_an_experiment_in_a_folder_of_its_own_is_judged_beside_the_champion_of_its_pointer(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dvc exp run --temp` has an empty store, no package, the checkout's cache, and DVC's lock."""
    here = clone("ada")
    here.promote()
    here.push()
    there = clone("bob")
    (there.root / ".dvc/config.local").write_text(f"[cache]\n    dir = {here.root}/.dvc/cache\n")
    monkeypatch.setenv("DVC_STAGE", "train@shared")
    monkeypatch.setattr(dvc, "run", lambda *_: pytest.fail("dvc was called inside a stage, where its lock is taken"))
    assert "version 1 is the champion, as models/shared.dvc names it" in there.reconcile()
    agree(there, 1)


@pytest.mark.parametrize("pushed", [False, True])
@pytest.mark.parametrize("lost", ["version", "artifact", "files", "stage", "record"])
def test_what_others_do_to_the_store_is_noticed_and_the_champion_comes_back(
    clone: Clone, lost: str, pushed: bool
) -> None:
    """ZenML 0.98 refuses none of this, and its `artifact prune` counts the package among the unused (surprise)."""
    here = clone("ada")
    here.promote()
    if pushed:
        here.push()
    champion = read_sides(here.client, here.workspace).history.champion
    assert champion is not None
    version, artifact = (
        here.client.get_model_version(NAME, champion.id),
        here.client.get_artifact_version(champion.package_id),
    )
    if lost == "version":
        here.client.delete_model_version(version.id)
    elif lost == "artifact":
        here.client.delete_artifact_version(artifact.id, delete_from_artifact_store=True)
    elif lost == "files":
        shutil.rmtree(artifact.uri)
    elif lost == "stage":
        version.set_stage("archived", force=True)
    else:
        database = sqlite3.connect(str(here.client.zen_store.url).removeprefix("sqlite:///"))
        with contextlib.closing(database), database:
            database.execute("DELETE FROM run_metadata WHERE key = 'record' OR key LIKE 'record.%'")
    assert "the store" in said(here)
    if pushed:  # the pointer brings it back where the package on disk is gone too
        shutil.rmtree(here.workspace.package)
    assert "version 1" in here.reconcile()
    assert (here.number, said(here), here.reconcile()) == (1, "", "")
    assert here.package is not None
