"""Columns of numbers in a writing of their own, as they stand in a file of texts: `1.234` is lost where it is read as 1.234."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from champion.tabular.stream import without_words
from champion.tabular.tables import open_table
from champion.use_case.learning import Read

if TYPE_CHECKING:
    import pandas as pd


def as_written(frame: pd.DataFrame, path: Path, read: Read) -> pd.DataFrame:
    """A table of which the columns whose numbers are grouped, or have a decimal comma, are texts; it is changed in place."""
    import pandas as pd

    names = [
        str(name)
        for name in frame.columns
        if (rule := read.columns.get(str(name))) is not None
        and (rule.thousands or rule.decimal != ".")
        and pd.api.types.is_numeric_dtype(frame[name].dtype)
    ]
    for name, texts in as_they_stand(path, names, read).items():
        frame[name] = texts.set_axis(frame.index)
    return frame


def as_they_stand(path: Path, names: Sequence[str], read: Read) -> dict[str, pd.Series]:
    """Columns as texts, from a file of texts; none from one that knows numbers itself. Words for no value are missing."""
    import pandas as pd
    import pyarrow as pa

    table = open_table(path, read) if names else None
    if table is None or not table.textual:
        return {}
    chunks = [pa.Table.from_batches([chunk]) for chunk in table.chunks(names)]
    columns = pa.concat_tables(chunks).combine_chunks()
    each = ((name, without_words(columns.column(name).combine_chunks(), read.words)) for name in names)
    return {name: pd.Series(column.to_pylist(), dtype="str") for name, column in each}
