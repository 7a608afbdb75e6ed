"""What to see in the evidence, in sentences computed from it; plain text, which each renderer escapes for itself."""

import math

from champion.comparison.evaluation import Evaluation, Performance
from champion.comparison.provenance import Outcome
from champion.modeling.evaluation import PairedTest
from champion.modeling.profile import Profile
from champion.reporting import facts
from champion.reporting.words import (
    NOTHING,
    change,
    clean,
    count,
    counted,
    name,
    p_value,
    params,
    percent,
    score,
    seconds,
    spread,
)


def headline(outcome: Outcome) -> str:
    """What changed in production, in one sentence."""
    serving = "nothing is in production" if outcome.champion is None else f"version {outcome.champion} is in production"
    if outcome.action == "promoted":
        former = "the first champion" if outcome.replaced is None else f"it replaced version {outcome.replaced}"
        return f"{serving[0].upper()}{serving[1:]} now; {former}."
    if outcome.action == "kept":
        if outcome.champion is None:
            return "Nothing is in production: the challenger stays out, and there is no champion."
        return f"Version {outcome.champion} stays in production."
    then = "the challenger would become the champion" if outcome.action == "would_promote" else "it would stay"
    return f"Nothing was changed: {serving}; with promotion on, {then}."


def compared_rows(evaluation: Evaluation, outcome: Outcome) -> str:
    """On which rows both were compared, and how worn they are."""
    rows = evaluation.rows
    who = "Both were asked the same" if evaluation.champion else "The challenger was asked"
    asked = f"{who} {counted(rows.judged, 'row')} of the holdout; no model is ever trained on the holdout"
    if rows.overlap_only:
        asked = f"{who} {counted(rows.judged, 'row')}: of the {count(rows.holdout)} in the holdout only those"
        asked += " that are holdout under the champion's split rule too"
    if outcome.judged == 1:
        return f"{asked}. It is the first challenger that this holdout is known to have judged."
    return f"{asked}. This holdout is known to have judged {count(outcome.judged)} challengers, this one included."


def ladder(evaluation: Evaluation) -> str:
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


def confusion(performance: Performance | None, evaluation: Evaluation) -> str:
    """What was most confused."""
    if performance is None:
        return ""
    right, asked = facts.right_of(performance)
    if asked == 0:
        return "No row was asked."
    pairs = facts.confusions(performance, evaluation.classes)
    if not pairs:
        return f"All {counted(asked, 'row')} right: nothing was confused."
    worst = pairs[0]
    text = (
        f"Most confused: {name(worst.truth)} taken for {name(worst.taken_for)}, "
        f"{count(worst.rows)} of {count(worst.of)}. {count(right)} of {counted(asked, 'row')} right."
    )
    total = len(evaluation.classes)
    if total > facts.MATRIX_CLASSES:
        text += f" Shown are the {facts.MATRIX_CLASSES} of {total} classes with most errors; the rest is summed up."
    return text


def curves(evaluation: Evaluation, kind: facts.CurveKind) -> str:
    """What the ROC or the precision-recall curves say."""
    lines = facts.lines(evaluation, kind)
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
    bins = facts.reliability(evaluation.challenger, evaluation.classes)
    if not bins:
        return "The challenger gives no probabilities; the champion's are shown."
    text = f"On the dotted line a probability is what it says. The challenger is off by {_points(bins)} on average"
    champion = facts.reliability(evaluation.champion, evaluation.classes)
    text += f", the champion by {_points(champion)}. " if champion else ". "
    sure = max(bins, key=lambda each: (each.said >= 0.5, each.rows))
    text += f"Where it said {percent(sure.said)} on average, {percent(sure.so)} of {count(sure.rows)} were so."
    text += " Small dots stand for few predictions, where chance has its way."
    if len(evaluation.classes) > 2:
        return text + " All classes are pooled, each against the rest."
    return text + f" The class looked for is {name(evaluation.classes[-1])}." if evaluation.classes else text


def _points(bins: list[facts.Bin]) -> str:
    return f"{100 * facts.calibration_error(bins):.1f} points"


