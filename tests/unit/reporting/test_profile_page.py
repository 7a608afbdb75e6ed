import pytest

from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting.profile_page import even_bins, render_profile
from tests.support.report_examples import category_column, number_column, profile


def test_bins_of_any_width_become_bins_of_equal_width_that_hold_all_rows() -> None:
    assert even_bins([0.0, 1.0, 4.0], [30, 30], bins=4) == pytest.approx([30.0, 10.0, 10.0, 10.0])
    uneven = even_bins([-3.0, -2.5, 0.0, 100.0], [7, 11, 2])
    assert sum(uneven) == pytest.approx(20)
    assert min(uneven) >= 0


def test_a_profile_page_escapes_what_the_table_says() -> None:
    column = ColumnProfile(
        name="<script>alert(1)</script>", kind="categorical", used=True, why="It holds few values.", dtype="str",
        missing=1, distinct=2, categories=["<i>", "ö"], counts=[3, 2],
    )  # fmt: skip
    page = render_profile(
        Profile(rows=6, holdout_rows=2, target="y", classes=[0, 1], class_counts=[3, 3], columns=[column])
    )
    assert "<script>" not in page
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
    assert "ö" in page


def test_every_column_is_in_the_table_and_the_used_ones_are_drawn() -> None:
    unused = ColumnProfile(
        name="row_id", kind="identifier", used=False, why="Every row has its own value.", dtype="int64", missing=0,
        distinct=120,
    )  # fmt: skip
    page = render_profile(profile(columns=[number_column(), category_column(), unused]))
    assert page.count("<svg") == 3  # the target and two columns
    assert "row_id" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_profile_without_anything_to_draw_has_its_table_still() -> None:
    page = render_profile(profile(classes=[], columns=[]))
    assert "<svg" not in page
    assert "Columns of the train set" in page
