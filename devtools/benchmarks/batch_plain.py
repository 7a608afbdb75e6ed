"""The rival of batch inference: a plain script with all rows in memory as arrays, which asks the model and no more.

``python batch_plain.py MODEL.skops TABLE.parquet`` prints the seconds that `predict_proba` took. Loading model and rows is
not counted, and nothing is checked, labelled or written.
"""

import sys
import time
import warnings

import numpy as np
import skops.io
from pyarrow import parquet

warnings.simplefilter("ignore")  # that the arrays have no names of columns
_, path, table = sys.argv
model = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
chunks = [
    np.column_stack([column.to_numpy() for column in batch.columns])
    for batch in parquet.ParquetFile(table).iter_batches(batch_size=131_072)
]
started = time.perf_counter()
for chunk in chunks:
    model.predict_proba(chunk)
sys.stdout.write(f"predict_proba {time.perf_counter() - started:.3f} s\n")
