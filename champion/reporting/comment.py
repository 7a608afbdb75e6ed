"""A pull request's comment: one screen first, details folded below, never longer than GitHub takes.

`_first` is what stands in the open of one use case, `_details` what a click opens. What it is made from are strict values,
so that they may come from a file that nobody trusts.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from champion.bundle.decision_record import Part
from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.reporting import sentences, tables
from champion.reporting.figures import COMMENT_FIGURES
from champion.reporting.markdown import code, folded, pie, table, text, warnings
from champion.reporting.report import report_of
from champion.reporting.tables import Row, Table, columns
from champion.reporting.words import NOTHING, clause, clean, count, counted, score

LIMIT = 64_000  # bytes; GitHub takes 65,536 characters, and CML adds its watermark
USE_CASES = 100  # of the table that stands above several use cases
CHANGES = 25
REDIRECTED = 20
FEW_CLASSES = 5  # so many stand in the open, more are folded
NOISE = 1e-9
_FENCE = "~~~~"
Name = Annotated[str, Field(max_length=300)]
Line = Annotated[str, Field(max_length=2000)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{4,64}$")]


class Value(Part):
    """A frozen value that accepts no key it does not know, and is a line of JSON."""

    def as_json(self) -> str:
        """One line of JSON, in which a score that is not a number stays one (pydantic alone would write null)."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False) + "\n"


class Findings(Value):
    """Everything that a run which went to its end found: written as `evaluation.json`, and read back for the comment."""

    evaluation: Evaluation
    decision: Decision
    provenance: Provenance = Field(alias="lineage")
    outcome: Outcome


class ComparedChampion(Value):
    """The champion that a challenger was compared with, and where it came from.

    `package`: fetched, and asked the same rows. `server`: the ZenML server's. `pointer`: only the scores that the
    pointer's `meta` records, because the package could not be fetched. `none`: there is no champion.
    """

    source: Literal["package", "server", "pointer", "none"]
    why: Line = ""
    model_version: int | None = None
    metrics: dict[Name, float] = Field(default_factory=dict)
    data_version: Name | None = None
    rows: int | None = None


class Failure(Value):
    """Where a run ended, and its last words."""

    step: Name
    exit_code: int
    lines: list[Line] = Field(default_factory=list, max_length=60)


class Change(Value):
    """A parameter that differs from the base commit; None where one side does not have it."""

    file: Name
    name: Name
    before: Any = None
    after: Any = None


class UseCaseResult(Value):
    """One use case in a pull request."""

    use_case: Name
    champion: ComparedChampion
    findings: Findings | None = None
    failure: Failure | None = None

    @property
    def config(self) -> str:
        """The path of its parameters in the checkout."""
        return f"configs/{self.use_case}.yaml"


class CommentInput(Value):
    """All that a comment tells."""

    commit: Hash
    base: Hash | None = None
    refusal: Line | None = None  # why nothing was trained
    redirected: list[Name] = Field(default_factory=list, max_length=REDIRECTED)  # files that decide what DVC fetches
    changes: list[Change] = Field(default_factory=list, max_length=2000)
    changes_unknown: Line | None = None
    compared: bool = False  # whether parameters were compared with a base
    results: list[UseCaseResult] = Field(default_factory=list, max_length=200, alias="cases")


class CommentPart(NamedTuple):
    """A piece of the comment; where all cannot stay, the highest rank goes first, and rank 0 never."""

    rank: int
    title: str
    text: str


def render_comment(content: CommentInput, link: str | None = None, stranger: bool = False) -> str:
    """The comment as GitHub's Markdown: at most `LIMIT` bytes of UTF-8.

    Where all would be longer, the least important parts are left out, and a sentence says which. `link` is where the full
    report is, the address of the workflow's run. With `stranger` the comment says that nobody has reviewed the code that
    gave the numbers.
    """
    opening = _opening(content, stranger)
    where = f"[The full report]({link}) is an artifact of the run. " if link else ""
    base = f", base {code(content.base[:8])}" if content.base else ""
    foot = f"---\n{where}Commit {code(content.commit[:8])}{base}."
    parts = [CommentPart(0, "", "\n\n".join(opening))]
    for result in content.results:
        title = f"## {text(clean(result.use_case))}: {text(headline(result))}"
        parts.append(CommentPart(0, "", "\n\n".join([title, *filter(None, _first(result, content))])))
        of = f" of {clean(result.use_case, 40)}" if len(content.results) > 1 else ""
        parts += [part._replace(title=part.title + of) for part in _details(result) if part.text]
    fitting, left_out = _fitted([*parts, *_other_changes(content), CommentPart(0, "", foot)])
    if left_out:
        titles = [part.title for part in left_out if part.title]
        more = f" and {len(titles) - 12} more" if len(titles) > 12 else ""
        note = (
            f"Left out, because a comment has its limit: {', '.join(titles[:12])}{more}. The full report has all of it."
        )
        fitting.insert(-1, CommentPart(0, "", text(note)))
    written = "\n\n".join(part.text for part in fitting if part.text) + "\n"
    if _size(written) <= LIMIT:
        return written
    return "\n\n".join([*opening, "The full report has the rest: a comment has its limit.", foot]) + "\n"


