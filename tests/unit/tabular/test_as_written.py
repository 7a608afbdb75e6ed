"""Numbers and dates in a writing of their own, through every reader: training, batch inference, the service, the drift gate."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from champion.bundle.build import profile_of
from champion.drift.report import DriftReport
from champion.drift.rows import DriftRequest, compared
from champion.errors import DataError
from champion.onboarding.initialise import initialise
from champion.serving.loaded import Champion
from champion.serving.rows import RequestError
from champion.use_case.cells import CellRule
from champion.use_case.policy import Drift
from champion.use_case.whole import parse_use_case
from tests.support.one_reader import Learned, assert_read_alike, batch, case_of, learn
from tests.support.packages import write

ROWS = 200
AMOUNT = np.arange(ROWS) * 7919 % 1013 / 8
RULES: dict[str, dict[str, Any]] = {
    "price": {"thousands": ",", "unit": "$"},
    "size": {"decimal": ",", "thousands": "."},
    "rate": {"unit": "%"},
    "debt": {"accounting": True},
    "dose": {"bounds": True},
    "seen": {"dates": "%d.%m.%Y"},
    "at": {"dates": "epoch_s"},
    "age": {"missing": [-999]},
    "shop": {"missing": ["?"]},
}


def dirty() -> pd.DataFrame:
    """A table in which price alone decides, and every cell is written as people write it."""
    return pd.DataFrame(
        {
            "price": [f"${1000 + each:,.3f}" for each in AMOUNT],
            "size": [f"{1 + row % 9}.{row % 7}00" for row in range(ROWS)],
            "rate": [f"{5 + row % 40}.25 %" for row in range(ROWS)],
            "debt": [f"({row % 50})" if row % 3 == 0 else str(row % 50) for row in range(ROWS)],
            "dose": ["<0.5" if row % 10 == 0 else f"{row % 10}.5" for row in range(ROWS)],
            "seen": [f"{1 + row % 28}.{1 + row % 12}.2024" for row in range(ROWS)],
            "at": [1_700_000_000 + 86_400 * (row % 90) for row in range(ROWS)],
            "age": [-999 if row % 10 == 0 else 20 + row % 50 for row in range(ROWS)],
            "shop": [("north", "south", "?")[row % 3] for row in range(ROWS)],
            "y": ["dear" if each > 60 else "cheap" for each in AMOUNT],
        }
    )


def learned(path: Path) -> Learned:
    return learn(path, case_of(path, read={"columns": RULES}))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_reader_takes_cells_by_the_rule_of_their_column(suffix: str, tmp_path: Path) -> None:
    made = learned(path := write(dirty(), tmp_path / f"one{suffix}"))
    features = {feature.name: feature for feature in made.package.manifest.signature}
    numbers, moments = ("price", "size", "rate", "debt", "dose", "age"), ("seen", "at")
    assert {features[name].kind for name in numbers} == {"numeric"}
    assert {features[name].kind for name in moments} == {"datetime"}
    assert (features["price"].minimum, features["size"].maximum) == (1000.0, 9600.0)
    assert (features["debt"].minimum, features["dose"].minimum, features["rate"].maximum) == (-49.0, 0.5, 44.25)
    assert (features["age"].minimum, features["age"].nullable, features["shop"].categories) == (
        21.0,
        True,
        ("north", "south"),
    )
    assert {each.name: each.unit for each in profile_of(made.package).columns if each.unit} == {
        "price": "$",
        "rate": "%",
    }
    assert "20 of 200 values of 'dose' are bounds, as '<0.5': taken for the number." in made.said
    assert_read_alike(made, path, apart=("price", "seen", "at"))


def test_a_request_may_have_the_number_or_its_writing(tmp_path: Path) -> None:
    champion = Champion(learned(write(dirty(), tmp_path / "one.csv")).package, "test")
    written = {"price": "$1,060.500", "size": "2.100", "rate": "12.25 %", "debt": "(3)", "dose": "<0.5", "seen": "31.12.2024",
               "at": "1700000000", "age": -999, "shop": "?"}  # fmt: skip
    plain = {"price": 1060.5, "size": 2100, "rate": 12.25, "debt": -3, "dose": 0.5, "seen": "2024-12-31",
             "at": 1_700_000_000, "age": None, "shop": None}  # fmt: skip
    one, other = (champion.reader.block(champion.reader.read(json.dumps(row).encode(), 1)) for row in (written, plain))
    np.testing.assert_array_equal(one.numbers, other.numbers)
    with pytest.raises(RequestError, match=r"expected a number from .* or a text such as 1,234\.5 \$"):
        champion.reader.read(json.dumps({**plain, "price": "1060 EUR"}).encode(), 1)
    with pytest.raises(RequestError, match="Found a text that is read as missing"):
        champion.reader.read(json.dumps({**plain, "price": ""}).encode(), 1)


def test_a_cell_that_does_not_fit_is_a_rejected_row_and_many_are_a_refusal_that_names_the_unit(tmp_path: Path) -> None:
    made, table = learned(write(dirty(), tmp_path / "one.csv")), dirty()
    table.loc[3, "price"] = "1,003 EUR"
    tally, _ = batch(made.package, path := write(table, tmp_path / "few.csv"))
    assert (tally.rejected, tally.first) == (1, "row 4: 'price' is no number such as 1,234.5 $")
    assert (
        learned(path)
        .said[0]
        .startswith("1 of 200 values of 'price' are no numbers: '1,003 EUR' (row 4), in the unit 'EUR'.")
    )
    table["price"] = table["price"].str.removeprefix("$") + " EUR"
    with pytest.raises(
        DataError, match=r"is numeric in data\.read\.columns, but 200 of 200 .* in the unit 'EUR'\. .* correct data"
    ):
        learned(write(table, tmp_path / "euro.csv"))


def test_init_finds_the_rules_of_all_columns_and_price_is_never_an_identifier(tmp_path: Path) -> None:
    for folder in ("data", "configs"):
        (tmp_path / folder).mkdir()
    table = dirty().assign(zip=[10_000 + row % 8 for row in range(ROWS)])
    table.loc[[5, 6], "y"] = None
    path = write(table, tmp_path / "data/one.csv")
    made = initialise(tmp_path, path, "y")
    text = (tmp_path / made.config).read_text(encoding="utf-8")
    case = parse_use_case(yaml.safe_load(text), "one")
    rules = {name: CellRule(**rule) for name, rule in RULES.items() if name != "size"}
    assert case.data.read.columns == rules, "1.200 stays 1.2, since price has its decimals behind a point"
    assert case.data.kinds["zip"] == "categorical"
    assert (case.data.drop, case.data.unlabelled, made.missing["y"]) == ((), "drop", 0.01)
    assert made.classes == {"dear": 106, "cheap": 92}
    assert [each for each in made.warnings if "have no label" in each]
    assert text.count("# ? ") == 1
    assert "# ? 'size' is read with" in text, "1.200 may be 1200"
    learned = learn(path, case)
    assert {feature.kind for feature in learned.package.manifest.signature if feature.name == "price"} == {"numeric"}
    assert_read_alike(learned, path, apart=("price", "seen", "at"))


def watched(made: Learned, path: Path) -> DriftReport:
    return compared(path, made.package, DriftRequest(rules=Drift(), source=path.name), None, lambda *_: None)


def test_another_unit_is_named_by_the_drift_gate_and_is_no_drift(tmp_path: Path) -> None:
    made = learned(write(dirty(), tmp_path / "one.csv"))
    euro, fractions, bare = dirty(), dirty(), dirty()
    euro["price"] = euro["price"].str.removeprefix("$") + " EUR"
    fractions["rate"] = [f"{float(text.removesuffix(' %')) / 100:.4f}" for text in fractions["rate"]]
    bare["rate"] = bare["rate"].str.removesuffix(" %")
    for frame, name, text in (
        (euro, "price", "200 of 200 values are in 'EUR'; in training they were in '$'."),
        (fractions, "rate", "200 of 200 values have no '%' and seem to be fractions: 0.1234 where 12.34 % was."),
    ):
        report = watched(made, write(frame, tmp_path / "new.csv"))
        assert report.verdict == "schema"
        assert [(each.column, each.text) for each in report.schema_differences] == [(name, text)]
        assert not [each.name for each in report.features if each.verdict == "drift"]
    report = watched(made, write(bare, tmp_path / "new.csv"))
    assert (report.verdict, report.schema_differences) == ("none", [])
    assert "200 of 200 values of 'rate' have no unit: they are taken to be in '%'." in report.notes
    said = learn(
        write(fractions, tmp_path / "new.csv"), case_of(tmp_path / "new.csv", read={"columns": RULES}), made.package
    ).said
    assert [text for text in said if "seem to be fractions" in text]


def test_a_rule_that_is_new_moves_no_row_and_the_champion_still_reads_its_own_way(tmp_path: Path) -> None:
    path = write(dirty(), tmp_path / "one.csv")
    before = learn(path, case_of(path, kinds={"price": "categorical", "seen": "categorical"}))
    after = learned(path)
    assert before.package.manifest.split.same_rows(after.package.manifest.split)
    price = after.table["price"]
    assert price.tolist() == dirty()["price"].tolist(), "the store has it as it is written"
    said = learn(path, case_of(path, read={"columns": RULES}), before.package).said
    assert [
        text for text in said if text.startswith("The column 'price' was categorical for the champion, and is numeric.")
    ]
