"""A drift report as Markdown and as a page, and drift over time."""

import pytest

from champion.drift.classification.labels import live_score
from champion.drift.report import Moment
from champion.reporting.drift.page import render_drift_history, render_drift_html, render_drift_markdown
from tests.support.drift_examples import report

LIVE = report(live=live_score(70, 100, 5, 0.95, 200, 50))


def test_the_markdown_has_the_verdict_first_and_the_worst_feature_before_the_others() -> None:
    lines = render_drift_markdown(LIVE).splitlines()
    assert lines[0] == "## shop: drift"
    first = next(i for i, line in enumerate(lines) if line.startswith("| feature")) + 1
    assert "**drift**" in lines[first + 1]
    assert "no drift" not in lines[first + 1]
    assert any("worse than it was promoted with" in line for line in lines[:first])


def test_names_of_the_users_are_no_markup_and_the_page_needs_nothing_beside_itself() -> None:
    markdown, page = render_drift_markdown(LIVE), render_drift_html(LIVE)
    assert "`<b>col\\|our*`" in markdown
    assert "<script>" not in markdown.replace("`", "")
    assert [words for words in ("<script", "<b>col") if words in page] == []
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    for words in ("&lt;b&gt;col|our*", "7 rows of the log", "Columns that differ", "0.9500", "0.7000"):
        assert words in page
    assert page.count("<svg") == 7, "six features and the predictions"


@pytest.mark.parametrize(
    ("verdict", "badge"), [("none", "No drift"), ("not_enough", "Not enough data"), ("schema", "Other columns")]
)
def test_every_verdict_has_its_badge(verdict: str, badge: str) -> None:
    assert badge in render_drift_html(report(verdict))
    assert badge.lower() in render_drift_markdown(report(verdict)).splitlines()[0]


def test_a_table_without_a_row_to_draw_has_its_page_still() -> None:
    page = render_drift_html(report("not_enough", features=[], predictions=None, schema_differences=[], notes=[]))
    assert "<svg" not in page
    assert "There are not enough data to judge." in page


def test_the_history_draws_a_line_for_every_feature_and_marks_what_drifted() -> None:
    moments = [
        Moment(
            created=f"2026-02-0{day}T00:00:00+00:00", model_version=1, source="new.csv", rows=300, verdict=verdict,
            effects={"size": effect, "<i>": None}, drifted=["size"] if verdict == "drift" else [],
        )
        for day, verdict, effect in ((1, "none", 0.01), (2, "none", None), (3, "drift", 0.3))
    ]  # fmt: skip
    page = render_drift_history("shop", moments, 0.1)
    assert page.count("<svg") == 2
    assert page.count("<circle") == 1
    assert "3 comparisons, 1 with drift" in page
    assert "<i>" not in page
