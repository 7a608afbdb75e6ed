"""Stage prepare: the table, split into train set and holdout."""

from pathlib import Path

import pandas as pd
import yaml
from sklearn.model_selection import train_test_split


def main() -> None:
    """Read the table, write ``prepared/train.parquet`` and ``prepared/holdout.parquet``."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    table = pd.read_csv(params["data"]["path"])
    train, holdout = train_test_split(
        table,
        test_size=params["split"]["share"],
        random_state=params["split"]["seed"],
        stratify=table[params["data"]["target"]],
    )
    Path("prepared").mkdir(exist_ok=True)
    train.to_parquet("prepared/train.parquet", index=False)
    holdout.to_parquet("prepared/holdout.parquet", index=False)


if __name__ == "__main__":
    main()
