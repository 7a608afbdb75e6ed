"""Stage evaluate: challenger and production model on the holdout; the challenger takes over when strictly better."""

import json
import shutil
from pathlib import Path

import joblib
import pandas as pd
import yaml
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, roc_auc_score

PRODUCTION = Path("production/model.joblib")


def score(model, features, target):
    """Scores of a model, and its prediction per row."""
    probability = model.predict_proba(features)
    predicted = model.classes_[probability.argmax(axis=1)]
    scores = {
        "accuracy": accuracy_score(target, predicted),
        "balanced_accuracy": balanced_accuracy_score(target, predicted),
        "f1_macro": f1_score(target, predicted, average="macro"),
        "log_loss": log_loss(target, probability, labels=model.classes_),
        "roc_auc": roc_auc_score(target, probability, multi_class="ovr", labels=model.classes_),
    }
    return {name: float(value) for name, value in scores.items()}, pd.Series(predicted, index=target.index)


def paired_test(new, old):
    """Compute the p value of McNemar's exact test (McNemar 1947)."""
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


params = yaml.safe_load(Path("params.yaml").read_text())
metric, policy = params["train"]["metric"], params["promotion"]
holdout = pd.read_parquet("prepared/holdout.parquet")
features, target = holdout.drop(columns=params["data"]["target"]), holdout[params["data"]["target"]]
evaluation = Path("evaluation")
evaluation.mkdir(exist_ok=True)
scores, predicted = score(joblib.load("challenger/model.joblib"), features, target)
answers = pd.DataFrame({"truth": target, "challenger": predicted})
metrics = {"challenger": scores}
promote = scores[metric] >= policy["min_score"]
if PRODUCTION.exists():
    shutil.copy(PRODUCTION, evaluation / "previous.joblib")
    metrics["production"], answers["production"] = score(joblib.load(PRODUCTION), features, target)
    metrics["p_value"] = paired_test(predicted == target, answers["production"] == target)
    gains = {name: value - metrics["production"][name] for name, value in scores.items()}
    within = all(gains[name] >= least for name, least in policy["guardrails"].items())
    promote = promote and gains[metric] > 0 and within
metrics["promoted"] = promote
answers.to_parquet(evaluation / "predictions.parquet", index=False)
Path("metrics.json").write_text(json.dumps(metrics, indent=2))
PRODUCTION.parent.mkdir(exist_ok=True)
if promote:
    shutil.copy("challenger/model.joblib", PRODUCTION)