def _opening(content: CommentInput, stranger: bool) -> list[str]:
    parts = []
    if content.refusal:
        parts += ["## Nothing was trained", text(clean(content.refusal, 1500))]
    elif not content.results:
        log = "It ended before the first use case was looked at; the log of the run says why."
        parts += ["## The pipeline failed", log]
    if stranger:
        parts.append(
            "*From a fork, or from Dependabot: the numbers below were computed by the pull request's own code, "
            "without credentials, and nobody has verified them.*"
        )
    if content.redirected:
        files = ", ".join(code(clean(name, 120)) for name in content.redirected)
        parts.append(
            f"**This pull request changes {files}.** That decides which files DVC fetches, from where, and where it pushes "
            "to: read this change before you merge."
        )
    if len(content.results) <= 1:
        return parts
    rows = [
        Row((clean(result.use_case, 60), clean(headline(result), 120), *_scores(result)))
        for result in content.results[:USE_CASES]
    ]
    hidden = len(content.results) - USE_CASES
    note = f"{counted(hidden, 'more')} left out." if hidden > 0 else ""
    heads = columns({"use case": "name", "decision": "text", "metric": "name"})
    heads += columns({"champion": "number", "challenger": "number"})
    return [*parts, table(Table("", heads, rows, note))]


def _scores(result: UseCaseResult) -> tuple[str, str, str]:
    if result.findings is None or result.failure:
        return NOTHING, NOTHING, NOTHING
    decision = result.findings.decision
    theirs = decision.champion_score
    if result.champion.source == "pointer":
        theirs = result.champion.metrics.get(decision.metric)
    return clean(decision.metric, 60), score(theirs), score(decision.challenger_score)


def headline(result: UseCaseResult) -> str:
    """The decision in a few words."""
    if result.failure:
        return f"the pipeline failed in {result.failure.step}"
    findings = result.findings
    if findings is None:
        return "nothing was trained"
    if findings.decision.reason_code == "same":
        return "nothing that makes a model has changed"
    if findings.outcome.action in ("promoted", "kept"):
        return clause(sentences.headline(findings.outcome))
    if result.champion.source == "pointer":
        return _beside_recorded_scores(findings, result.champion)
    first = findings.evaluation.champion is None and findings.evaluation.champion_unjudged is None
    if findings.outcome.action == "would_keep":
        return "there is no champion, and the challenger stays out" if first else "the champion stays"
    return "the challenger would be the first champion" if first else "the challenger would become the champion"


def _beside_recorded_scores(findings: Findings, champion: ComparedChampion) -> str:
    ours = findings.decision.challenger_score
    theirs = champion.metrics.get(findings.evaluation.metric)
    if findings.decision.reason_code in ("min_score", "baseline"):
        return "the challenger would stay out"
    if theirs is None:
        return "the champion could not be asked"
    if ours > theirs + NOISE:
        return "the challenger scores higher than the champion did"
    equal = abs(ours - theirs) <= NOISE
    return f"the challenger scores {'the same as' if equal else 'lower than'} the champion did"


def _first(result: UseCaseResult, content: CommentInput) -> list[str]:
    """What stands in the open: decision, reason, scores, the rows, changed parameters."""
    changed = _changed(result, content)
    if result.failure:
        return [_failure(result.failure), *changed]
    findings = result.findings
    if findings is None:
        return ["This use case was not trained in this run."]
    if result.champion.source == "pointer":
        return [*_recorded_scores(findings, result.champion), _data(findings, result.champion), *changed]
    evaluation, clients = findings.evaluation, sentences.clients(findings.evaluation, findings.outcome)
    asked = [sentences.compared_rows(evaluation, findings.outcome)]
    if evaluation.paired:
        asked.append(report_of(evaluation.task).paired(evaluation.paired))
    asked.append(sentences.baseline(evaluation))
    return [
        text(clean(findings.decision.reason, 600)),
        text(clients) if clients else "",
        table(tables.scores(evaluation, findings.outcome)),
        text(" ".join(filter(None, asked))),
        text(clean(result.champion.why, 400)) if result.champion.source == "server" and result.champion.why else "",
        table(report_of(evaluation.task).details(evaluation)) if len(evaluation.classes) <= FEW_CLASSES else "",
        warnings(evaluation),
        _data(findings, result.champion),
        *changed,
    ]


