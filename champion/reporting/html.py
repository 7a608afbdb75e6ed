"""The report of a run as one HTML page, and the profile of a train set as another, for whoever looks at the artifact."""

from typing import Literal

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, sentences, tables
from champion.reporting.charts import profile_figures
from champion.reporting.figures import FIGURES, SECTIONS
from champion.reporting.page import Box, Page, PageBlock, Plot, Section, plots, render, table, text
from champion.reporting.tasks import task_of
from champion.reporting.words import MINUS, change, clean, count, counted, moment, name, role_title, score

BADGES = {"promoted": "Promoted", "kept": "Kept", "would_promote": "Would promote", "would_keep": "Would keep"}
WARNINGS = 50
SEARCHES = 30


def render_html(
    evaluation: Evaluation,
    decision: Decision,
    profile: Profile,
    provenance: Provenance,
    outcome: Outcome,
    figures: dict[str, str],
) -> str:
    """The report as a self-contained page of less than 1 MB, for a use case of any size.

    Parameters
    ----------
    figures : dict of str to str
        What `champion.reporting.charts.figures` drew; they are inlined as they are, everything else is escaped. A figure
        that is missing is left out with its text.
    """
    use_case, badge = clean(evaluation.use_case), BADGES[outcome.action]
    warnings = [clean(warning, 400) for warning in evaluation.warnings[:WARNINGS]]
    hidden = len(evaluation.warnings) - len(warnings)
    page = Page(
        title=f"{use_case}: {badge.lower()}",
        headline=sentences.headline(outcome),
        lead=clean(decision.reason, 600),
        brand=use_case,
        eyebrow=f"{use_case} · {moment(provenance.created)}",
        badge=badge,
        tone="changed" if outcome.action == "promoted" else "same",
        boxes=_boxes(evaluation, decision, outcome),
        text=sentences.compared_rows(evaluation, outcome),
        asides=[*warnings, f"{counted(hidden, 'more warning')}."] if hidden else warnings,
        aside_title="One warning" if len(warnings) == 1 else "Warnings",
        top="decision",
        sections=[
            Section("scores", "Scores", "Scores", _scores(evaluation, outcome)),
            Section("why", "Why", "Why", _why(evaluation, decision)),
            *_figure_sections(evaluation, outcome, figures),
            Section("data", "Data", "Data", _data(profile, figures)),
            Section("provenance", "Provenance", "Provenance", [table(tables.provenance(provenance, evaluation))]),
        ],
    )
    return render(page)


def _boxes(evaluation: Evaluation, decision: Decision, outcome: Outcome) -> list[Box]:
    """The promotion metric of both in large type, and its difference."""
    champion, challenger = evaluation.champion, evaluation.challenger
    ours = Box(
        "challenger",
        role_title(evaluation, "challenger", outcome.challenger),
        score(decision.challenger_score),
        clean(challenger.candidate),
        title=sentences.described(challenger),
    )
    if champion is None:
        number = outcome.replaced if outcome.action == "promoted" else outcome.champion
        of, unjudged = "champion" + ("" if number is None else f" v{number}"), evaluation.champion_unjudged
        if unjudged:
            return [Box("champion", of, "not judged", clean(unjudged, 400), "none"), ours]
        return [Box("champion", of, "none yet", "nothing was in production", "none"), ours]
    theirs = Box(
        "champion",
        role_title(evaluation, "champion"),
        score(decision.champion_score),
        clean(champion.candidate),
        title=sentences.described(champion),
    )
    gain = change(decision.challenger_score, decision.champion_score)
    tone: Literal["", "gain", "loss"] = "gain" if gain[0] == "+" else "loss" if gain[0] == MINUS else ""
    return [theirs, ours, Box("difference", f"difference in {clean(decision.metric)}", gain, "on the same rows", tone)]


def _scores(evaluation: Evaluation, outcome: Outcome) -> list[PageBlock]:
    who = [(role_title(evaluation, "challenger", outcome.challenger), sentences.described(evaluation.challenger))]
    if evaluation.champion:
        who.insert(0, (role_title(evaluation, "champion"), sentences.described(evaluation.champion)))
    return [table(tables.scores(evaluation, outcome)), PageBlock("pairs", who)]


def _why(evaluation: Evaluation, decision: Decision) -> list[PageBlock]:
    blocks = text("There was no score of a champion to compare with, and the use case asks for no minimum.")
    if decision.checks:
        blocks = [table(tables.checks(decision))]
    paired = task_of(evaluation).paired_table(evaluation)
    if paired and evaluation.paired:
        blocks += [table(paired), *text(task_of(evaluation).paired(evaluation.paired))]
    return [*blocks, *text(task_of(evaluation).smallest_gain(evaluation))]


def _figure_sections(evaluation: Evaluation, outcome: Outcome, figures: dict[str, str]) -> list[Section]:
    """The sections of the table of figures, each with its figures and the tables that belong to it."""
    sections = []
    for key, (short, heading, otherwise) in SECTIONS.items():
        drawn = [
            Plot(_title(each.title, evaluation, outcome), figures[each.name], each.caption(evaluation), each.wide)
            for each in FIGURES
            if each.section == key and each.name in figures
        ]
        blocks = plots(drawn) or text(otherwise(evaluation))
        sections.append(Section(key, short, heading, [*blocks, *_beside_figures(key, evaluation)]))
    return sections


def _title(title: str, evaluation: Evaluation, outcome: Outcome) -> str:
    if title in ("champion", "challenger"):
        return role_title(evaluation, title, outcome.challenger).capitalize()
    return title


def _beside_figures(section: str, evaluation: Evaluation) -> list[PageBlock]:
    if section == "errors":
        missing = ", ".join(map(name, evaluation.rows.missing_classes[:20]))
        absent = text(f"No judged row has the class {missing}; scores are over those present." if missing else "")
        return [*absent, table(task_of(evaluation).details(evaluation), fold=20)]
    if section == "candidates":
        trials = [tables.trials(each) for each in evaluation.candidates[:SEARCHES] if each.trials]
        searches = [table(each, fold=0) for each in trials]
        if len(searches) > 3:
            searches = [PageBlock("details", searches, title=f"What {len(searches)} searches tried")]
        return [table(tables.candidates(evaluation), fold=40), *searches]
    return []


def _data(profile: Profile, figures: dict[str, str]) -> list[PageBlock]:
    described = f"{task_of(profile).target(profile)} {sentences.columns(profile)}"
    return [*text(described), *profile_blocks(profile, figures), table(tables.data(profile), fold=30)]


def render_profile(profile: Profile) -> str:
    """The profile as a self-contained page; its first 24 used columns are drawn, every column is in the table."""
    drawn = profile_blocks(profile, profile_figures(profile))
    values = [Section("values", "Values", "Values", drawn)] if drawn else []
    title = "Profile of the train set"
    lead = f"{task_of(profile).target(profile)} {sentences.columns(profile)}"
    columns = Section("columns", "Columns", "Columns", [table(tables.data(profile))])
    return render(Page(title, title, lead, [*values, columns], style="plain"))


def profile_blocks(profile: Profile, figures: dict[str, str]) -> list[PageBlock]:
    """The classes and the drawn columns, as far as there are figures of them."""
    plots = [(f"{clean(profile.target)} (target)", "profile_target", counted(len(profile.classes), "class"))]
    plots += [(clean(column.name), f"profile_{i}", _in_short(column)) for i, column in facts.drawn_columns(profile)]
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
