"""Tables are recorded where DVC does not know them as they are."""

import hashlib
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo, lock_repo

from champion.datastore import dvc, index, publish
from champion.datastore.fetch import fetch_missing
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


def use_case(root: Path) -> Workspace:
    """A use case of this repository, whose table is data/iris.csv."""
    (root / "data").mkdir(exist_ok=True)
    return Workspace(root, root / "case.yaml", Session(root, None).workspace(quick()).use_case)


@pytest.mark.parametrize("fetched", [False, True], ids=["table-not-here", "table-here"])
def test_a_push_leaves_a_table_that_was_imported_without_a_download_as_it_is(
    root: Path, tmp_path: Path, fetched: bool
) -> None:
    configure(root, tmp_path / "remote")
    workspace = use_case(root)
    (tmp_path / "source.csv").write_bytes(iris_csv())
    done = dvc.run(root, "import-url", "--no-download", str(tmp_path / "source.csv"), "data/iris.csv")
    assert done.ok, done.output
    if fetched:
        fetch_missing(root, workspace.data)
    pointer = root / "data/iris.csv.dvc"
    before = pointer.read_bytes()
    for _ in range(2):
        assert str(publish.record_data(workspace)).startswith("data/iris.csv is imported without a download")
        publish.push(root)
    assert pointer.read_bytes() == before
    assert workspace.data.exists() is fetched
    md5 = hashlib.md5(iris_csv()).hexdigest()
    assert not (tmp_path / "remote/files/md5" / md5[:2] / md5[2:]).exists(), "its source has it, the remote need not"


@pytest.mark.parametrize("kind", ["pointer", "stage", "folder"])
def test_one_push_makes_what_dvc_2_recorded_of_a_text_with_windows_line_ends_dvc_3s(
    root: Path, tmp_path: Path, kind: str
) -> None:
    configure(root, tmp_path / "remote")
    workspace = use_case(root)
    crlf = iris_csv().replace(b"\n", b"\r\n")
    workspace.data.write_bytes(crlf)
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"made": {"cmd": "true", "outs": ["data/iris.csv"]}}}))
    if kind != "stage":
        (root / "dvc.yaml").unlink()
    command = {"pointer": ("add", "data/iris.csv"), "folder": ("add", "data"), "stage": ("commit", "--force", "made")}
    assert dvc.run(root, *command[kind]).ok
    with Repo(str(root)) as repository, lock_repo(repository):  # write what DVC 2 would have written
        (out,) = repository.find_outs_by_path(str(workspace.data), strict=False)
        out.hash_name, out.update_legacy_hash_name = "md5-dos2unix", lambda: None
        out.stage.save()
        out.stage.commit()
        out.stage.dump(update_pipeline=False)
    assert dvc.run(root, *command[kind]).ok
    assert index.tracked(root, workspace.data).unix_lines, "dvc itself leaves it"
    said = publish.record_data(workspace)
    version = hashlib.md5(crlf).hexdigest()
    assert said == f"data/iris.csv is recorded as data version {version[:8]}, as DVC 3 does it instead of as DVC 2 did"
    known = index.tracked(root, workspace.data)
    assert (known.md5, known.unix_lines) == (version, False)
    assert publish.record_data(workspace) is None, "nothing more to record"
    assert workspace.data.read_bytes() == crlf
    publish.push(root)
    assert (tmp_path / "remote/files/md5" / version[:2] / version[2:]).read_bytes() == crlf
