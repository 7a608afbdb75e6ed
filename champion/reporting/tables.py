"""The tables of a report as values, written once and rendered as HTML and as Markdown."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation
from champion.comparison.provenance import Outcome, Provenance
from champion.modeling.evaluation import CandidateResult, ClassScore
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts
from champion.reporting.words import (
    NOTHING,
    change,
    clean,
    count,
    moment,
    number,
    p_value,
    params,
    percent,
    performance,
    score,
    seconds,
    spread,
)

CLASS_ROWS = 100
COLUMN_ROWS = 200
CANDIDATE_ROWS = 100

Kind = Literal["name", "number", "change", "text", "word"]


class Column(NamedTuple):
    """A head, and what stands below: a name of the user's, a number, a change, a text or a word of ours."""

    title: str
    kind: Kind


class Row(NamedTuple):
    """Cells in the order of the columns; a tone marks the row that matters most, or a condition that was not met."""

    cells: tuple[str, ...]
    tone: Literal["", "strong", "failed"] = ""


class Table(NamedTuple):
    """A table; its first column heads the rows."""

    caption: str
    columns: tuple[Column, ...]
    rows: list[Row]
    note: str = ""


def scores(evaluation: Evaluation, outcome: Outcome) -> Table:
    """Every score of champion and challenger side by side, the promotion metric first."""
    ours = evaluation.challenger.scores
    theirs = evaluation.champion.scores if evaluation.champion else {}
    names = [evaluation.metric, *(each for each in {**ours, **theirs} if each != evaluation.metric)]
    rows = [
        Row(
            (clean(each), score(theirs.get(each)), score(ours.get(each)), change(ours.get(each), theirs.get(each))),
            "strong" if each == evaluation.metric else "",
        )
        for each in names
    ]
    heads = [performance(evaluation, "champion"), performance(evaluation, "challenger", outcome.challenger), "change"]
    columns: tuple[Column, ...]
    if evaluation.champion is None:
        columns = (Column("score", "name"), Column(heads[1], "number"))
        rows = [Row((row.cells[0], row.cells[2]), row.tone) for row in rows]
    else:
        columns = (
            Column("score", "name"),
            Column(heads[0], "number"),
            Column(heads[1], "number"),
            Column(heads[2], "change"),
        )
    return Table("Scores on the holdout; higher is better, the promotion metric comes first", columns, rows)


def checks(decision: Decision) -> Table:
    """What the policy asked for, and what was found."""
    rows = [
        Row(
            (
                clean(check.name),
                NOTHING
                if check.found is None
                else p_value(check.found)
                if check.name == "p_value"
                else score(check.found),
                clean(check.required),
                "met" if check.passed else "not met",
                "yes" if check.gates else "no, for information",
            ),
            "failed" if check.gates and not check.passed else "",
        )
        for check in decision.checks
    ]
    heads = (Column("check", "name"), Column("found", "number"), Column("required", "word"))
    return Table("Promotion policy", (*heads, Column("result", "word"), Column("gates", "word")), rows)


def paired(evaluation: Evaluation) -> Table | None:
    """The two by two table of McNemar's test."""
    test = evaluation.paired
    if test is None:
        return None
    columns = (Column("rows", "word"), Column("champion right", "number"), Column("champion wrong", "number"))
    rows = [
        Row(("challenger right", count(test.both_right), count(test.only_challenger_right))),
        Row(("challenger wrong", count(test.only_champion_right), count(test.both_wrong))),
    ]
    return Table("Paired test: the same rows, asked to both", columns, rows)


def per_class(evaluation: Evaluation) -> Table:
    """Precision, recall and F1 of each class, with the champion's F1 beside the challenger's."""
    rivals = {_key(each): each for each in evaluation.champion.per_class} if evaluation.champion else {}
    found = evaluation.challenger.per_class
    shown, note = found, ""
    if len(found) > CLASS_ROWS:
        shown = sorted(found, key=lambda each: each.f1)[:CLASS_ROWS]
        note = f"The {CLASS_ROWS} of {len(found)} classes with the lowest F1."
    columns = [Column("class", "name"), *(Column(head, "number") for head in ("rows", "precision", "recall", "F1"))]
    if evaluation.champion:
        columns += [Column("champion's F1", "number"), Column("change", "change")]
    rows = []
    for each in shown:
        cells = [clean(each.label), count(each.support), score(each.precision), score(each.recall), score(each.f1)]
        if evaluation.champion:
            rival = rivals.get(_key(each))
            cells += [score(rival.f1 if rival else None), change(each.f1, rival.f1 if rival else None)]
        rows.append(Row(tuple(cells)))
    return Table("The challenger class by class", tuple(columns), rows, note)


