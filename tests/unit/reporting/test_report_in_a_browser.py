"""The reports in a real browser: readable on a phone and on a desk, in the light and in the dark, without a request."""

from pathlib import Path

import pytest

from champion.drift.classification.labels import live_score
from champion.reporting.charts import figures
from champion.reporting.drift.page import render_drift_html
from champion.reporting.html import render_html
from champion.reporting.report import ReportedRun
from tests.support import drift_examples
from tests.support.browser import Page, eventually
from tests.support.report_examples import decision, evaluation, lineage, outcome, profile

HEADINGS = {
    "report": "Scores Why Errors Probabilities Importance Candidates Data Provenance",
    "drift": "Columns Features Training Counts",
}


def show(page: Page, folder: Path, report: str, width: int, scheme: str) -> None:
    """A report that lies in a folder."""
    if report == "drift":
        last, html = (
            "What was compared",
            render_drift_html(drift_examples.report(live=live_score(70, 100, 5, 0.95, 200, 50))),
        )
    else:
        evidence, seen = evaluation(), profile()
        run = ReportedRun(evidence, decision(evidence), seen, lineage(), outcome())
        last, html = "Provenance", render_html(run, figures(evidence, seen))
    (folder / "report.html").write_text(html, encoding="utf-8")
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open((folder / "report.html").as_uri())
    eventually(lambda: page.ask("document.readyState") == "complete" and last in page.text(), "the report")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("report", HEADINGS)
def test_it_is_read_without_javascript_and_nothing_runs_out_of_the_page(
    page: Page, tmp_path: Path, report: str, width: int, scheme: str
) -> None:
    show(page, tmp_path, report, width, scheme)
    text = page.text()
    assert [heading for heading in HEADINGS[report].split() if heading not in text] == []
    assert page.ask("document.scripts.length") == 0
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("performance.getEntriesByType('resource').length") == 0


def test_the_dark_page_is_dark_and_its_text_is_light(page: Page, tmp_path: Path) -> None:
    def brightness(what: str) -> float:
        colour = page.ask(f"getComputedStyle(document.body).{what}")
        return sum(int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3

    show(page, tmp_path, "report", 1280, "light")
    assert brightness("backgroundColor") > 200 > 100 > brightness("color")
    show(page, tmp_path, "report", 1280, "dark")
    assert brightness("backgroundColor") < 60 < 150 < brightness("color")
