"""The parts of a pull request's comment: what a reader sees first of one use case, and the details below it."""

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import Curve, Trial
from champion.reporting import facts, mermaid, sentences, tables
from champion.reporting.comment_input import Case, Change, Failure, Findings, Standing
from champion.reporting.markdown import code, folded, table, text
from champion.reporting.tables import Column, Row, Table
from champion.reporting.words import NOTHING, change, clean, count, counted, params, score

CHALLENGER, CHAMPION = "#2563b8", "#b27400"
SEARCHES = 3  # drawn; every candidate is in the table
CHANGES = 25
FEW_CLASSES = 5  # so many stand in the open, more are folded
NOISE = 1e-9
_FENCE = "~~~~"


class Part(NamedTuple):
    """A piece of the comment; where all cannot stay, the highest rank goes first."""

    rank: int
    title: str
    text: str


def headline(case: Case) -> str:
    """The decision in a few words."""
    if case.failure:
        return f"the pipeline failed in {case.failure.step}"
    found = case.findings
    if found is None:
        return "nothing was trained"
    if found.decision.reason_code == "same":
        return "nothing that makes a model has changed"
    if found.outcome.action in ("promoted", "kept"):
        return _lower(sentences.headline(found.outcome))
    if case.champion.source == "pointer":
        return _by_the_pointer(found, case.champion)
    if found.outcome.action == "would_keep":
        return "there is no champion, and the challenger stays out" if _first(found) else "the champion stays"
    return "the challenger would be the first champion" if _first(found) else "the challenger would take the title"


def _first(found: Findings) -> bool:
    return found.evaluation.champion is None and found.evaluation.champion_unjudged is None


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].removesuffix(".")


def _by_the_pointer(found: Findings, champion: Standing) -> str:
    ours = found.decision.challenger_score
    theirs = champion.metrics.get(found.evaluation.metric)
    if found.decision.reason_code == "min_score":
        return "the challenger would stay out"
    if theirs is None:
        return "the champion could not be asked"
    if ours > theirs + NOISE:
        return "the challenger scores higher than the champion did"
    equal = abs(ours - theirs) <= NOISE
    return f"the challenger scores {'the same as' if equal else 'lower than'} the champion did"


def first(case: Case, changes: list[Change] | None) -> list[str]:
    """What stands in the open of one use case: decision, reason, scores, exam, changes (None: not compared)."""
    if case.failure:
        return [_failure(case.failure), *_changed(changes)]
    found = case.findings
    if found is None:
        return ["This use case was not trained in this run."]
    if case.champion.source == "pointer":
        return [*_stand_in(found, case.champion), _data(found, case.champion), *_changed(changes)]
    evaluation = found.evaluation
    asked = [sentences.exam(evaluation, found.outcome)]
    if evaluation.paired:
        asked.append(sentences.paired(evaluation.paired))
    classes = table(tables.per_class(evaluation)) if len(evaluation.classes) <= FEW_CLASSES else ""
    return [
        text(clean(found.decision.reason, 600)),
        table(tables.scores(evaluation, found.outcome)),
        text(" ".join(asked)),
        classes,
        _warnings(evaluation),
        _data(found, case.champion),
        *_changed(changes),
    ]


def _stand_in(found: Findings, champion: Standing) -> Iterator[str]:
    version = "" if champion.model_version is None else f" (version {champion.model_version})"
    yield text(
        f"The champion{version} was not asked: {clean(champion.why, 400)}. The scores that its pointer records stand in "
        "for it. They may come from other rows, so they give a direction and decide nothing."
    )
    if found.decision.reason_code == "min_score":
        yield text(clean(found.decision.reason, 600))
    ours, metric = found.evaluation.challenger.scores, found.evaluation.metric
    rows = [
        Row(
            (clean(each), score(champion.metrics.get(each)), score(value), change(value, champion.metrics.get(each))),
            "strong" if each == metric else "",
        )
        for each, value in sorted(ours.items(), key=lambda pair: pair[0] != metric)
    ]
    heads = (Column("champion, as recorded", "number"), Column("challenger", "number"), Column("change", "change"))
    yield table(Table("", (Column("score", "name"), *heads), rows))


def _data(found: Findings, champion: Standing) -> str:
    lineage, rows = found.lineage, found.evaluation.rows
    now = f"{count(rows.train + rows.holdout)} rows, version {lineage.data_version[:8]}"
    if champion.data_version is None:
        told = f"Data: {now}."
    elif champion.data_version == lineage.data_version:
        told = f"Data: {now}, the same as the champion's."
    else:
        before = "" if champion.rows is None else f"{count(champion.rows)} rows, "
        told = f"Data changed: {now}; the champion was made from {before}version {champion.data_version[:8]}."
    return text(clean(told, 400))


def _changed(changes: list[Change] | None) -> list[str]:
    """The parameters that differ from the base commit."""
    if changes is None:
        return []
    if not changes:
        return ["No parameter of this use case changed."]
    shown = [Row((clean(each.name, 80), _value(each.before), _value(each.after))) for each in changes[:CHANGES]]
    hidden = len(changes) - len(shown)
    note = f"{counted(hidden, 'more change')} left out." if hidden else ""
    heads = (Column("parameter that changed", "name"), Column("before", "name"), Column("now", "name"))
    return [table(Table("", heads, shown, note))]


def _value(value: object) -> str:
    return NOTHING if value is None else clean(value, 80)


