"""Tables without a header, and with a row of units below it, through init and every reader."""

from pathlib import Path

import pytest
import yaml

from champion.errors import DataError
from champion.onboarding.initialise import Initialised, initialise
from champion.tabular.tables import proposal_for, read_table
from champion.use_case.dialect import Dialect
from champion.use_case.whole import UseCase, parse_use_case
from tests.support.one_reader import batch, learn
from tests.support.sheets import number, text, write_xlsx

ROWS = [(at * 37 % 101 / 8, at * 53 % 97, "abc"[at % 3], ["yes", "no"][(at * 37 % 101) > 50]) for at in range(90)]
LINES = [",".join(map(str, row)) for row in ROWS]


def initialised(root: Path, content: str, target: str) -> tuple[UseCase, Initialised, Path]:
    for folder in ("data", "configs"):
        (root / folder).mkdir()
    path = root / "data/one.csv"
    path.write_text(content, encoding="utf-8")
    made = initialise(root, path, target)
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one"), made, path


def test_a_table_without_a_header_is_one_where_the_target_is_named_by_its_place(tmp_path: Path) -> None:
    case, made, path = initialised(tmp_path, "\n".join(LINES), "c4")
    assert case.data.read.header == "none"
    assert '    header: "none"  # the line' in (tmp_path / made.config).read_text(encoding="utf-8")
    assert any("without names of columns, which are called c1, c2 and so on" in said for said in made.warnings)
    learned = learn(path, case)
    assert [*learned.table.columns] == ["c1", "c2", "c3", "c4"]
    assert len(learned.table) == 90
    _, answers = batch(learned.package, path)
    named = tmp_path / "named.csv"
    named.write_text("\n".join(["c1,c2,c3,c4", *LINES]), encoding="utf-8")
    assert batch(learned.package, named)[1].equals(answers), "a header of these names is no row"


def test_a_title_above_a_table_without_a_header_is_left_out_by_every_reader(tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(LINES), encoding="utf-8")
    titles = ["Plants of 2024, as measured", "", "all in cm"]
    case, made, path = initialised(tmp_path, "\n".join([*titles, *LINES]), "c4")
    assert (case.data.read.header, case.data.read.first_row) == ("none", 4)
    assert "    first_row: 4  # the line" in (tmp_path / made.config).read_text(encoding="utf-8")
    assert any("its first row in line 4" in said for said in made.warnings)
    assert not any("in line none" in said for said in made.warnings)
    learned = learn(path, case)
    assert [*learned.table.columns] == ["c1", "c2", "c3", "c4"]
    assert len(learned.table) == 90
    answers = batch(learned.package, path)[1]
    assert len(answers) == 90
    assert batch(learned.package, bare)[1].equals(answers), "a table without the title loses no row"
    with pytest.raises(DataError, match=r"has a row in line 1, and data\.read\.first_row: 4 would leave it out"):
        read_table(bare, "bare.csv", how=case.data.read)


def test_a_title_above_the_rows_of_a_sheet_is_left_out(tmp_path: Path) -> None:
    cells = [[number(one), number(two), text(three), text(four)] for one, two, three, four in ROWS]
    path = write_xlsx(tmp_path / "one.xlsx", {"A": [[text("Plants")], *cells]})
    how = proposal_for(path, "one.xlsx", ["c4"]).how
    assert (how.header, how.first_row) == ("none", 2)
    assert read_table(path, "one.xlsx", how=how).shape == (90, 4)
    below = how.model_copy(update={"first_row": 3})
    with pytest.raises(DataError, match="has a row in line 2"):
        read_table(path, "one.xlsx", how=below)


def test_below_a_title_a_line_that_looks_like_a_row_is_asked_about_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("\n".join(["Plants of 2024", *LINES]), encoding="utf-8")
    (asked,) = proposal_for(path, "one.csv", [LINES[0].split(",")[3]]).asked
    assert asked.startswith(
        "line 2 ('0.0', '0', 'a', 'yes') looks like a row. If it is one: header: none, first_row: 2; its"
    )


def test_a_first_line_that_looks_like_a_row_is_asked_about_and_its_names_are_no_targets(tmp_path: Path) -> None:
    _, made, _ = initialised(tmp_path, "\n".join(LINES), LINES[0].split(",")[3])
    written = " ".join((tmp_path / made.config).read_text(encoding="utf-8").replace("#", " ").split())
    assert "? the first line ('0.0', '0', 'a', 'yes') looks like a row. If it is one: header: none;" in written
    assert any("1 question" in said for said in made.warnings)
    other = tmp_path / "other.csv"
    other.write_text("\n".join(LINES), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"no column 'kind', and its first line looks like a row: .* called c1 to c4: say"
    ):
        initialise(tmp_path, other, "kind")


@pytest.mark.parametrize("header", ["2019,2020,group,kind", "0.5,7,a,kind"])
def test_numbers_may_be_names(header: str, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("\n".join([header, *LINES]), encoding="utf-8")
    assert proposal_for(path, "one.csv", ["kind"]).asked == ()


def test_a_row_of_units_is_no_row_and_another_unit_is_refused_by_every_reader(tmp_path: Path) -> None:
    header = "height,weight,group,kind"
    case, made, path = initialised(tmp_path, "\n".join([header, "cm,[kg],-,", *LINES]), "kind")
    assert case.data.read.units == {"height": "cm", "weight": "[kg]"}
    assert '    units: {height: "cm", weight: "[kg]"}' in (tmp_path / made.config).read_text(encoding="utf-8")
    assert any("below the names their units ('cm', '[kg]')" in said for said in made.warnings)
    learned = learn(path, case)
    assert len(learned.table) == 90
    assert learned.package.manifest.read == case.data.read
    answers = batch(learned.package, path)[1]
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join([header, *LINES]), encoding="utf-8")
    assert batch(learned.package, bare)[1].equals(answers), "a table without them loses no row"
    other = tmp_path / "other.csv"
    other.write_text("\n".join([header, "inch,[kg],-,", *LINES]), encoding="utf-8")
    with pytest.raises(DataError, match=r"the unit 'inch' for 'height' in line 2, expected 'cm'"):
        batch(learned.package, other)


def test_a_row_that_may_be_of_units_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("\n".join(["a,b,c,kind", "furlong,stone,-,", *LINES]), encoding="utf-8")
    proposal = proposal_for(path, "one.csv", ["kind"])
    assert proposal.how == Dialect()
    assert proposal.asked == (
        'the row below the names is read as one; it may hold units. If it does: units: {"a": "furlong", "b": "stone"}',
    )


def test_sheets_have_them_too(tmp_path: Path) -> None:
    cells = [[number(one), number(two), text(three), text(four)] for one, two, three, four in ROWS]
    head = [text(name) for name in ("height", "weight", "group", "kind")]
    units = [text("cm"), text("kg"), text("-"), text("-")]
    path = write_xlsx(tmp_path / "one.xlsx", {"A": [head, units, *cells]})
    proposal = proposal_for(path, "one.xlsx", ["kind"])
    assert proposal.how.units == {"height": "cm", "weight": "kg"}
    assert read_table(path, "one.xlsx", how=proposal.how).shape == (90, 4)
    path = write_xlsx(tmp_path / "two.xlsx", {"A": cells})
    assert [*read_table(path, "two.xlsx", how=proposal_for(path, "two.xlsx", ["c4"]).how).columns] == [
        "c1",
        "c2",
        "c3",
        "c4",
    ]
