"""The floor, run in a checkout: the same model behind bare ASGI, and nothing else. No service can be below it."""

import os
import sys
from pathlib import Path

import msgspec
import numpy as np
import uvicorn

from champion.bundle.build import array_predictor
from champion.bundle.folder import read
from champion.modeling.arrays import Block

PACKAGE = os.environ["PACKAGE"]
MODEL = array_predictor(read(Path(PACKAGE), PACKAGE), PACKAGE)
NAMES = [feature.name for feature in MODEL.contract.features]
DECODER = msgspec.json.Decoder(msgspec.defstruct("Row", [(name, float) for name in NAMES]))
NO_TEXTS = np.empty((1, 0), dtype=object)
START = {"type": "http.response.start", "status": 200}


async def app(scope, receive, send):
    """Answer one row."""
    if scope["type"] != "http":
        return
    row = DECODER.decode((await receive())["body"])
    numbers = np.array([[getattr(row, name) for name in NAMES]])
    predictions = MODEL.predict(Block(numbers, NO_TEXTS))
    body = msgspec.json.encode(
        {"label": MODEL.contract.classes[predictions.values[0]], "probabilities": predictions.probabilities[0].tolist()}
    )
    length = (b"content-length", str(len(body)).encode())
    await send(START | {"headers": [(b"content-type", b"application/json"), length]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    fast = {"loop": "uvloop", "http": "httptools", "lifespan": "off", "access_log": False, "log_level": "warning"}
    uvicorn.run(app, port=int(sys.argv[1]), server_header=False, date_header=False, **fast)
