"""What a report says of a model that knows classes; see `champion.reporting.report.TaskReport`."""

from functools import partial
from typing import Any

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.evaluation import PairedTest
from champion.modeling.profile import Profile
from champion.modeling.tasks.classification.evidence import ClassScore, Curve
from champion.reporting import markdown
from champion.reporting.classification import charts
from champion.reporting.figures import CHALLENGER, CHAMPION
from champion.reporting.markdown import table, text
from champion.reporting.report import CommentFigure, Figure, FigureSection
from champion.reporting.tables import Head, Row, Table, columns
from champion.reporting.words import NOTHING, change, clean, count, counted, name, p_value, percent, score

DETAILS = "Class by class"
PAIRED = "both right", "challenger alone", "champion alone", "both wrong"
CLASS_ROWS = 100


def details(evaluation: Evaluation) -> Table:
    """Precision, recall and F1 of each class, with the champion's F1 beside the challenger's."""
    theirs = {_key(each): each for each in evaluation.champion.per_class} if evaluation.champion else {}
    classes, note = evaluation.challenger.per_class, ""
    if len(classes) > CLASS_ROWS:
        note = f"The {CLASS_ROWS} of {len(classes)} classes with the lowest F1."
        classes = sorted(classes, key=lambda each: each.f1)[:CLASS_ROWS]
    heads = columns({"class": "name", "rows": "number", "precision": "number", "recall": "number", "F1": "number"})
    if evaluation.champion:
        heads += columns({"champion's F1": "number", "change": "change"})
    rows = []
    for each in classes:
        cells = [clean(each.label), count(each.support), score(each.precision), score(each.recall), score(each.f1)]
        if evaluation.champion:
            champion = theirs.get(_key(each))
            f1 = champion.f1 if champion else None
            cells += [score(f1), change(each.f1, f1)]
        rows.append(Row(tuple(cells)))
    return Table("The challenger class by class", heads, rows, note)


def _key(each: ClassScore) -> tuple[str, str]:
    return type(each.label).__name__, str(each.label)


def paired_table(evaluation: Evaluation) -> Table | None:
    """The two by two table of McNemar's test."""
    test = evaluation.paired
    if test is None:
        return None
    rows = [
        Row(("challenger right", count(test.both_right), count(test.only_challenger_right))),
        Row(("challenger wrong", count(test.only_champion_right), count(test.both_wrong))),
    ]
    heads = columns({"rows": "word", "champion right": "number", "champion wrong": "number"})
    return Table("Paired test: the same rows, asked to both", heads, rows)


def smallest_gain(evaluation: Evaluation) -> str:
    """Which gain stands out from noise, and why a holdout wears out."""
    smallest, judged = evaluation.rows.smallest_gain, evaluation.rows.judged
    why = "Every challenger that a holdout judges wears it out a little (Blum and Hardt 2015, The Ladder)."
    if not 0 < smallest <= 1:
        return f"On {counted(judged, 'row')} no gain in accuracy can be told from noise. {why}"
    sentence = f"On {counted(judged, 'row')} a gain in accuracy below {score(smallest)} cannot be told from noise"
    test = evaluation.paired
    rows = test.both_right + test.only_challenger_right + test.only_champion_right + test.both_wrong if test else 0
    gain = (test.only_challenger_right - test.only_champion_right) / rows if test and rows else 0.0
    if gain > 0:
        sentence += f"; this one is {change(gain, 0)}"
    return f"{sentence}. {why}"


def paired(test: PairedTest) -> str:
    """What McNemar's test says about the rows on which only one was right."""
    ours, theirs = test.only_challenger_right, test.only_champion_right
    if ours + theirs == 0:
        return "Both were right and wrong on the same rows, so that nothing tells them apart."
    p = p_value(test.p_value) if test.p_value < 0.0001 else f"= {p_value(test.p_value)}"
    verdict = "more than chance explains" if test.p_value <= 0.05 else "which chance alone may well explain"
    return (
        f"They disagree on {counted(ours + theirs, 'row')}: the challenger alone was right on {count(ours)}, "
        f"the champion alone on {count(theirs)}, {verdict} (McNemar's exact test, two-sided p {p})."
    )


def errors(performance: Performance | None, evaluation: Evaluation) -> str:
    """What was most confused."""
    if performance is None:
        return ""
    rows = performance.confusion
    right, asked = sum(row[i] for i, row in enumerate(rows)), sum(map(sum, rows))
    if asked == 0:
        return "No row was asked."
    wrong = [(-times, sum(row), i, j) for i, row in enumerate(rows) for j, times in enumerate(row) if times and i != j]
    if not wrong:
        return f"All {counted(asked, 'row')} right: nothing was confused."
    times, of, truth, answer = min(wrong)  # most often, of the fewest rows
    text = (
        f"Most confused: {name(evaluation.classes[truth])} taken for {name(evaluation.classes[answer])}, "
        f"{count(-times)} of {count(of)}. {count(right)} of {counted(asked, 'row')} right."
    )
    total = len(evaluation.classes)
    if total > charts.MATRIX_CLASSES:
        text += f" Shown are the {charts.MATRIX_CLASSES} of {total} classes with most errors; the rest is summed up."
    return text


def curves(evaluation: Evaluation, kind: charts.CurveKind) -> str:
    """What the ROC or the precision-recall curves say."""
    lines = charts.lines_of(evaluation, kind)
    if not lines:
        return ""
    roles = {line.role: line for line in reversed(lines)}
    areas = ", ".join(f"{role} {score(line.area)}" for role, line in sorted(roles.items(), reverse=True))
    if kind == "roc":
        text = f"The further up and left, the better; the dotted line is chance. Area under the curve: {areas}."
    else:
        text = f"The further up and right, the better. Average precision: {areas}."
    first = lines[0]
    if first.label is not None:
        return f"{text} The class looked for is {name(first.label)}."
    thin = [line for line in lines if line.role == "challenger" and line.label is not None]
    of = f"Thick lines are the mean over {first.of} classes, each against the rest"
    if not thin:
        return f"{text} {of}."
    which = "every class" if len(thin) == first.of else f"the challenger's {len(thin)} weakest classes"
    return f"{text} {of}; thin ones {which}, the weakest being {name(thin[0].label)} ({score(thin[0].area)})."


