"""Writes the table of the million-row claim: twenty numeric features, a binary target, the same bytes every time.

The target is drawn from a probability that mixes linear terms, a product, a wave and a threshold, so that there is
something to learn. It is steep (`STEEPNESS`), so that early stopping, which scikit-learn switches on for tables of this
size, has no reason to end before the five hundredth iteration: both sides do the same work.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

FEATURES = 20
SEED = 20_240
STEEPNESS = 3.0


def table(rows: int) -> pd.DataFrame:
    """Draw a learnable table.

    Returns
    -------
    pandas.DataFrame
        ``rows`` rows; columns ``f00`` to ``f19`` (float64) and ``target`` (int64, 0 or 1).
    """
    rng = np.random.default_rng(SEED)
    features = rng.normal(size=(rows, FEATURES))
    weights = np.linspace(1.0, 0.1, FEATURES)
    score = (
        features @ weights
        + 2.0 * features[:, 0] * features[:, 1]
        + 2.0 * np.sin(3.0 * features[:, 2])
        + 2.0 * (features[:, 3] > features[:, 4])
        - 1.0
    )
    frame = pd.DataFrame(features, columns=[f"f{number:02d}" for number in range(FEATURES)])
    frame["target"] = (rng.random(rows) < 1.0 / (1.0 + np.exp(-STEEPNESS * score))).astype(np.int64)
    return frame


def main() -> None:
    """Read the command line, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    table(arguments.rows).to_parquet(arguments.path, index=False)


if __name__ == "__main__":
    main()