def _recorded_scores(findings: Findings, champion: ComparedChampion) -> Iterator[str]:
    version = "" if champion.model_version is None else f" (version {champion.model_version})"
    yield text(
        f"The champion{version} was not asked: {clean(champion.why, 400)}. The scores that its pointer records stand in "
        "for it. They may come from other rows, so they give a direction and decide nothing."
    )
    if findings.decision.reason_code in ("min_score", "baseline"):
        yield text(clean(findings.decision.reason, 600))
    ours = findings.evaluation.challenger.scores
    theirs = {name: value for name, value in champion.metrics.items() if name in ours}
    rows = tables.score_rows(findings.evaluation.metric, ours, theirs)
    heads = columns({"score": "name", "champion, as recorded": "number", "challenger": "number", "change": "change"})
    yield table(Table("", heads, rows))


def _data(findings: Findings, champion: ComparedChampion) -> str:
    version, rows = findings.provenance.data_version, findings.evaluation.rows
    now = f"{count(rows.train + rows.holdout)} rows, version {version[:8]}"
    if champion.data_version is None:
        sentence = f"Data: {now}."
    elif champion.data_version == version:
        sentence = f"Data: {now}, the same as the champion's."
    else:
        before = "" if champion.rows is None else f"{count(champion.rows)} rows, "
        sentence = f"Data changed: {now}; the champion was made from {before}version {champion.data_version[:8]}."
    return text(clean(sentence, 400))


def _failure(failure: Failure) -> str:
    sentence = f"The run ended with exit code {failure.exit_code}. Nothing changed in production. Its last lines:"
    lines = [clean(line, 300) for line in failure.lines] or ["(it said nothing)"]
    longest = max((len(line) - len(line.lstrip("~")) for line in lines), default=0)
    fence = "~" * max(longest + 1, len(_FENCE))
    return "\n".join([text(sentence), "", f"{fence}text", *lines, fence])


def _changed(result: UseCaseResult, content: CommentInput) -> list[str]:
    """The parameters that differ from the base commit, where both were compared."""
    if not content.compared or content.changes_unknown:
        return []
    changes = [each for each in content.changes if each.file == result.config]
    if not changes:
        return ["No parameter of this use case changed."]
    rows = []
    for each in changes[:CHANGES]:
        values = [NOTHING if value is None else clean(value, 80) for value in (each.before, each.after)]
        rows.append(Row((clean(each.name, 80), *values)))
    hidden = len(changes) - len(rows)
    note = f"{counted(hidden, 'more change')} left out." if hidden else ""
    heads = columns({"parameter that changed": "name", "before": "name", "now": "name"})
    return [table(Table("", heads, rows, note))]


def _other_changes(content: CommentInput) -> Iterator[CommentPart]:
    configs = {result.config for result in content.results}
    changes = [each for each in content.changes if each.file not in configs]
    others = [f"{code(clean(each.name, 80))} of {code(clean(each.file, 80))}" for each in changes]
    if others:
        yield CommentPart(1, "Other parameters", f"Other parameters that changed: {', '.join(others[:20])}.")
    if content.changes_unknown:
        yield CommentPart(1, "", text(f"Which parameters changed is not known: {clean(content.changes_unknown, 300)}"))


def _details(result: UseCaseResult) -> list[CommentPart]:
    """What a click opens, in the order of reading."""
    if result.findings is None or result.failure:
        return []
    findings, evaluation = result.findings, result.findings.evaluation
    task = report_of(evaluation.task)
    classes = [table(task.details(evaluation))] if len(evaluation.classes) > FEW_CLASSES else []
    parts = [
        (1, task.DETAILS, classes),
        (3, "Why: policy and paired test", _policy(findings)),
        *((each.rank, each.title, each.parts(evaluation)) for each in (*task.COMMENT_FIGURES, *COMMENT_FIGURES)),
        (2, "Candidates", [text(sentences.search(evaluation)), table(tables.candidates(evaluation))]),
        (6, "Provenance", [table(tables.provenance(findings.provenance, evaluation))]),
    ]
    return [CommentPart(rank, title, folded(title, inside)) for rank, title, inside in parts]


def _policy(findings: Findings) -> list[str]:
    parts = [table(tables.checks(findings.decision))] if findings.decision.checks else []
    test, task = findings.evaluation.paired, report_of(findings.evaluation.task)
    if test:
        rows = test.both_right, test.only_challenger_right, test.only_champion_right, test.both_wrong
        parts.append(pie("The same rows, asked to both", dict(zip(task.PAIRED, rows, strict=True))))
    return [*parts, text(task.smallest_gain(findings.evaluation))]


def _fitted(parts: list[CommentPart]) -> tuple[list[CommentPart], list[CommentPart]]:
    """What fits, and what had to go: the least important first, the longest of those first."""
    room = LIMIT - 1500 - sum(_size(part.text) + 2 for part in parts)  # for the sentence that says what is missing
    dropped = set()
    for i in sorted(range(len(parts)), key=lambda i: (-parts[i].rank, -_size(parts[i].text))):
        if room >= 0 or not parts[i].rank:
            break
        room += _size(parts[i].text) + 2
        dropped.add(i)
    return [part for i, part in enumerate(parts) if i not in dropped], [parts[i] for i in sorted(dropped)]


def _size(written: str) -> int:
    return len(written.encode())
