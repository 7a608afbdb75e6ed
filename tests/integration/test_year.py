"""A table through a year: it grows, other tools write it, columns come and go, and after each change a challenger is trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from champion.comparison.compare import ComparedModel, compare
from champion.comparison.decision import decide
from champion.comparison.learned import MOST_LEARNED
from champion.errors import DataError, NotEnoughDataError
from champion.modeling.predictor import Predictions, Predictor
from champion.modeling.preparation import labelled, prepare_table
from champion.modeling.rows.train_rows import TrainRows
from champion.modeling.split import SplitRule
from champion.modeling.training import fit_candidate
from champion.use_case.whole import UseCase, parse_use_case
from pipelines.table_check import checked_table
from tests.support.one_reader import assert_read_alike, learn

ROWS, MORE, LEAST = 240, 40, 20
CITIES = ["Oslo", "Bonn", "Rome", "Lima"]


def rows(random: np.random.Generator, first: int, count: int) -> pd.DataFrame:
    """New rows, each with the number that tells it from all others; nothing that a model could learn but by heart."""
    return pd.DataFrame(
        {
            "number": np.arange(first, first + count),
            "size": random.normal(50, 20, count).round(3),
            "price": random.integers(1, 10**6, count) / 100,
            "paid": random.random(count) < 0.5,
            "city": random.choice(CITIES, count),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(first, first + count) * 3607, unit="s"),
            "label": random.choice(["a", "b", "c"], count),
        }
    )


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "words": lambda frame, path: frame.assign(paid=frame["paid"].map({True: "yes", False: "no"})).to_csv(
        path, index=False
    ),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "narrow": lambda frame, path: frame.astype({"size": "float32", "price": "float32"}).to_parquet(path, index=False),
    "zoned": lambda frame, path: frame.assign(when=frame["when"].dt.tz_localize("UTC")).to_parquet(path, index=False),
    "commas": lambda frame, path: frame.assign(
        size=frame["size"].map(lambda size: f"{size:.3f}".replace(".", ","))
    ).to_csv(path, index=False),
}
UNKNOWN = "commas"  # a spelling that no rule knows


class Recording(Predictor):
    """A predictor that remembers which rows it was asked."""

    asked: list[set[int]] = []  # noqa: RUF012 - of all instances: they are frozen

    def predict(self, table: pd.DataFrame) -> Predictions:
        """Answer, and remember the numbers of the rows."""
        Recording.asked.append(set(table["number"]))
        return super().predict(table)


class Year(RuleBasedStateMachine):
    """The table as it is meant, how it is written, and the champion with the rows that it learned."""

    folder: Path
    changes: set[str]

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng(0)
        self.table = rows(self.random, 0, ROWS)
        self.next, self.writer, self.by, self.salt = ROWS, "csv", "hash", "one"
        self.champion: ComparedModel | None = None
        self.learned: set[int] = set()
        self.corrected: set[int] = set()
        self.train()

    # What happens to a table

    def changed(self, name: str) -> None:
        self.changes.add(name)
        self.train()

    @rule(count=st.integers(1, 4))
    def grows(self, count: int) -> None:
        self.table = pd.concat([self.table, rows(self.random, self.next, count * MORE)], ignore_index=True)
        self.next += count * MORE
        self.changed("grown")

    @rule(writer=st.sampled_from([name for name in WRITERS if name != UNKNOWN]))
    def is_written_by_another_tool(self, writer: str) -> None:
        self.writer = writer
        self.changed(writer)

    @rule()
    def is_written_as_nobody_knows_for_once(self) -> None:
        known, self.writer = self.writer, UNKNOWN
        self.changed(UNKNOWN)
        self.writer = known

    @rule()
    def is_in_another_order(self) -> None:
        self.table = self.table.sample(frac=1, random_state=int(self.random.integers(1000))).reset_index(drop=True)
        self.changed("order")

    @precondition(lambda self: len(self.table) > ROWS)
    @rule()
    def is_a_window_that_moves(self) -> None:
        self.table = self.table[self.table["number"] >= self.next - ROWS].reset_index(drop=True)
        self.changed("window")

    @rule()
    def gets_a_column(self) -> None:
        self.table[f"new{len(self.table.columns)}"] = self.random.normal(size=len(self.table)).round(2)
        self.changed("column new")

    @precondition(lambda self: any(name.startswith("new") for name in self.table))
    @rule()
    def loses_a_column(self) -> None:
        self.table = self.table.drop(columns=next(name for name in self.table if name.startswith("new")))
        self.changed("column gone")

    @rule()
    def has_a_word_among_its_numbers(self) -> None:
        before, self.table = self.table, self.table.astype({"price": object})
        self.table.loc[self.table.index[0], "price"] = "refused"
        row, corrected, champion = int(self.table["number"].iloc[0]), self.corrected, self.champion
        self.corrected = corrected | {row}  # with another cell it is another row
        self.writer, known = "csv", self.writer
        self.changed("kind")
        self.table, self.writer = before, known
        self.corrected = corrected if self.champion is champion else {row}

    @rule()
    def is_corrected_here_and_there(self) -> None:
        some = self.random.choice(len(self.table), 3, replace=False)
        self.table.loc[some, "size"] += 0.5
        self.corrected |= set(self.table.loc[some, "number"])
        self.changed("corrected")

    @rule()
    def gets_a_class_or_loses_it(self) -> None:
        known = self.table["label"] == "d"
        self.table.loc[known, "label"] = "a"
        if not known.any():
            self.table.loc[self.random.choice(len(self.table), 30, replace=False), "label"] = "d"
        self.changed("class gone" if known.any() else "class new")

    @rule()
    def waits_for_labels(self) -> None:
        known = self.table["label"].copy()
        self.table.loc[self.random.choice(len(self.table), 5, replace=False), "label"] = None
        self.changed("labels late")
        self.table["label"] = known

    @rule(by=st.sampled_from(["hash", "time"]), salt=st.sampled_from(["one", "another"]))
    def is_split_otherwise(self, by: str, salt: str) -> None:
        self.by, self.salt = by, salt
        self.changed(f"split by {by}")

    # What a training run does with it

    def use_case(self, path: Path) -> UseCase:
        split = {"by": "time", "column": "when"} if self.by == "time" else {"salt": self.salt}
        data = {"path": path.name, "target": "label", "drop": ["number"], "unlabelled": "drop"}
        nearest = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {"n_neighbors": 1}}
        raw = {"name": "year", "data": data, "split": {**split, "min_overlap": LEAST}, "candidates": {"one": nearest}}
        return parse_use_case(raw, "configs/year.yaml")

    def train(self) -> None:
        path = self.folder / f"table{'.parquet' if self.writer in ('parquet', 'narrow', 'zoned') else '.csv'}"
        WRITERS[self.writer](self.table, path)
        case = self.use_case(path)
        recorded = self.champion.rule if self.champion else None
        try:
            self.judge(path, case, recorded)
        except NotEnoughDataError as error:
            many = len(self.corrected) > MOST_LEARNED * len(self.table) / 2
            expected = [
                "too few rows",
                "the split rule changed",
                *(["rows that it learned"] if self.writer == UNKNOWN or many else []),
            ]
            if not any(words in str(error) for words in expected):
                raise
        except DataError as error:
            if self.writer != UNKNOWN and "refused" not in str(error):
                raise

    def judge(self, path: Path, case: UseCase, recorded: SplitRule | None) -> None:
        table, check = checked_table(path, path.name, case, recorded)
        missing = int(self.table["label"].isna().sum())
        assert (missing > 0) == any(
            f"{missing} of {len(self.table)} rows have no label" in text for text in check["warnings"]
        )
        made = prepare_table(table, case.data, SplitRule.model_validate(check["rule"]))
        assert len(made.train) + len(made.holdout) == len(labelled(table, case.data)[0])
        pipeline, result = fit_candidate(made.train, made.plan, "one", case.candidates["one"], case.fitting())
        sketch = TrainRows.from_bytes(made.train_rows)
        challenger = ComparedModel(
            "challenger", Predictor(made.plan, pipeline), made.plan.rule, "one", "one", {}, train_rows=sketch
        )
        Recording.asked.clear()
        found = compare(made.holdout, len(made.train), case.comparison_rules(), challenger, self.champion, [result])
        if found.champion:
            (asked,) = Recording.asked
            known = asked & self.learned
            assert len(known - self.corrected) == 0, (
                f"{len(known)} of {len(asked)} rows that judge had trained the champion"
            )
            assert len(known) <= max(MOST_LEARNED * len(asked), 3) or found.warnings
            assert found.rows.judged >= min(LEAST, found.rows.holdout)
        elif self.champion:
            assert found.champion_unjudged
        if decide(found, case.promotion).promote:
            predictor = Recording(made.plan, pipeline)
            self.champion = ComparedModel(
                "champion", predictor, made.plan.rule, "one", "one", {}, number=1, train_rows=sketch
            )
            self.learned, self.corrected = set(made.train["number"]), set()
        if self.random.random() < 0.1:
            assert_read_alike(learn(path, case), path, apart=table.columns.difference(["paid", "city"]))

    @invariant()
    def the_rows_that_a_champion_learned_are_not_forgotten(self) -> None:
        assert self.champion is None or self.learned


def live(folder: Path, years: int, number: int) -> set[str]:
    """Go through some years of about twelve changes each; returns which changes there were."""
    machine: Any = type("Year", (Year,), {"folder": folder, "changes": set()})
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    how = settings(
        max_examples=years,
        stateful_step_count=12,
        deadline=None,
        database=None,
        suppress_health_check=quiet,
        phases=[Phase.generate],  # to shrink a year would take hours
    )
    run_state_machine_as_test(seed(number)(machine), settings=how)
    changes: set[str] = machine.changes
    return changes


CHANGES = {
    *("grown", "order", "window", "column new", "column gone", "kind", "corrected", "class gone", "class new"),
    *("labels late", "split by hash", "split by time", *WRITERS),
}


@pytest.mark.parametrize("years", [3, pytest.param(300, marks=pytest.mark.long)])
def test_in_no_year_of_changes_a_champion_is_judged_on_rows_that_it_learned(years: int, tmp_path: Path) -> None:
    assert live(tmp_path, years, number=14) <= CHANGES


def test_in_a_year_with_each_change_no_champion_is_judged_on_rows_that_it_learned(tmp_path: Path) -> None:
    year: Any = type("Year", (Year,), {"folder": tmp_path, "changes": set()})()
    year.grows(count=4)
    for writer in [name for name in WRITERS if name != UNKNOWN]:
        year.is_written_by_another_tool(writer=writer)
    year.is_written_as_nobody_knows_for_once()
    year.gets_a_column()
    year.grows(count=3)
    year.loses_a_column()
    year.is_in_another_order()
    year.has_a_word_among_its_numbers()
    year.is_corrected_here_and_there()
    year.gets_a_class_or_loses_it()
    year.gets_a_class_or_loses_it()
    year.waits_for_labels()
    year.is_a_window_that_moves()
    for by in ("time", "hash"):
        year.is_split_otherwise(by=by, salt="another")
        year.grows(count=2)
    assert year.changes == CHANGES
