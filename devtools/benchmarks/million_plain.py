"""The rival of the million-row claim: read, split, fit, score, with nothing around it.

``python million_plain.py TABLE.parquet`` fits four fifths of a table with numeric features and a binary column ``target``,
and prints iterations done, and accuracy, log loss and ROC AUC on the rest, as JSON.
"""

import json
import sys

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

frame = pd.read_parquet(sys.argv[1])
features, target = frame.drop(columns="target"), frame["target"]
train_features, test_features, train_target, test_target = train_test_split(
    features, target, test_size=0.2, random_state=42
)
model = HistGradientBoostingClassifier(max_iter=500, random_state=42).fit(train_features, train_target)
probability = model.predict_proba(test_features)
scores = {
    "iterations": model.n_iter_,
    "accuracy": accuracy_score(test_target, model.classes_[probability.argmax(axis=1)]),
    "log_loss": log_loss(test_target, probability),
    "roc_auc": roc_auc_score(test_target, probability[:, 1]),
}
sys.stdout.write(json.dumps(scores, indent=2))
