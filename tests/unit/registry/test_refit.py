"""The champion's recipe after a library has another version: its number where it answers the same, else a challenger."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from champion.bundle.manifest import Manifest
from champion.errors import DataError
from champion.modeling.contract import Contract
from champion.orchestration import code
from champion.registry import versions as versions_module
from champion.registry.prune import prune
from champion.registry.rollback import roll_back
from champion.registry.sides import Situation
from champion.registry.versions import Version, version_history
from tests.conftest import Session, quick, tree
from tests.support import own_examples
from tests.support.packages import old_package
from tests.support.upgrade.promote import promote
from tests.unit.registry import conftest as registry_conftest
from tests.unit.registry.conftest import NAME, Clone, Machine

Patch = pytest.MonkeyPatch


def upgraded(monkeypatch: Patch, version: str = "9.9.9", library: str = "scikit-learn") -> None:
    """Have a library another version from now on."""
    found = code.metadata.version

    def installed(distribution_name: str) -> str:
        return version if distribution_name == library else found(distribution_name)

    monkeypatch.setattr(code.metadata, "version", installed)


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


def champion(session: Session) -> Version:
    found = version_history(session.client, session.name).champion
    assert found is not None
    return found


def test_equal_answers_keep_the_number_with_a_new_revision_and_the_champion_is_not_loaded(
    session: Session, monkeypatch: Patch
) -> None:
    for depth in (1, 2):
        session.train(tree(depth))
    before, made_with = champion(session), session.manifest()["libraries"]
    same, executed = refit(session, tree(2))
    assert (same.outcome, executed) == (None, set())
    assert same.said.startswith("Nothing to refit: version 2 was made with the libraries that are here")

    upgraded(monkeypatch)
    with Patch.context() as patch:
        patch.setattr("champion.bundle.build._pipeline", lambda *_: pytest.fail("the champion was loaded"))
        patch.setattr("champion.registry.refit.with_needs", lambda package, _: package)  # loads the new model
        done, executed = refit(session, tree(1))
    assert executed == {"train_tree", "compare_answers", "refit"}, "another library trains anew; the split is as it was"
    shown = session.client.list_pipeline_runs(size=1, hydrate=True)[0].run_metadata
    now = champion(session)
    assert (shown["action"], shown["revision"], shown["model"]) == ("refitted", 3, now.record.model), (
        "on the run's page"
    )
    assert (done.outcome.action, done.outcome.champion, done.outcome.revision) == ("refitted", 2, 3)
    assert done.said.endswith("rows of the holdout are what they were. It stays version 2, with revision 3.")
    assert (now.number, now.id != before.id, now.champion_state.event) == (2, True, "refit")
    assert now.states[1:] == before.states, "it follows the state that it renewed"
    assert f"scikit-learn {made_with['scikit-learn']}, which is 9.9.9 here" in now.champion_state.reason
    versions = version_history(session.client, session.name).versions
    assert [(each.number, each.stage) for each in versions] == [(1, "archived"), (2, "archived"), (2, "production")]
    assert session.client.get_model_version(session.name, "v2-b").stage == "production"
    manifest = session.manifest()
    assert (manifest["model_version"], manifest["libraries"]["scikit-learn"]) == (2, "9.9.9")
    assert (manifest["title"]["event"], manifest["title"]["turn"]) == ("refit", 3)
    assert manifest["metrics"] == pytest.approx(before.record.metrics)
    assert now.record.fingerprint == manifest["fingerprint"] != before.record.fingerprint

    again, _ = session.train(tree(2))
    assert (again.decision.reason_code, again.outcome.champion) == ("same", 2), "the recipe is what the use case says"
    assert roll_back(session.client, session.workspace(tree(2)), None).champion == 1, "and not to its own twin"
    withdrawn = champion(session).champion_state.withdrawn
    assert {before.record.fingerprint, now.record.fingerprint} <= set(withdrawn), "both of its models are taken out"
    back = roll_back(session.client, session.workspace(tree(2)), 2)
    assert (back.champion, champion(session).id) == (2, now.id), "the newest of the number"


@pytest.mark.parametrize("name", ["boosting", "imputing"])
def test_what_older_versions_of_scikit_learn_made_is_refitted_be_it_loaded_here_or_not(
    session: Session, name: str
) -> None:
    package = old_package(name, session.root, session.name)
    promote(session.client, package, name)
    done, _ = refit(session, tree(1, split={"salt": "holdout"}))
    assert (done.outcome.action, done.outcome.champion, done.outcome.revision) == ("refitted", 1, 2), done.said
    then, now = package.manifest, session.manifest()
    assert f"scikit-learn {then.libraries['scikit-learn']}, which is 1.9" in now["title"]["reason"]
    assert (now["params"], now["model_version"]) == (then.params, 1)
    assert now["files"]["model.skops"] != then.files["model.skops"]
    judged, _ = session.train(tree(1, split={"salt": "holdout"}))
    assert judged.evaluation.champion.scores["accuracy"] > 0.6
    assert [note for note in judged.notes if "scikit-learn" in note] == []


def test_other_answers_and_answers_that_nobody_kept_make_an_ordinary_challenger(
    session: Session, monkeypatch: Patch
) -> None:
    session.train(tree(2))
    first = champion(session)
    upgraded(monkeypatch)
    with Patch.context() as patch:
        patch.setattr("champion.modeling.kept.TOLERANCE", -1.0)
        other, _ = refit(session, tree(2))
    assert other.outcome.action == "other_answers"
    assert "Trained again it is another model" in other.said
    assert "So it is a challenger." in other.said
    assert (other.trained.decision.reason_code, champion(session).id) == ("tie", first.id)
    (note,) = [note for note in other.trained.notes if "That alone is no fault." in note]
    assert note.endswith("`python run.py refit --config use_case.yaml` makes it anew.")

    with Patch.context() as patch:
        others = Contract(task="classification", features=(), classes=("a", "b"))
        patch.setattr(Manifest, "contract", property(lambda _: others))
        assert "the classes that it knows, are others" in refit(session, tree(2))[0].outcome.reason
    kept = session.client.get_artifact_version(first.answers_id).uri
    for file in Path(kept).iterdir():
        file.write_bytes(b"other bytes")
    assert "those that were kept cannot be read" in refit(session, tree(2), cache=False)[0].outcome.reason

    session.client.delete_artifact_version(first.answers_id, delete_metadata=False, delete_from_artifact_store=True)
    lost, _ = refit(session, tree(2))
    assert "this store does not have its answers to the holdout" in lost.said
    assert (lost.outcome, lost.trained.decision.reason_code, champion(session).id) == (None, "tie", first.id)


def test_the_recipe_is_the_champions_own_whatever_the_use_case_says_today(session: Session, monkeypatch: Patch) -> None:
    searched = quick(
        data={"drop": ["sepal_width"], "kinds": {"sepal_length": "categorical"}},
        candidates={
            "near": {"estimator": "sklearn.neighbors.KNeighborsClassifier", "search": {"n_neighbors": [1, 9]}},
            "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "search": {"max_depth": [1, 2]}},
        },
        training={"seed": 7},
    )
    session.train(searched)
    before = session.manifest()
    table = session.root / "data/iris.csv"
    table.write_bytes(table.read_bytes() + b"5.0,3.0,1.5,0.3,setosa\n")
    upgraded(monkeypatch)
    done, _ = refit(session, tree(0, split={"share": 0.5, "salt": "other"}))
    now = session.manifest()
    assert done.outcome.action == "refitted", done.said
    same = ("data_version", "estimator", "params", "seed", "split", "signature", "drop", "kinds", "rows", "files")
    assert {key: now[key] for key in same if key != "files"} == {key: before[key] for key in same if key != "files"}
    assert now["files"]["model.skops"] == before["files"]["model.skops"]


def test_what_a_killed_refit_left_is_gone_on_with_and_a_champion_that_changed_meanwhile_stays(
    session: Session, monkeypatch: Patch
) -> None:
    session.train(tree(2))
    upgraded(monkeypatch)
    with Patch.context() as patch:
        patch.setattr(versions_module, "set_champion", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            refit(session, tree(2))
    assert session.manifest()["title"]["turn"] == 1
    assert champion(session).champion_state.event == "promotion"
    assert refit(session, tree(2))[0].outcome.revision == 2
    assert session.client.get_model_version(session.name, "v1-b").stage == "production"
    assert [each.number for each in version_history(session.client, session.name).versions] == [1, 1]


def test_a_refit_travels_as_any_other_state_and_pointer_and_sentences_tell_the_models_of_one_number_apart(
    clone: Clone,
) -> None:
    here = clone("ada")
    for _ in range(2):
        here.promote()
        here.push()
    there = clone("bob")
    there.reconcile()
    former = here.package
    assert here.refit("43 rows get another label").action == "other_answers"
    assert here.situation is Situation.AGREED
    outcome = here.refit()
    assert (outcome.champion, outcome.revision, here.situation) == (2, 3, Situation.UNRECORDED)
    known = [
        f"(revision {r}, model {m[:8]})" for r, m in ((3, outcome.model), (2, former.manifest.files["model.skops"]))
    ]
    said = f"version 2 {known[0]} is champion on this machine, models/shared.dvc names version 2 {known[1]}"
    assert said in here.reconcile()
    here.push()
    assert yaml.safe_load(here.workspace.pointer.read_text())["meta"]["model"] == outcome.model

    there.pull()
    assert "version 2 is the champion, as models/shared.dvc names it" in there.reconcile()
    assert there.package.manifest.files["model.skops"] == outcome.model
    assert (there.number, there.situation) == (2, Situation.AGREED)
    there.revert()
    there.reconcile()
    assert there.package.manifest == former.manifest, "git's word brings the former model of the number back"
    assert there.roll_back().champion == 1


def test_a_refit_is_of_the_champion_of_that_moment_and_one_that_was_rolled_back_needs_readmit(clone: Clone) -> None:
    here = clone("ada")
    for _ in range(2):
        here.promote()
    before = version_history(here.client, NAME)
    assert here.refit().revision == 3
    with Patch.context() as patch:
        patch.setattr(registry_conftest, "version_history", lambda *_: before)
        assert here.refit().action == "champion_changed"
    back = here.roll_back()
    assert (back.champion, back.replaced) == (1, 2)
    withdrawn = version_history(here.client, NAME).state.withdrawn_models
    assert len(withdrawn) == 2, "both models of the number"
    Machine.made -= 2  # the next refit has the fingerprint and the bytes of the first
    assert here.refit().action == "withdrawn"


def test_a_pruned_store_keeps_the_answers_and_the_table_comes_from_its_file_or_dvcs_cache(
    session: Session, monkeypatch: Patch
) -> None:
    session.train(tree(2))
    table, version = session.root / "data/iris.csv", session.manifest()["data_version"]
    former = table.read_bytes()
    table.write_bytes(former + b"5.0,3.0,1.5,0.3,setosa\n")
    session.train(tree(1))
    assert prune(session.client, session.workspace(tree(1)), really=True).artifacts
    upgraded(monkeypatch)
    with pytest.raises(DataError) as error:
        refit(session, tree(1))
    said = str(error.value)
    assert said.startswith(
        f"The data version {version}, from which the champion was made, is not to be had: the store does not"
    )
    assert f"`git log -S{version} -- '*.dvc' dvc.lock` names the commit" in said
    cached = session.root / ".dvc/cache/files/md5" / version[:2] / version[2:]
    cached.parent.mkdir(parents=True)
    cached.write_bytes(former)
    done, executed = refit(session, tree(1))
    assert (done.outcome.action, "prepare" in executed) == ("refitted", True)
    assert session.manifest()["data_version"] == version
    assert table.read_bytes() != former, "today's table stays"

    assert prune(session.client, session.workspace(tree(1)), really=True).runs == 1, "that of the refit"
    assert versions_module.kept_answers(session.client, champion(session)), "for the next upgrade"


BOOSTED = {"estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 5, "min_child_samples": 5}}


@pytest.mark.parametrize(
    ("changes", "library"),
    [
        ({"candidates": {"boosted": BOOSTED}}, "lightgbm"),
        (
            {"code": [*own_examples.FILES], "candidates": {"nearest": {"estimator": "features.ratios.Nearest"}}},
            "pandas",
        ),
    ],
    ids=["booster", "own code"],
)
def test_a_booster_and_own_code_are_refitted_as_the_package_has_them(
    session: Session, monkeypatch: Patch, changes: dict[str, Any], library: str
) -> None:
    own_examples.write(session.root)
    session.train(quick(**changes))
    before = session.manifest()
    own_examples.write(session.root, dict.fromkeys(own_examples.FILES, "raise SystemExit"))
    upgraded(monkeypatch, library=library)
    done, _ = refit(session, quick(**changes))
    now = session.manifest()
    assert (done.outcome.action, done.outcome.champion, done.outcome.revision) == ("refitted", 1, 2), done.said
    assert f"made with {library} {before['libraries'][library]}, which is 9.9.9 here" in done.said
    changed = {name for name, each in now["files"].items() if before["files"][name] != each}
    assert (changed, now["libraries"][library]) == ({"MODEL_CARD.md"}, "9.9.9"), "model and code are the same bytes"