def _key(each: ClassScore) -> tuple[str, str]:
    return type(each.label).__name__, str(each.label)


def candidates(evaluation: Evaluation) -> Table:
    """Every candidate with its cross-validated score and its time, best first."""
    rows = [
        Row(
            (
                clean(each.name),
                spread(each.cv_mean, each.cv_std),
                seconds(each.seconds),
                count(len(each.trials)) if each.trials else NOTHING,
                clean(each.estimator.rpartition(".")[2]),
                params(each.params),
            ),
            "strong" if each.chosen else "",
        )
        for each in evaluation.candidates[:CANDIDATE_ROWS]
    ]
    columns = (
        Column("candidate", "name"),
        Column(f"{clean(evaluation.metric)} in cross-validation", "number"),
        Column("time", "number"),
        Column("settings tried", "number"),
        Column("estimator", "name"),
        Column("parameters", "name"),
    )
    hidden = len(evaluation.candidates) - len(rows)
    note = f"{hidden} more are left out." if hidden else ""
    return Table("Candidates on the train set, best first; the chosen one is the challenger", columns, rows, note)


def trials(candidate: CandidateResult) -> Table:
    """The settings that a search tried, best first."""
    ranked = facts.ranked(candidate.trials)
    rows = [
        Row((params(trial.params, limit=160), spread(trial.mean, trial.std)), "" if i else "strong")
        for i, trial in enumerate(ranked[: facts.TRIALS])
    ]
    note = f"The best {len(rows)} of {len(ranked)}." if len(ranked) > len(rows) else ""
    caption = f"Search of {clean(candidate.name)}"
    return Table(caption, (Column("setting", "name"), Column("cross-validated score", "number")), rows, note)


def data(profile: Profile) -> Table:
    """Every column of the train set: what it is, what was done with it, and why."""
    rows = [
        Row(
            (
                clean(column.name),
                column.kind if column.used else f"{column.kind}, not used",
                _missing(column, profile.rows),
                count(column.distinct),
                _range(column),
                NOTHING if column.mean is None or column.kind == "datetime" else plus_minus(column),
                clean(column.why, 200),
            )
        )
        for column in profile.columns[:COLUMN_ROWS]
    ]
    heads: Iterable[tuple[str, Kind]] = (
        ("column", "name"), ("kind", "word"), ("missing", "number"), ("distinct", "number"),
        ("range or values", "text"), ("mean ± std", "number"), ("what was done", "text"),
    )  # fmt: skip
    hidden = len(profile.columns) - len(rows)
    note = f"{hidden} more columns are left out." if hidden else ""
    return Table("Columns of the train set", tuple(Column(*head) for head in heads), rows, note)


def _missing(column: ColumnProfile, rows: int) -> str:
    return (
        f"{count(column.missing)} ({percent(column.missing / rows)})"
        if column.missing and rows
        else count(column.missing)
    )


def plus_minus(column: ColumnProfile) -> str:
    """The mean of a column with its standard deviation."""
    return f"{number(column.mean or 0.0)} ± {number(column.std or 0.0, digits=3)}"


def _range(column: ColumnProfile) -> str:
    if column.categories is not None:
        some = ", ".join(clean(each, 24) for each in column.categories[:3])
        more = column.distinct - min(3, len(column.categories))
        return f"{some} and {more} more" if more > 0 else some
    if column.minimum is None or column.maximum is None:
        return NOTHING
    if column.kind == "datetime":
        return f"{facts.day(column.minimum)} to {facts.day(column.maximum)}"
    return f"{number(column.minimum)} to {number(column.maximum)}"


def lineage(found: Provenance, evaluation: Evaluation) -> Table:
    """What made the challenger, enough to make it again."""
    commit = "none: not a git checkout" if found.commit is None else clean(found.commit)
    state = ", with uncommitted changes" if found.dirty else ""
    pairs = {
        "data": clean(found.data_path),
        "data version": clean(found.data_version),
        "commit": commit + (state if found.commit else ""),
        "fingerprint": clean(found.fingerprint),
        "split": clean(found.split, 200),
        "rows": f"{count(evaluation.rows.train)} to train on, {count(evaluation.rows.holdout)} in the holdout",
        "seed": str(found.seed),
        "stack": clean(found.stack),
        "created": moment(found.created),
        "libraries": clean(", ".join(f"{key} {value}" for key, value in found.libraries.items()), 600),
    }
    rows = [Row((key, value)) for key, value in pairs.items()]
    return Table("Lineage of the challenger", (Column("what", "word"), Column("value", "text")), rows)
