"""Labels that come later, joined to what each version answered: in their order, and of too many the last."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from champion.drift.labels import Labels, live_of
from champion.errors import DataError, NotEnoughDataError
from tests.support.packages import package, write


def table(*rows: tuple[str | None, str | None]) -> Labels:
    ids, labels = zip(*rows, strict=True)
    return Labels(pa.array(ids, pa.string()), np.array(labels, dtype=object))


def joined(labels: Labels, *chunks: list[str | None], version: int = 1) -> list[str | None]:
    """The labels of rows, told chunk by chunk, and asked for in the same chunks."""
    for chunk in chunks:
        labels.expect(version, pa.array(chunk, pa.string()))
    return [each for chunk in chunks for each in labels.of(version, pa.array(chunk, pa.string()))]


def test_the_labels_of_a_request_are_those_of_its_rows_in_their_order_in_whatever_chunks_they_come() -> None:
    rows = [("a", "1"), ("b", "2"), ("a", "3"), ("c", None), ("a", "4")]
    for chunks in ([["a", "a", "b", "c", "a"]], [["a"], ["a", "b"], [], ["c", "a"]]):
        labels = table(*rows)
        assert joined(labels, *chunks) == ["1", "3", "2", None, "4"]
        assert labels.notes("log/") == []


def test_of_more_labels_than_rows_the_last_count_and_of_fewer_the_first_rows_have_one() -> None:
    labels = table(("a", "old"), ("b", "0"), ("a", "1"), ("a", "2"), ("b", "1"))
    assert joined(labels, ["a"], ["b", "b", "b", "a"]) == ["1", "0", "1", None, "2"]
    assert labels.notes("log/") == [
        "1 request id has more labels than rows: of an id with n rows the last n labels count, in their order, and 1 before "
        "them do not."
    ]


def test_each_version_that_answered_an_id_is_judged_by_its_labels() -> None:
    labels = table(("a", "1"), ("a", "2"))
    assert joined(labels, ["a"], version=1) == ["2"]
    assert joined(labels, ["a", "a"], version=2) == ["1", "2"]
    assert labels.notes("log/") == []


def test_labels_that_match_nothing_are_counted_and_said() -> None:
    labels = table(("a", "1"), ("x", "1"), ("y", "1"), ("y", "0"), (None, "1"))
    assert joined(labels, ["a", None, "b"]) == ["1", None, None]
    assert labels.notes("log/") == ["4 of 5 labels count for nothing: log/ has no row of their 2 request ids."]
    labels = table(("a", "1"), (None, "1"))
    assert joined(labels, ["a"]) == ["1"]
    assert labels.notes("log/") == ["1 of 2 labels count for nothing: they have no request id."]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_that_are_none_are_not_enough_and_those_of_another_use_case_are_an_error(
    suffix: str, tmp_path: Path
) -> None:
    def read(species: list[str | None]) -> Labels:
        frame = pd.DataFrame(
            {"request_id": list("abcdefg")[: len(species)], "species": pd.Series(species, dtype="str")}
        )
        live = live_of(package().manifest, 20)
        return Labels.read(write(frame, tmp_path / f"labels{suffix}"), "species", live, live.names)

    assert read(["yes", "rose"]).rows == 2
    for none in ([], [None, None]):
        with pytest.raises(NotEnoughDataError, match="hold no label"):
            read(none)
    with pytest.raises(DataError, match="hold 'rose', none of which the champion knows: 'no', 'yes'"):
        read(["rose"])
