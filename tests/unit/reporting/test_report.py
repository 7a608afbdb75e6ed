import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome
from champion.modeling.evaluation import ClassScore, Importance, Label, PairedTest, Trial
from champion.modeling.profile import Profile
from champion.reporting import classification, sentences, tables
from champion.reporting.charts import figures
from champion.reporting.facts import ReportedRun
from champion.reporting.html import render_html, render_profile
from champion.reporting.markdown import render_markdown
from champion.reporting.words import MINUS, NOTHING, change, clean, distinct, number, percent, score, seconds
from tests.support.report_examples import (
    SPECIES,
    candidate,
    category_column,
    comparison_rows,
    decision,
    evaluation,
    lineage,
    number_column,
    outcome,
    performance,
    profile,
)

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = "<script>alert('x')</script><img src=x onerror=y> & \"q\" | `a``b` *b* [l](http://e.x) @octocat $x$ </table>"


@cache
def drawn(evidence: str, known: str) -> dict[str, str]:
    return figures(Evaluation.model_validate_json(evidence), Profile.model_validate_json(known))


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

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def reported(
    evidence: Evaluation | None = None, decided: Decision | None = None, became: Outcome | None = None, **changes: Any
) -> ReportedRun:
    evidence = evidence or evaluation()
    known = changes.pop("profile", None) or profile(evidence.classes)
    return ReportedRun(evidence, decided or decision(evidence), known, lineage(**changes), became or outcome())


def page(*evidence: Any, **changes: Any) -> str:
    run = reported(*evidence, **changes)
    return render_html(run, drawn(run.evaluation.model_dump_json(), run.profile.model_dump_json()))


def comment(*evidence: Any, **changes: Any) -> str:
    return render_markdown(reported(*evidence, **changes))


def both(evidence: Evaluation | None = None, **changes: Any) -> tuple[str, str]:
    return Page(page(evidence, **changes)).text, comment(evidence, **changes)


def test_the_page_is_well_formed_has_every_section_and_can_be_read_without_seeing_it() -> None:
    elements = Page(page()).elements
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


def test_the_page_needs_nothing_from_outside_and_no_script() -> None:
    html = page()
    elements = Page(html).elements
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in elements}
    keys = {key for _, attributes in elements for key in attributes}
    assert not [key for key in keys if key.startswith("on") or key in ("src", "srcset", "data", "action")]
    assert not re.findall(r"url\((?!#)|@import", html)
    assert "default-src 'none'" in html


def test_light_and_dark_define_the_same_colours_and_all_that_a_figure_asks_for() -> None:
    html = page()
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", html, flags=re.DOTALL)[:2]
    assert "prefers-color-scheme: dark" in html
    assert set(re.findall(r"--[\w-]+(?=:)", dark)) == set(re.findall(r"--[\w-]+(?=:)", light)) - {"--sans", "--mono"}
    assert set(re.findall(r"var\((--[\w-]+)", html)) <= set(re.findall(r"(--[\w-]+):", html))


def test_the_decision_comes_first_and_the_comment_fits_a_screen_before_its_details() -> None:
    html, markdown = page(), comment()
    assert "Version 4 is in production now; it replaced version 3." in html
    assert html.index("The challenger becomes the champion") < html.index("<table")
    assert markdown.startswith("## iris: version 4 is in production now; it replaced version 3\n")
    assert markdown.index("The challenger becomes the champion") < markdown.index("| score |")
    assert [image for image in ("![", "<img") if image in markdown] == []
    assert len(markdown.partition("<details>")[0].splitlines()) <= 20


def pairs(*rows: int, p: float = 1.0) -> PairedTest:
    names = ("both_right", "only_challenger_right", "only_champion_right", "both_wrong")
    return PairedTest(**dict(zip(names, rows, strict=True)), p_value=p)


def became(**changes: Any) -> str:
    return sentences.headline(outcome(**changes))


