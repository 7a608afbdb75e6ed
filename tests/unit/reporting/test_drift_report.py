"""A drift report as JSON, as Markdown and as a page."""

import json

import pytest

from champion.drift.classification import live_score
from champion.drift.report import DriftReport, Moment
from champion.reporting.drift.page import render_drift_history, render_drift_html, render_drift_markdown
from tests.support.drift_examples import report


def test_the_json_says_its_format_and_comes_back_as_it_was() -> None:
    text = report().model_dump_json()
    assert json.loads(text)["format"] == 1
    assert DriftReport.model_validate_json(text) == report()


def test_the_markdown_has_the_verdict_first_and_the_worst_feature_before_the_others() -> None:
    lines = render_drift_markdown(report()).splitlines()
    assert lines[0] == "## shop: drift"
    first = next(i for i, line in enumerate(lines) if line.startswith("| feature")) + 1
    assert "**drift**" in lines[first + 1]
    assert "no drift" not in lines[first + 1]


def test_names_of_the_users_are_no_markup_and_the_page_needs_nothing_beside_itself() -> None:
    markdown, page = render_drift_markdown(report()), render_drift_html(report())
    assert "`<b>col\\|our*`" in markdown
    assert "<script>" not in markdown.replace("`", "")
    assert [words for words in ("<script", "<b>col") if words in page] == []
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    for words in ("&lt;b&gt;col|our*", "7 rows of the log", "Columns that differ"):
        assert words in page
    assert page.count("<svg") == 7, "six features and the predictions"


@pytest.mark.parametrize(
    ("verdict", "badge"), [("none", "No drift"), ("not_enough", "Not enough data"), ("schema", "Other columns")]
)
def test_every_verdict_has_its_badge(verdict: str, badge: str) -> None:
    assert badge in render_drift_html(report(verdict))
    assert badge.lower() in render_drift_markdown(report(verdict)).splitlines()[0]


def test_the_live_score_stands_beside_the_promoted_one() -> None:
    live = report(live=live_score(70, 100, 5, 0.95, 200, 50))
    page = render_drift_html(live)
    assert "0.9500" in page
    assert "0.7000" in page
    assert "worse than it was promoted with" in render_drift_markdown(live)


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
