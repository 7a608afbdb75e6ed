"""Dirty tables with the clean truth beside them: ``python -m devtools.benchmarks.dirty``.

Each kind of value is a column of a small table, written as people write it; each dialect is a file of
`devtools.benchmarks.dialects`. `init` gets the table, and it is read as a training run reads it. Right is who has the numbers,
the dates, the texts and the gaps that are meant; a question in the written YAML about that column, or a refusal, is no silent
mistake.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from champion.errors import DONE, FAILED, ProjectError
from champion.modeling.cells.ruled import as_ruled
from champion.modeling.checks.wrong_cells import mended
from champion.modeling.features import as_categories, as_days, as_numbers
from champion.modeling.table import FEWEST_ROWS
from champion.onboarding.initialise import initialise
from champion.terminal import echo
from champion.use_case.whole import parse_use_case
from champion.workspace.yaml_text import parse
from devtools.benchmarks.dialects import TARGET, dirty_files, written
from pipelines.table_check import whole_table

ROWS = 120
MOST_REFUSED = 0.1  # of the kinds
NUMBERS = [1 + row * 7919 % 1013 for row in range(ROWS)]
CENTS = [number + number % 100 / 100 for number in NUMBERS]
DAYS = [datetime(2024, 1, 1) + timedelta(days=row * 37 % 366, minutes=row * 13 % 1440) for row in range(ROWS)]
Truth = list[float | str | None]


class DirtyColumn(NamedTuple):
    """A column as it is written, what its cells mean, and its name where that says something; `asks` where it leaves doubt."""

    what: str
    cells: list[str]
    truth: Truth
    name: str = "x"
    asks: bool = False


class Read(NamedTuple):
    """A table as it was read, the questions in the written YAML, what `init` said, and which columns are no numbers or dates."""

    frame: pd.DataFrame
    asked: list[str]
    said: list[str]
    texts: frozenset[str]  # columns that are no features, or categories


class Outcome(NamedTuple):
    """What became of a kind: right, asked, refused or wrong; and why it is not right."""

    what: str
    came: str
    why: str = ""


def dirty_columns() -> Iterator[DirtyColumn]:
    """Every kind of value."""
    yield from _numbers()
    yield from _dates()
    yield from _gaps()
    yield from _codes()


def _of(what: str, cells: Iterator[str] | list[str], truth: list[Any], **more: Any) -> DirtyColumn:
    return DirtyColumn(
        what,
        [*cells],
        [None if each is None else each if isinstance(each, str) else float(each) for each in truth],
        **more,
    )


def _european(number: float, group: str = ".") -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", group)


def _numbers() -> Iterator[DirtyColumn]:
    large = [number * 1.25 for number in CENTS]
    thousands = [1000 + number * 99 for number in NUMBERS]
    signed = [number if number % 3 else -number for number in NUMBERS]
    yield _of("$1,658.00", [f"${number:,.4f}" for number in large], [float(f"{number:.4f}") for number in large])
    yield _of("1.234,56", [_european(number * 9) for number in CENTS], [float(f"{number * 9:.2f}") for number in CENTS])
    yield _of("1,5", [f"{number},5" for number in NUMBERS], [number + 0.5 for number in NUMBERS])
    for what in ("73 EUR", "73EUR", "EUR 73", "\u20ac73", "73 \u20ac", "73 kg", "73kg", "73 km/h", "73 points"):
        yield _of(what, [what.replace("73", str(number)) for number in NUMBERS], NUMBERS)
    yield _of("12.34 %", [f"{number:.2f} %" for number in CENTS], CENTS)
    yield _of("12.34%", [f"{number:.2f}%" for number in CENTS], CENTS)
    yield _of("12,34 %", [f"{number:.2f} %".replace(".", ",") for number in CENTS], CENTS)
    for what, group in (
        ("1 000", " "),
        ("1 000 with a no-break space", "\u00a0"),
        ("1 000 with a narrow one", "\u202f"),
        ("1'000", "'"),
        ("1\u2019000", "\u2019"),
        ("1,000", ","),
    ):
        yield _of(what, [f"{number:,}".replace(",", group) for number in thousands], thousands)
    yield _of("1.000", [f"{number:,}".replace(",", ".") for number in thousands], thousands, asks=True)
    yield _of(
        "1 000,50",
        [_european(number * 9, "\u00a0") for number in CENTS],
        [float(f"{number * 9:.2f}") for number in CENTS],
    )
    yield _of(
        "1,00,000",
        [
            f"{number // 100000},{number // 1000 % 100:02},{number % 1000:03}" if number >= 100000 else f"{number:,}"
            for number in [1000 + n * 999 for n in NUMBERS]
        ],
        [1000 + n * 999 for n in NUMBERS],
    )
    yield _of("(42)", [f"({-number})" if number < 0 else str(number) for number in signed], signed)
    yield _of(
        "($42.50)",
        [f"(${-number}.50)" if number < 0 else f"${number}.50" for number in signed],
        [number + (0.5 if number > 0 else -0.5) for number in signed],
    )
    yield _of("42-", [f"{-number}-" if number < 0 else str(number) for number in signed], signed)
    yield _of("-$42", [f"-${-number}" if number < 0 else f"${number}" for number in signed], signed)
    yield _of("\u221242", [str(number).replace("-", "\u2212") for number in signed], signed)
    yield _of("+42", [f"{number:+}" for number in signed], signed)
    yield _of(
        "<0.5",
        ["<0.5" if row % 9 == 0 else f"{number}.5" for row, number in enumerate(NUMBERS)],
        [0.5 if row % 9 == 0 else number + 0.5 for row, number in enumerate(NUMBERS)],
    )
    yield _of(
        ">= 100",
        [">= 100" if row % 9 == 0 else str(number % 100) for row, number in enumerate(NUMBERS)],
        [100 if row % 9 == 0 else number % 100 for row, number in enumerate(NUMBERS)],
    )
    yield _of("1.5e3", [f"{number}.5e1" for number in NUMBERS], [number * 10 + 5 for number in NUMBERS])
    yield _of(".5", [f".{number:04}" for number in NUMBERS], [number / 10000 for number in NUMBERS])
    yield _of("blanks around", [f"  {number} " for number in NUMBERS], NUMBERS)
    yield _of(
        "call us among prices",
        ["call us" if row % 9 == 0 else f"${number}" for row, number in enumerate(NUMBERS)],
        [None if row % 9 == 0 else number for row, number in enumerate(NUMBERS)],
    )
    yield _of("EUR and USD", [f"{number} {'EUR' if number % 2 else 'USD'}" for number in NUMBERS], NUMBERS, asks=True)
    yield _of(
        "3k and 1.5M",
        [f"{number}k" if number % 2 else f"{number}.5M" for number in NUMBERS],
        [number * 1000 if number % 2 else number * 1_000_000 + 500_000 for number in NUMBERS],
        asks=True,
    )


def _dates() -> Iterator[DirtyColumn]:
    iso = [day.date().isoformat() for day in DAYS]
    for form in (
        "%d.%m.%Y",
        "%d.%m.%y",
        "%m/%d/%Y",
        "%d/%m/%Y",
        "%m/%d/%y",
        "%d-%m-%Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%d %b %Y",
        "%d-%b-%y",
        "%a, %d %b %Y",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y%m%d",
        "%Y-%m-%d",
    ):
        yield _of(DAYS[5].strftime(form), [day.strftime(form) for day in DAYS], iso)
    yield _of("5.1.2024", [f"{day.day}.{day.month}.{day.year}" for day in DAYS], iso)
    yield _of("1/5/2024", [f"{day.month}/{day.day}/{day.year}" for day in DAYS], iso)
    minutes = [day.isoformat(timespec="minutes") for day in DAYS]
    for form in ("%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:00", "%Y-%m-%d %H:%M", "%d %b %Y, %H:%M"):
        yield _of(DAYS[5].strftime(form), [day.strftime(form) for day in DAYS], minutes)
    seconds = [int((day - datetime(1970, 1, 1)).total_seconds()) for day in DAYS]
    yield _of("epoch seconds, created_at", [str(each) for each in seconds], minutes, name="created_at")
    yield _of("epoch milliseconds, timestamp", [str(each * 1000) for each in seconds], minutes, name="timestamp")
    yield _of("epoch seconds, by no such name", [str(each) for each in seconds], minutes, asks=True)
    early = [day for day in DAYS if day.day <= 12]
    both = (early * ROWS)[:ROWS]
    yield _of(
        "no day above 12",
        [day.strftime("%m/%d/%Y") for day in both],
        [day.date().isoformat() for day in both],
        asks=True,
    )


def _gaps() -> Iterator[DirtyColumn]:
    def with_gaps(word: str, each: list[Any]) -> list[str]:
        return [word if row % 9 == 0 else str(cell) for row, cell in enumerate(each)]

    def truth(each: list[Any]) -> list[Any]:
        return [None if row % 9 == 0 else cell for row, cell in enumerate(each)]

    words = [("north", "south", "west")[number % 3] for number in NUMBERS]
    for word in ("?", "-", ".", "--", "n.a.", "unknown", "NA", "NULL", "#DIV/0!", " ", "none"):
        yield _of(f"{word!r} among numbers", with_gaps(word, NUMBERS), truth(NUMBERS))
    for word in ("?", "-", ".", " "):
        yield _of(f"{word!r} among words", with_gaps(word, words), truth(words))
    yield _of("'unknown' among words", with_gaps("unknown", words), truth(words), asks=True)
    yield _of(
        "'-' among dates",
        with_gaps("-", [day.strftime("%d.%m.%Y") for day in DAYS]),
        truth([day.date().isoformat() for day in DAYS]),
    )
    for number in (-999, -99.9, 9999, -9999):
        yield _of(
            f"{number} among ages",
            with_gaps(str(number), [20 + each % 60 for each in NUMBERS]),
            truth([20 + each % 60 for each in NUMBERS]),
            asks=number == -99.9,
        )
    yield _of(
        "-1 among ages",
        with_gaps("-1", [20 + each % 60 for each in NUMBERS]),
        truth([20 + each % 60 for each in NUMBERS]),
        asks=True,
    )


def _codes() -> Iterator[DirtyColumn]:
    few = [number % 20 for number in NUMBERS]
    yield _of("001", [f"{number:03}" for number in few], [f"{number:03}" for number in few])
    yield _of("ZIP codes", [f"{10000 + number}" for number in few], [f"{10000 + number}" for number in few], name="zip")
    yield _of(
        "ZIP codes, one with a zero",
        [f"{number * 1500:05}" for number in few],
        [f"{number * 1500:05}" for number in few],
        name="plz",
    )
    yield _of(
        "telephone numbers",
        [f"+49 170 {1000 + number}" for number in few],
        [f"+49 170 {1000 + number}" for number in few],
        name="phone",
    )
    yield _of(
        "telephone numbers in groups",
        [f"170 {100 + number} {200 + number}" for number in few],
        [f"170 {100 + number} {200 + number}" for number in few],
        name="tel",
    )
    yield _of("numbers of rooms", [f"{number}A" for number in few], [f"{number}A" for number in few])
    yield _of("versions", [f"1.{number}.0" for number in few], [f"1.{number}.0" for number in few])
    yield _of("ranges", [f"{number}-{number + 5}" for number in few], [f"{number}-{number + 5}" for number in few])


def outcome_of(column: DirtyColumn) -> Outcome:
    """What becomes of a column in a table of its own."""
    rows = [
        [column.name, "n", TARGET],
        *([cell, f"{at / 8}", "yes" if at % 3 else "no"] for at, cell in enumerate(column.cells)),
    ]
    try:
        with tempfile.TemporaryDirectory() as folder:
            read = read_by_init(Path(folder), "t.csv", written(rows))
    except ProjectError as error:
        return Outcome(column.what, "refused", str(error))
    came = meant(read.frame[column.name], column.truth)
    is_code = all(each is None or not re.match(r"\d{4}-\d\d-\d\d", str(each)) for each in column.truth)
    if column.name in read.texts and not (is_code and all(not isinstance(each, float) for each in column.truth)):
        came = came or "it is a text"
    if came == "":
        return Outcome(column.what, "right")
    return Outcome(column.what, "asked" if any(repr(column.name) in text for text in read.asked) else "wrong", came)


def read_by_init(root: Path, name: str, content: bytes) -> Read:
    """A table as the first run after `init` reads it."""
    for folder in ("data", "configs"):
        (root / folder).mkdir()
    (root / "data" / name).write_bytes(content)
    made = initialise(root, root / "data" / name, TARGET)
    text = (root / made.config).read_text(encoding="utf-8")
    case = parse_use_case(parse(text, name), name)
    frame = mended(whole_table(root / "data" / name, name, case, case.data.drop), case.data)[0]
    frame = as_ruled(frame, case.data.read.columns)
    categories = [column for column, kind in case.data.kinds.items() if kind == "categorical"]
    for column in categories:
        frame[column] = as_categories(frame[column])
    texts = {*categories, *case.data.drop}
    return Read(frame, re.findall(r"# \? (.*(?:\n    #   .*)*)", text), made.warnings, frozenset(texts))


def meant(column: pd.Series, truth: Truth) -> str:
    """How a column differs from what is meant; nothing where it does not."""
    is_number = any(isinstance(each, float) for each in truth)
    is_date = not is_number and all(each is None or re.match(r"\d{4}-\d\d-\d\d", str(each)) for each in truth)
    try:
        if is_number:
            found: list[Any] = as_numbers(column).tolist()
        elif is_date:
            found, truth = as_days(column).tolist(), [*as_days(pd.Series(truth, dtype="str")).tolist()]
        else:
            found = [each if isinstance(each, str) else None for each in as_categories(column)]
    except ProjectError as error:
        return str(error)
    pairs = [(a, b) for a, b in zip(found, truth, strict=True) if not _same(a, b)]
    return "" if not pairs else f"{pairs[0][0]!r} where {pairs[0][1]!r} is meant, in {len(pairs)} of {len(truth)} cells"


def _same(found: Any, truth: Any) -> bool:
    if truth is None or truth != truth:
        return found is None or found != found
    if isinstance(truth, str):
        return bool(found == truth)
    return found is not None and bool(np.isclose(found, truth, rtol=1e-12, atol=0))


def dialect_outcomes() -> Iterator[Outcome]:
    """What becomes of each file in another dialect, beside the same table in a plain one."""
    for file in dirty_files():
        if len(file.cells) <= FEWEST_ROWS:
            continue
        plain = [[re.sub(r"^(\d+),(\d+)$", r"\1.\2", cell) for cell in row] for row in file.cells]
        try:
            with tempfile.TemporaryDirectory() as folder:
                truth = read_by_init(Path(folder), "t.csv", written(plain)).frame
            with tempfile.TemporaryDirectory() as folder:
                read = read_by_init(Path(folder), "t.csv", file.content)
                found = read.frame
        except ProjectError as error:
            yield Outcome(file.what, "refused", str(error))
            continue
        odd = [
            name
            for name in truth
            if name not in found
            or meant(
                found[name],
                [None if each != each else each if isinstance(each, str) else float(each) for each in truth[name]],
            )
        ]
        came = "right" if not odd else "asked" if any("seem to be" in text for text in read.said) else "wrong"
        yield Outcome(file.what, came, f"other cells in {', '.join(map(str, odd))}" if odd else "")


def main() -> None:
    """Print what became of each kind, and how many there are of each outcome."""
    values = [outcome_of(column) for column in dirty_columns()]
    dialects = [*dialect_outcomes()]
    for each in (*values, *dialects):
        if each.came != "right":
            echo(f"{each.came:8} {each.what}: {each.why}")
    for what, outcomes in (("values", values), ("dialects", dialects)):
        counts = Counter(each.came for each in outcomes)
        echo(f"{what}: {len(outcomes)} kinds, {', '.join(f'{count} {came}' for came, count in counts.most_common())}")
    every = Counter(each.came for each in (*values, *dialects))
    sys.exit(FAILED if every["wrong"] or every["refused"] > MOST_REFUSED * every.total() else DONE)


if __name__ == "__main__":
    main()
