"""Stage report: the plots, and one HTML page that holds them."""

import base64
import html
import json
from pathlib import Path
from typing import Any

import joblib
import matplotlib as mpl
import pandas as pd
import yaml

mpl.use("Agg")
import matplotlib.pyplot as plt
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance
from sklearn.metrics import ConfusionMatrixDisplay, PrecisionRecallDisplay, RocCurveDisplay

PLOTS = Path("plots")


def save(name: str, figure: Any) -> None:
    """Write one figure to the folder of plots."""
    figure.tight_layout()
    figure.savefig(PLOTS / f"{name}.png")
    plt.close(figure)


def side_by_side(models: dict[str, Any]) -> tuple[Any, Any]:
    """A figure, and its axes: one per model."""
    figure, axes = plt.subplots(1, len(models), figsize=(5 * len(models), 4), squeeze=False)
    for name, axis in zip(models, axes[0], strict=True):
        axis.set_title(name)
    return figure, axes[0]


def draw_calibration(truth: pd.Series, probability: Any, *, name: str, ax: Any) -> None:
    """Draw the calibration curve of one class."""
    share, mean = calibration_curve(truth, probability, n_bins=10)
    ax.plot(mean, share, marker="o", label=name)
    ax.set(xlabel="mean predicted probability", ylabel="share that was right")


CURVES = {
    "roc": RocCurveDisplay.from_predictions,
    "precision_recall": PrecisionRecallDisplay.from_predictions,
    "calibration": draw_calibration,
}


def plot_models(models: dict[str, Any], features: pd.DataFrame, target: pd.Series, params: dict[str, Any]) -> None:
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


def plot_search(candidates: list[dict[str, Any]]) -> None:
    """Cross-validated score of every trial of the search."""
    figure, axis = plt.subplots(figsize=(5, 4))
    for candidate in candidates:
        if trials := candidate["trials"]:
            names = [", ".join(f"{key}={value}" for key, value in trial["params"].items()) for trial in trials]
            means, spreads = ([trial[kind] for trial in trials] for kind in ("mean", "std"))
            axis.errorbar(names, means, yerr=spreads, marker="o", label=candidate["name"])
    axis.legend()
    save("search", figure)


def page(metrics: dict[str, Any], profile: pd.DataFrame) -> str:
    """Compose the HTML page, with its images inside."""
    images = "".join(
        f'<h2>{html.escape(path.stem)}</h2><img alt="{html.escape(path.stem)}" '
        f'src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        for path in sorted(PLOTS.glob("*.png"))
    )
    decision = "promoted" if metrics["promoted"] else "kept out"
    scores = pd.DataFrame({role: metrics[role] for role in ("challenger", "production") if role in metrics})
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Report</title><h1>Challenger {decision}</h1>'
        f"{scores.to_html()}<p>Paired test: p = {metrics.get('p_value', 'none')}</p>"
        f"<h2>Data</h2>{profile.to_html()}{images}</html>"
    )


params = yaml.safe_load(Path("params.yaml").read_text())
holdout = pd.read_parquet("prepared/holdout.parquet")
features, target = holdout.drop(columns=params["data"]["target"]), holdout[params["data"]["target"]]
models = {"challenger": joblib.load("challenger/model.joblib")}
previous = Path("evaluation/previous.joblib")
if previous.exists():
    models["production"] = joblib.load(previous)
PLOTS.mkdir(exist_ok=True)
plot_models(models, features, target, params)
plot_search(json.loads(Path("challenger/candidates.json").read_text()))
metrics = json.loads(Path("metrics.json").read_text())
Path("report.html").write_text(page(metrics, pd.read_parquet("prepared/train.parquet").describe(include="all")))
