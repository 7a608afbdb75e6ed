from typing import Any

import pytest

from devtools.benchmarks.real.compared import Judged, _met


def judged(**changes: Any) -> Judged:
    facts: dict[str, Any] = {"name": "a/b", "rows": 200, "ended": "champion", "said": "", "seconds": 1.0, "share": 0.2}
    return Judged(**{**facts, "metric": "accuracy", "ours": 0.9, "skrub": 0.91, **changes})


@pytest.mark.parametrize(
    ("changes", "behind", "off"),
    [
        ({}, False, False),
        ({"skrub": 0.93}, True, False),
        ({"skrub": None}, False, False),
        ({"ended": "refused", "ours": None, "skrub": None, "share": None}, True, False),
        ({"share": 0.29}, False, True),
        ({"share": 0.13}, False, True),
        ({"share": 0.13, "rows": 99}, False, False),
    ],
)
def test_a_table_is_behind_or_its_holdout_off(changes: Any, behind: bool, off: bool) -> None:
    assert (judged(**changes).behind, judged(**changes).off) == (behind, off)


def test_the_goals_are_met_by_nine_tables_of_ten_and_without_a_traceback() -> None:
    good, behind = judged(), judged(skrub=1.0)
    assert _met([good] * 9 + [behind])
    assert not _met([good] * 8 + [behind] * 2)
    assert not _met([good] * 20 + [judged(ended="traceback")])
    assert not _met([good] * 20 + [judged(share=0.4)])
