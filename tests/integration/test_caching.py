"""What is run again, and what is not: each change re-runs exactly what depends on it."""

from pathlib import Path
from typing import Any

from champion.registry.versions import version_history
from tests.conftest import Checkout, Session, quick, tree

EFFECTS = {"promote", "report"}
EVERYTHING = {"prepare", "train_tree", "evaluate", *EFFECTS}


def two_candidates(neighbours: int) -> dict[str, Any]:
    return quick(
        candidates={
            "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2}},
            "near": {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {"n_neighbors": neighbours}},
        }
    )


def test_each_change_runs_again_what_depends_on_it(session: Session) -> None:
    assert session.train(tree(2))[1] == EVERYTHING
    second, executed = session.train(tree(2))
    assert executed == {"evaluate", *EFFECTS}, "its champion is new"
    third, executed = session.train(tree(2))
    assert executed == EFFECTS
    assert second.decision.reason_code == third.decision.reason_code == "same"
    assert session.train(tree(2, promotion={"min_score": 0.1, "min_gain": 0.1}))[1] == EFFECTS, "another policy"
    uncached, executed = session.train(tree(2), cache=False)
    assert (uncached.decision.reason_code, executed) == ("same", EVERYTHING)
    assert session.stages() == {1: "production"}, "none of them left a new version"
    salted, executed = session.train(tree(2, split={"salt": "another", "min_overlap": 1}))
    assert executed == EVERYTHING
    assert salted.evaluation.rows.overlap_only

    former = (session.root / "data/iris.csv").read_text()
    session.write(former + "5.0,3.0,1.5,0.3,setosa\n5.1,3.1,1.6,0.25,setosa\n")
    grown, executed = session.train(tree(2))
    assert executed == EVERYTHING
    assert grown.facts.data_version != version_history(session.client, session.name).versions[0].record.data_version
    session.write(former)
    assert session.train(tree(2))[1] == EFFECTS, "back to a table that the store knows"


def test_a_new_champion_is_another_comparison(session: Session) -> None:
    session.train(tree(1))
    session.train(tree(0))
    session.train(tree(2))
    done, executed = session.train(tree(0))
    assert executed == {"evaluate", *EFFECTS}
    assert done.evaluation.champion is not None
    assert done.evaluation.champion.number == 3


def test_a_parameter_retrains_its_candidate_alone(session: Session) -> None:
    session.train(two_candidates(3))
    assert session.train(two_candidates(1))[1] == {"train_near", "evaluate", *EFFECTS}


def test_a_changed_helper_and_another_library_rerun_what_reaches_them(ready: Checkout, tmp_path: Path) -> None:
    ready.write_use_case(tree(2))
    first = ready.trained()
    assert first.executed == EVERYTHING
    assert ready.trained().executed == {"evaluate", *EFFECTS}

    edit(ready, "champion/reporting/charts.py")
    edit(ready, "champion/comparison/compare.py")
    edit(ready, "champion/reporting/markdown.py")
    examined = ready.trained()
    assert examined.executed == {"evaluate", *EFFECTS}
    assert examined.facts["lineage"]["fingerprint"] == first.facts["lineage"]["fingerprint"]
    assert (examined.facts["ground"], examined.facts["challenger"]["number"]) == ("same", 1)

    other_version(tmp_path / "libraries", "scikit-learn", "9.9.9")
    ready.env["PYTHONPATH"] = str(tmp_path / "libraries")
    upgraded = ready.trained()
    assert upgraded.executed == {"train_tree", "evaluate", *EFFECTS}
    assert upgraded.facts["lineage"]["libraries"]["scikit-learn"] == "9.9.9"
    assert upgraded.facts["ground"] == "tie", "another fingerprint, the same scores"

    edit(ready, "champion/modeling/split.py")
    assert ready.trained().executed == EVERYTHING


def edit(checkout: Checkout, path: str) -> None:
    with (checkout.root / path).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")


def other_version(folder: Path, distribution: str, version: str) -> None:
    """Have importlib.metadata find another version of a distribution first on the path."""
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
