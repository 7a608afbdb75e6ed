"""``python -m devtools.benchmarks``: the claims, what is measured beside what, and the limit each has to keep (README.md).

Exit code 1 when a limit is broken.
"""

import json
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Literal

import click

from champion.errors import DONE, FAILED
from champion.terminal import echo
from devtools.benchmarks.real.compared import TABLES, compare_tables
from devtools.benchmarks.sandbox import (
    RIVALS,
    Result,
    Sandbox,
    alternate,
    describe_machine,
    last_lines,
    run,
    say,
    train,
)
from devtools.benchmarks.tables import write_many_categories, write_million, write_mixed, write_rows, write_use_case
from devtools.checkout import Checkout, UnexpectedError

Comparison = Literal["ratio", "difference"]
UP_TO_DATE = "Data and pipelines are up to date"
MILLION = {"million": int(os.environ.get("BENCH_MILLION_ROWS", "1000000")), "million_warm_up": 10_000}  # rows
BATCH_ROWS = int(os.environ.get("BENCH_BATCH_ROWS", "10000000"))
BATCH_TRAIN_ROWS = 20_000
ONBOARDING_ROWS = int(os.environ.get("BENCH_ONBOARDING_ROWS", "200000"))
MANY_CATEGORIES = (32_000, 3_500)  # rows, categories
INTERRUPTED = 130  # exit code
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STEP = re.compile(r"^\s*(\w+)\s+done\s+([\d.]+) s\s*$", re.MULTILINE)
_PLAIN = re.compile(r"^(predict_proba|fit) ([\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One line of the table: what every run of both sides cost, and the limit on the ratio or difference."""

    claim: str
    our_runs: tuple[float, ...]
    rival_runs: tuple[float, ...]
    unit: Literal["s", "MiB"]
    limit: float
    compare: Comparison = "ratio"

    @property
    def medians(self) -> tuple[float, float]:
        """Ours and the rival's."""
        return statistics.median(self.our_runs), statistics.median(self.rival_runs)

    @property
    def value(self) -> float:
        """What the limit is about: ours divided by the rival's, or ours less the rival's."""
        ours, rival = self.medians
        return ours / rival if self.compare == "ratio" else ours - rival

    @property
    def ok(self) -> bool:
        """Whether the limit holds."""
        return self.value <= self.limit

    def as_json(self) -> dict[str, object]:
        """All of it as JSON-able values, with the medians, `value` and `ok`."""
        ours, rival = self.medians
        return {**asdict(self), "ours": ours, "rival": rival, "value": self.value, "ok": self.ok}

    def cells(self) -> tuple[str, ...]:
        """The row for a person."""
        digits = 2 if self.unit == "s" else 0
        form = "{:.2f}" if self.compare == "ratio" else f"{{:+.2f}} {self.unit}"
        medians = (f"{median:.{digits}f} {self.unit}" for median in self.medians)
        return self.claim, *medians, form.format(self.value), form.format(self.limit), "yes" if self.ok else "NO"


def _seconds(
    claim: str, ours: Sequence[Result], rival: Sequence[Result], limit: float, compare: Comparison = "ratio"
) -> Row:
    our_runs, rival_runs = (tuple(result.seconds for result in side) for side in (ours, rival))
    return Row(claim, our_runs, rival_runs, "s", limit, compare)


def _in_turn(
    ours: Callable[[], Result], rival: Callable[[], Result], repeats: int
) -> tuple[list[Result], list[Result]]:
    """Both in turn, after a run of each that is not counted."""
    ours()
    rival()
    return alternate(lambda _: ours(), lambda _: rival(), repeats)


def _uncached(sandbox: Sandbox, repeats: int) -> list[Row]:
    ours, rival = partial(train, sandbox.warm_product, "--no-cache"), partial(run, sandbox.chain, "dvc", "repro", "-f")
    return [_seconds("iris, nothing cached / DVC chain", *_in_turn(ours, rival, repeats), 1.0)]


def _cached(sandbox: Sandbox, repeats: int) -> list[Row]:
    def second_in_a_row() -> Result:  # the run before it may have been one of the other side
        train(sandbox.warm_product)
        return train(sandbox.warm_product)

    sides = _in_turn(second_in_a_row, partial(train, sandbox.warm_product, "--no-cache"), repeats)
    return [_seconds("iris, all cached / nothing cached", *sides, 0.6)]


def _help(sandbox: Sandbox, repeats: int) -> list[Row]:
    ours, rival = (partial(run, sandbox.product, "python", *words) for words in (("run.py", "--help"), ("-c", "pass")))
    return [_seconds("run.py --help - python -c pass", *_in_turn(ours, rival, repeats), 0.3, "difference")]


def _repro(sandbox: Sandbox, repeats: int) -> list[Row]:
    def nothing_to_do(checkout: Checkout) -> Result:
        result = run(checkout, "dvc", "repro")
        if UP_TO_DATE not in result.output:
            raise UnexpectedError(
                f"`dvc repro` ran again in {checkout.root.name}/ though nothing had changed; expected {UP_TO_DATE!r}. "
                f"`dvc status` there says which dependency differs. It said:\n{last_lines(result.output)}"
            )
        return result

    both = (sandbox.warm_product, sandbox.chain)
    for checkout in both:
        run(checkout, "dvc", "repro")
    ours, rival = (partial(nothing_to_do, checkout) for checkout in both)
    sides = _in_turn(ours, rival, repeats)
    return [_seconds("second dvc repro / DVC chain's", *sides, 1.5)]


def _million(sandbox: Sandbox, repeats: int) -> list[Row]:
    tables = {name: sandbox.root / f"{name}.parquet" for name in MILLION}
    for name, rows in MILLION.items():
        say(f"writing {rows:,} rows")
        write_million(tables[name], rows)

    def ours(number: int) -> Result:
        """Train where no champion and no cached step is left, in a store that a small table has warmed."""
        say(f"million rows, ours, {number + 1}")
        checkout = sandbox.checkout(f"million-{number}")
        for name, table in tables.items():
            shutil.copyfile(table, checkout.root / "data" / table.name)
            boosting = "ensemble.HistGradientBoostingClassifier"
            write_use_case(checkout, name, table.name, "target", boosting, max_iter=500, random_state=42)
        run(checkout, "dvc", "add", "--quiet", *(f"data/{table.name}" for table in tables.values()))
        checkout.commit("benchmark")
        train(checkout, "--config", "configs/million_warm_up.yaml", "--no-cache")
        result = train(checkout, "--config", "configs/million.yaml", "--no-cache", sample_memory=True)
        shutil.rmtree(checkout.root)
        return result

    def plain(name: str) -> Result:
        say(f"million rows, plain script, {tables[name].name}")
        script = ("python", RIVALS / "million_plain.py", tables[name])
        return run(sandbox.at(sandbox.root), *script, sample_memory=True)

    plain("million_warm_up")
    sides = alternate(ours, lambda _: plain("million"), repeats)
    our_memory, rival_memory = (tuple(result.mebibytes for result in side) for side in sides)
    return [
        _seconds("million rows, time / plain script", *sides, 1.25),
        Row("million rows, memory / plain script", our_memory, rival_memory, "MiB", 1.6),
    ]


def _docker(sandbox: Sandbox, repeats: int) -> list[Row]:
    docker, local = (
        partial(train, sandbox.warm_product, "--no-cache", "--stack", stack) for stack in ("docker", "local")
    )
    sides = ours, _ = _in_turn(docker, local, repeats)
    step, local_step = (
        [replace(result, seconds=statistics.fmean(_printed(_STEP, result))) for result in side] for side in sides
    )
    return [
        _seconds("iris on the docker stack - nothing", ours, [Result(0.0, 0.0, "")] * repeats, 30.0, "difference"),
        _seconds("a step in a container - locally", step, local_step, 3.5, "difference"),
    ]


def _batch(sandbox: Sandbox, repeats: int) -> list[Row]:
    checkout = sandbox.checkout("batch")
    whole_table, half_table = (sandbox.root / f"rows_{share}.parquet" for share in (1, 2))
    say(f"writing {BATCH_ROWS:,} rows, and half of them")
    write_rows(checkout.root / "data/batch.parquet", BATCH_TRAIN_ROWS, target=True)
    write_rows(whole_table, BATCH_ROWS)
    write_rows(half_table, BATCH_ROWS // 2)
    forest = ("ensemble.RandomForestClassifier", {"n_estimators": 100, "random_state": 0})
    config = write_use_case(checkout, "batch", "batch.parquet", "target", forest[0], **forest[1])
    train(checkout, "--config", config)

    def ours(table: Path) -> Result:
        say(f"batch, ours, {table.stem}")
        command = ("python", "run.py", "predict", table, sandbox.root / "predictions.parquet", "--config", config)
        return run(checkout, *command, "--no-cache", sample_memory=True)

    def rival() -> Result:
        say("batch, plain script")
        script = ("python", RIVALS / "batch_plain.py", checkout.root / "models/batch/model.skops", whole_table)
        result = run(sandbox.at(sandbox.root), *script, sample_memory=True)
        return replace(result, seconds=_printed(_PLAIN, result)[0])

    half = ours(half_table)
    whole, plain = zip(*((ours(whole_table), rival()) for _ in range(repeats)), strict=True)
    steps = [replace(result, seconds=_printed(_STEP, result, "predict")[0]) for result in whole]
    memory = tuple(result.mebibytes for result in whole)
    rows = f"{BATCH_ROWS / 1e6:g}M rows"
    return [
        _seconds(f"batch, {rows}, step / predict_proba", steps, plain, 1.25),
        _seconds(f"batch, {rows}, command - step", whole, steps, 15.0, "difference"),
        Row(f"batch, {rows}, memory - nothing", memory, (0.0,) * repeats, "MiB", 1536.0, "difference"),
        Row(f"batch, {rows}, memory / half of them", memory, (half.mebibytes,), "MiB", 1.15),
    ]


def _onboarding(sandbox: Sandbox, repeats: int) -> list[Row]:
    checkout = sandbox.checkout("onboarding")
    tables = {name: sandbox.root / f"{name}.csv" for name in ("warm", "twenty", "many")}
    write_mixed(tables["warm"], 500)
    write_mixed(tables["twenty"], ONBOARDING_ROWS)
    write_many_categories(tables["many"], *MANY_CATEGORIES)

    def ours(number: int, name: str) -> Result:
        """Both commands, for a use case that the store does not know."""
        say(f"onboarding, {name}, ours, {number + 1}")
        begun = run(
            checkout, "python", "run.py", "init", tables[name], "--target", "target", "--name", f"{name}-{number}"
        )
        trained = train(checkout, "--config", f"configs/{name}-{number}.yaml")
        return replace(trained, seconds=begun.seconds + trained.seconds)

    def fit(number: int) -> Result:
        say(f"onboarding, one fit, {number + 1}")
        alone = sandbox.at(checkout.root, PYTHONPATH=str(checkout.root))
        result = run(alone, "python", RIVALS / "one_fit.py", f"configs/twenty-{number}.yaml")
        return replace(result, seconds=4 * _printed(_PLAIN, result)[0])

    ours(0, "warm")
    twenty, fits = zip(*((ours(number, "twenty"), fit(number)) for number in range(repeats)), strict=True)
    many = [ours(number, "many") for number in range(repeats)]
    rows, (many_rows, categories) = f"{ONBOARDING_ROWS:,} rows", MANY_CATEGORIES
    nothing = [Result(0.0, 0.0, "")] * repeats
    return [
        _seconds(f"init and train, {rows} - 4 fits of boosting", twenty, fits, 15.0, "difference"),
        _seconds(f"init and train, {many_rows:,} rows, {categories:,} categories", many, nothing, 60.0, "difference"),
    ]


def _printed(pattern: re.Pattern[str], result: Result, step: str | None = None) -> list[float]:
    """The seconds that a run printed, of one step or of all."""
    seconds = [float(took) for name, took in pattern.findall(result.output) if step in (None, name)]
    if not seconds:
        raise UnexpectedError(f"No step told how long it took. The run said:\n{last_lines(result.output)}")
    return seconds


# how each is measured, and how many runs of each side are taken
CLAIMS: dict[str, tuple[Callable[[Sandbox, int], list[Row]], int]] = {
    "uncached": (_uncached, 5),
    "cached": (_cached, 5),
    "help": (_help, 9),
    "repro": (_repro, 7),
    "million": (_million, 3),
    "docker": (_docker, 3),
    "batch": (_batch, 3),
    "onboarding": (_onboarding, 3),
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(CLAIMS)), help="This claim alone; may be repeated.")
@click.option("--repeat", type=click.IntRange(min=1), help="Runs of each side; else the claim's own number.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every single run, instead of a table.")
@click.option("--count", type=click.IntRange(min=1), default=TABLES, help="With `tables`: how many of them.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With `tables`: a file for each result as it comes; tables that it has are not tried again.",
)
@click.argument("what", required=False, type=click.Choice(["tables"]))
def main(
    what: str | None,
    only: tuple[str, ...],
    repeat: int | None,
    as_json: bool,
    count: int,
    results: Path | None,
) -> None:
    """Measure the speed claims; with `tables`: what becomes of real tables, beside skrub."""
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _end)
    if what == "tables":
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
            sys.exit(DONE if compare_tables(Sandbox(Path(root)), count, as_json, results) else FAILED)
    rows: list[Row] = []
    failures = 0
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        sandbox = Sandbox(Path(root))
        for name in only or CLAIMS:
            measure, repeats = CLAIMS[name]
            say(f"claim {name}")
            try:
                rows += measure(sandbox, repeat or repeats)
            except UnexpectedError as error:
                failures += 1
                echo(f"claim {name} could not be measured: {error}", err=True)
    if as_json:
        document = {"machine": describe_machine(), "rows": [row.as_json() for row in rows]}
        echo(json.dumps(document, indent=2))
    else:
        lines = [("claim", "ours", "rival", "ratio", "limit", "ok"), *(row.cells() for row in rows)]
        first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
        lines.insert(1, tuple("-" * width for width in (first, *others)))
        for claim, *cells in lines:
            padded = (cell.rjust(width) for cell, width in zip(cells, others, strict=True))
            echo("  ".join([claim.ljust(first), *padded]))
        echo(f"\nMedians. {describe_machine()}.")
    sys.exit(FAILED if failures or not all(row.ok for row in rows) else DONE)


def _end(number: int, frame: FrameType | None) -> None:
    """Leave every block on the way out, which ends what was started and removes the folder."""
    del number, frame
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    echo("Interrupted. What was started is being ended, and its folder removed.", err=True)
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
