"""Write the two sides of a use case's table, in the environment of the product: ``python sides.py CONFIG FOLDER``."""

import sys
from pathlib import Path

from champion.modeling.checks.wrong_cells import mended
from champion.modeling.preparation import labelled, prepare_table
from champion.modeling.split import rule_for
from champion.workspace.workspace import open_workspace
from pipelines.table_check import whole_table

if __name__ == "__main__":
    use_case = open_workspace(sys.argv[1]).use_case
    data, split = use_case.data, use_case.split
    table = whole_table(Path(data.path), data.path, use_case, [name for name in data.drop if name != split.column])
    with_label, _ = labelled(mended(table, data, split.column)[0], data)
    made = prepare_table(table, data, rule_for(with_label, data, split))
    for name, side in (("train", made.train), ("holdout", made.holdout)):
        side.to_parquet(Path(sys.argv[2]) / f"{name}.parquet")
