"""A long table is read in a process of its own while ZenML starts; here the sample counts as long."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from champion.modeling.features import Feature
from champion.modeling.split import SplitRule
from champion.orchestration.materializers.table import TableMaterializer
from champion.tabular.tables import WrittenTable
from champion.use_case.learning import FeatureStep
from pipelines import dataset
from pipelines.dataset import EarlyTable
from pipelines.table_check import checked_table
from tests.conftest import Checkout, quick
from tests.support.one_reader import case_of

RULE = SplitRule(by="hash", share=0.2, salt="s", columns=("a",))


def change(checkout: Checkout, name: str, before: str, after: str) -> None:
    path = checkout.root / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture
def early(ready: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout in which every table is long, and which puts what is temporary beside itself."""
    change(ready, "pipelines/dataset.py", "FEWEST_BYTES = 32 * 1024 * 1024", "FEWEST_BYTES = 1")
    change(ready, "pipelines/dataset.py", "(os.cpu_count() or 1) > 1", "True")
    ready.write_use_case(quick())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return ready


def test_the_run_takes_the_table_that_the_other_process_has_read(early: Checkout, tmp_path: Path) -> None:
    change(
        early, "pipelines/dataset.py", "read = table_check.checked_table(", "read = table_check.nobody("
    )  # in the run itself
    first = early.train()
    assert (first["action"], first["lineage"]["data_version"]) == ("promoted", early.manifest()["data_version"])
    assert not [*(tmp_path / "temporary").iterdir()], "what was temporary is gone"
    # the champion's rule is kept, also where it was another process that looked it up
    data = early.root / "data/iris.csv"
    data.write_bytes(data.read_bytes() + b"5.0,3.0,1.5,0.3,setosa\n")
    second = early.train()
    assert second["lineage"]["split"] == first["lineage"]["split"]
    assert second["lineage"]["data_version"] != first["lineage"]["data_version"]


def test_the_run_reads_the_table_itself_where_the_other_process_fails(early: Checkout) -> None:
    change(early, "pipelines/dataset.py", "    settings.keep_freed_memory()\n", "    sys.exit(1)\n")
    assert early.train()["action"] == "promoted"


def test_a_table_that_cannot_be_used_is_refused_as_ever(early: Checkout) -> None:
    (early.root / "data/iris.csv").write_text("a,b\n1,2\n" * 30, encoding="utf-8")
    said = early.run("train", expect=1).stderr
    assert "data.target names the column 'species', which the table does not have" in said
    assert "Traceback" not in said


def test_skops_is_imported_before_zenml_where_something_is_trained_for_certain(
    checkout: Checkout, tmp_path: Path
) -> None:
    checkout.write_use_case(quick())
    (tmp_path / "first/zenml").mkdir(parents=True)  # found before ZenML: what is imported by then is all that is asked
    tells = "import os, sys\nprint('skops.io._persist' in sys.modules, flush=True)\nos._exit(0)\n"
    (tmp_path / "first/zenml/__init__.py").write_text(tells, encoding="utf-8")
    checkout.env["PYTHONPATH"] = str(tmp_path / "first")

    def imported() -> str:
        return checkout.command(sys.executable, "run.py", "train", warm=False).stdout

    assert imported() == "True\n"
    (checkout.root / "models/iris").mkdir()
    assert imported() == "False\n"


def test_a_table_is_checked_without_scikit_learn_which_is_large_where_no_step_stands_before_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "champion.modeling.own.columns", None)
    path = tmp_path / "table.csv"
    path.write_text("n,y\n" + "".join(f"{number / 4},{'ab'[number % 2]}\n" for number in range(40)), encoding="utf-8")
    table, check = checked_table(path, path.name, case_of(path), None)
    assert (len(table), check["warnings"]) == (40, [])
    stepped = case_of(path).model_copy(
        update={"features": (FeatureStep(columns=["n"], transformer="features.any.One"),)}
    )
    with pytest.raises(ImportError):
        checked_table(path, path.name, stepped, None)


def test_a_written_table_goes_whole_to_a_store_that_is_elsewhere(tmp_path: Path) -> None:
    sent: dict[str, bytes] = {}
    materializer = TableMaterializer("elsewhere://table")
    materializer._write = sent.__setitem__
    (tmp_path / "a.parquet").write_bytes(b"a table")
    written = WrittenTable(tmp_path / "a.parquet", 3, 2)
    materializer.save(written)
    assert sent == {"table.parquet": b"a table"}
    assert materializer.extract_metadata(written) == {"rows": 3, "columns": 2}


def told(**facts: Any) -> EarlyTable:
    check = {"check": {"warnings": []}, "rows": 3, "columns": 2, "signature": dataset._digest(())}
    lines = [{"version": "1"}, {"recorded": None, **check, **facts}]
    return EarlyTable(io.StringIO("".join(json.dumps(line) + "\n" for line in lines)), Path("here"))


def test_a_check_under_another_champions_rule_does_not_count() -> None:
    for recorded, asked, counts in [(None, None, True), (RULE, RULE, True), (RULE, None, False), (None, RULE, False)]:
        table = told(recorded=recorded.model_dump(mode="json") if recorded else None)
        assert table.version() == "1"
        found = table.checked(asked)
        assert (found is not None) is counts
        if found:
            assert (found[0].path, found[0].rows, found[0].columns) == (Path("here/table.parquet"), 3, 2)
    known = (Feature(name="a", kind="boolean", dtype="bool", nullable=False),)
    table = told(signature=dataset._digest(known))
    table.version()
    assert table.checked(None) is None, "it was held against another signature"
    for cut in ("", '{"vers'):  # the other process was killed
        killed = EarlyTable(io.StringIO(cut), Path("here"))
        assert (killed.version(), killed.checked(None)) == (None, None)


def test_a_short_table_is_not_worth_a_process(tmp_path: Path) -> None:
    data = tmp_path / "table.csv"
    assert not dataset._is_worth_it(data)
    for size in (dataset.FEWEST_BYTES - 1, dataset.FEWEST_BYTES):
        with data.open("w+b") as file:
            file.truncate(size)
        assert dataset._is_worth_it(data) is (size == dataset.FEWEST_BYTES and (dataset.os.cpu_count() or 1) > 1)