NO_USE = [Importance(feature="a", mean=0.2, std=0.01), Importance(feature="b", mean=0.001, std=0.01)]
LEANS_ON_ONE = evaluation(challenger=performance("challenger", SPECIES, importance=NO_USE))
TWO: list[Label] = [False, True]
OVERLAP = comparison_rows(judged=12, overlap_only=True)


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        (became(replaced=None, champion=1), "Version 1 is in production now; the first champion."),
        (became(action="kept", champion=3), "Version 3 stays in production."),
        (became(action="kept", champion=None), "Nothing is in production: the challenger stays out, and there is no"),
        (became(action="would_promote", champion=3), "version 3 is in production; with promotion on, the challenger"),
        (became(action="would_promote", champion=None), "Nothing was changed: nothing is in production; with"),
        (became(action="would_keep", champion=3), "version 3 is in production; with promotion on, it would stay."),
        (classification.paired(pairs(9, 0, 0, 1)), "same rows"),
        (classification.paired(pairs(0, 2, 1, 0)), "chance alone"),
        (classification.paired(pairs(0, 99, 1, 0, p=1e-9)), "p below"),
        (
            classification.smallest_gain(evaluation(rows=comparison_rows(smallest_gain=1.2))),
            "no gain in accuracy can be told",
        ),
        (
            sentences.compared_rows(evaluation(rows=OVERLAP), outcome()),
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


def test_page_and_markdown_tell_scores_wear_errors_curves_importance_and_candidates() -> None:
    html, markdown = both()
    assert (html, markdown) == both(), "the same evidence gives the same bytes"
    for words in (
        "This holdout is known to have judged 7 challengers, this one included.",
        "On 30 rows a gain in accuracy below 0.2000 cannot be told from noise; this one is +0.0333.",
        "Blum and Hardt 2015, The Ladder",
        "Most confused: versicolor taken for virginica, 2 of 10. 28 of 30 rows right.",
        "Shuffling x0 costs most: 0.5000 ± 0.0100 of accuracy, measured on 30 holdout rows.",
    ):
        assert words in html
        assert words in markdown
    for words in (
        "champion v3 challenger v4 change",
        "accuracy 0.9333 0.9667 +0.0333 f1_macro 0.8800 0.8900 +0.0100",
        "Area under the curve: champion 0.9010, challenger 0.9010.",
        "thin ones every class, the weakest being setosa (0.9000)",
        "The challenger is off by 5.0 points on average, the champion by 5.0 points.",
        "Where it said 95 % on average, 100 % of 18 were so.",
        "candidate_0 0.9500 ± 0.0050 0.25 s 3 LogisticRegression C=1.0",
        "2 candidates, 6 settings in 0.50 s. candidate_0 was chosen",
        "Search of candidate_0 (3 rows)",
    ):
        assert words in html
    assert "| **`accuracy`** | **0.9333** | **0.9667** | **+0.0333** |" in markdown
    assert "| `f1_macro` | 0.8800 | 0.8900 | +0.0100 |" in markdown
    assert "| **`candidate_0`** | **0.9500 ± 0.0050** |" in markdown


def test_a_score_that_one_side_lacks_is_a_dash_on_that_side() -> None:
    theirs = performance("champion", SPECIES, scores={"accuracy": 0.9, "roc_auc_ovr": 0.8})
    rows = tables.scores(evaluation(champion=theirs), outcome()).rows
    assert [row.cells for row in rows[1:]] == [
        ("f1_macro", NOTHING, "0.8900", NOTHING),
        ("roc_auc_ovr", "0.8000", NOTHING, NOTHING),
    ]


def test_without_a_champion_nothing_is_compared_and_one_that_could_not_be_judged_is_named_with_the_reason() -> None:
    evidence = evaluation(champion=None, paired=None)
    html, markdown = both(evidence, became=outcome(challenger=1, champion=1, replaced=None, judged=1))
    assert [words for words in ("difference", "Paired test") if words in html] == []
    assert "none yet" in html
    assert "no score of a champion to compare with" in html
    assert "It is the first challenger that this holdout is known to have judged." in html
    assert "| score | challenger v1 |" in markdown

    evidence = evaluation(champion=None, paired=None, champion_unjudged="it needs the column 'age'")
    html, markdown = both(evidence, became=outcome(action="kept", challenger=None, champion=3, replaced=None))
    assert "champion v3 not judged it needs the column 'age'" in html
    assert "Version 3 stays in production." in html
    assert "it needs the column 'age'" in markdown


def test_the_policy_shows_what_was_found_and_required_and_a_condition_that_gates_and_is_not_met_stands_out() -> None:
    evidence = evaluation()
    html, markdown = both(evidence, decided=decision(evidence, min_score=0.8, guardrails={"f1_macro": -0.02}))
    assert "min_score 0.9667 at least 0.8 met yes" in html
    assert "guardrail f1_macro 0.0100 at least -0.02 met yes" in html
    assert "p_value 1 at most 0.05 not met no, for information" in html
    assert "| `min_score` | 0.9667 | at least 0.8 | met | yes |" in markdown
    rows = tables.checks(decision(evidence, min_gain=0.1, max_p_value=0.05)).rows
    assert [(row.cells[0], row.tone) for row in rows] == [("min_gain", "failed"), ("p_value", "failed")]
    assert tables.checks(decision(evidence)).rows[-1].tone == ""
    assert '<tr class="failed">' in page(evidence, decision(evidence, min_gain=0.1))


def test_the_paired_test_is_shown_and_explained() -> None:
    test = PairedTest(both_right=20, only_challenger_right=9, only_champion_right=1, both_wrong=0, p_value=0.0215)
    html, markdown = both(evaluation(paired=test))
    assert "challenger right 20 9 challenger wrong 1 0" in html
    sentence = "the challenger alone was right on 9, the champion alone on 1, more than chance explains"
    assert sentence in html
    assert sentence in markdown
    assert "two-sided p = 0.0215" in html


MUTE: dict[str, Any] = {"roc": [], "precision_recall": [], "calibration": []}
SINGLE = candidate(0, 0).model_copy(update={"name": "only", "cv_mean": None, "cv_std": None})
NOTHING_RANKED = "only was the only one, so that there was nothing to rank."


@pytest.mark.parametrize(
    ("changes", "on_the_page", "in_the_comment"),
    [
        (
            {role: performance(role, SPECIES, **MUTE) for role in ("challenger", "champion")},
            "The estimator gives no probabilities",
            "",
        ),
        ({"candidates": [SINGLE]}, NOTHING_RANKED, NOTHING_RANKED),
        (
            {"rows": comparison_rows(missing_classes=["setosa"])},
            "No judged row has the class setosa",
            "not in the holdout: setosa",
        ),
    ],
    ids=["no probabilities", "a single candidate", "a class that the holdout lacks"],
)
def test_what_is_missing_is_said(changes: dict[str, Any], on_the_page: str, in_the_comment: str) -> None:
    html, markdown = both(evaluation(**changes))
    assert on_the_page in html
    assert in_the_comment in markdown


def test_the_data_is_described() -> None:
    columns = [number_column(), category_column(), number_column("id", kind="identifier", used=False)]
    html, markdown = both(profile=profile(columns=columns))
    assert "2 of 3 columns used. Most values are missing in island: 5 %." in html
    assert "petal length (cm) numeric 0 40 1 to 7 3.75 ± 1.76 A number: scaled." in html
    assert "Biscoe, Dream, Torgersen and 2 more" in html
    assert "| `id` | identifier, not used |" in markdown


def test_the_provenance_is_complete() -> None:
    html, markdown = both(dirty=True)
    for text in (html, markdown.replace("\\", "")):
        for fact in ("717820ef0af287ff346c5cabfb4c612c", "3f2a9c1e5b7d4f60, with uncommitted changes", "9b1c5e0f2a7d",
                     "scikit-learn 1.9.1", "2026-11-23 04:52 UTC", "salt 'iris'", "local", "42"):  # fmt: skip
            assert fact in text
    assert "none: not a git checkout" in both(commit=None)[0]


def test_warnings_stand_at_the_top_and_are_capped() -> None:
    evidence = evaluation(warnings=[f"warning number {i}" for i in range(60)])
    html, markdown = page(evidence), comment(evidence)
    assert html.index("warning number 0") < html.index('id="scores"')
    assert "10 more warnings" in html
    assert "- and 55 more" in markdown
    assert markdown.index("warning number 0") < markdown.index("<details>")
    assert "arning" not in Page(page()).text
    assert "arning" not in comment()


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
    html = Page(render_html(run, drawn(run.evaluation.model_dump_json(), known.model_dump_json())))
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
    candidates = [candidate(i, 0).model_copy(update={**wide, "trials": trials}) for i in range(30)]
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


def test_a_missing_figure_leaves_the_rest() -> None:
    html = render_html(reported(), {})
    assert "<svg" not in html
    assert "candidate_0 was chosen" in Page(html).text


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
