"""Run in a checkout: writes the champion's pipeline and what it answers to one row, for the rivals and for the check."""

import json
import sys
from pathlib import Path

import joblib
import pandas as pd

from champion.bundle.build import classifier
from champion.bundle.folder import read

ROW = {"sepal_length": 5.9, "sepal_width": 3.0, "petal_length": 4.9, "petal_width": 1.7}  # between two classes


def export(package: Path, out: Path) -> None:
    """Write ``model.joblib`` and ``facts.json``."""
    package_read = read(package, str(package))
    if package_read is None:
        raise SystemExit(f"There is no package in {package}.")
    model = classifier(package_read, str(package))
    frame = pd.DataFrame([ROW])[[feature.name for feature in model.features]]
    shares = model.pipeline.predict_proba(frame)[0].tolist()
    code = int(model.pipeline.predict(frame)[0])
    joblib.dump(model.pipeline, out / "model.joblib")
    facts = {"row": {name: ROW[name] for name in frame}, "classes": list(model.classes), "probabilities": shares,
             "label": model.classes[code]}  # fmt: skip
    (out / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
