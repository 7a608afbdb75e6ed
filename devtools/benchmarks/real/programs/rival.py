"""Score `skrub.tabular_pipeline` on the rows that judged, in an environment of its own: ``python rival.py FOLDER METRIC TARGET``.

The folder has train.parquet and holdout.parquet, with all columns of the table; prints the score.
"""

import sys
import warnings
from pathlib import Path

import pandas as pd
from sklearn.metrics import get_scorer
from skrub import tabular_pipeline

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    folder, metric, target = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    train, holdout = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "holdout"))
    learned, asked = (table.pop(target).astype(str) for table in (train, holdout))
    model = tabular_pipeline("classifier").fit(train, learned)
    sys.stdout.write(f"{get_scorer(metric)(model, holdout, asked)}\n")