def _failure(failure: Failure) -> str:
    told = f"The run ended with exit code {failure.exit_code}. Nothing changed in production. Its last lines:"
    lines = [clean(line, 300) for line in failure.lines] or ["(it said nothing)"]
    longest = max((len(line) - len(line.lstrip("~")) for line in lines), default=0)
    fence = "~" * max(longest + 1, len(_FENCE))
    return "\n".join([text(told), "", f"{fence}text", *lines, fence])


def _warnings(evaluation: Evaluation) -> str:
    shown = [f"- {text(clean(warning, 400))}" for warning in evaluation.warnings[:5]]
    return "\n".join(["**Warnings**", "", *shown]) if shown else ""


def details(case: Case) -> list[Part]:
    """What a click opens, in the order of reading."""
    if case.findings is None or case.failure:
        return []
    found, evaluation = case.findings, case.findings.evaluation
    many = len(evaluation.classes) > FEW_CLASSES
    lineage = table(tables.lineage(found.lineage, evaluation))
    return [
        part
        for part in [
            _part(1, "Class by class", [table(tables.per_class(evaluation))] if many else []),
            _part(3, "Why: policy and paired test", _policy(found)),
            _part(2, "Confusion matrix", _confusion(evaluation)),
            _part(4, "ROC", _roc(evaluation)),
            _part(2, "Candidates", [text(sentences.search(evaluation)), table(tables.candidates(evaluation))]),
            _part(5, "Learning of the search", _learning(evaluation)),
            _part(6, "Lineage", [lineage]),
        ]
        if part.text
    ]


def _part(rank: int, title: str, inside: list[str]) -> Part:
    return Part(rank, title, folded(title, inside))


def _policy(found: Findings) -> list[str]:
    evaluation, parts = found.evaluation, []
    if found.decision.checks:
        parts.append(table(tables.checks(found.decision)))
    test = evaluation.paired
    if test:
        parts.append(
            mermaid.pie(
                "The same rows, asked to both",
                [
                    ("both right", test.both_right),
                    ("challenger alone", test.only_challenger_right),
                    ("champion alone", test.only_champion_right),
                    ("both wrong", test.both_wrong),
                ],
            )
        )
    return [*parts, text(sentences.ladder(evaluation))]


def _confusion(evaluation: Evaluation) -> list[str]:
    parts = []
    for side in (evaluation.challenger, evaluation.champion):
        if side is None:
            continue
        matrix = facts.matrix(side, evaluation.classes)
        heads = (Column("truth, taken for", "name"), *(Column(clean(name, 24), "number") for name in matrix.labels))
        rows = [
            Row((clean(name, 40), *(count(found) if found else NOTHING for found in counts)))
            for name, counts in zip(matrix.labels, matrix.counts, strict=True)
        ]
        parts += [f"**{side.role}**: {text(sentences.confusion(side, evaluation))}", table(Table("", heads, rows))]
    return parts


def _roc(evaluation: Evaluation) -> list[str]:
    drawn, roles = [], []
    for line in facts.lines(evaluation, "roc"):
        if line.role in roles:
            continue
        roles.append(line.role)
        heights = facts.heights(Curve(label="", x=line.x, y=line.y))[::5]
        drawn.append(mermaid.Series("line", CHALLENGER if line.role == "challenger" else CHAMPION, heights))
    if not drawn:
        return []
    axis = mermaid.span("false positive rate", 0, 1)
    chart = mermaid.xychart("ROC", axis, "true positive rate", 0, 1, drawn)
    legend = " Blue is the challenger, brown the champion." if len(drawn) > 1 else ""
    return [chart, text(_areas(evaluation) + legend)]


def _areas(evaluation: Evaluation) -> str:
    roles = {line.role: line.area for line in reversed(facts.lines(evaluation, "roc"))}
    told = ", ".join(f"{role} {score(area)}" for role, area in sorted(roles.items(), reverse=True))
    many = ", the mean over the classes, each against the rest" if len(evaluation.classes) > 2 else ""
    return f"Area under the curve: {told}{many}."


def _learning(evaluation: Evaluation) -> list[str]:
    searched = [each for each in evaluation.candidates if len(each.trials) > 1]
    parts = []
    for candidate in searched[:SEARCHES]:
        means = [trial.mean for trial in candidate.trials[: mermaid.MOST_POINTS]]
        finite = [mean for mean in means if math.isfinite(mean)]
        if not finite:
            continue
        best = list(accumulate(means, _better))
        lowest, highest = _room(finite)
        axis = mermaid.names(range(1, len(means) + 1))
        series = [mermaid.Series("bar", CHALLENGER, means), mermaid.Series("line", CHAMPION, best)]
        title = f"Search of {clean(candidate.name, 40)}"
        parts.append(mermaid.xychart(title, axis, "cross-validated score", lowest, highest, series))
        parts.append(
            f"Bars are the settings in the order they were tried, the line is the best so far: "
            f"{code(params(_best(candidate.trials, finite), 160))}."
        )
    hidden = len(searched) - SEARCHES
    return [*parts, *([text(f"{counted(hidden, 'more search')} in the full report.")] if parts and hidden > 0 else [])]


def _better(so_far: float, mean: float) -> float:
    return mean if mean > so_far or not math.isfinite(so_far) else so_far


def _best(trials: list[Trial], finite: list[float]) -> dict[str, object]:
    return next((trial.params for trial in trials if trial.mean == max(finite)), {})


def _room(values: list[float]) -> tuple[float, float]:
    """Ends of an axis with some room around the values."""
    lowest, highest = min(values), max(values)
    margin = (highest - lowest) / 4 or abs(highest) / 20 or 0.05
    return lowest - margin, highest + margin / 4
