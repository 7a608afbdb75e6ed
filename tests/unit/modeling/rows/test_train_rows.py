from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.modeling.rows.train_rows import (
    MOST_BYTES,
    MOST_HASHES,
    Respelled,
    TrainRows,
    columns_of,
    respelled,
    row_hashes,
    row_parts,
)

COLUMNS = ["a", "b", "city", "count"]


def table(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    cities = random.choice(["Rome", "Oslo", "Bonn"], rows)
    made = {"a": random.normal(size=rows), "b": random.normal(size=rows), "city": cities}
    return pd.DataFrame({**made, "count": random.integers(0, 5000, rows)})


def sketch_of(train: pd.DataFrame) -> TrainRows:
    return TrainRows.of(train, COLUMNS, row_hashes(train, COLUMNS))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (50, 4), (3000, 4), (9000, 4), (9000, 2), (6000, 300)])
def test_a_sketch_is_bounded_whatever_the_table_and_read_as_it_was_written(rows: int, columns: int) -> None:
    frame = pd.DataFrame(
        np.random.default_rng(0).normal(size=(rows, columns)), columns=[f"c{i}" for i in range(columns)]
    )
    names = [*frame.columns]
    hashes = row_hashes(frame, names)
    sketch = TrainRows.of(frame, names, hashes)
    data = sketch.as_bytes()
    read = TrainRows.from_bytes(data)
    assert len(data) <= MOST_BYTES
    assert (read.rows, read.hashes.tolist(), read.parts.tolist()) == (
        rows,
        sketch.hashes.tolist(),
        sketch.parts.tolist(),
    )
    assert len(read.hashes) == min(rows, MOST_HASHES)
    assert read.is_complete == (rows <= MOST_HASHES)
    assert len(read.parts) >= min(rows, 400)


def test_of_every_row_below_its_threshold_a_sketch_tells_whether_it_was_learned() -> None:
    frame = table(20_000)
    train, others = frame[:12_000], frame[12_000:]
    sketch = sketch_of(train)
    for rows, learned in ((train, True), (others, False)):
        hashes = row_hashes(rows, COLUMNS)
        known = sketch.known(hashes)
        assert 0.3 < known.mean() < 0.4
        assert (sketch.learned(hashes)[known] == learned).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0\0",
        lambda data: b"x" + data[1:],
        lambda data: data[:16] + b"\xff" * 32 + data[48:],
        lambda data: data[:24] + (2**60).to_bytes(8, "little") + data[32:],
    ],
)
def test_what_is_no_sketch_is_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="sketch of train rows"):
        TrainRows.from_bytes(damage(sketch_of(table(100)).as_bytes()))


def looked_for(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Respelled | None:
    """Train on four of five rows, change the table, and draw another holdout from it, as a rule does that reads it otherwise."""
    frame = table(3000)
    sketch = sketch_of(frame[frame.index % 5 > 0])
    now = change(frame)
    aside = np.random.default_rng(1).random(len(now)) < 0.2
    today, holdout = sketch_of(now[~aside]), now[aside]
    gone = sketch.gone(today, row_hashes(holdout, COLUMNS))
    return respelled(sketch, today, row_parts(holdout, COLUMNS), gone)


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (lambda frame: frame.assign(a=frame["a"].map("{:,.3f}".format).str.replace(".", ",")), ["a"]),
        (lambda frame: frame.assign(a=frame["a"].round(2), b=frame["b"] * 100), ["a", "b"]),
        (lambda frame: frame.assign(city=frame["city"].str.upper()), ["city"]),
    ],
    ids=["decimal commas", "rounded, and in percent", "another case"],
)
def test_learned_rows_in_a_spelling_that_no_rule_knows_are_found_by_their_other_columns(
    change: Any, columns: list[str]
) -> None:
    found = looked_for(change)
    assert found is not None
    assert columns_of(found.parts, COLUMNS) == columns
    assert 0.15 < found.rows / found.asked < 0.25


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame,
        lambda frame: pd.concat([frame, table(3000, seed=7)], ignore_index=True),
        lambda frame: pd.concat([frame[2000:], table(2000, seed=7)], ignore_index=True),
        lambda _: table(3000, seed=7),
    ],
    ids=["the same", "grown", "a moving window", "another table"],
)
def test_a_table_that_grows_moves_or_is_another_one_is_no_other_spelling(change: Any) -> None:
    assert looked_for(change) is None


def test_a_column_that_is_empty_in_old_rows_and_in_the_newest_alone_is_no_other_spelling() -> None:
    sketch = sketch_of(table(2400).assign(b=np.nan))
    today, holdout = sketch_of(table(2400, seed=7)), table(600, seed=8).assign(b=np.nan)
    gone = sketch.gone(today, row_hashes(holdout, COLUMNS))
    assert gone.all()
    assert respelled(sketch, today, row_parts(holdout, COLUMNS), gone) is None
