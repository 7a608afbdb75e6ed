"""BentoML as its guide has it: an array in, probabilities out; batched where BATCHABLE says so."""

import json
import os
from pathlib import Path

import bentoml
import joblib
import numpy as np
import pandas as pd

FOLDER = Path(os.environ["MODEL_FOLDER"])
COLUMNS = list(json.loads((FOLDER / "facts.json").read_text())["row"])


@bentoml.service(workers=1)
class Champion:
    """The pipeline behind one endpoint."""

    def __init__(self) -> None:
        self.model = joblib.load(FOLDER / "model.joblib")

    @bentoml.api(batchable=os.environ["BATCHABLE"] == "yes")
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Answer rows of numbers in the columns' order."""
        return self.model.predict_proba(pd.DataFrame(rows, columns=COLUMNS))
