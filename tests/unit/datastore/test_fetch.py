"""DVC beside and around a run: data that is missing, `dvc repro`, and a tree that stays clean."""

import json
import shutil
from pathlib import Path

import pytest

from champion.datastore import dvc, index
from champion.datastore.fetch import fetch_missing
from champion.errors import DataError
from tests.conftest import Checkout, iris_csv, tree


def test_dvc_repro_and_run_py_do_the_same_and_leave_the_tree_clean(checkout: Checkout) -> None:
    checkout.write_use_case(tree(2))
    checkout.dvc("repro")
    assert checkout.champion() == 1
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "trained")
    assert "up to date" in checkout.dvc("repro").stdout

    checkout.run("train")
    assert checkout.git("status", "--porcelain") == ""
    assert "up to date" in checkout.dvc("repro").stdout, "run.py did not make the next repro train again"

    checkout.write_use_case(tree(1))
    assert "Running stage 'train@iris'" in checkout.dvc("repro").stdout
    (params,) = json.loads(checkout.dvc("params", "diff", "--json").stdout).values()
    assert params["candidates.tree.params.max_depth"] == {"old": 2, "new": 1, "diff": -1}
    (metrics,) = json.loads(checkout.dvc("metrics", "diff", "--json").stdout).values()
    assert metrics["holdout.accuracy"]["diff"] < 0
    plots = json.loads(checkout.dvc("plots", "diff", "--json").stdout)
    assert any("roc.csv" in name for name in plots["data"] if plots["data"][name])
    assert checkout.champion() == 1
    changed = checkout.git("status", "--porcelain").split()
    assert set(changed) == {"M", "configs/iris.yaml", "dvc.lock"}


def test_missing_data_comes_from_the_cache_else_the_remote_else_its_script(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "PATH"):
        monkeypatch.setenv(name, checkout.environment()[name])
    root, path = checkout.root, checkout.root / "data/iris.csv"

    assert fetch_missing(root, path) == "data/iris.csv was made by the stage 'data' of dvc.yaml"
    assert path.read_bytes() == iris_csv()
    assert checkout.git("status", "--porcelain") == "", "the bytes are those that dvc.lock names"
    assert fetch_missing(root, path) is None
    assert index.changed_warning(root, path, index.data_version(path)) is None

    path.unlink()
    assert fetch_missing(root, path) == "data/iris.csv came from DVC's cache"
    checkout.dvc("remote", "add", "--local", "--default", "shared", str(tmp_path / "remote"))
    checkout.dvc("push", "--quiet")
    path.unlink()
    shutil.rmtree(root / ".dvc/cache")
    assert fetch_missing(root, path) == "data/iris.csv came from the DVC remote"
    assert path.read_bytes() == iris_csv()

    path.unlink()
    shutil.rmtree(root / ".dvc")
    assert fetch_missing(root, path) == "data/iris.csv was made by `python data/make_iris.py`", "no DVC repository"


def test_data_that_cannot_be_had_says_what_was_tried(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    root = checkout.root
    with pytest.raises(DataError, match=r"data/none.csv does not exist, and DVC does not know it"):
        fetch_missing(root, root / "data/none.csv")
    (root / "data/own.csv.dvc").write_text("outs:\n- md5: 0123456789abcdef0123456789abcdef\n  path: own.csv\n")
    with pytest.raises(DataError, match=r"DVC's cache lacks it; no DVC remote is set"):
        fetch_missing(root, root / "data/own.csv")
    monkeypatch.setenv("DVC_STAGE", "train")
    monkeypatch.setattr(dvc, "run", lambda *_: pytest.fail("dvc was called inside a stage, where its lock is taken"))
    with pytest.raises(DataError, match=r"dvc pull data/iris\.csv"):
        fetch_missing(root, root / "data/iris.csv")


def test_a_file_that_dvc_does_not_track_is_a_warning_with_the_remedy(checkout: Checkout) -> None:
    other = checkout.root / "data/other.csv"
    other.write_text("a,b\n1,2\n")
    assert "Run `dvc add data/other.csv`" in str(index.changed_warning(checkout.root, other, index.data_version(other)))


def test_the_last_line_of_dvc_is_its_error_where_it_has_one() -> None:
    said = {"a\nERROR: no remote\nb\n": "no remote", "a\nb\n\n": "b", "": "it said nothing"}
    assert {text: dvc.Done(False, text).last_line for text in said} == said
