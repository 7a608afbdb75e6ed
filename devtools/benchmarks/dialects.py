"""Which library finds out how a text is written: ``python -m devtools.benchmarks.dialects``.

Small tables, each written in many ways, in the manner of the Pollock benchmark (Vitagliano et al. 2023, PVLDB 16): one thing is
changed at a time, and a few together. Right is who gives the table as it was, cell by cell as texts. A library that is not
installed is left out of the table; clevercsv and duckdb are none of this project's.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import io
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from champion.errors import ProjectError
from champion.tabular.tables import open_table, proposal_for
from champion.terminal import echo

TARGET = "kind"
Cells = list[list[str]]


class DirtyFile(NamedTuple):
    """A file, what is special about it, and the table that it holds, the header first."""

    what: str
    content: bytes
    cells: Cells


def table(rows: int = 60, point: str = ".", letters: bool = False) -> Cells:
    """A table of numbers, words and dates; with decimal commas, or with letters beyond ASCII, where asked."""
    cities = ["Zürich", "Málaga", "Århus", "Besançon"] if letters else ["Rome", "New York", "Oslo", "Bern"]
    cells = [["width", "height", "city", "day", "note", TARGET]]
    for row in range(rows):
        numbers = [f"{row * 37 % 101 / 8:.3f}".replace(".", point), f"{row * 53 % 97}"]
        day = f"2024-{row % 12 + 1:02}-{row % 28 + 1:02}"
        note = ["fine", "as usual, but late", 'said "no"', "", "a; b"][row % 5]
        cells.append([*numbers, cities[row % 4], day, note, ["yes", "no", "maybe"][row % 3]])
    return cells


def written(
    cells: Cells, separator: str = ",", quote: str = '"', encoding: str = "utf-8", end: str = "\n", above: str = "",
    below: str = "", every: bool = False,
) -> bytes:  # fmt: skip
    """A table as a text."""
    out = io.StringIO()
    writer = csv.writer if not every else partial(csv.writer, quoting=csv.QUOTE_ALL)
    writer(out, delimiter=separator, quotechar=quote, lineterminator=end).writerows(cells)
    return (above + out.getvalue() + below).encode(encoding)


def dirty_files() -> Iterator[DirtyFile]:
    """Every file of the measurement."""
    yield from _separators()
    yield from _quotes()
    yield from _letters()
    for separator in (",", ";"):
        yield from _around(separator)
        yield from _indexes(separator)
    yield from _shapes()
    yield from _aligned()
    yield from _values()
    letters = table(letters=True)
    yield DirtyFile("a title, tabs, UTF-16", written(letters, "\t", encoding="utf-16", above="Sales\n"), letters)
    both = table(point=",", letters=True)
    content = written(both, ";", encoding="latin-1", above="\u00dcbersicht\n\n", below="Summe;;;;;\n")
    yield DirtyFile("a title and a total, Latin-1, decimal commas", content, both)


def _separators() -> Iterator[DirtyFile]:
    plain, comma = table(), table(point=",")
    names = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", "~": "tildes"}
    for separator, name in names.items():
        yield DirtyFile(f"separated by {name}", written(plain, separator), plain)
        yield DirtyFile(f"separated by {name}, everything quoted", written(plain, separator, every=True), plain)
        yield DirtyFile(f"separated by {name}, decimal commas", written(comma, separator), comma)
    numbers = [["a", "b", TARGET]]
    for row in range(50):
        numbers.append([f"{row * 7 % 31 / 4:.2f}".replace(".", ","), f"{row},5", str(row % 2)])
    yield DirtyFile("semicolons, all columns decimal commas", written(numbers, ";"), numbers)
    for end, name in (("\r\n", "CRLF"), ("\r", "CR")):
        yield DirtyFile(f"lines end with {name}", written(plain, ";", end=end), plain)


def _quotes() -> Iterator[DirtyFile]:
    plain = table()
    for separator in (";", ","):
        yield DirtyFile(f"quoted by apostrophes, {separator}", written(plain, separator, quote="'", every=True), plain)
    bare = [[cell.replace('"', "") for cell in row] for row in plain]
    inches = [bare[0], *([*row[:4], f'{at}" pipe', row[5]] for at, row in enumerate(bare[1:]))]
    opened = [bare[0], *([*row[:4], '"' + "big" * (at % 7 == 0), row[5]] for at, row in enumerate(bare[1:]))]
    for what, cells in (("quotes are letters", inches), ("cells begin with a quote", opened)):
        yield DirtyFile(f"tabs, {what}", "".join("\t".join(row) + "\n" for row in cells).encode(), cells)
    escaped = [",".join('"' + cell.replace('"', '\\"') + '"' for cell in row) for row in plain]
    yield DirtyFile("backslash before quotes", "\n".join(escaped).encode(), plain)


def _letters() -> Iterator[DirtyFile]:
    letters = table(letters=True)
    for encoding in ("utf-8-sig", "latin-1", "windows-1252", "utf-16", "utf-16-le", "mac-roman", "cp850"):
        for separator in (";", ","):
            content = written(letters, separator, encoding=encoding)
            yield DirtyFile(f"letters in {encoding}, {separator}", content, letters)
    other = {"Z\u00fcrich": "\u0141\u00f3d\u017a", "\u00c5rhus": "Wroc\u0142aw", "Besan\u00e7on": "\u010cesk\u00fd"}
    polish = [[other.get(cell, cell) for cell in row] for row in letters]
    yield DirtyFile("letters in windows-1250", written(polish, ";", encoding="windows-1250"), polish)


def _around(separator: str) -> Iterator[DirtyFile]:
    """Titles above, totals and notes below."""
    plain, title, ends = table(), "Sales report 2024\n", separator * 5 + "\n"
    total = f"Total{separator}3201{separator * 4}\n"
    above = {
        "a title": title,
        "a title and a blank line": title + "\n",
        "three lines of comment": "# a\n# b, c; d\n# e\n",
        "a title filled up with separators": "Report" + ends + ends,
    }
    below = {
        "a total": total,
        "a note below": "\nSource: Office of Statistics\n",
        "a total and notes": total + "\n* provisional\nSource: x\n",
    }
    for what, text in above.items():
        yield DirtyFile(f"{what}, {separator}", written(plain, separator, above=text), plain)
    for what, text in below.items():
        yield DirtyFile(f"{what}, {separator}", written(plain, separator, below=text), plain)
    yield DirtyFile(f"a title and a total, {separator}", written(plain, separator, above=title, below=total), plain)


def _indexes(separator: str) -> Iterator[DirtyFile]:
    plain = table()
    header, *rows = written(plain, separator).decode().splitlines(keepends=True)
    names = [["", *plain[0]], *([str(at), *row] for at, row in enumerate(plain[1:]))]
    of_r = header + "".join(f"{at}{separator}{row}" for at, row in enumerate(rows))
    yield DirtyFile(f"names of rows, as R writes them, {separator}", of_r.encode(), names)
    yield DirtyFile(f"an index without a name, {separator}", written(names, separator), names)
    ended = header + "".join(row.replace("\n", separator + "\n") for row in rows)
    yield DirtyFile(f"rows end in a separator, {separator}", ended.encode(), plain)
    yield DirtyFile(f"blank lines, {separator}", "\n".join([header, *rows]).encode(), plain)


def _shapes() -> Iterator[DirtyFile]:
    plain = table()
    two = [[row[0], row[5]] for row in plain]
    for separator, name in ((",", "commas"), (";", "semicolons"), ("\t", "tabs")):
        yield DirtyFile(f"two columns, {name}", written(two, separator), two)
        yield DirtyFile(f"three rows, {name}", written(plain[:4], separator), plain[:4])
    wide = [[*(f"x{column}" for column in range(300)), TARGET]]
    wide += [[*(str(row * column % 89) for column in range(300)), "ab"[row % 2]] for row in range(40)]
    yield DirtyFile("300 columns, semicolons", written(wide, ";"), wide)


def _aligned() -> Iterator[DirtyFile]:
    """Columns that stand below each other, with blanks between them."""
    bare = [
        [cell.replace(" ", "_").replace(",", "").replace('"', "").replace(";", "") or "-" for cell in row]
        for row in table()
    ]
    for what, width in (("left", "<20"), ("right", ">20")):
        lines = ["".join(f"{cell:{width}}" for cell in row).rstrip() + "\n" for row in bare]
        yield DirtyFile(f"columns below each other, to the {what}", "".join(lines).encode(), bare)


def _values() -> Iterator[DirtyFile]:
    """Values that a reader may take for something else."""
    half = range(50)
    tables = {
        "cells of two lines": [["line", TARGET], *([f"first\nsecond {row}", "ab"[row % 2]] for row in half)],
        "times of day": [
            ["begin", "end", TARGET],
            *([f"{row % 24}:00", f"{row % 12}:{row:02}", "ab"[row % 2]] for row in half),
        ],
        "names that are numbers": [
            ["city", "2022", "2023", TARGET],
            *([f"c{row}", "1", str(row), "ab"[row % 2]] for row in half),
        ],
        "codes": [["code", "zip", TARGET], *([f"{row:04}", f"0{row}", "ab"[row % 2]] for row in half)],
    }
    for what, cells in tables.items():
        yield DirtyFile(f"{what}, semicolons", written(cells, ";"), cells)


def as_texts(rows: Any) -> Cells:
    """Cells as texts, a missing one as an empty one."""
    return [["" if cell is None or cell != cell else str(cell) for cell in row] for row in rows]


def by_ours(path: Path) -> Cells:
    """What `init` makes of it."""
    how = proposal_for(path, path.name, [TARGET]).how
    opened = open_table(path, how)
    names = opened.schema.names
    rows = [
        list(row)
        for chunk in opened.chunks(names)
        for row in zip(*(column.to_pylist() for column in chunk.columns), strict=True)
    ]
    return as_texts([["" if name.startswith("Unnamed: ") else name for name in names], *rows])


def by_pandas(path: Path) -> Cells:
    """`read_csv` with `sep=None`."""
    import pandas as pd

    frame = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False)
    return as_texts([["" if str(name).startswith("Unnamed: ") else name for name in frame], *frame.to_numpy().tolist()])


def by_sniffer(path: Path) -> Cells:
    """`csv.Sniffer` on the first 64 KiB, and `csv.reader`."""
    text = path.read_text(encoding="utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline=""), csv.Sniffer().sniff(text[:65536])) if row]


def by_clevercsv(path: Path) -> Cells:
    """`clevercsv.stream_table`, with the letters by charset-normalizer."""
    table_of = importlib.import_module("clevercsv").stream_table
    return [list(row) for row in table_of(str(path), encoding=by_charset(path)) if row]


def by_charset(path: Path) -> str:
    """The encoding that charset-normalizer names."""
    from charset_normalizer import from_path

    best = from_path(path).best()
    return str(best.encoding) if best else "utf-8"


def by_arrow(path: Path) -> Cells:
    """`pyarrow.csv.read_csv`, which guesses nothing but types."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    head = arrow_csv.read_csv(path).schema.names
    texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(head, pa.string()))
    read = arrow_csv.read_csv(path, convert_options=texts)
    return as_texts([read.schema.names, *zip(*(column.to_pylist() for column in read.columns), strict=True)])


