"""Rows as a table for the terminal, or as JSON."""

import json
import os
import platform
from collections.abc import Sequence

from devtools.benchmarks.claims import Row

HEADINGS = ("claim", "ours", "rival", "ratio", "limit", "ok")


def as_table(rows: Sequence[Row]) -> str:
    """One line per row, columns aligned, and the machine below."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", f"Medians. {describe_machine()}."])


def as_json(rows: Sequence[Row]) -> str:
    """Give the same as JSON: ``machine``, and under ``rows`` what `Row.as_json` gives."""
    return json.dumps({"machine": describe_machine(), "rows": [row.as_json() for row in rows]}, indent=2)


def describe_machine() -> str:
    """Cores, interpreter and system, as a figure's reader needs to know them."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def _cells(row: Row) -> tuple[str, ...]:
    digits = 2 if row.unit == "s" else 0
    if row.compare == "ratio":
        value, limit = f"{row.value:.2f}", f"{row.limit:.2f}"
    else:
        value, limit = f"{row.value:+.2f} {row.unit}", f"{row.limit:+.2f} {row.unit}"
    return (
        row.claim,
        f"{row.ours:.{digits}f} {row.unit}",
        f"{row.rival:.{digits}f} {row.unit}",
        value,
        limit,
        "yes" if row.ok else "NO",
    )
