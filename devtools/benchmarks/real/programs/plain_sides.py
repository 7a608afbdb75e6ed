"""Set a fifth of a table's rows aside, in an environment of its own: ``python plain_sides.py TABLE TARGET FOLDER``.

For a table that the product refuses, and so does not split.
"""

import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

if __name__ == "__main__":
    table, target, folder = pd.read_csv(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    sides = train_test_split(table, test_size=0.2, stratify=table[target], random_state=0)
    for name, side in zip(("train", "holdout"), sides, strict=True):
        side.to_parquet(folder / f"{name}.parquet")
