"""``python -m devtools.benchmarks.serving.loading``: the memory that loading a model takes, beside what its file unpacks to.

Each model is made in a process of its own, and loaded in another. Linux.
"""

import ctypes
import gc
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from champion.bundle.model import dumps, loads
from champion.bundle.sizes import SCHEMA
from champion.terminal import echo

MB = 2**20


def _noise(rows: int, columns: int, classes: int) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    return draw.normal(size=(rows, columns)), draw.integers(0, classes, rows)


def _constant(rows: int, columns: int) -> tuple[Any, Any]:
    values, classes = _noise(rows, columns, 3)
    return np.where((np.arange(rows) % 100 == 0)[:, None] & (np.arange(columns) == 0), values, 1.0), classes


def _models() -> dict[str, Callable[[], Any]]:
    from sklearn import ensemble, neighbors, svm

    return {
        "random forest, 100 trees, 8,000 rows of noise": lambda: ensemble.RandomForestClassifier(
            100, random_state=0
        ).fit(*_noise(8_000, 10, 3)),
        "200,000 neighbours of 20 columns": lambda: neighbors.KNeighborsClassifier().fit(*_noise(200_000, 20, 3)),
        "the same, the table nearly constant": lambda: neighbors.KNeighborsClassifier().fit(*_constant(200_000, 20)),
        "support vectors, 6,000 rows of 200 columns": lambda: svm.SVC().fit(*_noise(6_000, 200, 2)),
        "histogram boosting, 100 rounds of 30 classes, 3 leaves": lambda: ensemble.HistGradientBoostingClassifier(
            max_leaf_nodes=3, early_stopping=False
        ).fit(*_noise(2_000, 6, 30)),
        "gradient boosting, 100 rounds of 20 classes": lambda: ensemble.GradientBoostingClassifier(max_depth=2).fit(
            *_noise(2_000, 6, 20)
        ),
        "AdaBoost, 300 trees": lambda: ensemble.AdaBoostClassifier(n_estimators=300).fit(*_noise(2_000, 6, 4)),
    }


def make(name: str, file: Path) -> None:
    """Write one of the models."""
    from sklearn.pipeline import make_pipeline

    file.write_bytes(dumps(make_pipeline(_models()[name]())))


def load(name: str, file: Path) -> None:
    """Load a model, after another one has had the libraries imported; print its row."""
    from sklearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeClassifier

    _models()
    loads(dumps(make_pipeline(DecisionTreeClassifier().fit(*_noise(9, 1, 2)))), "the first")
    data = file.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sizes = {part.filename: part.file_size for part in archive.infolist()}
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = _memory("VmRSS")
    model = loads(data, "the model")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # glibc keeps what is freed
    found = [len(data), sum(sizes.values()), sizes[SCHEMA], _memory("VmHWM") - before, _memory("VmRSS") - before]
    del model
    echo(f"| {name} | {' | '.join(f'{each / MB:.1f}' for each in found)} |")


def _memory(name: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(lines[name].split()[0]) * 1024


def main() -> None:
    """Measure every model."""
    if sys.argv[1:]:
        {"make": make, "load": load}[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
        return
    echo(
        f"{os.cpu_count()} cores; MB.\n| model | file | unpacks to | of it JSON | peak | loaded |\n|---|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in _models():
            for what in ("make", "load"):
                command = [sys.executable, "-W", "ignore", "-m", "devtools.benchmarks.serving.loading", what, name]
                subprocess.run([*command, f"{folder}/model"], check=True)


if __name__ == "__main__":
    main()
