"""A drift report as one HTML page and as Markdown: the verdict first, then the worst features."""

from __future__ import annotations

from champion.drift.report import DriftReport, FeatureDrift
from champion.reporting import markdown, svg
from champion.reporting.drift import tables
from champion.reporting.histogram import Bar, bars, density, ends
from champion.reporting.page import Box, Page, PageBlock, Plot, Section, render, table
from champion.reporting.words import clean, moment

FIGURES = 60
WORST = 10  # in the open of the Markdown
MOST_BARS = 5
_NOTE = (
    "Rows moved: the share of rows that would have to move for both samples to be alike, chance taken out. Drift takes a "
    "corrected p-value that is significant, and a share that reaches the threshold."
)


def render_drift_html(report: DriftReport) -> str:
    """The report as a self-contained page; the worst 60 features are drawn, all are in the table."""
    use_case, badge, schema = clean(report.use_case), tables.BADGES[report.verdict], tables.schema(report)
    drawn = [
        Plot(clean(each.name), drawing, f"{tables.WORDS[each.verdict]}. {each.reason}")
        for each in tables.worst_first(report)[:FIGURES]
        if (drawing := figure(each))
    ]
    key = PageBlock("key", [("was", "training"), ("is", "new data")])
    sections = [
        ("schema", "Columns that differ", [table(schema, fold=50)] if schema.rows else []),
        ("features", "Features", [table(tables.features(report), fold=120), PageBlock("note", _NOTE)]),
        ("figures", "Training and now", [key, PageBlock("small", drawn)] if drawn else []),
        ("counts", "Counts", [table(tables.quality(report), fold=60)]),
        ("about", "What was compared", [table(tables.about(report))]),
    ]
    page = Page(
        title=f"{use_case}: {badge.lower()}",
        headline=tables.headline(report),
        lead=clean(report.reason, 600),
        sections=[
            Section(key, "Figures" if key == "figures" else heading, heading, blocks)
            for key, heading, blocks in sections
            if blocks
        ],
        brand=use_case,
        eyebrow=f"{use_case} · {moment(report.created)}",
        badge=badge,
        tone="same" if report.verdict in ("none", "not_enough") else "drifted",
        boxes=_live(report),
        text=clean(report.live.text, 400) if report.live else "",
        asides=[clean(note, 400) for note in report.notes],
        aside_title="One note" if len(report.notes) == 1 else "Notes",
        top="verdict",
        style="drift",
    )
    return render(page)


def _live(report: DriftReport) -> list[Box]:
    live = report.live
    if live is None:
        return []
    interval = f"{live.low:.4f} to {live.high:.4f}, {live.rows:,} rows"
    return [
        Box("champion", "accuracy when promoted", f"{live.promoted:.4f}", f"{live.promoted_rows:,} holdout rows"),
        Box("challenger", "accuracy now", f"{live.score:.4f}", interval),
    ]


def render_drift_markdown(report: DriftReport) -> str:
    """The report as GitHub's Markdown; names of the user's stand in code spans, so that none is taken for markup or HTML."""
    text = markdown.text
    features = tables.features(report)
    worst = features._replace(rows=features.rows[:WORST], note="")
    schema = markdown.table(tables.schema(report)) if report.schema_differences else ""
    parts = [
        f"## {text(clean(report.use_case))}: {text(tables.BADGES[report.verdict].lower())}",
        text(f"{tables.headline(report)} {report.reason}"),
        schema if report.verdict == "schema" else "",
        text(report.live.text) if report.live else "",
        markdown.table(worst) if worst.rows else "",
        "" if report.verdict == "schema" else schema,
        "\n".join(f"- {text(clean(note, 400))}" for note in report.notes),
        markdown.folded("All features", [markdown.table(features)] if len(features.rows) > WORST else []),
        markdown.folded("Counts, missing, unseen and out of range", [markdown.table(tables.quality(report))]),
        markdown.folded("What was compared", [markdown.table(tables.about(report))]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def figure(feature: FeatureDrift) -> str:
    """The reference and the new data of one feature over each other; empty where there is nothing to draw."""
    cells = feature.cells
    if not sum(cells.current) or not sum(cells.reference):
        return ""
    title = f"{clean(feature.name, 60)}: training and new data"
    reference, current = ([rows / sum(counts) for rows in counts] for counts in (cells.reference, cells.current))
    if cells.edges is None:
        return _shares([*(cells.names or []), "all others"], reference, current, title)
    low, high = ends(cells.edges, feature.kind)
    below, above = current[0], current[-1]  # of the range of training
    sides = (
        f"{low} ({below:.0%} below)" if below >= 0.005 else low,
        f"({above:.0%} above) {high}" if above >= 0.005 else high,
    )
    filled, outlined = f"fill:{svg.CHAMPION};fill-opacity:0.35", f"fill:none;stroke:{svg.CHALLENGER};stroke-width:1.6"
    return density(cells.edges, [(reference[1:-1], filled), (current[1:-1], outlined)], sides, title)


def _shares(names: list[str], reference: list[float], current: list[float], title: str) -> str:
    """Two bars for each of the categories that differ most."""
    pairs = sorted(zip(names, reference, current, strict=True), key=lambda each: -abs(each[2] - each[1]))[:MOST_BARS]
    rows = [
        Bar(name, (was, now), f"{now:.0%}") for name, was, now in sorted(pairs, key=lambda each: -each[1]) if was + now
    ]
    return bars(rows, [f"fill:{svg.CHAMPION};opacity:0.55", f"fill:{svg.CHALLENGER};opacity:0.9"], title)
