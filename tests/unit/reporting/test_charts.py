import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import Importance, Label
from champion.modeling.tasks.classification.evidence import Curve
from champion.reporting import charts
from champion.reporting import figures as of_any_task
from champion.reporting.charts import figures
from champion.reporting.classification import charts as of_classes
from champion.reporting.classification import report
from champion.reporting.svg import INK, density, themed
from tests.support.report_examples import candidate, category_column, evaluation, number_column, performance, profile

SVG = "{http://www.w3.org/2000/svg}"
DRAW = {**of_classes.DRAW, **charts.DRAW}
ABC: list[Label] = ["a", "b", "c"]
FIFTY: list[Label] = [f"class number {i}" for i in range(50)]


def text_of(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_every_figure_is_one_named_svg_with_its_own_ids_the_pages_colours_and_nothing_from_outside() -> None:
    drawn = figures(evaluation(), profile())
    assert set(drawn) == {*DRAW, "profile_target", "profile_0", "profile_1"}
    told = (*report.FIGURES, *of_any_task.FIGURES)
    assert {each.name for each in told} == set(DRAW)
    assert {each.section for each in told} <= {*report.SECTIONS, *of_any_task.SECTIONS}
    seen: set[str] = set()
    for svg in drawn.values():
        root = ET.fromstring(svg)
        assert (root.tag, root.attrib["role"]) == (f"{SVG}svg", "img")
        assert root.attrib["aria-label"] == root.findtext(f"{SVG}title")
        ids = re.findall(r'\bid="([^"]+)"', svg)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= set(ids)
        assert not seen & set(ids)
        seen |= set(ids)
        assert not re.findall(r'(?:href|src)="(?!#)|url\((?!#)|<style|<metadata|DejaVu|(?:fill|stroke):\s*#', svg)
        assert "var(--" in svg


def test_a_class_that_is_called_like_a_colour_keeps_its_name() -> None:
    assert INK in text_of(figures(evaluation([INK, "b", "c"]), profile())["confusion_challenger"])


@pytest.mark.parametrize(
    "name", ["$\\frac{$", "<script>&\"'", "a\nb\x00\x1b", "\ud800", "数据", "", "\u202eabc", "%s{}"]
)
def test_any_name_can_be_drawn(name: str) -> None:
    classes: list[Label] = [name, "b", "c"]
    importance = [Importance(feature=name, mean=0.1, std=0.1)]
    evidence = evaluation(classes, challenger=performance("challenger", classes, importance=importance))
    columns = [number_column(name), category_column(name, categories=[name, "b", "c"])]
    for svg in figures(evidence, profile(classes, columns)).values():
        ET.fromstring(svg.encode())
        assert "<script" not in svg


def test_the_confusion_matrix_shows_every_count_and_of_fifty_classes_the_worst_twelve_without_losing_a_row() -> None:
    texts = text_of(figures(evaluation(), profile())["confusion_champion"])
    assert [each for each in texts if each.isdigit()] == ["10", "0", "0", "0", "8", "2", "0", "0", "10"]

    evidence = performance("challenger", FIFTY, wrong=4)
    matrix = of_classes.matrix_of(evidence, FIFTY)
    assert matrix.labels[-1] == "38 others"
    assert {"class number 1", "class number 49"} <= set(matrix.labels)
    assert sum(map(sum, matrix.counts)) == sum(map(sum, evidence.confusion))
    assert "38 others" in text_of(figures(evaluation(FIFTY), profile(FIFTY))["confusion_challenger"])


MUTE: dict[str, Any] = {"roc": [], "precision_recall": [], "calibration": []}
BROKEN = [Curve(label="setosa", x=[0.0, 1.0], y=[float("nan"), 1.0], area=None)]
ALONE_AND_BROKEN = {"roc", "confusion_champion"}
ALONE = candidate(0, 0).model_copy(update={"cv_mean": None, "cv_std": None})
UNCOUNTED = [number_column(edges=None, counts=None), category_column(categories=[], counts=[])]


@pytest.mark.parametrize(
    ("changes", "columns", "left_out"),
    [
        ({role: performance(role, ABC, **MUTE) for role in ("challenger", "champion")}, None, set(MUTE)),
        ({"challenger": performance("challenger", ABC, roc=BROKEN), "champion": None}, None, ALONE_AND_BROKEN),
        ({"candidates": [ALONE]}, None, {"search"}),
        ({}, UNCOUNTED, {"profile_0", "profile_1"}),
    ],
    ids=["no probabilities", "a curve that is no number", "one candidate and no search", "columns without counts"],
)
def test_what_the_evidence_lacks_is_not_drawn(changes: dict[str, Any], columns: Any, left_out: set[str]) -> None:
    drawn = figures(evaluation().model_copy(update=changes), profile(columns=columns))
    assert left_out == {*DRAW, "profile_target", "profile_0", "profile_1"} - set(drawn)


def test_curves_are_drawn_of_whoever_has_them() -> None:
    drawn = figures(evaluation(champion=None, paired=None), profile())
    assert "confusion_champion" not in drawn
    assert not any("champion" in text for text in text_of(drawn["roc"]) + text_of(drawn["calibration"]))
    drawn = figures(evaluation(challenger=performance("challenger", ABC, **MUTE)), profile())
    assert text_of(drawn["calibration"])[-1] == "champion"
    assert not any("challenger" in text for text in text_of(drawn["roc"]))


def test_two_classes_show_the_positive_ones_curves_and_many_the_means_and_the_challengers_four_weakest() -> None:
    lines = of_classes.lines_of(evaluation([False, True]), "roc")
    assert [(line.role, line.label) for line in lines] == [("challenger", True), ("champion", True)]
    lines = of_classes.lines_of(evaluation(FIFTY), "roc")
    assert [(line.role, line.label) for line in lines[:2]] == [("challenger", None), ("champion", None)]
    assert [line.label for line in lines[2:]] == FIFTY[:4]
    assert lines[0].of == 50


def test_the_mean_curve_lies_between_the_curves() -> None:
    curves = [
        Curve(label="a", x=[0.0, 0.0, 1.0], y=[0.0, 1.0, 1.0], area=1.0),
        Curve(label="b", x=[0.0, 1.0], y=[0.0, 1.0], area=0.5),
        Curve(label="c", x=[1.0, 0.0], y=[1.0, 0.0], area=0.5),
    ]
    line = of_classes.lines_of(evaluation(champion=None, challenger=performance("challenger", ABC, roc=curves)), "roc")[
        0
    ]
    assert line.y[line.x.index(0.5)] == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert (line.x[0], line.y[0]) == (0.0, 0.0)
    assert line.area == pytest.approx(2 / 3)


def test_calibration_pools_the_classes_by_rows() -> None:
    curves = [Curve(label="a", x=[0.95], y=[1.0], counts=[3]), Curve(label="b", x=[0.91], y=[0.0], counts=[1])]
    pooled = of_classes.reliability(performance("challenger", ABC, calibration=curves), ABC)
    assert [tuple(each) for each in pooled] == [pytest.approx((0.94, 0.75, 4))]
    assert of_classes.calibration_error(pooled) == pytest.approx(0.19)


def test_the_area_over_a_bin_is_its_share_of_the_rows() -> None:
    drawn = density([0.0, 1.0, 4.0], [([30, 30], "fill:red")], ("0", "4"), "x")
    outline = re.findall(r'd="M([^"]+)"', drawn)[0]
    left, base, first, middle, second, right, _ = map(float, re.findall(r"[\d.]+", outline))
    assert (base - first) * (middle - left) == pytest.approx((base - second) * (right - middle), rel=0.01)


def test_the_search_shows_a_point_for_every_setting() -> None:
    one = figures(evaluation(candidates=1, trials=1), profile())["search"]
    three = figures(evaluation(candidates=1, trials=3), profile())["search"]
    assert three.count("<use") - one.count("<use") == 2


def test_a_hundred_columns_are_cut_to_the_first_used_ones() -> None:
    columns = [number_column(f"x{i}", used=i > 0) for i in range(100)]
    drawn = [key for key in figures(evaluation(), profile(columns=columns)) if re.fullmatch(r"profile_\d+", key)]
    assert drawn == [f"profile_{i}" for i in range(1, charts.COLUMNS + 1)]


def test_moments_are_labelled_by_day() -> None:
    column = number_column(kind="datetime", edges=[0.0, 86400.0, 172800.0], counts=[1, 2])
    assert text_of(figures(evaluation(), profile(columns=[column]))["profile_0"]) == ["1970-01-01", "1970-01-03"]


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = [f"a measurement with a very long name, number {i}, in millimetres" for i in range(3)]
    importance = [Importance(feature=name, mean=0.1, std=0.0) for name in names]
    evidence = evaluation(challenger=performance("challenger", ABC, importance=importance))
    assert len({each for each in text_of(figures(evidence, profile())["importance"]) if "millim" in each}) == 3


def test_the_largest_run_stays_small() -> None:
    evidence = evaluation(FIFTY, candidates=30, trials=50)
    columns = [number_column(f"x{i}" * 40) for i in range(100)]
    drawn = figures(evidence, profile(FIFTY, columns))
    assert sum(map(len, drawn.values())) < 500_000


def test_the_same_evidence_gives_the_same_bytes_also_after_json_and_whatever_matplotlib_is_told() -> None:
    import matplotlib

    evidence = evaluation()
    plain = figures(evidence, profile())
    assert figures(Evaluation.model_validate_json(evidence.model_dump_json()), profile()) == plain
    with matplotlib.rc_context({"font.size": 30.0, "axes.grid": False}):
        assert figures(evidence, profile()) == plain
        assert matplotlib.rcParams["font.size"] == 30.0


@pytest.mark.parametrize(
    ("code", "unloaded"),
    [
        ("import champion.reporting.charts, champion.reporting.html, champion.reporting.comment",
         "matplotlib numpy pandas sklearn jinja2"),
        ("from tests.support.report_examples import *; from champion.reporting.charts import figures;"
         "figures(evaluation(), profile())", "matplotlib.pyplot"),
    ],
    ids=["importing loads nothing heavy", "drawing never touches pyplot"],
)  # fmt: skip
def test_what_is_loaded(code: str, unloaded: str) -> None:
    command = [sys.executable, "-c", f"{code}; import sys; print({set(unloaded.split())} & {{*sys.modules}})"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_themed_keeps_text_and_drops_what_a_page_must_not_get() -> None:
    raw = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10.0 20.0" width="10pt"><metadata>x</metadata>'
        '<defs><style>*{color:red}</style></defs><g id="a"><g id="b"/>'
        f'<path id="m" d="M 1.23456 2 L 3 4" style="fill: {INK}"/>'
        '<text style="font-family: x; font-size: 9px">1.23456</text>'
        "</g></svg>"
    )
    assert themed(raw, "A & B") == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20" role="img" aria-label="A &amp; B" '
        'style="font-family:var(--sans,system-ui,sans-serif);stroke-linejoin:round;stroke-linecap:butt">'
        '<title>A &amp; B</title><path id="m" d="M 1.23 2 L 3 4" style="fill:currentColor" />'
        '<text style="font-size:9px">1.23456</text></svg>'
    )
