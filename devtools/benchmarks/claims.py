"""The claims: what is measured beside what, and the limit each has to keep."""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from devtools.benchmarks.batch import ROWS as BATCH_ROWS
from devtools.benchmarks.batch import BatchRows
from devtools.benchmarks.big_table import MillionRows
from devtools.benchmarks.docker_stack import measure_both
from devtools.benchmarks.measure import Result, alternate, run
from devtools.benchmarks.sandbox import Sandbox
from devtools.checkout import UnexpectedError

Unit = Literal["s", "MiB"]
Comparison = Literal["ratio", "difference"]
UP_TO_DATE = "Data and pipelines are up to date"


@dataclass(frozen=True)
class Row:
    """One line of the table: what every run of both sides cost, and the limit on the ratio or difference."""

    claim: str
    our_runs: tuple[float, ...]
    rival_runs: tuple[float, ...]
    unit: Unit
    limit: float
    compare: Comparison = "ratio"

    @property
    def ours(self) -> float:
        """Our median."""
        return statistics.median(self.our_runs)

    @property
    def rival(self) -> float:
        """The rival's median."""
        return statistics.median(self.rival_runs)

    @property
    def value(self) -> float:
        """What the limit is about: ours divided by the rival's, or ours less the rival's."""
        return self.ours / self.rival if self.compare == "ratio" else self.ours - self.rival

    @property
    def ok(self) -> bool:
        """Whether the limit holds."""
        return self.value <= self.limit

    def as_json(self) -> dict[str, object]:
        """All of it as JSON-able values, with the medians, `value` and `ok`."""
        return {**asdict(self), "ours": self.ours, "rival": self.rival, "value": self.value, "ok": self.ok}


@dataclass(frozen=True)
class Claim:
    """A measurement that gives one or two rows."""

    measure: Callable[[Sandbox, int], list[Row]]
    repeats: int


def _seconds(
    claim: str, sides: tuple[Sequence[Result], Sequence[Result]], limit: float, compare: Comparison = "ratio"
) -> Row:
    ours, rival = (tuple(result.seconds for result in side) for side in sides)
    return Row(claim, ours, rival, "s", limit, compare)


def measure_uncached(sandbox: Sandbox, repeats: int) -> list[Row]:
    """Iris on a warm store with nothing cached, beside ``dvc repro -f`` of the chain."""
    ours = sandbox.train(sandbox.warm_product, "--no-cache")
    rival = sandbox.command(sandbox.chain, "dvc", "repro", "-f")
    run(ours)
    run(rival)
    sides = alternate(lambda _: run(ours), lambda _: run(rival), repeats)
    return [_seconds("iris, nothing cached / DVC chain", sides, 1.0)]


def measure_cached(sandbox: Sandbox, repeats: int) -> list[Row]:
    """Iris with everything cached, beside our own run with nothing cached.

    A run of the other side lies before every cached one, so each is preceded by one that is not timed.
    """
    cached = sandbox.train(sandbox.warm_product)
    uncached = sandbox.train(sandbox.warm_product, "--no-cache")

    def second_in_a_row(_: int) -> Result:
        run(cached)
        return run(cached)

    run(uncached)
    second_in_a_row(0)
    sides = alternate(second_in_a_row, lambda _: run(uncached), repeats)
    return [_seconds("iris, all cached / nothing cached", sides, 0.6)]


def measure_help(sandbox: Sandbox, repeats: int) -> list[Row]:
    """``run.py --help``, less the start of the interpreter."""
    ours = sandbox.command(sandbox.product, sys.executable, "run.py", "--help")
    rival = sandbox.command(sandbox.product, sys.executable, "-c", "pass")
    run(ours)
    run(rival)
    sides = alternate(lambda _: run(ours), lambda _: run(rival), repeats)
    return [_seconds("run.py --help - python -c pass", sides, 0.3, "difference")]


def measure_repro(sandbox: Sandbox, repeats: int) -> list[Row]:
    """``dvc repro`` where nothing is left to do, beside the same in the chain."""
    for folder in (sandbox.warm_product, sandbox.chain):
        run(sandbox.command(folder, "dvc", "repro"))
        _no_op(sandbox, folder)
    sides = alternate(
        lambda _: _no_op(sandbox, sandbox.warm_product), lambda _: _no_op(sandbox, sandbox.chain), repeats
    )
    return [_seconds("second dvc repro / DVC chain's", sides, 1.5)]


def _no_op(sandbox: Sandbox, folder: Path) -> Result:
    command = sandbox.command(folder, "dvc", "repro")
    result = run(command)
    if UP_TO_DATE not in result.output:
        tail = "\n".join(result.output.splitlines()[-25:])
        raise UnexpectedError(
            f"`{command}` ran again in {folder.name}/ though nothing had changed; expected {UP_TO_DATE!r}. "
            f"`dvc status` there says which dependency differs. It said:\n{tail}"
        )
    return result


def measure_million(sandbox: Sandbox, repeats: int) -> list[Row]:
    """One million rows through a use case, beside the plain script: wall time and peak memory of the same runs."""
    case = MillionRows(sandbox)
    ours, rival = alternate(case.ours, case.rival, repeats)
    return [
        _seconds("million rows, time / plain script", (ours, rival), 1.25),
        Row(
            "million rows, memory / plain script",
            tuple(result.mebibytes for result in ours),
            tuple(result.mebibytes for result in rival),
            "MiB",
            limit=1.6,
        ),
    ]


def measure_docker(sandbox: Sandbox, repeats: int) -> list[Row]:
    """Iris on the docker stack with nothing cached, the image built; and a step of it, less the same step locally."""
    runs = measure_both(sandbox, repeats)
    nothing = (0.0,) * repeats
    return [
        Row("iris on the docker stack - nothing", runs.docker, nothing, "s", 30.0, "difference"),
        Row("a step in a container - locally", runs.docker_step, runs.local_step, "s", 3.5, "difference"),
    ]


def measure_batch(sandbox: Sandbox, repeats: int) -> list[Row]:
    """Ten million rows of twenty features through `run.py predict`, beside the same model on arrays in memory.

    The step reads, checks, predicts and writes; the rival predicts alone. What the command does beside its step (start
    ZenML, copy the table into the store and the predictions out of it) is a row of its own.
    """
    case = BatchRows(sandbox)
    half = case.half()
    sides = [(case.ours(number), case.rival(number)) for number in range(repeats)]
    steps, whole, rival = ([*found] for found in zip(*((*ours, theirs) for ours, theirs in sides), strict=True))
    nothing = (0.0,) * repeats
    memory = tuple(result.mebibytes for result in whole)
    rows = f"{BATCH_ROWS / 1e6:g}M rows"
    return [
        _seconds(f"batch, {rows}, step / predict_proba", (steps, rival), 1.25),
        _seconds(f"batch, {rows}, command - step", (whole, steps), 15.0, "difference"),
        Row(f"batch, {rows}, memory - nothing", memory, nothing, "MiB", 1536.0, "difference"),
        Row(f"batch, {rows}, memory / half of them", memory, (half.mebibytes,), "MiB", 1.15),
    ]


CLAIMS: dict[str, Claim] = {
    "uncached": Claim(measure_uncached, repeats=5),
    "cached": Claim(measure_cached, repeats=5),
    "help": Claim(measure_help, repeats=9),
    "repro": Claim(measure_repro, repeats=7),
    "million": Claim(measure_million, repeats=3),
    "docker": Claim(measure_docker, repeats=3),
    "batch": Claim(measure_batch, repeats=3),
}
