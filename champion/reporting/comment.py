"""A pull request's comment: one screen first, details folded below, never longer than GitHub takes."""

from champion.reporting import comment_parts
from champion.reporting.comment_input import Case, Change, Story
from champion.reporting.comment_parts import Part
from champion.reporting.markdown import code, table, text
from champion.reporting.tables import Column, Row, Table
from champion.reporting.words import clean, counted, score

LIMIT = 64_000  # bytes; GitHub takes 65,536 characters, and CML adds its watermark
CASES = 100  # of the table that stands above several use cases


def render_comment(story: Story, link: str | None = None, stranger: bool = False) -> str:
    """The comment as GitHub's Markdown.

    Parameters
    ----------
    story : Story
        What happened; every name in it is escaped, whoever gave it.
    link : str, optional
        Where the full report is: the address of the workflow's run.
    stranger : bool, default=False
        Whether the story was told by code that nobody has reviewed, which the comment then says.

    Returns
    -------
    str
        At most `LIMIT` bytes of UTF-8. Where all would be longer, the least important parts are left out, and a
        sentence says which.
    """
    parts = [Part(0, "", "\n\n".join(_opening(story, stranger))), *_body(story), Part(0, "", _foot(story, link))]
    kept, gone = _fitted(parts)
    if gone:
        kept.insert(-1, Part(0, "", text(_left_out(gone))))
    written = "\n\n".join(part.text for part in kept if part.text) + "\n"
    return written if _size(written) <= LIMIT else _shortest(story, link, stranger)


def _opening(story: Story, stranger: bool) -> list[str]:
    found = []
    if story.refusal:
        found += ["## Nothing was trained", text(clean(story.refusal, 1500))]
    elif not story.cases:
        found += [
            "## The pipeline failed",
            "It ended before the first use case was looked at; the log of the run says why.",
        ]
    if stranger:
        found.append(
            "*From a fork, or from Dependabot: the numbers below were computed by the pull request's own code, "
            "without credentials, and nobody has verified them.*"
        )
    return [*found, *([_overview(story)] if len(story.cases) > 1 else [])]


def _overview(story: Story) -> str:
    rows = [
        Row((clean(case.use_case, 60), clean(comment_parts.headline(case), 120), *_scores(case)))
        for case in story.cases
    ]
    heads = (Column("use case", "name"), Column("decision", "text"), Column("metric", "name"))
    hidden = len(rows) - CASES
    note = f"{counted(hidden, 'more')} left out." if hidden > 0 else ""
    columns = (*heads, Column("champion", "number"), Column("challenger", "number"))
    return table(Table("", columns, rows[:CASES], note))


def _scores(case: Case) -> tuple[str, str, str]:
    if case.findings is None or case.failure:
        return score(None), score(None), score(None)
    decision = case.findings.decision
    theirs = decision.champion_score
    if case.champion.source == "pointer":
        theirs = case.champion.metrics.get(decision.metric)
    return clean(decision.metric, 60), score(theirs), score(decision.challenger_score)


def _body(story: Story) -> list[Part]:
    parts = []
    for case in story.cases:
        title = f"## {text(clean(case.use_case))}: {text(comment_parts.headline(case))}"
        shown = [title, *filter(None, comment_parts.first(case, _of(case, story)))]
        parts += [Part(0, "", "\n\n".join(shown)), *_named(case, story)]
    known = {_config(case) for case in story.cases}
    others = [
        f"{code(clean(each.name, 80))} of {code(clean(each.file, 80))}"
        for each in story.changes
        if each.file not in known
    ]
    if others:
        parts.append(Part(1, "Other parameters", f"Other parameters that changed: {', '.join(others[:20])}."))
    if story.changes_unknown:
        parts.append(Part(1, "", text(f"Which parameters changed is not known: {clean(story.changes_unknown, 300)}")))
    return parts


def _named(case: Case, story: Story) -> list[Part]:
    found = comment_parts.details(case)
    if len(story.cases) == 1:
        return found
    return [part._replace(title=f"{part.title} of {clean(case.use_case, 40)}") for part in found]


def _config(case: Case) -> str:
    return f"configs/{case.use_case}.yaml"


def _of(case: Case, story: Story) -> list[Change] | None:
    known = story.compared and not story.changes_unknown
    return [each for each in story.changes if each.file == _config(case)] if known else None


def _foot(story: Story, link: str | None) -> str:
    where = f"[The full report]({link}) is an artifact of the run. " if link else ""
    base = f", base {code(story.base[:8])}" if story.base else ""
    return f"---\n{where}Commit {code(story.commit[:8])}{base}."


def _fitted(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """What fits, and what had to go: the least important first, the longest of those first."""
    room = LIMIT - 1500 - sum(_size(part.text) + 2 for part in parts)  # for the sentence that says what is missing
    gone = set()
    for place in sorted(range(len(parts)), key=lambda place: (-parts[place].rank, -_size(parts[place].text))):
        if room >= 0 or not parts[place].rank:
            break
        room += _size(parts[place].text) + 2
        gone.add(place)
    return [part for i, part in enumerate(parts) if i not in gone], [parts[i] for i in sorted(gone)]


def _left_out(gone: list[Part]) -> str:
    titles = [part.title for part in gone if part.title]
    more = f" and {len(titles) - 12} more" if len(titles) > 12 else ""
    return f"Left out, because a comment has its limit: {', '.join(titles[:12])}{more}. The full report has all of it."


def _shortest(story: Story, link: str | None, stranger: bool) -> str:
    shown = [*_opening(story, stranger), "The full report has the rest: a comment has its limit.", _foot(story, link)]
    return "\n\n".join(shown) + "\n"


def _size(written: str) -> int:
    return len(written.encode())
