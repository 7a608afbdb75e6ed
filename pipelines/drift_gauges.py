"""A drift report as gauges for Prometheus, in its text format: a file for the textfile collector of the node exporter."""

from __future__ import annotations

from datetime import datetime

from champion.drift.report import DriftReport, FeatureDrift

GAUGES = {
    "champion_drift": "Whether the newest data drifted: 1 or 0.",
    "champion_drift_enough_data": "Whether there were data enough to judge: 1 or 0.",
    "champion_drift_schema_differences": "Columns that are missing, new, or of another type.",
    "champion_drift_rows": "Rows that were compared.",
    "champion_drift_checked_timestamp_seconds": "When they were compared, in seconds since 1970.",
    "champion_drift_feature": "Whether a feature drifted: 1 or 0.",
    "champion_drift_feature_effect": "Share of rows that moved, from 0 to 1.",
    "champion_drift_feature_p_value": "The p-value of a feature, corrected over the table.",
    "champion_drift_feature_missing_ratio": "Share of rows without a value, from 0 to 1.",
    "champion_live_accuracy": "Share of labelled rows that the champion got right.",
    "champion_live_accuracy_low": "Lower end of its 95 % interval.",
    "champion_live_accuracy_high": "Upper end of its 95 % interval.",
    "champion_promoted_accuracy": "Share of holdout rows that it got right when it was promoted.",
}


def gauges(report: DriftReport) -> str:
    """The report in Prometheus' text format. Returns every gauge of `GAUGES` that has a value, each with its help."""
    common = {"use_case": report.use_case, "model_version": str(report.model_version)}
    found: dict[str, list[tuple[dict[str, str], float]]] = {
        "champion_drift": [({}, float(report.verdict == "drift"))],
        "champion_drift_enough_data": [({}, float(report.verdict != "not_enough"))],
        "champion_drift_schema_differences": [({}, float(len(report.schema_differences)))],
        "champion_drift_rows": [({}, float(report.current_rows))],
        "champion_drift_checked_timestamp_seconds": [({}, datetime.fromisoformat(report.created).timestamp())],
    }
    for each in [*report.features, *([report.predictions] if report.predictions else [])]:
        for name, value in _of_feature(each).items():
            found.setdefault(name, []).append(({"feature": each.name, "kind": each.kind}, value))
    if report.live is not None:
        live = report.live
        scores = (live.score, live.low, live.high, live.promoted)
        for name, value in zip(list(GAUGES)[-4:], scores, strict=True):
            found[name] = [({}, value)]
    return "".join(
        _gauge(name, [({**common, **labels}, value) for labels, value in rows]) for name, rows in found.items()
    )


def _of_feature(each: FeatureDrift) -> dict[str, float]:
    found = {
        "champion_drift_feature": float(each.verdict == "drift"),
        "champion_drift_feature_missing_ratio": each.missing,
    }
    if each.effect is not None:
        found["champion_drift_feature_effect"] = each.effect
    if each.p_corrected is not None:
        found["champion_drift_feature_p_value"] = each.p_corrected
    return found


def _gauge(name: str, rows: list[tuple[dict[str, str], float]]) -> str:
    lines = [f"# HELP {name} {GAUGES[name]}", f"# TYPE {name} gauge"]
    for labels, value in rows:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.10g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
