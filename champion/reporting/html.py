"""The report of a run as one HTML page, and the profile of a train set as another, for whoever looks at the artifact."""

from typing import Literal

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import sentences, tables
from champion.reporting.charts import drawn_columns, profile_figures
from champion.reporting.figures import FIGURES, SECTIONS
from champion.reporting.page import Box, Page, PageBlock, Plot, Section, plots, render, table, text
from champion.reporting.report import Figure, ReportedRun, report_of
from champion.reporting.words import MINUS, change, clean, count, counted, moment, name, role_title, score

BADGES = {"promoted": "Promoted", "kept": "Kept", "would_promote": "Would promote", "would_keep": "Would keep"}
WARNINGS = 50
SEARCHES = 30


def render_html(run: ReportedRun, figures: dict[str, str]) -> str:
    """The report as a self-contained page of less than 1 MB, for a use case of any size.

    `figures` are what `champion.reporting.charts.figures` drew; they are inlined as they are, everything else is escaped. A
    figure that is missing is left out with its text.
    """
    evaluation, profile, outcome = run.evaluation, run.profile, run.outcome
    use_case, badge = clean(evaluation.use_case), BADGES[outcome.action]
    warnings = [clean(warning, 400) for warning in evaluation.warnings[:WARNINGS]]
    hidden, columns = len(evaluation.warnings) - len(warnings), [table(tables.data(profile), fold=30)]
    if both_sides := tables.sides(profile):
        columns.insert(0, table(both_sides, fold=30))
    page = Page(
        title=f"{use_case}: {badge.lower()}",
        headline=sentences.headline(outcome),
        lead=clean(run.decision.reason, 600),
        brand=use_case,
        eyebrow=f"{use_case} · {moment(run.provenance.created)}",
        badge=badge,
        tone="changed" if outcome.action == "promoted" else "same",
        boxes=_boxes(run),
        text=" ".join(
            filter(None, [sentences.clients(evaluation, outcome), sentences.compared_rows(evaluation, outcome)])
        ),
        asides=[*warnings, f"{counted(hidden, 'more warning')}."] if hidden else warnings,
        aside_title="One warning" if len(warnings) == 1 else "Warnings",
        top="decision",
        sections=[
            Section("Scores", _scores(run)),
            Section("Why", _why(run)),
            *_figure_sections(run, figures),
            Section("Data", [*text(_described(profile)), *profile_blocks(profile, figures), *columns]),
            Section("Provenance", [table(tables.provenance(run.provenance, evaluation))]),
        ],
    )
    return render(page)


def _boxes(run: ReportedRun) -> list[Box]:
    """The promotion metric of both in large type, and its difference."""
    evaluation, decision, outcome = run.evaluation, run.decision, run.outcome

    def box(role: Literal["champion", "challenger"], side: Performance, value: float | None) -> Box:
        of, described = role_title(evaluation, role, outcome.challenger), sentences.described(side)
        return Box(role, of, score(value), clean(side.candidate), title=described)

    ours = box("challenger", evaluation.challenger, decision.challenger_score)
    if evaluation.champion is None:
        number = outcome.replaced if outcome.action == "promoted" else outcome.champion
        of, unjudged = "champion" + ("" if number is None else f" v{number}"), evaluation.champion_unjudged
        what = ("not judged", clean(unjudged, 400)) if unjudged else ("none yet", "nothing was in production")
        return [Box("champion", of, *what, "none"), ours]
    gain = change(decision.challenger_score, decision.champion_score)
    tone: Literal["", "gain", "loss"] = "gain" if gain[0] == "+" else "loss" if gain[0] == MINUS else ""
    difference = Box("difference", f"difference in {clean(decision.metric)}", gain, "on the same rows", tone)
    return [box("champion", evaluation.champion, decision.champion_score), ours, difference]


def _scores(run: ReportedRun) -> list[PageBlock]:
    evaluation, outcome = run.evaluation, run.outcome
    who = [(role_title(evaluation, "challenger", outcome.challenger), sentences.described(evaluation.challenger))]
    if evaluation.champion:
        who.insert(0, (role_title(evaluation, "champion"), sentences.described(evaluation.champion)))
    periods = tables.periods(evaluation)
    return [table(tables.scores(evaluation, outcome)), PageBlock("pairs", who), *([table(periods)] if periods else [])]


