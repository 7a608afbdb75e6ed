"""``python -m devtools.benchmarks.model_files``: model files beside joblib's, boosters beside their own predict.

Exit code 1 when a file of many trees takes more than 3 times joblib's time to write, or 2 times to read. Files: medians of some
repeats, all four in turn, so that what else the machine does meets each of them; boosters: the best of some. It takes a minute.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import joblib
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from champion.bundle.model import dumps, loads
from champion.errors import DONE, FAILED
from champion.modeling.libraries import LIBRARIES
from champion.terminal import echo

WRITE, READ = 3.0, 2.0  # times joblib's
MANY = (
    HistGradientBoostingClassifier(max_iter=1000, early_stopping=False, random_state=0),
    RandomForestClassifier(100, random_state=0, n_jobs=1),
)
OTHERS = (GradientBoostingClassifier(random_state=0), LogisticRegression())
BOOSTERS = {"lightgbm": "LGBMClassifier", "xgboost": "XGBClassifier", "catboost": "CatBoostClassifier"}


def best(work: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """The shortest of some times in seconds, and the last result."""
    seconds, made = float("inf"), None
    for _ in range(repeat):
        start = time.perf_counter()
        made = work()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, made


def medians(*works: Callable[[], Any], repeat: int) -> list[float]:
    """The median of the times of each in seconds, all of them in turn."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(repeat):
        for work, seconds in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in taken]


def shown(seconds: float) -> str:
    """Milliseconds, with a decimal where they are few."""
    return f"{seconds * 1e3:.{0 if seconds > 0.01 else 1}f} ms"


def pickled(model: Any) -> bytes:
    """What joblib writes."""
    target = io.BytesIO()
    joblib.dump(model, target)
    return target.getvalue()


def unpickled(data: bytes) -> Any:
    """What joblib reads of it."""
    return joblib.load(io.BytesIO(data))


def files(rows: Any, labels: Any, repeat: int) -> bool:
    """Print a line for each model; whether those of many trees are within the limits."""
    good = True
    echo("| model | joblib writes | ours | times | joblib reads | ours | times |")
    for estimator in (*MANY, *OTHERS):
        model = Pipeline([("prepare", "passthrough"), ("model", estimator)]).fit(rows, labels)
        theirs, data = pickled(model), dumps(model)
        works = (
            partial(pickled, model),
            partial(dumps, model),
            partial(unpickled, theirs),
            partial(loads, data, "here"),
        )
        write, ours, read, back = medians(*works, repeat=repeat * (1 if estimator in MANY else 20))
        cells = (
            f"{shown(write)} | {shown(ours)} | {ours / write:.1f} | {shown(read)} | {shown(back)} | {back / read:.1f}"
        )
        echo(f"| {type(estimator).__name__} | {cells} |")
        good &= estimator not in MANY or (ours <= WRITE * write and back <= READ * read)
    return good


def boosters(rows: Any, labels: Any, repeat: int) -> None:
    """Print what a booster of ours takes for many rows and for one, beside its library's own estimator."""
    echo("| booster | rows | its own | ours | largest difference |")
    for name, class_name in BOOSTERS.items():
        kind: Any = LIBRARIES[name].adapted(name)
        quiet = {
            "lightgbm": {"verbose": -1},
            "catboost": {"verbose": 0, "allow_writing_files": False, "thread_count": 4},
        }
        own = getattr(__import__(name), class_name)(n_estimators=100, random_state=0, **quiet.get(name, {}))
        own.fit(rows, labels)
        ours = kind(n_estimators=100, random_state=0).fit(rows, labels)
        for asked in (rows, rows[:1]):
            theirs, one = best(partial(own.predict_proba, asked), repeat)
            mine, other = best(partial(ours.predict_proba, asked), repeat)
            apart = float(np.abs(one - other).max())
            echo(f"| {class_name} | {len(asked):,} | {theirs * 1e3:.2f} ms | {mine * 1e3:.2f} ms | {apart:.1g} |")


@click.command()
@click.option("--repeat", default=15, show_default=True)
def main(repeat: int) -> None:
    """Measure, print tables, and exit with 1 where a limit is broken."""
    rows, labels = make_classification(5_000, 20, random_state=0)
    good = files(rows, labels, repeat)
    boosters(rows, labels, repeat)
    sys.exit(DONE if good else FAILED)


if __name__ == "__main__":
    main()
