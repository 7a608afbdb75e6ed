"""The report as one HTML page that needs nothing beside itself: no script, no request, no font."""

from typing import TYPE_CHECKING, NamedTuple

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Performance
from champion.comparison.provenance import Outcome, Provenance
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, sentences, tables
from champion.reporting.template import template
from champion.reporting.words import change, clean, count, counted, moment, name, performance, score

if TYPE_CHECKING:
    pass

BADGES = {"promoted": "Promoted", "kept": "Kept", "would_promote": "Would promote", "would_keep": "Would keep"}
WARNINGS = 50
SEARCHES = 30


class Plot(NamedTuple):
    """A figure with its heading and the sentence that says what to see in it."""

    title: str
    svg: str
    text: str


def render_html(
    evaluation: Evaluation,
    decision: Decision,
    profile: Profile,
    lineage: Provenance,
    outcome: Outcome,
    figures: dict[str, str],
) -> str:
    """The report as a self-contained page.

    Parameters
    ----------
    decision : Decision
        What was decided, and the checks behind it.
    figures : dict of str to str
        What `champion.reporting.charts.figures` drew; they are inlined as they are, everything else is escaped. A figure that is
        missing is left out with its text.

    Returns
    -------
    str
        A document of less than 1 MB, for a use case of any size.
    """
    return template("report.html.j2").render(
        use_case=clean(evaluation.use_case),
        badge=BADGES[outcome.action],
        tone="changed" if outcome.action == "promoted" else "same",
        headline=sentences.headline(outcome),
        reason=clean(decision.reason, 600),
        created=moment(lineage.created),
        duel=_duel(evaluation, decision, outcome),
        exam=sentences.exam(evaluation, outcome),
        unjudged=clean(evaluation.champion_unjudged, 400) if evaluation.champion_unjudged else "",
        warnings=_warnings(evaluation),
        scores=tables.scores(evaluation, outcome),
        checks=tables.checks(decision),
        paired=tables.paired(evaluation),
        paired_text=sentences.paired(evaluation.paired) if evaluation.paired else "",
        ladder=sentences.ladder(evaluation),
        confusion=_confusion(evaluation, outcome, figures),
        per_class=tables.per_class(evaluation),
        missing=", ".join(map(name, evaluation.rows.missing_classes[:20])),
        probabilities=_probabilities(evaluation, figures),
        importance=_plots([("", "importance", sentences.importance(evaluation))], figures),
        search=_plots([("", "search", sentences.search(evaluation))], figures),
        search_text=sentences.search(evaluation),
        candidates=tables.candidates(evaluation),
        searches=[tables.trials(each) for each in evaluation.candidates[:SEARCHES] if each.trials],
        balance=sentences.classes(profile),
        columns=sentences.columns(profile),
        histograms=_histograms(profile, figures),
        data=tables.data(profile),
        lineage=tables.lineage(lineage, evaluation),
    )


def _duel(evaluation: Evaluation, decision: Decision, outcome: Outcome) -> dict[str, str]:
    champion = evaluation.champion
    return {
        "metric": clean(decision.metric),
        "challenger": performance(evaluation, "challenger", outcome.challenger),
        "challenger_score": score(decision.challenger_score),
        "challenger_is": clean(evaluation.challenger.candidate),
        "challenger_estimator": sentences.described(evaluation.challenger),
        "champion": performance(evaluation, "champion") if champion else "champion" + _version(outcome),
        "champion_score": score(decision.champion_score),
        "champion_is": clean(champion.candidate) if champion else "",
        "champion_estimator": sentences.described(champion) if champion else "",
        "change": change(decision.challenger_score, decision.champion_score) if champion else "",
    }


def _version(outcome: Outcome) -> str:
    """The version of a champion that was not judged."""
    number = outcome.replaced if outcome.action == "promoted" else outcome.champion
    return "" if number is None else f" v{number}"


def _warnings(evaluation: Evaluation) -> list[str]:
    shown = [clean(warning, 400) for warning in evaluation.warnings[:WARNINGS]]
    hidden = len(evaluation.warnings) - len(shown)
    return [*shown, f"{counted(hidden, 'more warning')}."] if hidden else shown


def _plots(wanted: list[tuple[str, str, str]], figures: dict[str, str]) -> list[Plot]:
    return [Plot(title, figures[key], text) for title, key, text in wanted if key in figures]


def _confusion(evaluation: Evaluation, outcome: Outcome, figures: dict[str, str]) -> list[Plot]:
    sides: list[tuple[str, Performance | None]] = [
        (performance(evaluation, "champion"), evaluation.champion),
        (performance(evaluation, "challenger", outcome.challenger), evaluation.challenger),
    ]
    wanted = [
        (title.capitalize(), f"confusion_{side.role}", sentences.confusion(side, evaluation))
        for title, side in sides
        if side
    ]
    return _plots(wanted, figures)


def _probabilities(evaluation: Evaluation, figures: dict[str, str]) -> list[Plot]:
    wanted = [
        ("ROC", "roc", sentences.curves(evaluation, "roc")),
        ("Precision and recall", "precision_recall", sentences.curves(evaluation, "precision_recall")),
        ("Calibration", "calibration", sentences.calibration(evaluation)),
    ]
    return _plots(wanted, figures)


def _histograms(profile: Profile, figures: dict[str, str]) -> list[Plot]:
    target = [(f"{clean(profile.target)} (target)", "profile_target", counted(len(profile.classes), "class"))]
    columns = [(clean(column.name), f"profile_{i}", _in_short(column)) for i, column in facts.drawn_columns(profile)]
    return _plots(target + columns, figures)


def _in_short(column: ColumnProfile) -> str:
    if column.kind == "datetime":
        text = "moments"
    elif column.mean is not None and column.edges is not None:
        text = f"mean {tables.plus_minus(column)}"
    else:
        text = counted(column.distinct, "value")
    return f"{text}, {count(column.missing)} missing" if column.missing else text