def by_duckdb(path: Path) -> Cells:
    """`read_csv` with all columns as texts, the whole file as its sample."""
    read = importlib.import_module("duckdb").sql(f"SELECT * FROM read_csv('{path}', all_varchar=true, sample_size=-1)")  # noqa: S608 - our own path
    return as_texts([read.columns, *read.fetchall()])


READERS: dict[str, tuple[str, Callable[[Path], Cells]]] = {
    "this project": ("champion", by_ours),
    "clevercsv and charset-normalizer": ("clevercsv", by_clevercsv),
    "DuckDB": ("duckdb", by_duckdb),
    "pandas, sep=None": ("pandas", by_pandas),
    "csv.Sniffer": ("csv", by_sniffer),
    "pyarrow": ("pyarrow", by_arrow),
}


def main() -> None:
    """Print for each reader how many files it read right, wrong in silence, or refused; and which."""
    warnings.simplefilter("ignore")
    files = list(dirty_files())
    echo(f"| reader | right of {len(files)} | other cells in silence | refused | seconds |\n|---|---|---|---|---|")
    wrong: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for reader, (module, read) in READERS.items():
            if importlib.util.find_spec(module) is None:
                continue
            right, refused, began = 0, [], time.perf_counter()
            wrong[reader] = []
            for number, file in enumerate(files):
                path = Path(folder) / f"{number}.csv"
                path.write_bytes(file.content)
                try:
                    cells = read(path)
                except ProjectError as error:
                    refused.append(f"{file.what} ({error})")
                except Exception:
                    refused.append(file.what)
                else:
                    if cells == file.cells:
                        right += 1
                    else:
                        wrong[reader].append(file.what)
            seconds = time.perf_counter() - began
            echo(f"| {reader} | {right} | {len(wrong[reader])} | {len(refused)} | {seconds:.1f} |")
            wrong[reader] += [f"refused: {each}" for each in refused]
    for what in wrong["this project"]:
        echo(f"- {what}")


if __name__ == "__main__":
    main()
