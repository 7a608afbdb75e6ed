"""Stage prepare: the table, split into train set and holdout."""

from pathlib import Path

import pandas as pd
import yaml
from sklearn.model_selection import train_test_split

params = yaml.safe_load(Path("params.yaml").read_text())
table = pd.read_csv(params["data"]["path"])
split, labels = params["split"], table[params["data"]["target"]]
train, holdout = train_test_split(table, test_size=split["share"], random_state=split["seed"], stratify=labels)
Path("prepared").mkdir(exist_ok=True)
train.to_parquet("prepared/train.parquet", index=False)
holdout.to_parquet("prepared/holdout.parquet", index=False)
