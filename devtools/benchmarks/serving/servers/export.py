"""Run in a checkout: writes the champion's pipeline and what it answers to one row, for the rivals and for the check."""

import json
import sys
from pathlib import Path

import joblib
import pandas as pd

from champion.bundle.build import predictor
from champion.bundle.folder import read

ROW = {"sepal_length": 5.9, "sepal_width": 3.0, "petal_length": 4.9, "petal_width": 1.7}  # between two classes


if __name__ == "__main__":
    package, out = map(Path, sys.argv[1:])
    content = read(package, str(package))
    if content is None:
        raise SystemExit(f"There is no package in {package}.")
    model = predictor(content, str(package))
    frame = pd.DataFrame([ROW])[[feature.name for feature in model.contract.features]]
    shares = model.pipeline.predict_proba(frame)[0].tolist()
    joblib.dump(model.pipeline, out / "model.joblib")
    facts = {
        "row": {name: ROW[name] for name in frame},
        "classes": list(model.contract.classes),
        "probabilities": shares,
    }
    (out / "facts.json").write_text(json.dumps(facts))
