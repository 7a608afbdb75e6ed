import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Baseline, Evaluation, Outcome, Period
from champion.modeling.evaluation import Importance, Label, PairedTest, Trial
from champion.modeling.tasks.classification.evidence import ClassScore
from champion.reporting import sentences, tables
from champion.reporting.charts import DRAW, figures
from champion.reporting.classification import charts as of_classes
from champion.reporting.classification import report as classification
from champion.reporting.html import render_html, render_profile
from champion.reporting.markdown import render_markdown
from champion.reporting.report import ReportedRun
from champion.reporting.words import MINUS, NOTHING, change, clean, distinct, number, percent, score, seconds
from cli import console
from pipelines.outputs import decision_facts
from tests.support import report_examples as examples
from tests.support.report_examples import SPECIES, category_column, evaluation, number_column, performance, profile

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "<script>alert('x')</script><img src=x onerror=y> & \"q\" | `a``b` *b* [l](http://e.x) @octocat $x$ </table>"


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, text, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def reported(
    evidence: Evaluation | None = None, decided: Decision | None = None, became: Outcome | None = None, **changes: Any
) -> ReportedRun:
    evidence = evidence or evaluation()
    known = changes.pop("profile", None) or profile(evidence.classes)
    decided, facts = decided or examples.decision(evidence), examples.lineage(**changes)
    return ReportedRun(evidence, decided, known, facts, became or examples.outcome())


def page(*evidence: Any, **changes: Any) -> str:
    run = reported(*evidence, **changes)
    return render_html(run, figures(run.evaluation, run.profile))


def both(*evidence: Any, **changes: Any) -> tuple[str, str]:
    """The text of a page without a figure, and the Markdown."""
    run = reported(*evidence, **changes)
    return Page(render_html(run, {})).text, render_markdown(run)


def pairs(*rows: int, p: float = 1.0) -> PairedTest:
    names = ("both_right", "only_challenger_right", "only_champion_right", "both_wrong")
    return PairedTest(**dict(zip(names, rows, strict=True)), p_value=p)


def test_page_and_markdown_tell_it_all_as_it_is_kept_beside_this_file() -> None:
    """A file that is taken away is written anew."""
    ignorant = Baseline(score=0.3333, p_value=0.0, test="mcnemar", reachable=True)
    evidence = evaluation(paired=pairs(20, 9, 1, 0, p=0.0215), baseline=ignorant)
    run = reported(
        evidence, examples.decision(evidence, min_score=0.8, guardrails={"f1_macro": -0.02}), dirty=True,
        profile=profile(columns=[number_column(), category_column(), number_column("id", kind="identifier", used=False)]),
    )  # fmt: skip
    drawn = dict.fromkeys([*of_classes.DRAW, *DRAW, "profile_target", "profile_0", "profile_1"], "<svg></svg>")
    text = re.sub(r"\s*\n\s*", "\n", " ".join(Page(render_html(run, drawn)).words)).lstrip()
    for name, made in (("report.txt", text), ("report.md", render_markdown(run))):
        kept = Path(__file__).with_name(name)
        if not kept.exists():
            kept.write_text(made, encoding="utf-8")
        assert made == kept.read_text(encoding="utf-8")


def test_the_page_is_well_formed_needs_nothing_from_outside_and_can_be_read_without_seeing_it() -> None:
    html = page()
    elements = Page(html).elements
    sections = [attributes.get("id") for tag, attributes in elements if tag == "section"]
    assert sections == ["scores", "why", "errors", "probabilities", "importance", "candidates", "data", "provenance"]
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(link is not None and link.startswith("#") and link[1:] in ids for link in links)
    tags = [tag for tag, _ in elements]
    assert tags.count("h1") == tags.count("main") == tags.count("nav") == 1
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in elements if tag == "th")
    assert all(attributes.get("aria-label") for tag, attributes in elements if tag == "svg")
    assert ("html", {"lang": "en"}) in elements
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in elements}
    keys = {key for _, attributes in elements for key in attributes}
    assert not [key for key in keys if key.startswith("on") or key in ("src", "srcset", "data", "action")]
    assert not re.findall(r"url\((?!#)|@import", html)
    assert "default-src 'none'" in html


