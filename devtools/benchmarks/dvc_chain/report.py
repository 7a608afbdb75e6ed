"""Stage report: the plots, and one HTML page that holds them."""

import base64
import html
import json
from functools import partial
from pathlib import Path

import joblib
import matplotlib as mpl
import pandas as pd
import yaml

mpl.use("Agg")
import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import permutation_importance
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

PLOTS = Path("plots")


def save(name, figure):
    """Write one figure to the folder of plots."""
    figure.tight_layout()
    figure.savefig(PLOTS / f"{name}.png")
    plt.close(figure)


def side_by_side(models):
    """A figure, and its axes: one per model."""
    figure, axes = plt.subplots(1, len(models), figsize=(5 * len(models), 4), squeeze=False)
    for name, axis in zip(models, axes[0], strict=True):
        axis.set_title(name)
    return figure, axes[0]


CURVES = {
    "roc": RocCurveDisplay.from_predictions,
    "precision_recall": PrecisionRecallDisplay.from_predictions,
    "calibration": partial(CalibrationDisplay.from_predictions, n_bins=10),
}


def plot_models(models, features, target, params):
    """Per model: confusion matrix, permutation importance on the holdout, and the curves of every class."""
    names = ("confusion", "importance", *CURVES)
    figures, axes = zip(*(side_by_side(models) for _ in names), strict=True)
    scoring, times = params["train"]["metric"], params["report"]["importance_repeats"]
    for model, (confusion, bars, *curves) in zip(models.values(), zip(*axes, strict=True), strict=True):
        ConfusionMatrixDisplay.from_estimator(model, features, target, ax=confusion, colorbar=False)
        importance = permutation_importance(model, features, target, scoring=scoring, n_repeats=times, random_state=42)
        order = importance.importances_mean.argsort()
        means, spreads = importance.importances_mean[order], importance.importances_std[order]
        bars.barh(features.columns[order], means, xerr=spreads)
        probability = model.predict_proba(features)
        for draw, axis in zip(CURVES.values(), curves, strict=True):
            for number, label in enumerate(model.classes_):
                draw(target == label, probability[:, number], name=str(label), ax=axis)
            axis.legend()
    for name, figure in zip(names, figures, strict=True):
        save(name, figure)


params = yaml.safe_load(Path("params.yaml").read_text())
holdout = pd.read_parquet("prepared/holdout.parquet")
features, target = holdout.drop(columns=params["data"]["target"]), holdout[params["data"]["target"]]
models = {"challenger": joblib.load("challenger/model.joblib")}
previous = Path("evaluation/previous.joblib")
if previous.exists():
    models["production"] = joblib.load(previous)
PLOTS.mkdir(exist_ok=True)
plot_models(models, features, target, params)

figure, axis = plt.subplots(figsize=(5, 4))  # cross-validated score of every trial of the search
for candidate in json.loads(Path("challenger/candidates.json").read_text()):
    if trials := candidate["trials"]:
        names = [", ".join(f"{key}={value}" for key, value in trial["params"].items()) for trial in trials]
        means, spreads = ([trial[kind] for trial in trials] for kind in ("mean", "std"))
        axis.errorbar(names, means, yerr=spreads, marker="o", label=candidate["name"])
axis.legend()
save("search", figure)

metrics = json.loads(Path("metrics.json").read_text())
scores = pd.DataFrame({role: metrics[role] for role in ("challenger", "production") if role in metrics})
profile = pd.read_parquet("prepared/train.parquet").describe(include="all")
page = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Report</title>'
    f"<h1>Challenger {'promoted' if metrics['promoted'] else 'kept out'}</h1>"
    f"{scores.to_html()}<p>Paired test: p = {metrics.get('p_value', 'none')}</p><h2>Data</h2>{profile.to_html()}"
)
for path in sorted(PLOTS.glob("*.png")):
    image, name = base64.b64encode(path.read_bytes()).decode(), html.escape(path.stem)
    page += f'<h2>{name}</h2><img alt="{name}" src="data:image/png;base64,{image}">'
Path("report.html").write_text(f"{page}</html>")
