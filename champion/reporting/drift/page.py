"""A drift report as one HTML page and as Markdown, the verdict first, then the worst features; and drift over time as a page."""

from collections.abc import Sequence
from typing import NamedTuple

from champion.drift.report import DriftReport, FeatureDrift, Moment
from champion.drift.statistics import TITLES
from champion.reporting import markdown, svg
from champion.reporting.page import Box, Page, PageBlock, Plot, Section, render, table
from champion.reporting.tables import Row, Table, columns
from champion.reporting.words import NOTHING, clean, count, counted, moment, number, p_value, percent

BADGES = {"drift": "Drift", "none": "No drift", "not_enough": "Not enough data", "schema": "Other columns"}
WORDS = {"drift": "drift", "none": "no drift", "not_enough": "not enough data", "ignored": "not judged"}
MOST_FIGURES = 60
FEATURE_ROWS = 300
WORST = 10  # in the open of the Markdown
MOST_BARS = 5
_WIDTH, _HEIGHT = 220, 84  # of a line over time
_MOST_LINES, _MOST_POINTS, _TABLE_ROWS = 60, 120, 100
_LEFT, _RIGHT, _TOP, _BASE = 26.0, 6.0, 8.0, 66.0
_NOTE = (
    "Rows moved: the share of rows that would have to move for both samples to be alike, chance taken out. Drift takes a "
    "corrected p-value that is significant, and a share that reaches the threshold."
)