def test_both_sides_of_the_split_periods_and_twins_are_on_the_page_and_in_the_markdown() -> None:
    sides = {"classes": ["a", "b"], "class_counts": [30, 90], "holdout_class_counts": [3, 27]}
    both = profile().model_copy(update={**sides, "twins": 6, "holdout_rows": 30})
    periods = [Period(first="2026-01-01", last="2026-02-01", rows=30, challenger=0.9, champion=None)]
    rows = examples.THIRTY_JUDGED.model_copy(update={"wanted": 0.25})
    run = reported(evaluation(periods=periods, rows=rows), profile=both)
    for text in (" ".join(Page(render_html(run, {})).words), render_markdown(run)):
        assert "20 % of the holdout's rows have the same features as a train row" in text
        assert "20 %, wanted 25 %" in text
        for cells in (["a", "30", "25 %", "3", "10 %"], ["2026-01-01", "2026-02-01", "30", NOTHING, "0.9000"]):
            assert re.search(r"[\s|`]+".join(map(re.escape, cells)), text), cells


def test_light_and_dark_define_the_same_colours_and_all_that_a_figure_asks_for() -> None:
    html = page()
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", html, flags=re.DOTALL)[:2]
    assert "prefers-color-scheme: dark" in html
    assert set(re.findall(r"--[\w-]+(?=:)", dark)) == set(re.findall(r"--[\w-]+(?=:)", light)) - {"--sans", "--mono"}
    assert set(re.findall(r"var\((--[\w-]+)", html)) <= set(re.findall(r"(--[\w-]+):", html))


def headline(**changes: Any) -> str:
    return sentences.headline(examples.outcome(**changes))


NO_USE = [Importance(feature="a", mean=0.2, std=0.01), Importance(feature="b", mean=0.001, std=0.01)]
LEANS_ON_ONE = evaluation(challenger=performance("challenger", SPECIES, importance=NO_USE))
TWO: list[Label] = [False, True]
OVERLAP = examples.comparison_rows(judged=12, overlap_only=True)


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        (headline(replaced=None, champion=1), "Version 1 is in production now; the first champion."),
        (headline(action="kept", champion=3), "Version 3 stays in production."),
        (headline(action="kept", champion=None), "Nothing is in production: the challenger stays out, and there is no"),
        (headline(action="would_promote", champion=3), "version 3 is in production; with promotion on, the challenger"),
        (headline(action="would_promote", champion=None), "Nothing was changed: nothing is in production; with"),
        (headline(action="would_keep", champion=3), "version 3 is in production; with promotion on, it would stay."),
        (classification.paired(pairs(9, 0, 0, 1)), "same rows"),
        (classification.paired(pairs(0, 2, 1, 0)), "chance alone"),
        (classification.paired(pairs(0, 99, 1, 0, p=1e-9)), "p below"),
        (
            classification.smallest_gain(evaluation(rows=examples.comparison_rows(smallest_gain=1.2))),
            "no gain in accuracy can be told",
        ),
        (
            sentences.compared_rows(evaluation(rows=OVERLAP), examples.outcome()),
            "the same 12 rows: of the 30 in the holdout only those that are holdout under the champion's split rule",
        ),
        (classification.errors(performance("champion", SPECIES, wrong=0), evaluation()), "All 30 rows right: nothing"),
        (classification.curves(evaluation(TWO), "roc"), "The class looked for is True."),
        (classification.calibration(evaluation(TWO)), "The class looked for is True."),
        (sentences.importance(LEANS_ON_ONE), "Without 1 of 2 columns nothing measurable would be lost"),
    ],
)
def test_a_sentence_is_computed_from_the_evidence(sentence: str, says: str) -> None:
    assert says in sentence


def test_a_score_that_one_side_lacks_is_a_dash_on_that_side() -> None:
    theirs = performance("champion", SPECIES, scores={"accuracy": 0.9, "roc_auc_ovr": 0.8})
    rows = tables.scores(evaluation(champion=theirs), examples.outcome()).rows
    assert [row.cells for row in rows[1:]] == [
        ("f1_macro", NOTHING, "0.8900", NOTHING),
        ("roc_auc_ovr", "0.8000", NOTHING, NOTHING),
    ]


def test_beside_the_score_stands_what_luck_would_reach_and_a_score_that_guesses_reach_is_no_more_than_luck() -> None:
    plain = "judged 7 challengers, this one included; of so many that are no better than the champion, the luckiest would get"
    for told in both():
        assert f"{plain} 0.9874 of these rows right." in told
        assert "guesses" not in told
    lucky = "The challenger gets 0.9667 right, no more than the luckiest of so many guesses: 0.9700."
    assert lucky in both(became=examples.outcome(luckiest_guess=0.97))[0]
    unknown = both(became=examples.outcome(luckiest=None, luckiest_guess=None))[0]
    assert "known to have judged 7 challengers, this one included." in unknown


