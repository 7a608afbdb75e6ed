"""A table is read in one way, whoever reads it: `init`, a training run, batch inference, the service."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from champion.bundle.manifest import Manifest
from champion.errors import DataError
from champion.onboarding.initialise import initialise
from champion.serving.rows import RequestError, RowReader
from champion.tabular.tables import read_table
from champion.use_case.learning import MISSING_WORDS
from champion.use_case.whole import UseCase, parse_use_case
from tests.support.one_reader import assert_read_alike, batch, case_of, learn
from tests.support.packages import about, write

SUFFIXES = pytest.mark.parametrize("suffix", [".csv", ".parquet"])


def table(rows: int = 120, **columns: Sequence[Any]) -> pd.DataFrame:
    """A table to learn from; a column repeats its values, and "n" tells the rows apart."""
    each: dict[str, Any] = {name: (list(values) * rows)[:rows] for name, values in columns.items()}
    return pd.DataFrame(
        {**each, "n": np.arange(rows) * 7919 % 1013 / 8, **({} if "y" in each else {"y": ["a", "b"] * (rows // 2)})}
    )


def initialised(root: Path, frame: pd.DataFrame, suffix: str, target: str = "y") -> tuple[UseCase, list[str], Path]:
    """What `init` writes of a table, what it says, and where the table is."""
    for folder in ("data", "configs"):
        (root / folder).mkdir()
    path = write(frame, root / "data" / f"one{suffix}")
    made = initialise(root, path, target)
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one"), made.warnings, path


@SUFFIXES
def test_a_word_that_is_a_value_is_one_for_init_and_for_every_reader_after_it(suffix: str, tmp_path: Path) -> None:
    frame = table(
        x=["NA", "DE", "FR", None, "NA"], age=["1.5", "N/A", "2.5", "n/a", "3"], y=["None", "one", "None", "two"]
    )
    case, said, path = initialised(tmp_path, frame, suffix)
    assert case.data.read.missing == tuple(word for word in MISSING_WORDS if word not in ("NA", "None"))
    assert [text for text in said if "is a value" in text] == [
        "'None' is a value, in 'y' (60 rows). Where it means missing, add it to data.read.missing.",
        "'NA' is a value, in 'x' (48 rows). Where it means missing, add it to data.read.missing.",
    ]
    learned = learn(path, case)
    assert learned.package.manifest.classes == ("None", "one", "two")
    (x, age) = (feature for feature in learned.package.manifest.signature if feature.name in ("x", "age"))
    assert (x.categories, x.nullable, age.kind, age.nullable) == (("DE", "FR", "NA"), True, "numeric", True)
    assert not [text for text in learned.said if "Read as missing" in text], "init wrote which words are missing"
    assert_read_alike(learned, path)


@SUFFIXES
def test_a_word_that_stands_among_numbers_too_is_how_the_table_writes_missing_and_init_says_so(
    suffix: str, tmp_path: Path
) -> None:
    case, said, path = initialised(tmp_path, table(x=["NA", "DE", "FR", ""], age=["1.5", "NA", "2.5"]), suffix)
    assert case.data.read.missing == MISSING_WORDS
    (about_na,) = (text for text in said if "NA" in text)
    assert about_na.startswith("'NA' is read as missing, in 'x' (30 rows), 'age' (40 rows).")
    learned = learn(path, case)
    assert learned.table["x"].isna().sum() == 60, "the empty text is missing in both formats"
    assert_read_alike(learned, path)


@SUFFIXES
def test_a_use_case_that_does_not_say_which_words_are_missing_is_told_which_were(suffix: str, tmp_path: Path) -> None:
    path = write(table(x=["NA", "DE", "null"], size=["1", "NA"]), tmp_path / f"one{suffix}")
    (said,) = learn(path, case_of(path)).said
    assert said.startswith("Read as missing: 'NA' in 'x' (40 rows), 'null' in 'x' (40 rows)")
    learned = learn(path, case_of(path, read={"missing": ["NA"]}))
    assert learned.said == []
    assert_read_alike(learned, path)


def test_rows_without_a_label_are_refused_with_their_number_or_left_out_where_the_use_case_says_so(
    tmp_path: Path,
) -> None:
    path = write(table(x=["u", "v", "w"], y=["a", "b", None, "a", "b"]), tmp_path / "one.csv")
    with pytest.raises(DataError, match=r"empty in 24 of 120 rows \(rows 3, 8, .*data\.unlabelled: drop"):
        learn(path, case_of(path))
    learned = learn(path, case_of(path, unlabelled="drop"))
    assert learned.said == ["24 of 120 rows have no label, and were left out (data.unlabelled: drop)."]
    assert len(learned.table) == 96
    assert_read_alike(learned, path)


def test_a_package_of_version_0_1_is_read_as_it_was(tmp_path: Path) -> None:
    old = Manifest(**about(), files={})
    assert "read" not in json.loads(old.model_dump_json())
    assert "NA" in old.missing_words(textual=True)
    assert old.missing_words(textual=False) == ()
    csv = write(table(x=["NA", "DE", "FR"]), tmp_path / "one.csv")
    learned = learn(csv, case_of(csv, read={"missing": []}))
    package = learned.package
    assert_read_alike(learned, csv)
    as_before = package.manifest.model_copy(update={"read": None})
    tally, _ = batch(type(package)(as_before, package.files), csv)
    assert tally.reasons == {"'x' is empty, and the model needs a value": 40}


def test_a_text_that_is_missing_in_a_table_is_null_in_a_request(tmp_path: Path) -> None:
    path = write(table(x=["red", None, "blue"]), tmp_path / "one.csv")
    (x, n) = learn(path, case_of(path)).package.manifest.signature
    body = json.dumps([{"x": text, "n": 1} for text in ("NA", "", "red")]).encode()
    assert [row[0] for row in RowReader([x, n], ("", "NA")).read(body, 3)] == [None, None, "red"]
    assert [row[0] for row in RowReader([x, n]).read(body, 3)] == ["NA", "", "red"], "as 0.1 read it"
    with pytest.raises(RequestError, match="a text that is read as missing, expected a text"):
        RowReader([x.model_copy(update={"nullable": False}), n], ("", "NA")).read(body, 3)


@SUFFIXES
def test_words_are_read_as_missing_whatever_the_type_of_the_texts(suffix: str, tmp_path: Path) -> None:
    path = write(
        pd.DataFrame({"x": pd.Categorical(["-", "a", "b", "-"]), "n": [1, 2, 3, 4]}), tmp_path / f"one{suffix}"
    )
    assert read_table(path, "one", missing=("", "-"))["x"].isna().tolist() == [True, False, False, True]
    assert read_table(path, "one", missing=("",))["x"].isna().sum() == 0
