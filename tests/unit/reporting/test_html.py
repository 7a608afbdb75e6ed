import re

import pytest

from champion.reporting.html import render_profile
from champion.reporting.svg import density
from tests.support.report_examples import category_column, number_column, profile


def test_the_area_over_a_bin_is_its_share_of_the_rows() -> None:
    drawn = density([0.0, 1.0, 4.0], [([30, 30], "fill:red")], ("0", "4"), "x")
    outline = re.findall(r'd="M([^"]+)"', drawn)[0]
    left, base, first, middle, second, right, _ = map(float, re.findall(r"[\d.]+", outline))
    assert (base - first) * (middle - left) == pytest.approx((base - second) * (right - middle), rel=0.01)


def test_a_profile_page_escapes_what_the_table_says() -> None:
    hostile = category_column("<script>alert(1)</script>", categories=["<i>", "ö"], counts=[3, 2])
    page = render_profile(profile(columns=[hostile]))
    assert "<script>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
    assert "ö" in page


def test_every_column_is_in_the_table_and_the_used_ones_are_drawn() -> None:
    unused = number_column("row_id", kind="identifier", used=False, edges=None, counts=None)
    page = render_profile(profile(columns=[number_column(), category_column(), unused]))
    assert page.count("<svg") == 3  # the target and two columns
    assert "row_id" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_a_profile_without_anything_to_draw_has_its_table_still() -> None:
    page = render_profile(profile(classes=[], columns=[]))
    assert "<svg" not in page
    assert "Columns of the train set" in page
