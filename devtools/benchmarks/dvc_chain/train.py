"""Stage train: both candidates, ranked by cross-validation on the train set; the better one is the challenger."""

import json
from pathlib import Path

import joblib
import pandas as pd
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler


def train_forest(features, target, settings):
    """Cross-validate the random forest, then fit it on all rows."""
    forest = RandomForestClassifier(**settings["random_forest"])
    folds = StratifiedKFold(settings["folds"], shuffle=True, random_state=42)
    scores = cross_val_score(forest, features, target, cv=folds, scoring=settings["metric"])
    summary = {"name": "random_forest", "mean": float(scores.mean()), "std": float(scores.std()), "trials": []}
    return {**summary, "model": forest.fit(features, target)}


def train_regression(features, target, settings):
    """Search the regularisation of the logistic regression; the search refits the best on all rows."""
    pipeline = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression(**settings["logistic_regression"]))])
    search = GridSearchCV(
        pipeline,
        {f"model__{name}": values for name, values in settings["search"].items()},
        cv=StratifiedKFold(settings["folds"], shuffle=True, random_state=42),
        scoring=settings["metric"],
    ).fit(features, target)
    columns = zip(*(search.cv_results_[name] for name in ("params", "mean_test_score", "std_test_score")), strict=True)
    trials = [{"params": params, "mean": float(mean), "std": float(std)} for params, mean, std in columns]
    best = trials[int(search.best_index_)]
    summary = {"name": "logistic_regression", "mean": best["mean"], "std": best["std"], "trials": trials}
    return {**summary, "model": search.best_estimator_}


params = yaml.safe_load(Path("params.yaml").read_text())
table = pd.read_parquet("prepared/train.parquet")
features, target = table.drop(columns=params["data"]["target"]), table[params["data"]["target"]]
candidates = [train(features, target, params["train"]) for train in (train_forest, train_regression)]
candidates.sort(key=lambda candidate: candidate["mean"], reverse=True)
folder = Path("challenger")
folder.mkdir(exist_ok=True)
joblib.dump(candidates[0]["model"], folder / "model.joblib")
summary = [{key: value for key, value in candidate.items() if key != "model"} for candidate in candidates]
(folder / "candidates.json").write_text(json.dumps(summary, indent=2))
