"""Tables are recorded where DVC does not know them as they are."""

from pathlib import Path

import yaml

from champion.datastore import publish
from champion.workspace.workspace import Workspace
from tests.conftest import Session, iris_csv, quick
from tests.unit.datastore.conftest import configure


def test_a_table_is_recorded_once(root: Path, tmp_path: Path) -> None:
    configure(root, tmp_path / "remote")
    workspace = Workspace(root, root / "case.yaml", Session(root, None).workspace(quick()).use_case)
    assert publish.record_data(workspace) is None, "there is no table"
    workspace.data.parent.mkdir()
    workspace.data.write_bytes(iris_csv())
    said = publish.record_data(workspace)
    assert said is not None
    assert said.startswith("data/iris.csv is recorded as data version")
    assert yaml.safe_load((root / "data/iris.csv.dvc").read_text())["outs"][0]["md5"].startswith(said.split()[-1])
    assert publish.record_data(workspace) is None, "nothing more to record"
