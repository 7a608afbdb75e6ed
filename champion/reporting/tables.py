"""The tables of a report as values, written once and rendered as HTML and as Markdown."""

from typing import Literal, NamedTuple

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.modeling.evaluation import CandidateResult
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import charts, words

COLUMN_ROWS = 200
CANDIDATE_ROWS = 100

Kind = Literal["name", "number", "change", "text", "word"]
Tone = Literal["", "strong", "failed"]


class Head(NamedTuple):
    """A head, and what stands below: a name of the user's, a number, a change, a text or a word of ours."""

    title: str
    kind: Kind


class Row(NamedTuple):
    """Cells in the order of the columns; a tone marks the row that matters most, or a condition that was not met."""

    cells: tuple[str, ...]
    tone: Tone = ""


def columns(kinds: dict[str, Kind]) -> tuple[Head, ...]:
    """Columns by their heads."""
    return tuple(Head(title, kind) for title, kind in kinds.items())


class Table(NamedTuple):
    """A table; its first column heads the rows."""

    caption: str
    columns: tuple[Head, ...]
    rows: list[Row]
    note: str = ""


def scores(evaluation: Evaluation, outcome: Outcome) -> Table:
    """Every score of champion and challenger side by side, the promotion metric first."""
    theirs = evaluation.champion.scores if evaluation.champion else {}
    rows = score_rows(evaluation.metric, evaluation.challenger.scores, theirs)
    champion, ours = (
        words.role_title(evaluation, "champion"),
        words.role_title(evaluation, "challenger", outcome.challenger),
    )
    heads = columns({"score": "name", champion: "number", ours: "number", "change": "change"})
    if evaluation.champion is None:
        heads = columns({"score": "name", ours: "number"})
        rows = [Row((row.cells[0], row.cells[2]), row.tone) for row in rows]
    return Table("Scores on the holdout; higher is better, the promotion metric comes first", heads, rows)


def score_rows(metric: str, ours: dict[str, float], theirs: dict[str, float]) -> list[Row]:
    """Scores of the champion, of the challenger and the change, the promotion metric first."""
    rows = []
    for name in dict.fromkeys([metric, *ours, *theirs]):
        before, now = theirs.get(name), ours.get(name)
        cells = (words.clean(name), words.score(before), words.score(now), words.change(now, before))
        rows.append(Row(cells, "strong" if name == metric else ""))
    return rows


def checks(decision: Decision) -> Table:
    """What the policy asked for, and what was found."""
    rows = []
    for check in decision.checks:
        if check.found is not None and check.name in ("fields", "classes"):
            result = words.count(int(check.found))
        else:
            write = words.p_value if check.name == "p_value" else words.score
            result = words.NOTHING if check.found is None else write(check.found)
        met, gates = "met" if check.passed else "not met", "yes" if check.gates else "no, for information"
        tone: Tone = "failed" if check.gates and not check.passed else ""
        rows.append(Row((words.clean(check.name), result, words.clean(check.required), met, gates), tone))
    heads = columns({"check": "name", "found": "number", "required": "word", "result": "word", "gates": "word"})
    return Table("Promotion policy", heads, rows)


def candidates(evaluation: Evaluation) -> Table:
    """Every candidate with its cross-validated score and its time, best first."""
    rows = []
    for each in evaluation.candidates[:CANDIDATE_ROWS]:
        estimator = words.clean(each.estimator.rpartition(".")[2])
        tried = words.count(len(each.trials)) if each.trials else words.NOTHING
        score = "failed" if each.failed else words.spread(each.cv_mean, each.cv_std)
        scored = words.clean(each.name), score, words.NOTHING if each.failed else words.seconds(each.seconds)
        last = words.clean(each.failed.reason, 200) if each.failed else words.params(_settings(each))
        tone: Tone = "strong" if each.chosen else "failed" if each.failed else ""
        rows.append(Row((*scored, tried, estimator, last), tone))
    metric = f"{words.clean(evaluation.metric)} in cross-validation"
    heads = columns({"candidate": "name", metric: "number", "time": "number", "settings tried": "number"})
    heads += columns({"estimator": "name", "parameters": "name"})
    hidden = len(evaluation.candidates) - len(rows)
    note = f"{hidden} more are left out." if hidden else ""
    return Table("Candidates on the train set, best first; the chosen one is the challenger", heads, rows, note)


def _settings(candidate: CandidateResult) -> dict[str, object]:
    """The parameters of a candidate, and the threshold where one was tuned."""
    threshold = {} if candidate.threshold is None else {"threshold": round(candidate.threshold, 4)}
    return {**candidate.params, **threshold}


def trials(candidate: CandidateResult) -> Table:
    """The settings that a search tried, best first."""
    ranked = charts.ranked(candidate.trials)
    rows = [
        Row((words.params(trial.params, limit=160), words.spread(trial.mean, trial.std)), "" if i else "strong")
        for i, trial in enumerate(ranked[: charts.TRIALS])
    ]
    note = f"The best {len(rows)} of {len(ranked)}." if len(ranked) > len(rows) else ""
    heads = columns({"setting": "name", "cross-validated score": "number"})
    return Table(f"Search of {words.clean(candidate.name)}", heads, rows, note)


