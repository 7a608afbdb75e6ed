"""Spreadsheets, cell by cell."""

import datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from champion.errors import DataError
from champion.onboarding.initialise import Initialised, initialise
from champion.tabular import sheet_format
from champion.tabular.tables import notes_of, open_table, proposal_for, read_table
from champion.use_case.dialect import Dialect
from champion.use_case.whole import UseCase, parse_use_case
from tests.support.one_reader import assert_read_alike, batch, learn
from tests.support.sheets import (
    DATE,
    DURATION,
    MOMENT,
    TIME,
    error,
    formula,
    number,
    text,
    truth,
    write_ods,
    write_xlsx,
)

HEADER = [text(name) for name in ("code", "size", "when", "kind")]


def rows(count: int = 90) -> list[list[str | None]]:
    return [
        [text(f"{at % 7:03}"), number(at * 37 % 101 / 8), number(45000 + at, DATE), text(["yes", "no"][at % 2])]
        for at in range(count)
    ]


def initialised(root: Path, path: Path, target: str = "kind") -> tuple[UseCase, Initialised]:
    for folder in ("data", "configs"):
        (root / folder).mkdir(exist_ok=True)
    made = initialise(root, path, target)
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one"), made


def test_a_sheet_with_a_title_and_a_total_behind_a_hidden_one_is_found_and_read_alike_by_every_reader(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    table = [[text("Report")], [], HEADER, *rows(), [text("Total"), number(500.0)], [text("Source: us")]]
    sheets = {"notes": [[text("secret")]], "Sales": table, "More": [[text("a"), text("b")], [number(1), number(2)]]}
    path = write_xlsx(tmp_path / "data/one.xlsx", sheets, hidden=["notes"])
    case, made = initialised(tmp_path, path)
    read = case.data.read
    assert (read.sheet, read.header, read.footer) == ("Sales", 3, ("Total",))
    said = "\n".join(made.warnings)
    assert "the sheet 'Sales', the names of the columns in line 3, what is below the table left out ('Total')" in said
    assert "has more sheets with rows: 'More'. Another one is named in data.read.sheet." in said
    assert "sheets that are hidden or hold no cells: 'notes'" in said
    learned = learn(path, case)
    assert len(learned.table) == 90
    assert learned.table["code"].tolist()[1] == "001"
    assert learned.table["when"].tolist()[0] == "2023-03-15"
    assert any("2 rows below the table are left out, from line 94 on" in text for text in learned.said)
    assert_read_alike(learned, path, apart=("size", "when"))

    other = write_xlsx(tmp_path / "other.xlsx", {"Tabelle1": [HEADER, *rows()]})
    assert batch(learned.package, other)[1].equals(batch(learned.package, path)[1]), (
        "another sheet with the columns is found"
    )


def test_cells_of_every_kind_are_what_they_say_and_those_without_a_result_are_missing_and_counted(
    tmp_path: Path,
) -> None:
    header = [text(name) for name in ("a", "b", "c", "d", "e", "f")]
    cells = [
        [text("007"), number(7), number(1.5), truth(True), number(0.25, TIME), number(45000.5, MOMENT)],
        [error(), formula(), formula("5"), truth(False), number(1.25, DURATION), None],
        [text("12"), number(2**53), number(0.1 + 0.2), None, number(2.5, DURATION), number(45001, DATE)],
    ]
    path = write_xlsx(tmp_path / "one.xlsx", {"S & 1": [header, *cells]})
    frame = read_table(path, "one.xlsx")
    assert frame["a"].tolist()[::2] == ["007", "12"]
    assert frame["b"].tolist()[::2] == [7, 2**53]
    assert (frame["a"].isna().sum(), frame["b"].isna().sum()) == (1, 1)
    assert frame["c"].tolist() == [1.5, 5.0, 0.1 + 0.2]
    assert frame["d"].tolist()[:2] == [True, False]
    assert frame["e"].tolist() == ["06:00:00", "108000", "216000"]
    assert frame["f"].tolist()[::2] == ["2023-03-15T12:00:00", "2023-03-16"]
    assert notes_of(path, Dialect()) == [
        "1 cell of the sheet 'S & 1' hold an error, such as #DIV/0!, and count as missing.",
        "1 cell of the sheet 'S & 1' hold a formula without a result, and count as missing. Open the file in its program, and "
        "save it again.",
    ]


def test_an_ods_is_read_with_its_durations_and_a_table_that_begins_further_right_has_no_column_too_many(
    tmp_path: Path,
) -> None:
    path = write_ods(tmp_path / "one.ods", [["code", "wait", "kind"], ["007", "PT30H15M00S", "a"], ["012", 2.0, "b"]])
    assert read_table(path, "one.ods").to_dict("list") == {
        "code": ["007", "012"],
        "wait": [108900, 2],
        "kind": ["a", "b"],
    }
    path = write_xlsx(
        tmp_path / "right.xlsx", {"x": [[], [None, None, text("a"), text("b")], [None, None, number(1), number(2)]]}
    )
    assert read_table(path, "right.xlsx").to_dict("list") == {"a": [1], "b": [2]}
    assert open_table(path).schema.names == ["a", "b"]


@pytest.mark.parametrize(("sheets", "how", "message"), [
    ({"a": [[text("x")]], "b": []}, {"sheet": "c"}, r"has no sheet 'c'; it has 'a', 'b'\. Correct data\.read\.sheet"),
    ({"a": []}, {}, r"has no sheet that is shown and holds a cell"),
    ({"a": [[text("x"), text("y")]]}, {}, r"2 columns but no row"),
])  # fmt: skip
def test_a_spreadsheet_without_the_table_is_refused(
    sheets: dict[str, list[list[str | None]]], how: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = write_xlsx(tmp_path / "one.xlsx", sheets)
    with pytest.raises(DataError, match=message):
        read_table(path, "one.xlsx", how=Dialect(**how))


def test_what_is_no_spreadsheet_or_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.xlsx"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match=r"is no spreadsheet, or is broken .*Save it anew, or as CSV"):
        read_table(path, "one.xlsx")
    write_xlsx(path, {"a": [HEADER, *rows()]})
    monkeypatch.setattr(sheet_format, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"Save the sheet as CSV or Parquet"):
        read_table(path, "one.xlsx")


def test_what_pandas_writes_as_a_frame_is_the_table_of_a_sheet(tmp_path: Path) -> None:
    path = write_xlsx(
        tmp_path / "one.xlsx", {"Sheet1": [[None, *HEADER], *([number(at), *row] for at, row in enumerate(rows(5)))]}
    )
    frame = read_table(path, "one.xlsx", how=proposal_for(path, "one.xlsx", ["kind"]).how)
    assert [*frame] == ["Unnamed: 0", "code", "size", "when", "kind"]
    assert frame["Unnamed: 0"].tolist() == [0, 1, 2, 3, 4]
    assert pd.to_datetime(frame["when"]).iloc[0] == datetime.datetime(2023, 3, 15)
