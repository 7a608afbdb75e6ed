"""Tell what happened: the report as HTML and Markdown; never cached, because the decision is new."""

from typing import Annotated

from zenml import step
from zenml.types import HTMLString, MarkdownString

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.modeling.profile import Profile


@step(enable_cache=False)
def report(
    evaluation: Evaluation,
    decision: Decision,
    profile: Profile,
    facts: Provenance,
    outcome: Outcome,
    figures: dict[str, str],
) -> tuple[Annotated[HTMLString, "report"], Annotated[MarkdownString, "summary"]]:
    """Write the report, a self-contained page and its summary; the figures were drawn with the evidence."""
    from champion.reporting.html import render_html
    from champion.reporting.markdown import render_markdown
    from champion.reporting.report import ReportedRun

    run = ReportedRun(evaluation, decision, profile, facts, outcome)
    return HTMLString(render_html(run, figures)), MarkdownString(render_markdown(run))
