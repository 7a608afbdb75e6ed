"""Plain FastAPI as a tutorial has it, with the faster protocol, the faster loop and no access log."""

import os
import sys
from pathlib import Path

import joblib
import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

MODEL = joblib.load(Path(os.environ["MODEL_FOLDER"]) / "model.joblib")
app = FastAPI()


class Row(BaseModel):
    """One flower."""

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


class Answer(BaseModel):
    """Its probabilities."""

    probabilities: list[float]


@app.post("/predict")
async def predict(row: Row) -> Answer:
    """Answer one row."""
    frame = pd.DataFrame([row.model_dump()])
    return Answer(probabilities=MODEL.predict_proba(frame)[0].tolist())


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