def data(profile: Profile) -> Table:
    """Every column of the train set: what it is, what was done with it, and why."""
    rows = []
    for column in profile.columns[:COLUMN_ROWS]:
        missing = words.count(column.missing)
        if column.missing and profile.rows:
            missing += f" ({words.percent(column.missing / profile.rows)})"
        kind = column.kind if column.used else f"{column.kind}, not used"
        mean = words.NOTHING if column.mean is None or column.kind == "datetime" else plus_minus(column)
        seen = missing, words.count(column.distinct), _range(column), mean
        rows.append(Row((words.clean(column.name), kind, *seen, words.clean(column.why, 200))))
    hidden = len(profile.columns) - len(rows)
    note = f"{hidden} more columns are left out." if hidden else ""
    heads = columns({"column": "name", "kind": "word", "missing": "number", "distinct": "number"})
    heads += columns({"range or values": "text", "mean ± std": "number", "what was done": "text"})
    return Table("Columns of the train set", heads, rows, note)


def plus_minus(column: ColumnProfile) -> str:
    """The mean of a column with its standard deviation."""
    return f"{words.number(column.mean or 0.0)} ± {words.number(column.std or 0.0, digits=3)}"


def _range(column: ColumnProfile) -> str:
    if column.categories is not None:
        some = ", ".join(words.clean(each, 24) for each in column.categories[:3])
        more = column.distinct - min(3, len(column.categories))
        return f"{some} and {more} more" if more > 0 else some
    if column.minimum is None or column.maximum is None:
        return words.NOTHING
    if column.kind == "datetime":
        return f"{words.day(column.minimum)} to {words.day(column.maximum)}"
    return f"{words.number(column.minimum)} to {words.number(column.maximum)}"


def _rows(evaluation: Evaluation) -> str:
    rows = evaluation.rows
    text = f"{words.count(rows.train)} to train on, {words.count(rows.holdout)} in the holdout"
    if rows.wanted is None or not rows.train + rows.holdout:
        return text
    return f"{text}: {words.percent(rows.holdout / (rows.train + rows.holdout))}, wanted {words.percent(rows.wanted)}"


def periods(evaluation: Evaluation) -> Table | None:
    """The promotion metric by stretches of the holdout's time; None where time did not set it aside."""
    if not evaluation.periods:
        return None
    heads, rows = columns({"from": "name", "to": "name", "rows": "number"}), []
    both = evaluation.champion is not None
    heads += columns({"champion": "number"} if both else {}) + columns({"challenger": "number"})
    heads += columns({"change": "change"} if both else {})
    for each in evaluation.periods:
        cells = [words.clean(each.first), words.clean(each.last), words.count(each.rows)]
        cells += [words.score(each.champion)] if both else []
        cells += [words.score(each.challenger)]
        cells += [words.change(each.challenger, each.champion)] if both else []
        rows.append(Row(tuple(cells)))
    return Table(f"{words.clean(evaluation.metric)} by period", heads, rows)


def sides(profile: Profile) -> Table | None:
    """The share of each class in train set and holdout; None where no classes were counted on both."""
    counts, aside = profile.class_counts, profile.holdout_class_counts
    if not counts or len(aside) != len(counts):
        return None
    rows = [
        Row((words.clean(label), words.count(one), _share(one, counts), words.count(other), _share(other, aside)))
        for label, one, other in zip(profile.classes, counts, aside, strict=True)
    ]
    heads = columns({"class": "name", "train rows": "number", "share of them": "number"})
    heads += columns({"holdout rows": "number", "share of these": "number"})
    return Table("Classes on both sides of the split", heads, rows)


def _share(part: int, counts: list[int]) -> str:
    return words.percent(part / sum(counts)) if sum(counts) else words.NOTHING


def provenance(source: Provenance, evaluation: Evaluation) -> Table:
    """What made the challenger, enough to make it again."""
    commit = "none: not a git checkout" if source.commit is None else words.clean(source.commit)
    state = ", with uncommitted changes" if source.dirty else ""
    pairs = {
        "data": words.clean(source.data_path),
        "data version": words.clean(source.data_version),
        "commit": commit + (state if source.commit else ""),
        "fingerprint": words.clean(source.fingerprint),
        "split": words.clean(source.split, 200),
        "rows": _rows(evaluation),
        "seed": str(source.seed),
        "stack": words.clean(source.stack),
        "created": words.moment(source.created),
        "libraries": words.clean(", ".join(f"{key} {value}" for key, value in source.libraries.items()), 600),
    }
    rows = [Row((key, value)) for key, value in pairs.items()]
    return Table("Provenance of the challenger", columns({"what": "word", "value": "text"}), rows)
