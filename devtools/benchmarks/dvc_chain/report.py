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


def plot_confusion(models: dict[str, Any], features: pd.DataFrame, target: pd.Series) -> None:
    """One confusion matrix per model."""
    figure, axes = plt.subplots(1, len(models), figsize=(5 * len(models), 4), squeeze=False)
    for (name, model), axis in zip(models.items(), axes[0], strict=True):
        ConfusionMatrixDisplay.from_estimator(model, features, target, ax=axis, colorbar=False)
        axis.set_title(name)
    save("confusion", figure)


def plot_curves(models: dict[str, Any], features: pd.DataFrame, target: pd.Series) -> None:
    """ROC, precision-recall and calibration, every class against all others, one row per model."""
    figures = {name: plt.subplots(1, len(models), figsize=(5 * len(models), 4), squeeze=False) for name in CURVES}
    for column, (role, model) in enumerate(models.items()):
        probability = model.predict_proba(features)
        for number, label in enumerate(model.classes_):
            for name, draw in CURVES.items():
                draw(figures[name][1][0][column], target == label, probability[:, number], str(label))
        for _, axes in figures.values():
            axes[0][column].set_title(role)
            axes[0][column].legend()
    for name, (figure, _) in figures.items():
        save(name, figure)


def draw_roc(axis: Any, truth: pd.Series, probability: Any, label: str) -> None:
    """Draw the ROC curve of one class."""
    RocCurveDisplay.from_predictions(truth, probability, name=label, ax=axis)


def draw_precision_recall(axis: Any, truth: pd.Series, probability: Any, label: str) -> None:
    """Draw the precision-recall curve of one class."""
    PrecisionRecallDisplay.from_predictions(truth, probability, name=label, ax=axis)


def draw_calibration(axis: Any, truth: pd.Series, probability: Any, label: str) -> None:
    """Draw the calibration curve of one class."""
    share, mean = calibration_curve(truth, probability, n_bins=10)
    axis.plot(mean, share, marker="o", label=label)
    axis.set(xlabel="mean predicted probability", ylabel="share that was right")


CURVES = {"roc": draw_roc, "precision_recall": draw_precision_recall, "calibration": draw_calibration}


def plot_importance(models: dict[str, Any], features: pd.DataFrame, target: pd.Series, metric: str, times: int) -> None:
    """Permutation importance on the holdout."""
    figure, axes = plt.subplots(1, len(models), figsize=(5 * len(models), 4), squeeze=False)
    for (name, model), axis in zip(models.items(), axes[0], strict=True):
        found = permutation_importance(model, features, target, scoring=metric, n_repeats=times, random_state=42)
        order = found.importances_mean.argsort()
        axis.barh(features.columns[order], found.importances_mean[order], xerr=found.importances_std[order])
        axis.set_title(name)
    save("importance", figure)


def plot_search(candidates: list[dict[str, Any]]) -> None:
    """Cross-validated score of every trial of the search."""
    figure, axis = plt.subplots(figsize=(5, 4))
    for candidate in candidates:
        if candidate["trials"]:
            axis.errorbar(
                [
                    ", ".join(f"{key}={value}" for key, value in trial["params"].items())
                    for trial in candidate["trials"]
                ],
                [trial["mean"] for trial in candidate["trials"]],
                yerr=[trial["std"] for trial in candidate["trials"]],
                marker="o",
                label=candidate["name"],
            )
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


def main() -> None:
    """Draw for the challenger and, where there was one, the production model it was compared with."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    holdout = pd.read_parquet("prepared/holdout.parquet")
    features, target = holdout.drop(columns=params["data"]["target"]), holdout[params["data"]["target"]]
    models = {"challenger": joblib.load("challenger/model.joblib")}
    previous = Path("evaluation/previous.joblib")
    if previous.exists():
        models["production"] = joblib.load(previous)
    PLOTS.mkdir(exist_ok=True)
    plot_confusion(models, features, target)
    plot_curves(models, features, target)
    plot_importance(models, features, target, params["train"]["metric"], params["report"]["importance_repeats"])
    plot_search(json.loads(Path("challenger/candidates.json").read_text()))
    metrics = json.loads(Path("metrics.json").read_text())
    Path("report.html").write_text(page(metrics, pd.read_parquet("prepared/train.parquet").describe(include="all")))


if __name__ == "__main__":
    main()
