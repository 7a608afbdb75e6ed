"""What to see in the evidence, in sentences computed from it; plain text, which each renderer escapes for itself."""

import math

from champion.comparison.decision import NOISE, TESTS
from champion.comparison.evaluation import BASELINE_LEVEL, Evaluation, Outcome, Performance
from champion.errors import listed
from champion.modeling.profile import Profile
from champion.reporting import charts
from champion.reporting.words import (
    NOTHING,
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
    asked += known_rows(evaluation)
    if outcome.judged == 1:
        return f"{asked}. It is the first challenger that this holdout is known to have judged."
    return f"{asked}. {holdout_use(evaluation, outcome)}"


def overlap(evaluation: Evaluation) -> str:
    """Why not the whole holdout judged."""
    rows = evaluation.rows
    return (
        f"Only {count(rows.judged)} of the {counted(rows.holdout, 'holdout row')} judged: those that are holdout under the "
        "champion's split rule too."
    )


def known_rows(evaluation: Evaluation) -> str:
    """How many of the rows that judge trained the champion, by the sketch of its train rows; to follow a sentence."""
    learned = evaluation.rows.learned
    if evaluation.champion is None:
        return ""
    if learned is None:
        told = ". Whether one of them trained the champion is not known: its package keeps no sketch of its train rows"
        return f"{told}, or one of other columns"
    share = percent(learned.learned / max(learned.known, 1)) if learned.learned else "none"
    if learned.known == learned.judged:
        told = f"Of {counted(learned.judged, 'row')} {share} trained the champion"
    else:
        told = f"Of the {count(learned.known)} rows that the sketch of {count(learned.sketched)} of {count(learned.train)} train "
        told += f"rows tells of, {share} trained the champion"
    return f". {told}" + (f"; {counted(learned.learned, 'row')} left out" if learned.learned else "")


def holdout_use(evaluation: Evaluation, outcome: Outcome) -> str:
    """How often the holdout has judged, and what luck alone would reach in so many tries."""
    told = f"This holdout is known to have judged {count(outcome.judged)} challengers, this one included"
    if outcome.luckiest is not None:
        told += "; of so many that are no better than the champion, the luckiest would get "
        told += f"{score(outcome.luckiest)} of these rows right"
    right, guess = evaluation.challenger.scores.get("accuracy"), outcome.luckiest_guess
    if right is not None and guess is not None and right <= guess:
        told += (
            f". The challenger gets {score(right)} right, no more than the luckiest of so many guesses: {score(guess)}"
        )
    return f"{told}."


def clients(evaluation: Evaluation, outcome: Outcome) -> str:
    """What a promotion changes, or would change, for those who ask the service; nothing where nothing does."""
    change, done = evaluation.contract_change, outcome.action == "promoted"
    if change is None:
        return ""
    told, words = [], change.in_words(would=not done)
    if words:
        told.append(f"For clients: {words}.")
    if change.dropped:
        told.append(
            f"What {'is' if done else 'would be'} no longer taken may still be sent: it is ignored and counted."
        )
    if change.classes_lost:
        told.append(f"The challenger does not know {listed(change.classes_lost)}, which the champion answers.")
    if change.classes_new:
        told.append(f"The challenger knows {listed(change.classes_new)}, which the champion does not.")
    return clean(" ".join(told), 1200) if told else ""


def baseline(evaluation: Evaluation) -> str:
    """How challenger and champion stand beside the model without knowledge; nothing where none was asked."""
    found, ours = evaluation.baseline, evaluation.challenger.scores[evaluation.metric]
    if found is None:
        return ""
    text = f"A model without knowledge, which always says the largest class, has {clean(evaluation.metric)} "
    text += f"{score(found.score)} on these rows; the challenger has {score(ours)}"
    if ours <= found.score + NOISE:
        text += ", which is not more"
    elif found.reachable:
        verdict = (
            "more than chance explains" if found.p_value < BASELINE_LEVEL else "which chance alone may well explain"
        )
        p = p_value(found.p_value) if found.p_value < 0.0001 else f"= {p_value(found.p_value)}"
        text += f", {verdict} ({TESTS[found.test]}, one-sided p {p})"
    else:
        text += ". These rows are so few that not even a perfect model could show that this is no chance, so the higher score "
        text += "is enough"
    theirs = evaluation.champion.scores[evaluation.metric] if evaluation.champion else None
    if theirs is not None and theirs <= found.score + NOISE:
        text += f". The champion's {score(theirs)} is not more than it either"
    return f"{text}."


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
    if evaluation.rows.columns > len(evaluation.challenger.importance):
        text += f" Of {count(evaluation.rows.columns)} columns those of the blocks that cost most were measured one by"
        text += f" one: {count(len(evaluation.challenger.importance))}."
    if without and best.mean > 0:
        text += f" Without {count(without)} of {counted(len(columns), 'column')} nothing measurable would be lost,"
        text += " each taken alone."
    if len(columns) > charts.BARS:
        text += f" Shown are the {charts.BARS} most important."
    return text


def search(evaluation: Evaluation) -> str:
    """What was tried on the train set, and what won."""
    candidates = [each for each in evaluation.candidates if not each.failed]
    failed = len(evaluation.candidates) - len(candidates)
    chosen = next((each for each in candidates if each.chosen), None)
    tried = sum(max(len(each.trials), 1) for each in candidates)
    spent = seconds(sum(each.seconds for each in candidates))
    text = f"{counted(len(candidates), 'candidate')}, {counted(tried, 'setting')} in {spent}. "
    if chosen is None:
        return text.strip()
    if failed:
        text += f"{counted(failed, 'other')} failed and {'was' if failed == 1 else 'were'} left out. "
    if chosen.cv_mean is None:
        return text + f"{name(chosen.name)} was the only one, so that there was nothing to rank."
    text += f"{name(chosen.name)} was chosen with {clean(evaluation.metric)} {spread(chosen.cv_mean, chosen.cv_std)}"
    text += " in cross-validation on the train set; no holdout row was seen."
    if chosen.rank_rows is not None:
        text += f" Candidates were ranked in {counted(chosen.folds, 'fold')} of {count(chosen.rank_rows)} of the "
        text += (
            f"{count(evaluation.rows.train)} train rows, drawn by the seed (training.rank_rows); all rows trained them."
        )
    if chosen.threshold is not None:
        text += (
            f" It answers the second class from a probability of {score(chosen.threshold)} on, tuned on the train set."
        )
    limit = chosen.cv_mean - (chosen.cv_std or 0.0)
    close = sum(each.cv_mean is not None and each.cv_mean >= limit and not each.chosen for each in candidates)
    if close:
        text += f" {counted(close, 'other')} came within one standard deviation of it."
    if chosen.folds_without_score:
        text += f" In {counted(chosen.folds_without_score, 'fold')} {clean(evaluation.metric)} has no meaning, since the rows"
        text += " are of one class; the mean is of the others."
    if len(candidates) > charts.SEARCHED_CANDIDATES:
        text += f" Drawn are the best {charts.SEARCHED_CANDIDATES}."
    if any(len(each.trials) > charts.TRIALS for each in candidates):
        text += f" Of each search the best {charts.TRIALS} settings are shown."
    return text


def columns(profile: Profile) -> str:
    """Which columns are used, and where values are missing."""
    used = sum(column.used for column in profile.columns)
    text = f"{count(used)} of {counted(len(profile.columns), 'column')} used. "
    if profile.twins:
        share = percent(profile.twins / max(profile.holdout_rows, 1))
        text += f"{share} of the holdout's rows have the same features as a train row: repeated observations. "
    worst = max(profile.columns, key=lambda column: column.missing, default=None)
    if worst is None or not worst.missing or not profile.rows:
        text += "No value is missing."
    else:
        text += f"Most values are missing in {name(worst.name)}: {percent(worst.missing / profile.rows)}."
    drawable = sum(column.used and charts.has_histogram(column) for column in profile.columns)
    if drawable > charts.COLUMNS:
        text += f" Drawn are the first {charts.COLUMNS} of {drawable}."
    return text


def described(performance: Performance) -> str:
    """The estimator with its parameters."""
    settings = params(performance.params)
    return clean(performance.estimator) + ("" if settings == NOTHING else f" ({settings})")