def test_the_console_and_train_json_say_how_often_the_holdout_has_judged(capsys: pytest.CaptureFixture[str]) -> None:
    run = reported()
    console.training_summary(run.evaluation, run.decision, run.outcome)
    assert "the luckiest would get 0.9874 of these rows right." in capsys.readouterr().out
    console.training_summary(run.evaluation, run.decision, examples.outcome(judged=1))
    assert "This holdout" not in capsys.readouterr().out
    facts = decision_facts(run.evaluation, run.decision, run.provenance, run.outcome)
    assert facts["holdout_use"] == {"judged": 7, "luckiest": 0.9874, "luckiest_guess": 0.4731}


def test_the_console_says_where_only_rows_that_are_holdout_under_both_rules_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = examples.THIRTY_JUDGED.model_copy(update={"judged": 24, "overlap_only": True})
    run = reported(evaluation(rows=rows))
    console.training_summary(run.evaluation, run.decision, run.outcome)
    said = capsys.readouterr().out
    assert "iris: 24 of 30 holdout rows judge" in said
    assert "Only 24 of the 30 holdout rows judged: those that are holdout under the champion's split rule too." in said


def test_without_a_champion_nothing_is_compared_and_one_that_could_not_be_judged_is_named_with_the_reason() -> None:
    evidence = evaluation(champion=None, paired=None)
    html, markdown = both(
        evidence, became=examples.outcome(challenger=1, champion=1, replaced=None, judged=1), commit=None
    )
    assert [words for words in ("difference", "Paired test") if words in html] == []
    first = "It is the first challenger that this holdout is known to have judged."
    for words in ("none yet", "no score of a champion to compare with", first, "none: not a git checkout"):
        assert words in html
    assert "| score | challenger v1 |" in markdown

    evidence = evaluation(champion=None, paired=None, champion_unjudged="it needs the column 'age'")
    html, markdown = both(evidence, became=examples.outcome(action="kept", challenger=None, champion=3, replaced=None))
    assert "champion v3 not judged it needs the column 'age'" in html
    assert "Version 3 stays in production." in html
    assert "it needs the column 'age'" in markdown


def test_a_condition_that_gates_and_is_not_met_stands_out() -> None:
    evidence = evaluation()
    rows = tables.checks(examples.decision(evidence, min_gain=0.1, max_p_value=0.05)).rows
    assert [(row.cells[0], row.tone) for row in rows] == [("min_gain", "failed"), ("p_value", "failed")]
    assert tables.checks(examples.decision(evidence)).rows[-1].tone == ""
    assert '<tr class="failed">' in page(evidence, examples.decision(evidence, min_gain=0.1))


MUTE: dict[str, Any] = {"roc": [], "precision_recall": [], "calibration": []}
SINGLE = examples.candidate(0, 0).model_copy(update={"name": "only", "cv_mean": None, "cv_std": None})
NO_SETOSA = examples.comparison_rows(missing_classes=["setosa"])
NOTHING_RANKED = "only was the only one, so that there was nothing to rank."


@pytest.mark.parametrize(
    ("changes", "on_the_page", "in_the_comment"),
    [
        (
            {role: performance(role, SPECIES, **MUTE) for role in ("challenger", "champion")},
            "gives no probabilities",
            "",
        ),
        ({"candidates": [SINGLE]}, NOTHING_RANKED, NOTHING_RANKED),
        ({"rows": NO_SETOSA}, "No judged row has the class setosa", "not in the holdout: setosa"),
        ({}, "candidate_0 was chosen", "candidate_0 was chosen"),
    ],
    ids=["no probabilities", "a single candidate", "a class that the holdout lacks", "any figure"],
)
def test_what_is_missing_is_said(changes: dict[str, Any], on_the_page: str, in_the_comment: str) -> None:
    html, markdown = both(evaluation(**changes))
    assert on_the_page in html
    assert in_the_comment in markdown


def test_warnings_stand_at_the_top_and_are_capped() -> None:
    evidence = evaluation(warnings=[f"warning number {i}" for i in range(60)])
    html, markdown = page(evidence), render_markdown(reported(evidence))
    assert html.index("warning number 0") < html.index('id="scores"')
    assert "10 more warnings" in html
    assert "- and 55 more" in markdown
    assert markdown.index("warning number 0") < markdown.index("<details>")
    assert "arning" not in "".join(both())


