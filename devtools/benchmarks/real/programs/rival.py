"""Scores `skrub.tabular_pipeline` on the rows that judged, in an environment of its own: ``python rival.py``.

Each line of stdin is a JSON list: a table, its target, the metric, and a folder with train.parquet and holdout.parquet, which
have all columns of the table; without a folder a fifth of the table is the holdout. A line of stdout answers with the
score, or null and the reason.
"""

import json
import sys
import warnings
from pathlib import Path

import pandas as pd
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from skrub import tabular_pipeline


def score(table: str, target: str, metric: str, folder: str | None) -> float:
    """The score of a pipeline that learns the train set alone."""
    if folder is None:
        whole = pd.read_csv(table)
        train, holdout = train_test_split(whole, test_size=0.2, stratify=whole[target], random_state=0)
    else:
        train, holdout = (pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("train", "holdout"))
    learned, asked = (table.pop(target).astype(str) for table in (train, holdout))
    model = tabular_pipeline("classifier").fit(train, learned)
    return float(get_scorer(metric)(model, holdout, asked))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            answer = {"score": score(*json.loads(line)), "why": None}
        except Exception as error:  # skrub has no list of what it may raise; why is in the answer
            answer = {"score": None, "why": f"{type(error).__name__}: {error}"}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