def _why(run: ReportedRun) -> list[PageBlock]:
    evaluation, decision = run.evaluation, run.decision
    blocks = text("There was no score of a champion to compare with, and the use case asks for no minimum.")
    if decision.checks:
        blocks = [table(tables.checks(decision))]
    blocks += text(sentences.baseline(evaluation))
    paired = report_of(evaluation.task).paired_table(evaluation)
    if paired and evaluation.paired:
        blocks += [table(paired), *text(report_of(evaluation.task).paired(evaluation.paired))]
    return [*blocks, *text(report_of(evaluation.task).smallest_gain(evaluation))]


def _figure_sections(run: ReportedRun, figures: dict[str, str]) -> list[Section]:
    """The sections of the tables of figures, each with its figures and the tables that belong to it."""
    evaluation, task = run.evaluation, report_of(run.evaluation.task)

    def title(each: Figure) -> str:
        if each.title not in ("champion", "challenger"):
            return each.title
        return role_title(evaluation, each.title, run.outcome.challenger).capitalize()

    sections = []
    for key, (short, heading, otherwise) in {"errors": SECTIONS["errors"], **task.SECTIONS, **SECTIONS}.items():
        there = [each for each in (*task.FIGURES, *FIGURES) if each.section == key and each.name in figures]
        drawn = [Plot(title(each), figures[each.name], each.caption(evaluation), each.wide) for each in there]
        blocks = plots(drawn) or text(otherwise(evaluation))
        sections.append(Section(short, [*blocks, *_beside_figures(key, evaluation)], key, heading))
    return sections


def _beside_figures(section: str, evaluation: Evaluation) -> list[PageBlock]:
    if section == "errors":
        missing = ", ".join(map(name, evaluation.rows.missing_classes[:20]))
        absent = text(f"No judged row has the class {missing}; scores are over those present." if missing else "")
        return [*absent, table(report_of(evaluation.task).details(evaluation), fold=20)]
    if section == "candidates":
        trials = [tables.trials(each) for each in evaluation.candidates[:SEARCHES] if each.trials]
        searches = [table(each, fold=0) for each in trials]
        if len(searches) > 3:
            searches = [PageBlock("details", searches, title=f"What {len(searches)} searches tried")]
        return [table(tables.candidates(evaluation), fold=40), *searches]
    return []


def _described(profile: Profile) -> str:
    return f"{report_of(profile.task).target(profile)} {sentences.columns(profile)}"


def render_profile(profile: Profile) -> str:
    """The profile as a self-contained page; its first 24 used columns are drawn, every column is in the table."""
    drawn = profile_blocks(profile, profile_figures(profile))
    values = [Section("Values", drawn)] if drawn else []
    title = "Profile of the train set"
    columns = Section("Columns", [table(tables.data(profile))])
    return render(Page(title, title, _described(profile), [*values, columns], style="plain"))


def profile_blocks(profile: Profile, figures: dict[str, str]) -> list[PageBlock]:
    """The classes and the drawn columns, as far as there are figures of them."""
    plots = [(f"{clean(profile.target)} (target)", "profile_target", counted(len(profile.classes), "class"))]
    plots += [(clean(column.name), f"profile_{i}", _in_short(column)) for i, column in drawn_columns(profile)]
    small = [Plot(title, figures[key], text) for title, key, text in plots if key in figures]
    if not small:
        return []
    note = "The area over an interval is the share of its rows; rows are taken to lie evenly between the profile's quantiles."
    return [PageBlock("small", small), PageBlock("note", note)]


def _in_short(column: ColumnProfile) -> str:
    if column.kind == "datetime":
        text = "moments"
    elif column.mean is not None and column.edges is not None:
        text = f"mean {tables.plus_minus(column)}"
    else:
        text = counted(column.distinct, "value")
    return f"{text}, {count(column.missing)} missing" if column.missing else text