def importance(evaluation: Evaluation) -> str:
    """Which columns the challenger leans on."""
    columns = [each for each in evaluation.challenger.importance if math.isfinite(each.mean)]
    if not columns:
        return ""
    best = columns[0]
    without = sum(each.mean <= each.std for each in columns)
    metric = clean(evaluation.metric)
    sampled = evaluation.rows.sampled_for_importance
    text = f"Shuffling {name(best.feature)} costs most: {spread(best.mean, best.std)} of {metric}"
    if best.mean <= 0:
        text = f"No column costs any {metric} when shuffled"
    text += f", measured on {counted(sampled, 'holdout row')}."
    if without and best.mean > 0:
        text += f" Without {count(without)} of {counted(len(columns), 'column')} nothing measurable would be lost,"
        text += " each taken alone."
    if len(columns) > facts.BARS:
        text += f" Shown are the {facts.BARS} most important."
    return text


def search(evaluation: Evaluation) -> str:
    """What was tried on the train set, and what won."""
    candidates = evaluation.candidates
    chosen = next((each for each in candidates if each.chosen), None)
    tried = sum(max(len(each.trials), 1) for each in candidates)
    spent = seconds(sum(each.seconds for each in candidates))
    text = f"{counted(len(candidates), 'candidate')}, {counted(tried, 'setting')} in {spent}. "
    if chosen is None:
        return text.strip()
    if chosen.cv_mean is None:
        return text + f"{name(chosen.name)} was the only one, so that there was nothing to rank."
    text += f"{name(chosen.name)} was chosen with {clean(evaluation.metric)} {spread(chosen.cv_mean, chosen.cv_std)}"
    text += " in cross-validation on the train set; no holdout row was seen."
    limit = chosen.cv_mean - (chosen.cv_std or 0.0)
    close = sum(each.cv_mean is not None and each.cv_mean >= limit and not each.chosen for each in candidates)
    if close:
        text += f" {counted(close, 'other')} came within one standard deviation of it."
    if len(candidates) > facts.SEARCHED_CANDIDATES:
        text += f" Drawn are the best {facts.SEARCHED_CANDIDATES}."
    if any(len(each.trials) > facts.TRIALS for each in candidates):
        text += f" Of each search the best {facts.TRIALS} settings are shown."
    return text


def classes(profile: Profile) -> str:
    """How the classes are balanced in the train set."""
    total = sum(profile.class_counts)
    if not total:
        return f"{counted(profile.rows, 'row')} to train on, {count(profile.holdout_rows)} to judge with."
    ranked = sorted(zip(profile.class_counts, map(name, profile.classes), strict=True), key=lambda pair: pair[0])
    (least, rare), (most, common) = ranked[0], ranked[-1]
    text = f"{counted(profile.rows, 'row')} to train on, {count(profile.holdout_rows)} to judge with, "
    text += f"{counted(len(profile.classes), 'class')}"
    if least == most:
        return f"{text} with {counted(least, 'row')} each."
    if percent(least / total) == percent(most / total):
        return f"{text} with about {percent(least / total)} of the rows each."
    return f"{text}: from {rare} with {percent(least / total)} to {common} with {percent(most / total)} of the rows."


def columns(profile: Profile) -> str:
    """Which columns are used, and where values are missing."""
    used = sum(column.used for column in profile.columns)
    text = f"{count(used)} of {counted(len(profile.columns), 'column')} used. "
    worst = max(profile.columns, key=lambda column: column.missing, default=None)
    if worst is None or not worst.missing or not profile.rows:
        text += "No value is missing."
    else:
        text += f"Most values are missing in {name(worst.name)}: {percent(worst.missing / profile.rows)}."
    drawable = sum(column.used and facts.has_histogram(column) for column in profile.columns)
    if drawable > facts.COLUMNS:
        text += f" Drawn are the first {facts.COLUMNS} of {drawable}."
    return text


def described(performance: Performance) -> str:
    """The estimator with its parameters."""
    settings = params(performance.params)
    return clean(performance.estimator) + ("" if settings == NOTHING else f" ({settings})")
