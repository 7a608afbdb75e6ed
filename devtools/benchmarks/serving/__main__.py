"""``python -m devtools.benchmarks.serving``: the figures of each server, and what ours are held to.

Exit code 1 when a limit is broken.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

import click

from champion.errors import DONE, FAILED
from champion.terminal import echo
from devtools.benchmarks.sandbox import Sandbox, describe_machine, say, tree_cost
from devtools.benchmarks.serving.load import Target, ask, ask_once
from devtools.benchmarks.serving.rivals import ESTIMATORS, SERVERS, Model, Start, cores, free_port, running, trained
from devtools.checkout import UnexpectedError

CONNECTIONS = 32
WARM_UP = 1.0  # seconds
REST = 1.0
NEAR = 1e-9  # of a probability
HEADINGS = (
    "| model | server | requests/s | CPU us each | median alone, us | median at 32, ms | p99 at 32, ms | busy | generator "
    "| idle, MB | then |"
)
READY = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Figures:
    """What one server costs with one model; but for `p50_alone`, at `CONNECTIONS` connections.

    A rate is the server's own where `busy` is near 1 and `generator` is not.
    """

    model: str
    server: str
    rate: float  # requests per second
    cpu: float  # microseconds that the server's processes computed per request, user and system
    p50_alone: float  # median latency in microseconds, at one connection
    p50: float  # latencies in milliseconds
    p99: float
    busy: float  # the shares of a core that the server's processes and the load generator used, 0 to 1
    generator: float
    start: float  # seconds from the start to the first good answer
    idle: float  # resident memory of the server's processes in MB, a second after the start and after the loads
    after: float


def measure(sandbox: Sandbox, model: Model, name: str, seconds: float) -> Figures:
    """Start one of `SERVERS`, check its answer, and load it twice for so many seconds.

    Raises UnexpectedError when it cannot be started, or does not answer what `predict_proba` does.
    """
    port = free_port()
    start = SERVERS[name](sandbox, model, port)
    target = Target(port, start.request)
    ready = Target(port, READY) if name == "ours" else target
    log = sandbox.root / f"{model.name}-{name}.log"
    with running(start, ready, log) as (pid, seconds_to_ready):
        time.sleep(REST)  # whatever it still does in the background after it has said that it is ready
        _, idle = tree_cost(pid)
        _check(name, start, target, model)
        ask(target, WARM_UP, CONNECTIONS)
        alone = ask(target, seconds, connections=1)
        before, _ = tree_cost(pid)
        together = ask(target, seconds, CONNECTIONS)
        after, memory = tree_cost(pid)
    return Figures(
        model.name,
        name,
        rate=together.rate,
        cpu=1e6 * (after - before) / len(together.latencies),
        p50_alone=1e6 * alone.quantile(0.5),
        p50=1e3 * together.quantile(0.5),
        p99=1e3 * together.quantile(0.99),
        busy=(after - before) / together.seconds,
        generator=together.busy,
        start=seconds_to_ready,
        idle=idle / 1e6,
        after=memory / 1e6,
    )


def _check(name: str, start: Start, target: Target, model: Model) -> None:
    status, body = ask_once(target)
    try:
        answered = start.probabilities(json.loads(body))
        equal = all(abs(one - other) <= NEAR for one, other in zip(answered, model.probabilities, strict=True))
    except (ValueError, LookupError, TypeError):
        equal = False
    if status != 200 or not equal:
        raise UnexpectedError(
            f"{name} answered status {status} and {body[:300]!r}, expected the probabilities {model.probabilities}."
        )


@dataclass(frozen=True)
class Limit:
    """One promise, and whether it was kept."""

    promise: str
    value: float
    limit: float
    at_least: bool
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the value is within the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def limits(figures: Sequence[Figures]) -> list[Limit]:
    """Hold the forest's figures to what was promised; a promise whose rival was not measured is left out."""
    servers = {each.server: each for each in figures if each.model == "forest"}
    ours, mlflow, plain, floor = (servers.get(name) for name in ("ours", "mlflow", "fastapi", "floor"))
    if ours is None:
        return []
    cpu, alone = "requests per CPU second beside plain FastAPI's", "median at one connection beside the floor's"
    return [
        *([Limit("requests/s beside MLflow's", ours.rate / mlflow.rate, 30, True, "x")] if mlflow else []),
        *([Limit(cpu, plain.cpu / ours.cpu, 25, True, "x")] if plain else []),
        *([Limit(alone, ours.p50_alone / floor.p50_alone, 2.5, False, "x")] if floor else []),
        Limit("start to ready", ours.start, 2, False, "s"),
        Limit("memory of an idle worker", ours.idle, 200, False, "MB"),
    ]


def as_tables(figures: Sequence[Figures], held: Sequence[Limit]) -> str:
    """Two tables as Markdown: the figures, and the limits."""
    lines = [HEADINGS, "|---|---|" + "---:|" * 9]
    lines += [
        f"| {each.model} | {each.server} | {each.rate:,.0f} | {each.cpu:,.0f} | {each.p50_alone:,.0f} "
        f"| {each.p50:.1f} | {each.p99:.1f} | {each.busy:.0%} | {each.generator:.0%} | {each.idle:.0f} | {each.after:.0f} |"
        for each in figures
    ]
    lines += ["", "| promise (forest) | found | limit | kept |", "|---|---:|---:|---|"]
    lines += [
        f"| {each.promise} | {each.value:.2f} {each.unit} | {'at least' if each.at_least else 'at most'} {each.limit:g} "
        f"{each.unit} | {'yes' if each.kept else 'NO'} |"
        for each in held
    ]
    return "\n".join(lines)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(SERVERS)), help="This server; may be repeated.")
@click.option("--models", multiple=True, type=click.Choice(list(ESTIMATORS)), help="This model; may be repeated.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=8.0, show_default=True, help="Of each load.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def main(only: tuple[str, ...], models: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Measure the service and its rivals."""
    figures: list[Figures] = []
    failures = 0
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        sandbox = Sandbox(Path(root))
        champions = [trained(sandbox, name) for name in models or ESTIMATORS]
        pinned = cores()
        if pinned:
            os.sched_setaffinity(0, {pinned[1]})
        for champion in champions:
            for name in [name for name in SERVERS if not only or name in only]:
                say(f"{name} with the {champion.name}")
                try:
                    figures.append(measure(sandbox, champion, name, seconds))
                except (UnexpectedError, OSError, HTTPException) as error:
                    failures += 1
                    echo(f"{name} could not be measured: {error}", err=True)
    held = limits(figures)
    if as_json:
        rows = [asdict(limit) | {"kept": limit.kept} for limit in held]
        facts = {"machine": describe_machine(), "figures": [asdict(each) for each in figures], "limits": rows}
        echo(json.dumps(facts, indent=2))
    else:
        alone = "Servers on one core, the load on another."
        shared = "Nothing is pinned: the load shares the servers' cores."
        echo(as_tables(figures, held))
        echo(f"\n{seconds:g} s each. {describe_machine()}. {alone if pinned else shared}")
    sys.exit(FAILED if failures or not all(limit.kept for limit in held) else DONE)


if __name__ == "__main__":
    main()
