import numpy as np
import pytest

from champion.bundle.libraries import moved, unable, ways_on
from champion.errors import ModelError

HERE = np.__version__


@pytest.mark.parametrize(
    ("made_with", "here", "text"),
    [
        ({"numpy": HERE}, None, None),
        ({"numpy": "1.0"}, None, f"numpy 1.0, which is {HERE} here"),
        ({"numpy": "1.0", "pandas": "1.0"}, {"numpy": "1.0", "pandas": "9.9"}, "pandas 1.0, which is 9.9 here"),
        ({"numpy": "1", "pandas": "2"}, {"numpy": "3", "pandas": "4"}, "numpy 1, which is 3 here, and pandas 2, which is 4 here"),
        ({"no-such-library": "1.0", "": "1.0"}, None, None),
        ({"numpy": "1.0", "scipy": "1.0"}, {"numpy": "1.0"}, None),  # an image without SciPy
        ({"numpy": "1\x1b[31m"}, None, f"numpy '1\\x1b[31m', which is {HERE} here"),
    ],
)  # fmt: skip
def test_what_moved_is_named_with_both_versions(
    made_with: dict[str, str], here: dict[str, str] | None, text: str | None
) -> None:
    assert moved(made_with, here) == text


def test_the_line_to_paste_installs_only_plain_versions_of_libraries_that_are_here() -> None:
    said = ways_on({"numpy": "1.0", "no-such-library": "1.0", "scipy": "1.0; true", "pandas": "2.0rc1"}, "doctor")
    assert "`uv run --no-project --with numpy==1.0 --with pandas==2.0rc1 python run.py doctor`" in said
    assert "no-such-library" not in said


def test_why_a_model_cannot_be_asked_is_one_bounded_line() -> None:
    assert (
        unable(AttributeError("no\x1b[31m such\nmore."), {}) == "its model cannot answer: AttributeError: no?[31m such"
    )
    said = unable(ModelError("all of it", cause="cannot be loaded: " + "x" * 10_000), {"numpy": "1.0"})
    assert said.startswith(f"it was made with numpy 1.0, which is {HERE} here, and its model cannot be loaded: xxx")
    assert len(said) < 600