def render_drift_html(report: DriftReport) -> str:
    """The report as a self-contained page; the worst 60 features are drawn, all are in the table."""
    use_case, badge, schema = clean(report.use_case), BADGES[report.verdict], schema_table(report)
    drawn = [
        Plot(clean(each.name), drawing, f"{WORDS[each.verdict]}. {each.reason}")
        for each in worst_first(report)[:MOST_FIGURES]
        if (drawing := figure(each))
    ]
    key = PageBlock("key", [("was", "training"), ("is", "new data")])
    sections = [
        Section("Live scores", [table(versions_table(report))] if _several(report) else [], "versions"),
        Section("Columns that differ", [table(schema, fold=50)] if schema.rows else [], "schema"),
        Section("Features", [table(features_table(report), fold=120), PageBlock("note", _NOTE)]),
        Section("Figures", [key, PageBlock("small", drawn)] if drawn else [], heading="Training and now"),
        Section("Counts", [table(quality_table(report), fold=60)]),
        Section("What was compared", [table(about_table(report))], "about"),
    ]
    page = Page(
        title=f"{use_case}: {badge.lower()}",
        headline=headline(report),
        lead=clean(report.reason, 600),
        sections=[each for each in sections if each.blocks],
        brand=use_case,
        eyebrow=f"{use_case} · {moment(report.created)}",
        badge=badge,
        tone="same" if report.verdict in ("none", "not_enough") else "drifted",
        boxes=_live(report),
        text=clean(report.live.text, 400) if report.live and not _several(report) else "",
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
    promoted = "unknown" if live.promoted is None else f"{live.promoted:.4f}"
    return [
        Box("champion", f"{live.metric} when promoted", promoted, f"{live.promoted_rows:,} holdout rows"),
        Box("challenger", f"{live.metric} now", f"{live.score:.4f}", interval),
    ]


def render_drift_markdown(report: DriftReport) -> str:
    """The report as GitHub's Markdown; names of the user's stand in code spans, so that none is taken for markup or HTML."""
    text = markdown.text
    features = features_table(report)
    worst = features._replace(rows=features.rows[:WORST], note="")
    schema = markdown.table(schema_table(report)) if report.schema_differences else ""
    parts = [
        f"## {text(clean(report.use_case))}: {text(BADGES[report.verdict].lower())}",
        text(f"{headline(report)} {report.reason}"),
        schema if report.verdict == "schema" else "",
        text(report.live.text) if report.live and not _several(report) else "",
        markdown.table(versions_table(report)) if _several(report) else "",
        markdown.table(worst) if worst.rows else "",
        "" if report.verdict == "schema" else schema,
        "\n".join(f"- {text(clean(note, 400))}" for note in report.notes),
        markdown.folded("All features", [markdown.table(features)] if len(features.rows) > WORST else []),
        markdown.folded("Counts, missing, unseen and out of range", [markdown.table(quality_table(report))]),
        markdown.folded("What was compared", [markdown.table(about_table(report))]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _several(report: DriftReport) -> bool:
    """Whether another version than the champion has labelled answers."""
    return any(each.model_version != report.model_version for each in report.versions)


def version_lines(report: DriftReport) -> list[str]:
    """How good each version was on its labelled answers, a line each; the champion's has no name where it is alone."""
    if not _several(report):
        return [report.live.text] if report.live else []
    names = {report.model_version: ", the champion"}
    return [f"Version {each.model_version}{names.get(each.model_version, '')}: {each.text}" for each in report.versions]


def versions_table(report: DriftReport) -> Table:
    """The same as a table."""
    rows = []
    for each in report.versions:
        live, name = each.live, "the champion" if each.model_version == report.model_version else "former"
        score = NOTHING if live is None else f"{live.score:.4f}"
        interval = NOTHING if live is None else f"{live.low:.4f} to {live.high:.4f}"
        promoted = NOTHING if live is None or live.promoted is None else f"{live.promoted:.4f}"
        cells = (f"v{each.model_version}", name, count(each.answered), count(each.labelled), score, interval, promoted)
        rows.append(Row(cells, "failed" if live is not None and live.worse else ""))
    heads = columns({"version": "word", "is": "word", "answered": "number", "with a label": "number"})
    heads += columns({"live score": "number", "95 % interval": "word", "when promoted": "number"})
    return Table("Live scores, by the version that answered", heads, rows)


def figure(feature: FeatureDrift) -> str:
    """The reference and the new data of one feature over each other; empty where there is nothing to draw."""
    cells = feature.cells
    if not sum(cells.current) or not sum(cells.reference):
        return ""
    title = f"{clean(feature.name, 60)}: training and new data"
    reference, current = ([rows / sum(counts) for rows in counts] for counts in (cells.reference, cells.current))
    if cells.edges is None:
        return _shares([*(cells.names or []), "all others"], reference, current, title)
    low, high = svg.ends(cells.edges, feature.kind)
    below, above = current[0], current[-1]  # of the range of training
    sides = (
        f"{low} ({below:.0%} below)" if below >= 0.005 else low,
        f"({above:.0%} above) {high}" if above >= 0.005 else high,
    )
    filled, outlined = f"fill:{svg.CHAMPION};fill-opacity:0.35", f"fill:none;stroke:{svg.CHALLENGER};stroke-width:1.6"
    return svg.density(cells.edges, [(reference[1:-1], filled), (current[1:-1], outlined)], sides, title)


def _shares(names: list[str], reference: list[float], current: list[float], title: str) -> str:
    """Two bars for each of the categories that differ most."""
    pairs = sorted(zip(names, reference, current, strict=True), key=lambda each: -abs(each[2] - each[1]))[:MOST_BARS]
    ordered = sorted(pairs, key=lambda each: -each[1])
    rows = [svg.Bar(name, (was, now), f"{now:.0%}") for name, was, now in ordered if was + now]
    return svg.bars(rows, [f"fill:{svg.CHAMPION};opacity:0.55", f"fill:{svg.CHALLENGER};opacity:0.9"], title)


def headline(report: DriftReport) -> str:
    """The verdict in one sentence."""
    drifted = [each.name for each in report.features if each.verdict == "drift"]
    if report.verdict == "schema":
        return "These data are not what the champion was trained on."
    if report.verdict == "not_enough":
        return "There are not enough data to judge."
    if report.verdict == "none":
        return f"No drift in {counted(len(report.features), 'feature')}."
    if drifted:
        return f"{counted(len(drifted), 'feature')} of {count(len(report.features))} drifted."
    moved = report.predictions is not None and report.predictions.verdict == "drift"
    return "The predictions drifted." if moved else "The champion has become worse."


def worst_first(report: DriftReport) -> list[FeatureDrift]:
    """The features and the predictions, those that drifted before the others."""
    return sorted(report.every, key=lambda each: (each.verdict != "drift", each is not report.predictions))


def about_table(report: DriftReport) -> Table:
    """What was compared with what."""
    pairs = {
        "use case": clean(report.use_case),
        "champion": f"v{report.model_version}, trained on data {report.data_version[:12]}",
        "reference": f"the profile of its train set, {counted(report.reference_rows, 'row')}",
        "new data": f"{clean(report.source)}, {counted(report.current_rows, 'row')}",
        "counted": "" if report.counted_rows is None else f"as {counted(report.counted_rows, 'row')}",
        "since": moment(report.since) if report.since else "",
        "checked": moment(report.created),
        "false alarms": f"at most {percent(report.alpha)} of tables without drift",
        "what matters": f"at least {percent(report.min_effect)} of the rows moved",
    }
    rows = [Row(pair) for pair in pairs.items() if pair[1]]
    return Table("What was compared", columns({"what": "word", "found": "text"}), rows)


def features_table(report: DriftReport) -> Table:
    """Every feature and the predictions, worst first."""
    every = worst_first(report)
    rows = [Row(_judged(each), "failed" if each.verdict == "drift" else "") for each in every[:FEATURE_ROWS]]
    heads = columns({"feature": "name", "type": "word", "verdict": "word", "test": "word", "statistic": "number"})
    heads += columns({"corrected p": "number", "rows moved": "number", "threshold": "number", "why": "text"})
    hidden = len(every) - len(rows)
    return Table(
        "Features, worst first", heads, rows, f"{counted(hidden, 'more feature')} in drift.json." if hidden else ""
    )


def _judged(each: FeatureDrift) -> tuple[str, ...]:
    test = TITLES.get(each.test, each.test) if each.test else NOTHING
    statistic = NOTHING if each.statistic is None else number(each.statistic)
    p = NOTHING if each.p_corrected is None else p_value(each.p_corrected)
    shares = (_share(each.effect), percent(each.threshold))
    return clean(each.name), each.kind, WORDS[each.verdict], test, statistic, p, *shares, clean(each.reason, 400)


def quality_table(report: DriftReport) -> Table:
    """Counts and shares of every feature."""
    rows = []
    for each in sorted(report.features, key=lambda each: each.name)[:FEATURE_ROWS]:
        counts = (count(each.reference_rows), count(each.current_rows))
        shares = map(_share, (each.reference_missing, each.missing, each.wrong, each.outside, each.unseen))
        unseen = ", ".join(f"{clean(one.value, 30)} ({count(one.rows)})" for one in each.unseen_values) or NOTHING
        rows.append(Row((clean(each.name), *counts, *shares, unseen)))
    heads = columns({"feature": "name", "values in training": "number", "values now": "number"})
    heads += columns({"missing in training": "number", "missing now": "number", "of another type": "number"})
    heads += columns({"out of range": "number", "unseen": "number", "unseen categories": "text"})
    return Table("Counts, missing, unseen and out of range", heads, rows)


def _share(value: float | None) -> str:
    return NOTHING if value is None else percent(value)


def schema_table(report: DriftReport) -> Table:
    """Columns that are not as in training."""
    rows = [Row((clean(each.column), each.what, clean(each.text, 300))) for each in report.schema_differences]
    return Table("Columns that differ", columns({"column": "name", "what": "word", "found": "text"}), rows)


class _Line(NamedTuple):
    """One feature over time: the share of rows that moved (None where it was not tested), and where that was drift."""

    name: str
    effects: list[float | None]
    drifted: list[bool]


def render_drift_history(use_case: str, moments: Sequence[Moment], threshold: float) -> str:
    """The history, the oldest first, as a self-contained page; the 60 features that moved most of late are drawn.

    `threshold` is the share of rows that matters.
    """
    names = dict.fromkeys(name for each in moments for name in each.effects)
    lines = [
        _Line(name, [each.effects.get(name) for each in moments], [name in each.drifted for each in moments])
        for name in names
    ]
    lines.sort(key=lambda line: (-sum(line.drifted), -max(each or 0.0 for each in line.effects)))
    created = [each.created for each in moments]
    plots = [
        Plot(clean(line.name), _figure_over_time(line, created, threshold), _at_last(line))
        for line in lines[:_MOST_LINES]
    ]
    note = (
        f"The broken line is {percent(threshold)}, the share that matters. A filled point is a comparison that found drift; "
        "comparisons stand at equal distances."
    )
    with_drift = sum(each.verdict == "drift" for each in moments)
    shares = "Share of rows that moved"
    page = Page(
        title=f"{clean(use_case)}: drift over time",
        headline=f"Drift over time: {counted(len(moments), 'comparison')}, {with_drift} with drift",
        lead=f"From {moment(created[0])} to {moment(created[-1])}.",
        sections=[
            Section(shares, [PageBlock("small", plots), PageBlock("note", note)], "lines"),
            Section("Comparisons", [table(_comparisons(moments))], "table"),
        ],
        eyebrow=clean(use_case),
        style="plain",
    )
    return render(page)


def _at_last(line: _Line) -> str:
    last = next((each for each in reversed(line.effects) if each is not None), None)
    times = sum(line.drifted)
    return f"{NOTHING if last is None else percent(last)} at last, {'never drift' if not times else f'drift {times} times'}"


def _figure_over_time(line: _Line, created: Sequence[str], threshold: float) -> str:
    """Points at equal distances, joined; those of drift are filled."""
    effects, drifted = line.effects[-_MOST_POINTS:], line.drifted[-_MOST_POINTS:]
    root = svg.sheet(_WIDTH, _HEIGHT, f"{clean(line.name, 60)}: share of rows that moved, over time")
    highest = max([threshold * 1.5, *(each for each in effects if each is not None)])
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(effects) - 1, 1)

    def y_of(value: float) -> float:
        return _BASE - (_BASE - _TOP) * value / highest

    svg.add_axis(root, _LEFT, _WIDTH - _RIGHT, _BASE)
    limit = f"stroke:{svg.WRONG};stroke-width:1;stroke-dasharray:4 3"
    svg.add(root, "path", limit, d=f"M{_LEFT:g} {y_of(threshold):.5g}H{_WIDTH - _RIGHT:g}")
    each_with_drift = enumerate(zip(effects, drifted, strict=True))
    points = [(_LEFT + step * i, y_of(each), drift) for i, (each, drift) in each_with_drift if each is not None]
    if points:
        path = "L".join(f"{x:.5g} {y:.5g}" for x, y, _ in points)
        svg.add(root, "path", f"fill:none;stroke:{svg.CHALLENGER};stroke-width:1.4", d=f"M{path}")
    for x, y, drift in points:
        if drift or len(points) == 1:
            svg.add(root, "circle", f"fill:{svg.WRONG if drift else svg.CHALLENGER}", cx=x, cy=y, r="2.6")
    svg.add_text(root, percent(threshold), _LEFT - 3, y_of(threshold) + 3.3, "end")
    days = [each[:10] for each in created[-_MOST_POINTS:]]
    svg.add_text(root, days[0], _LEFT, _HEIGHT - 5)
    if len(days) > 1:
        svg.add_text(root, days[-1], _WIDTH - _RIGHT, _HEIGHT - 5, "end")
    return svg.written(root)


def _comparisons(moments: Sequence[Moment]) -> Table:
    rows = []
    for each in reversed(moments[-_TABLE_ROWS:]):
        drifted = ", ".join([clean(name, 40) for name in each.drifted][:8]) or NOTHING
        cells = (moment(each.created), f"v{each.model_version}", BADGES[each.verdict], drifted)
        rows.append(Row(cells, "failed" if each.verdict in ("drift", "schema") else ""))
    heads = columns({"when": "word", "champion": "word", "verdict": "word", "what drifted": "text"})
    return Table("Comparisons, the newest first", heads, rows)