def hostile() -> Evaluation:
    classes: list[Label] = [HOSTILE, "b", "c"]
    mine = performance(
        "challenger", classes, params={HOSTILE: HOSTILE}, candidate=HOSTILE, estimator=HOSTILE, wrong=1,
        importance=[Importance(feature=HOSTILE, mean=0.1, std=0.0)], scores={"accuracy": 0.9, HOSTILE: 0.1},
    )  # fmt: skip
    evidence = evaluation(classes, challenger=mine, warnings=[HOSTILE], champion=None, champion_unjudged=HOSTILE)
    candidates = [each.model_copy(update={"params": {HOSTILE: HOSTILE}}) for each in evidence.candidates]
    return evidence.model_copy(update={"candidates": candidates})


def test_nothing_that_a_table_contains_becomes_markup_on_the_page_or_in_a_comment() -> None:
    columns = [number_column(HOSTILE, why=HOSTILE), category_column(categories=[HOSTILE, "b", "c"])]
    known = profile([HOSTILE, "b", "c"], columns)
    run = reported(hostile(), profile=known, split=HOSTILE, stack=HOSTILE, libraries={HOSTILE: HOSTILE})
    html = Page(render_html(run, figures(run.evaluation, known)))
    assert not {"script", "img"} & {tag for tag, _ in html.elements}
    assert HOSTILE in html.text

    markdown = render_markdown(run)
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown.replace("\\`", "")).replace("\\|", "")
    assert set(re.findall(r"<[^>]*>", outside)) == {"<details>", "</details>", "<summary>", "</summary>"}
    assert "@octocat" not in outside
    assert "http://" not in outside
    assert not re.search(r"(?<!\\)[*`$\[]", outside.replace("**", ""))
    width = 0
    for line in markdown.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert cells in (0, width) or width == 0, "as many cells in every row as in the table's head"
        width = cells


def test_a_run_of_any_size_stays_under_a_megabyte() -> None:
    long = "a very long name " * 500
    classes: list[Label] = [f"{i} {long}" for i in range(50)]
    wide = {"params": {long: long}}
    trials = [Trial(**wide, mean=0.9 - i / 100, std=0.02) for i in range(100)]
    candidates = [examples.candidate(i, 0).model_copy(update={**wide, "trials": trials}) for i in range(30)]
    challenger = performance("challenger", classes, features=100, **wide)
    evidence = evaluation(classes, candidates=candidates, challenger=challenger, warnings=[long] * 1000)
    known = profile(classes, [category_column(f"{i} {long}", why=long, categories=[long] * 3) for i in range(300)])
    html = page(evidence, profile=known)
    assert len(html.encode()) < 1_000_000
    assert "100 more columns are left out." in html


def test_many_classes_list_the_weakest() -> None:
    classes: list[Label] = list(range(150))
    scores = [ClassScore(label=i, precision=1, recall=1, f1=i / 150, support=10) for i in range(150)]
    table = classification.details(evaluation(classes, challenger=performance("challenger", classes, per_class=scores)))
    assert len(table.rows) == classification.CLASS_ROWS
    assert table.rows[0].cells[0] == "0"
    assert table.note == "The 100 of 150 classes with the lowest F1."


def test_a_profile_page_has_every_column_in_its_table_draws_the_used_ones_and_escapes_what_the_table_says() -> None:
    hostile = category_column("<script>alert(1)</script>", categories=["<i>", "ö"], counts=[3, 2])
    unused = number_column("row_id", kind="identifier", used=False, edges=None, counts=None)
    html = render_profile(profile(columns=[number_column(), hostile, unused]))
    assert html.count("<svg") == 3, "the target and two columns"
    assert [words for words in ("row_id", "&lt;i&gt;", "ö") if words not in html] == []
    assert [words for words in ("<script", "<i>") if words in html] == []
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    html = render_profile(profile(classes=[], columns=[]))
    assert "<svg" not in html, "there is nothing to draw"
    assert "Columns of the train set" in html


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (score(-0.25), MINUS + "0.2500"),
        (score(float("nan")), NOTHING),
        (change(0.5, 0.75), MINUS + "0.2500"),
        (change(0.500001, 0.5), "+1.0e-06"),
        (change(None, 0.5), NOTHING),
        (number(1234567.0), "1.235e+06"),
        (number(-3.0), MINUS + "3"),
        (number(float("inf")), NOTHING),
        (percent(0.999), "99.9 %"),
        (percent(0.0001), "0.1 %"),
        (percent(1.0), "100 %"),
        (seconds(0.04), "40 ms"),
        (seconds(192.0), "3 min 12 s"),
        (seconds(7500.0), "2 h 5 min"),
        (clean("a\u202eb\nc"), "a b c"),
        (clean("  "), "(empty)"),
        (distinct(["short", "x" * 30], 12)[1], "xxxxxx…xxxxx"),
    ],
)
def test_words_and_numbers(written: str, expected: str) -> None:
    assert written == expected
