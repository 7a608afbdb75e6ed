"""What is run again, and what is not: each change re-runs exactly what depends on it."""

from pathlib import Path

import pandas as pd
import pytest

from champion.datastore import index
from champion.orchestration import metadata
from champion.registry.versions import version_history
from champion.workspace import files
from champion.workspace.files import md5
from pipelines import table_check
from pipelines.batch_files import register_table
from pipelines.dataset import register
from tests.conftest import Checkout, Session, quick, tree

EFFECTS = {"promote", "report"}
EVERYTHING = {"prepare", "train_tree", "evaluate", *EFFECTS}


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


def test_a_parameter_retrains_its_candidate_alone_and_the_best_of_them_is_the_challenger(session: Session) -> None:
    near = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {"n_neighbors": 60}}
    candidates = {"near": near, **quick()["candidates"]}
    done, _ = session.train(quick(candidates=candidates))
    assert [result.name for result in done.evaluation.candidates] == ["tree", "near"]
    assert done.evaluation.challenger.candidate == "tree"
    near["params"] = {"n_neighbors": 3}
    assert session.train(quick(candidates=candidates))[1] == {"train_near", "evaluate", *EFFECTS}


def test_a_table_is_read_once_per_version_and_use_case(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = table_check.read_table
    monkeypatch.setattr(table_check, "read_table", lambda *arguments: reads.append(1) or read(*arguments))
    first = register(session.client, session.workspace(tree(1)), None)
    assert (first.version, first.rows) == (index.data_version(session.root / "data/iris.csv"), 150)
    assert register(session.client, session.workspace(tree(1)), None) == first
    assert len(reads) == 1
    other = register(session.client, session.workspace(tree(2)), None)
    assert (other.artifact.id, len(reads)) == (first.artifact.id, 2), "checked for another use case, not kept twice"

    session.write((session.root / "data/iris.csv").read_bytes() + b"5.0,3.0,1.5,0.3,setosa\n")
    grown = register(session.client, session.workspace(tree(1)), None)
    assert (grown.rows, len(reads)) == (151, 3)
    assert grown.artifact.id != first.artifact.id

    about = {"path": "data/iris.csv", "target": "species", "read": {"missing": ["setosa"]}, "unlabelled": "drop"}
    otherwise = register(session.client, session.workspace(tree(1, data=about)), None)
    assert (otherwise.version, otherwise.artifact.id == grown.artifact.id) == (grown.version, False), "other cells"
    assert otherwise.warnings[-1] == "51 of 151 rows have no label, and were left out (data.unlabelled: drop)."


def test_what_was_found_in_a_table_with_long_names_is_kept_and_shown_as_for_any_other(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZenML 0.98 drops a metadata value of more than 65,535 characters; 50 long names are more."""
    names = [f"{number} {'and so on ' * 150}" for number in range(50)]
    answers = {name: [(3 * row + number) % 7 for row in range(60)] for number, name in enumerate(names)}
    table = pd.DataFrame({**answers, "answer": ["yes", "no", "Yes", "No"] * 15})
    session.write(table.to_csv(index=False), "data/survey.csv")
    use_cases = [tree(depth, data={"path": "data/survey.csv", "target": "answer"}) for depth in (1, 2)]
    made = [register(session.client, session.workspace(each), None) for each in use_cases]
    assert all("differ only in case" in "".join(each.warnings) for each in made)
    assert session.client.list_artifact_versions(artifact=f"{session.name}_checks").total == 2, "one, then both"
    monkeypatch.setattr(table_check, "read_table", lambda *_: pytest.fail("it was read again"))
    metadata._from_artifact.cache_clear()
    assert [register(session.client, session.workspace(each), None) for each in use_cases] == made


def test_a_changed_helper_and_another_library_rerun_what_reaches_them(ready: Checkout, tmp_path: Path) -> None:
    ready.write_use_case(tree(2))
    first = ready.trained()
    assert first.executed == EVERYTHING
    assert ready.trained().executed == {"evaluate", *EFFECTS}

    for words in (
        "comparison/compare",
        "comparison/decision",
        "registry/promotion",
        "reporting/charts",
        "use_case/policy",
    ):
        edit(ready, f"champion/{words}.py")
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

    assert ready.json("refit")["action"] == "refitted"
    assert ready.run("refit").stdout.startswith(
        "Nothing to refit: version 1 was made with the libraries that are here."
    )
    assert [(each["number"], each["revision"], each["stage"]) for each in ready.models()][-1] == (1, 2, "production")

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


def test_a_table_that_changes_between_its_hash_and_its_reading_is_known_by_what_was_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = session.root / "data/iris.csv"
    former = table.read_bytes()

    def hashed_before_somebody_writes(path: Path) -> str:
        found = md5(path)
        if path == table:
            table.write_bytes(former + b"5.0,3.0,1.5,0.3,setosa\n")
        return found

    for module in (files, index):
        monkeypatch.setattr(module, "md5", hashed_before_somebody_writes)
    trained_on = register(session.client, session.workspace(tree(2)), None)
    assert (trained_on.version, trained_on.rows) == (md5(table), 151)
    for kind in ("scored", "labels"):
        table.write_bytes(former)
        scored = register_table(session.client, session.name, kind, table)
        assert scored.version == f"{md5(table)}.csv"
        assert (Path(scored.uri) / table.name).read_bytes() == table.read_bytes() != former
