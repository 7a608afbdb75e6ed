"""A use case is removed with all that is its own; what cannot be had back is said before."""

import subprocess
from pathlib import Path

import pytest

from champion import settings
from champion.onboarding.forget import forget, look
from champion.onboarding.initialise import initialise
from champion.registry.versions import version_history
from champion.workspace.workspace import open_workspace
from tests.conftest import Session, iris_csv, quick


def test_a_use_case_goes_with_all_that_is_its_own_and_another_stays_as_it_is(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = session.root
    monkeypatch.setenv("HOME", str(tmp_path))
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".dvc").mkdir()
    (root / ".dvc/config").touch()
    (root / "configs").mkdir(exist_ok=True)
    stages = "stages:\n  train:\n    foreach:\n      other: {data: data/other.csv}  # stays\n    do: {cmd: x}\n"
    (root / "dvc.yaml").write_text(stages, encoding="utf-8")
    table = tmp_path / "table.csv"
    table.write_bytes(iris_csv())
    made = initialise(root, table, "species", name=session.name)
    session.train(quick(data={"path": made.data.as_posix()}))
    monkeypatch.setattr(settings, "root", lambda: root)
    workspace = open_workspace(session.name)
    package, kept = workspace.package, (root / "data" / f"{session.name}.csv")
    assert all(path.exists() for path in (package, kept, workspace.reports))

    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    plan = look(session.client, workspace)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before, "looking changes nothing"
    assert f"configs/{session.name}.yaml, which is not committed as it is" in plan.lost
    assert "the champion, which `make push` never recorded" in plan.lost
    assert any("DVC's cache keeps the content" in each for each in plan.goes)

    assert forget(session.client, workspace) == plan
    assert not any(path.exists() for path in plan.files)
    assert (root / "dvc.yaml").read_text(encoding="utf-8") == stages
    assert version_history(session.client, session.name).versions == ()
    assert initialise(root, table, "species", name=session.name).name == session.name, "the name is free again"


def test_a_table_that_nothing_else_keeps_or_another_use_case_has_stays(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = session.root
    monkeypatch.setattr(settings, "root", lambda: root)
    for name in ("one", "two"):
        text = f"name: {name}\ndata: {{path: data/iris.csv, target: species}}\ncandidates: {{a: {{estimator: x.Y}}}}\n"
        session.write(text, f"configs/{name}.yaml")
    plan = forget(session.client, open_workspace("one"))
    assert plan.stays == ["data/iris.csv, which two has too"]
    plan = forget(session.client, open_workspace("two"))
    assert plan.stays == ["data/iris.csv, which no pointer of DVC names"]
    assert (root / "data/iris.csv").exists()
    assert not list((root / "configs").glob("*.yaml"))
