"""What people write in a cell, beside what is meant: read so, or asked; `python -m devtools.benchmarks.dirty` has all of it."""

from pathlib import Path

import pytest

from devtools.benchmarks.dialects import written
from devtools.benchmarks.dirty import DirtyColumn, dirty_columns, outcome_of, read_by_init

COLUMNS = [*dirty_columns()]


def right(columns: list[DirtyColumn]) -> None:
    outcomes = [(column, outcome_of(column)) for column in columns]
    odd = [
        outcome
        for column, outcome in outcomes
        if outcome.came != "right" and not (column.asks and outcome.came == "asked")
    ]
    assert odd == []


def test_some_of_each_kind_are_read_as_they_are_meant_or_asked() -> None:
    right(COLUMNS[::9])


@pytest.mark.long
def test_every_kind_is_read_as_it_is_meant_or_asked() -> None:
    right(COLUMNS)


def test_what_is_ambiguous_is_asked_by_a_line_of_the_use_case(tmp_path: Path) -> None:
    dates = next(column for column in COLUMNS if column.what == "no day above 12")
    rows = [["seen", "n", "kind"], *([cell, f"{at / 8}", "ab"[at % 2]] for at, cell in enumerate(dates.cells))]
    (asked,) = read_by_init(tmp_path, "t.csv", written(rows)).asked
    assert asked.startswith("'seen' holds dates of which nobody can tell day from month")
