"""The model card: who the champion is, for a person (after Mitchell et al. 2019, Model Cards for Model Reporting)."""

from datetime import date, timedelta

from champion.bundle.manifest import Manifest
from champion.modeling.features import Feature
from champion.modeling.profile import Profile

SHOWN_CATEGORIES = 8


def model_card(manifest: Manifest, profile: Profile) -> str:
    """Write the card as Markdown.

    Parameters
    ----------
    manifest : Manifest
        The champion's; its `files` and `champion_state` may still change, the card names neither.
    """
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in manifest.metrics.items())
    features = "\n".join(
        f"| {_cell(feature.name)} | {feature.kind} | {_seen(feature)} "
        f"| {'may be missing' if feature.nullable else 'required'} |"
        for feature in manifest.signature
    )
    counts = ", ".join(f"{label} ({count})" for label, count in zip(profile.classes, profile.class_counts, strict=True))
    return f"""# {manifest.use_case}, model version {manifest.model_version}

{manifest.decision.reason}

## What it is

`{manifest.estimator}` (candidate `{manifest.candidate}`), trained on {profile.rows} rows of `{manifest.data_path}`
to predict `{manifest.target}`. Classes, with their rows in training: {counts}.

- data version `{manifest.data_version}`, commit `{manifest.commit or "none"}`{" with local changes" if manifest.dirty else ""}
- fingerprint `{manifest.fingerprint}`, seed {manifest.seed}
- made {manifest.created} with {", ".join(f"{name} {version}" for name, version in manifest.libraries.items())}

## How good it is

On the holdout, {manifest.split.in_words()}, on which no model was trained; higher is better:

| score | value |
| --- | --- |
{scores}

## What it expects

| column | kind | seen in training | |
| --- | --- | --- | --- |
{features}

## Limits

It knows only what `{manifest.data_path}` knew. Rows outside the ranges above are extrapolation, and a category that is
not listed counts as unknown. Scores on a holdout of the same table say nothing about a population that differs.
"""


def _seen(feature: Feature) -> str:
    if feature.categories is not None:
        more = len(feature.categories) - SHOWN_CATEGORIES
        shown = ", ".join(map(_cell, feature.categories[:SHOWN_CATEGORIES]))
        return shown + (f" and {more} more" if more > 0 else "")
    if feature.minimum is None or feature.maximum is None:
        return ""
    if feature.kind == "datetime":
        return f"{_day(feature.minimum)} to {_day(feature.maximum)}"
    return f"{feature.minimum:g} to {feature.maximum:g}"


def _day(days: float) -> str:
    return str(date(1970, 1, 1) + timedelta(days=days))


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