def calibration(evaluation: Evaluation) -> str:
    """How far probabilities are from what was so."""
    bins = charts.reliability(evaluation.challenger, evaluation.classes)
    if not bins:
        return "The challenger gives no probabilities; the champion's are shown."
    text = f"On the dotted line a probability is what it says. The challenger is off by {_off(bins)} on average"
    champion = charts.reliability(evaluation.champion, evaluation.classes)
    text += f", the champion by {_off(champion)}. " if champion else ". "
    sure = max(bins, key=lambda each: (each.said >= 0.5, each.rows))
    text += f"Where it said {percent(sure.said)} on average, {percent(sure.so)} of {count(sure.rows)} were so."
    text += " Small dots stand for few predictions, where chance has its way."
    if len(evaluation.classes) > 2:
        return text + " All classes are pooled, each against the rest."
    return text + f" The class looked for is {name(evaluation.classes[-1])}." if evaluation.classes else text


def _off(bins: list[charts.Bin]) -> str:
    return f"{100 * charts.calibration_error(bins):.1f} points"


def target(profile: Profile) -> str:
    """How the classes are balanced in the train set."""
    total = sum(profile.class_counts)
    text = f"{counted(profile.rows, 'row')} to train on, {count(profile.holdout_rows)} to judge with"
    if not total:
        return f"{text}."
    ranked = sorted(zip(profile.class_counts, map(name, profile.classes), strict=True), key=lambda pair: pair[0])
    (least, rare), (most, common) = ranked[0], ranked[-1]
    text += f", {counted(len(profile.classes), 'class')}"
    if least == most:
        return f"{text} with {counted(least, 'row')} each."
    if percent(least / total) == percent(most / total):
        return f"{text} with about {percent(least / total)} of the rows each."
    return f"{text}: from {rare} with {percent(least / total)} to {common} with {percent(most / total)} of the rows."


_NO_SHARES = "The estimator gives no probabilities, so there is no ROC, no precision-recall curve and no calibration."
SECTIONS = {"probabilities": FigureSection("Probabilities", "Probabilities", lambda _: _NO_SHARES)}
FIGURES = (
    Figure("confusion_champion", "errors", "champion", lambda run: errors(run.champion, run)),
    Figure("confusion_challenger", "errors", "challenger", lambda run: errors(run.challenger, run)),
    Figure("roc", "probabilities", "ROC", partial(curves, kind="roc")),
    Figure("precision_recall", "probabilities", "Precision and recall", partial(curves, kind="precision_recall")),
    Figure("calibration", "probabilities", "Calibration", calibration, wide=True),
)


def _confusion(evaluation: Evaluation) -> list[str]:
    parts = []
    for side in (evaluation.challenger, evaluation.champion):
        if side is None or not side.confusion:
            continue
        matrix = charts.matrix_of(side, evaluation.classes)
        heads = (Head("truth, taken for", "name"), *(Head(clean(name, 24), "number") for name in matrix.labels))
        rows = [
            Row((clean(name, 40), *(count(rows) if rows else NOTHING for rows in counts)))
            for name, counts in zip(matrix.labels, matrix.counts, strict=True)
        ]
        parts += [f"**{side.role}**: {text(errors(side, evaluation))}", table(Table("", heads, rows))]
    return parts


def _roc(evaluation: Evaluation) -> list[str]:
    lines = {line.role: line for line in reversed(charts.lines_of(evaluation, "roc"))}
    if not lines:
        return []
    drawn = [
        markdown.Series("line", colour, charts.heights(Curve(label="", x=lines[role].x, y=lines[role].y))[::5])
        for role, colour in (("challenger", CHALLENGER), ("champion", CHAMPION))
        if role in lines
    ]
    axis = markdown.number_axis("false positive rate", 0, 1)
    chart = markdown.xychart("ROC", axis, "true positive rate", 0, 1, drawn)
    areas = ", ".join(f"{role} {score(line.area)}" for role, line in sorted(lines.items(), reverse=True))
    many = ", the mean over the classes, each against the rest" if len(evaluation.classes) > 2 else ""
    legend = " Blue is the challenger, brown the champion." if len(drawn) > 1 else ""
    return [chart, text(f"Area under the curve: {areas}{many}.{legend}")]


COMMENT_FIGURES = CommentFigure("Confusion matrix", 2, _confusion), CommentFigure("ROC", 4, _roc)


def _confused(performance: Performance) -> list[dict[str, Any]]:
    labels = [score.label for score in performance.per_class]
    rows = [
        {"actual": actual, "predicted": predicted}
        for row, actual in zip(performance.confusion, labels, strict=True)
        for count, predicted in zip(row, labels, strict=True)
        for _ in range(count)
    ]
    return rows[:100_000]


def _points(performance: Performance, kind: charts.CurveKind, x: str, y: str) -> list[dict[str, Any]]:
    of: list[Curve] = getattr(performance, kind)
    return [{"class": each.label, x: at, y: value} for each in of for at, value in zip(each.x, each.y, strict=True)]


PLOTS = {
    "confusion": _confused,
    "roc": partial(_points, kind="roc", x="false_positive_rate", y="true_positive_rate"),
    "precision_recall": partial(_points, kind="precision_recall", x="recall", y="precision"),
}
