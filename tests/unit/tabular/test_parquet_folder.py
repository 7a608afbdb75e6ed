"""A folder of Parquet files is one table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from champion.errors import DataError
from champion.onboarding.initialise import initialise
from champion.tabular.parquet_folder import merge
from champion.tabular.tables import open_table, read_table
from champion.use_case.whole import parse_use_case
from champion.workspace import files
from tests.support.one_reader import assert_read_alike, case_of, learn


def part(path: Path, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), path)
    return path


def partitioned(folder: Path, rows: int = 40) -> Path:
    """A table of three parts, by a code; one has a column more, one doubles instead of whole numbers."""
    for number, code in enumerate(("zip=01234", "zip=007", "zip=__HIVE_DEFAULT_PARTITION__")):
        size = [(row + number) % 7 for row in range(rows)]
        columns: dict[str, Any] = {
            "size": [each / 2 for each in size] if number == 1 else size,
            "n": [(number * rows + row) * 7919 % 1013 / 8 for row in range(rows)],
            "y": ["a", "b"] * (rows // 2),
        }
        if number == 1:
            columns["late"] = ["u", "v"] * (rows // 2)
        part(folder / code / "part-0.parquet", **columns)
    (folder / "_SUCCESS").touch()
    return folder


def test_a_partitioned_folder_is_one_table_whose_folders_give_texts_and_whose_parts_decide_together(
    tmp_path: Path,
) -> None:
    folder = partitioned(tmp_path / "sales")
    frame = read_table(folder, "sales")
    assert frame["zip"].isna().sum() == 40
    assert set(frame["zip"].dropna()) == {"01234", "007"}
    assert frame["size"].dtype == "float64"
    assert frame["late"].notna().sum() == 40
    assert open_table(folder).rows == 120
    merge(folder, tmp_path / "whole.parquet")  # as `predict` has it in the store
    assert read_table(tmp_path / "whole.parquet", "whole").equals(frame)
    learned = learn(folder, case_of(folder))
    assert {feature.name for feature in learned.package.manifest.signature} >= {"size", "zip", "late"}
    assert_read_alike(learned, folder)


def test_parts_that_do_not_fit_and_other_files_are_refused(tmp_path: Path) -> None:
    part(tmp_path / "a/1.parquet", x=[1], y=["a"])
    part(tmp_path / "a/2.parquet", x=["one"], y=["a"])
    with pytest.raises(DataError, match=r"has parts that do not fit: 2\.parquet differs from those before it"):
        read_table(tmp_path / "a", "a")
    part(tmp_path / "b/1.parquet", x=[2**53 + 1])
    part(tmp_path / "b/2.parquet", x=[0.5])
    with pytest.raises(DataError, match=r"'x' of 1\.parquet is no double without a loss"):
        read_table(tmp_path / "b", "b")
    (tmp_path / "b/notes.txt").touch()
    with pytest.raises(DataError, match=r"holds files besides its Parquet: 'notes\.txt'\. Move them"):
        open_table(tmp_path / "b")
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match=r"is a folder, expected a file"):
        read_table(tmp_path / "c", "c")


def test_the_data_version_of_a_folder_is_the_hash_that_dvc_gives_it_and_init_puts_it_under_data(tmp_path: Path) -> None:
    folder, root = partitioned(tmp_path / "Sales 2024"), tmp_path / "checkout"
    for name in ("data", "configs", ".dvc"):
        (root / name).mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")
    made = initialise(root, folder, "y")
    copy = root / made.data
    assert (made.name, copy.name, files.md5(copy)) == ("sales_2024", "sales_2024", files.md5(folder))
    case = parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one")
    assert case.data.path == "data/sales_2024"
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", "data/sales_2024"], cwd=root, check=True)
    (out,) = yaml.safe_load((root / "data/sales_2024.dvc").read_text(encoding="utf-8"))["outs"]
    assert out["md5"] == files.md5(folder), json.dumps(out)
    with files.copied(folder) as (copied, version):
        assert version == out["md5"]
        assert read_table(copied, "sales").equals(read_table(folder, "sales"))
