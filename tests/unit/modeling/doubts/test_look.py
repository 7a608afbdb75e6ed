"""Doubts about a table: several rows of one thing, columns that know the answer, repeated rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from champion.modeling.columns import infer
from champion.modeling.doubts import sample as sampling
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.look import look
from champion.modeling.doubts.repeated import repeated_rows


def doubts(frame: pd.DataFrame, target: str = "y", drop: tuple[str, ...] = ()) -> list[Doubt]:
    columns = infer(frame, exclude=[target, *drop], kinds={})
    return look(frame, target, sorted(frame[target].unique(), key=str), columns, drop)


def patients(seed: int, count: int = 60, visits: int = 15) -> pd.DataFrame:
    """Visits in any order; a coin says who is ill."""
    random = np.random.default_rng(seed)
    which = np.repeat(np.arange(count), visits)
    of_each: dict[str, Any] = {
        "patient": [f"P{number:03}" for number in random.permutation(count)],
        "age": random.integers(20, 80, count),
        "sex": random.choice(["f", "m"], count),
        "height": random.integers(150, 195, count),
        "ill": random.integers(0, 2, count),
    }
    frame = pd.DataFrame({name: np.asarray(values)[which] for name, values in of_each.items()})
    frame["pulse"], frame["pressure"] = (
        random.integers(50, 100, len(which)),
        random.normal(120, 10, len(which)).round(1),
    )
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def of_chance(seed: int, rows: int = 900) -> dict[str, pd.DataFrame]:
    """Tables without a doubt, by what is in them."""
    random = np.random.default_rng(seed)
    signal, other = random.normal(size=rows), random.normal(size=rows)
    shop = random.integers(0, 300, rows)
    leg, arm = (80 + 5 * signal + other / 2).round(), (60 + 5 * signal + random.normal(size=rows) / 2).round()
    few, many = random.integers(0, 60, rows), random.integers(0, 60, rows)
    labels = {
        "noise": random.integers(0, 2, rows),
        "rare": (random.random(rows) < 0.04).astype(int),
        "strong": (signal + 0.1 * random.normal(size=rows) > 0).astype(int),
        "two of them": (signal + other > 0).astype(int),
        "shops of different rates": (
            random.random(rows) < np.random.default_rng(seed).beta(0.5, 0.5, 300)[shop]
        ).astype(int),
        "one above the other": (few > many).astype(int),
        "a difference": (leg - arm > 20.5).astype(int),
        "three classes": np.digitize(signal + 0.2 * other, [-0.5, 0.5]),
    }
    columns = {
        "a": signal.round(1),
        "b": other.round(1),
        "c": random.choice([*"abcdefgh"], rows),
        "shop": shop.astype(str),
    }
    return {what: pd.DataFrame({**columns, "few": few, "many": many, "y": label}) for what, label in labels.items()}


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_tables_are_not_doubted(seed: int) -> None:
    assert {what: found for what, frame in of_chance(seed).items() if (found := doubts(frame))} == {}


def test_known_tables_are_not_doubted_though_some_have_a_strong_column() -> None:
    iris = load_iris(as_frame=True).frame
    assert doubts(iris, "target") == [], "petal width gives 0.96"
    assert doubts(iris.assign(target=iris.target == 0), "target") == []
    assert (
        doubts(load_wine(as_frame=True).frame, "target")
        == doubts(load_breast_cancer(as_frame=True).frame, "target")
        == []
    )
    assert doubts(load_penguins(), "species") == []


@pytest.mark.parametrize("seed", range(3))
def test_several_rows_of_one_thing_are_found_by_its_name_or_by_two_columns_together(seed: int) -> None:
    frame = patients(seed)
    for drop in ((), ("patient",)):
        (found,) = doubts(frame, "ill", drop)
        assert (found.what, found.columns, found.count) == ("group", ("patient",), 60), "also where it is no feature"
    (found,) = doubts(frame.drop(columns="patient"), "ill")
    assert found.what == "group"
    assert set(found.columns) <= {"age", "sex", "height"}
    assert doubts(frame.assign(ill=np.random.default_rng(seed).permutation(frame.ill)), "ill") == []


def test_rows_that_are_written_twice_are_no_several_rows_of_one_thing() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 3)), columns=[*"abc"]).assign(y=random.integers(0, 2, 300))
    assert doubts(pd.concat([frame, frame], ignore_index=True)) == []


def test_groups_of_a_long_table_are_kept_whole_in_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "ROWS", 1000)
    frame = patients(1, count=1500, visits=4)
    (found,) = doubts(frame, "ill")
    assert found.columns == ("patient",)
    assert found.count > 150, "a sample of rows would have hardly a whole group"
    assert doubts(frame.assign(ill=np.random.default_rng(1).permutation(frame.ill)), "ill") == []


def test_columns_that_know_the_answer_are_found_and_strong_ones_among_strong_ones_are_not() -> None:
    random = np.random.default_rng(2)
    label = random.integers(0, 3, 600)
    noise = {"a": random.normal(size=600), "b": random.choice([*"xyz"], 600)}
    code = np.array(["Ä", "7", "no"])[label]
    paid = np.where(label == 1, random.integers(1, 90, 600).astype(float), np.nan)
    near = np.where(random.random(600) < 0.01, 1 - (label == 1), label == 1).astype(int)
    found = doubts(pd.DataFrame({**noise, "code": code, "y": label}))
    assert [(each.what, each.columns) for each in found] == [("renamed", ("code",))]
    found = doubts(pd.DataFrame({**noise, "paid": paid, "y": label == 1}))
    assert [(each.what, each.columns, each.share) for each in found] == [("decides", ("paid",), 1.0)]
    assert (found[0].next_best or 1) < 0.75
    assert doubts(pd.DataFrame({**noise, "near": near, "y": label == 1})) == [], "99 % is strong, and no more"
    assert doubts(pd.DataFrame({**noise, "near": near, "paid": paid, "y": label == 1})) == [], "the target is easy"
    assert doubts(pd.DataFrame({**noise, "serial": random.permutation(600), "y": label})) == []


def test_an_identifier_whose_order_tells_the_label_is_found() -> None:
    random = np.random.default_rng(3)
    rows = pd.DataFrame({"user_id": np.arange(400) * 3, "a": random.normal(size=400), "y": random.integers(0, 2, 400)})
    assert doubts(rows) == []
    by_label = rows.assign(y=np.sort(rows.y)).sample(frac=1, random_state=0, ignore_index=True)
    assert [(each.what, each.columns) for each in doubts(by_label)] == [("order", ("user_id",))]


def test_equal_rows_are_observations_unless_their_labels_make_them_copies() -> None:
    random = np.random.default_rng(4)
    few = pd.DataFrame({name: random.integers(0, 3, 900) for name in "abc"}).assign(y=random.integers(0, 2, 900))
    repeated = repeated_rows(few, [*"abc"], "y")
    assert repeated.share > 0.99
    assert repeated.are_observations
    wide = pd.DataFrame(random.normal(size=(300, 3)), columns=[*"abc"]).assign(y=random.integers(0, 2, 300))
    assert not repeated_rows(wide, [*"abc"], "y").share
    twice = repeated_rows(pd.concat([wide, wide], ignore_index=True), [*"abc"], "y")
    assert (twice.share, twice.are_observations) == (1.0, False)
    constant = patients(5)
    assert not repeated_rows(constant, ["age", "sex", "height"], "ill").are_observations
