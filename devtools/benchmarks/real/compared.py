"""``python -m devtools.benchmarks tables``: what becomes of real tables, and how far the champion is from skrub's pipeline."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from champion.terminal import echo
from devtools.benchmarks.sandbox import Sandbox, installed, last_lines, say
from devtools.checkout import Checkout, UnexpectedError

TABLES = 130
BEHIND = 0.02
MOST_BEHIND = 0.1  # of the tables
SHARE, LEAST, MOST, ROWS = (
    0.2,
    0.7,
    1.4,
    100,
)  # of the holdout that init asks for, and how far it may be off from so many rows on
SECONDS = 900.0  # for one command
PROGRAMS = Path(__file__).with_name("programs")
Ended = Literal["champion", "baseline", "refused", "traceback"]


@dataclass(frozen=True)
class Judged:
    """What became of one table; scores are of the use case's own metric on the same holdout."""

    name: str
    rows: int
    ended: Ended
    said: str  # the reason of the decision, or of the refusal
    seconds: float
    share: float | None = None  # of the rows in the holdout
    metric: str = ""
    ours: float | None = None
    skrub: float | None = None

    @property
    def behind(self) -> bool:
        """Whether the rival scores more than `BEHIND` higher; a refusal is behind, unless the rival cannot learn either."""
        if self.ours is None:
            return True
        return self.skrub is not None and self.ours < self.skrub - BEHIND

    @property
    def off(self) -> bool:
        """Whether the holdout is too small or too large."""
        return self.share is not None and self.rows >= ROWS and not LEAST <= self.share / SHARE <= MOST


def compare_tables(sandbox: Sandbox, count: int, as_json: bool) -> bool:
    """Bring each table to a checkout, and print what became of it. Returns whether all goals were met."""
    python = installed("tables", Path(__file__).with_name("requirements.txt")) / "python"
    folder = sandbox.root / "tables"
    folder.mkdir()
    sandbox.at(sandbox.root).run(python, PROGRAMS / "export.py", folder, str(count))
    checkout = sandbox.checkout("real")
    results = []
    for number, table in enumerate(json.loads((folder / "tables.json").read_text())):
        say(f"{number + 1} of {count}: {table['name']}")
        results.append(_judged(checkout, python, folder, table, f"t{number}"))
    if as_json:
        echo(json.dumps([asdict(each) for each in results], indent=1))
    else:
        _print(results)
    return _met(results)


def _judged(checkout: Checkout, python: Path, folder: Path, table: dict[str, Any], use_case: str) -> Judged:
    began, config = time.perf_counter(), f"configs/{use_case}.yaml"
    about = {"name": table["name"], "rows": table["rows"]}
    commands = (
        ("init", folder / table["file"], "--target", table["target"], "--name", use_case),
        ("train", "--config", config, "--json"),
    )
    for command in commands:
        done = checkout.run("python", "run.py", *command, expect=None, timeout=SECONDS)
        if done.returncode:
            ended: Ended = "traceback" if "Traceback (most recent call last)" in done.stderr else "refused"
            said = last_lines(done.stderr).strip().splitlines()[-1]
            return Judged(**about, ended=ended, said=said, seconds=time.perf_counter() - began)
    facts, seconds = json.loads(done.stdout), time.perf_counter() - began
    rows, metric = facts["rows"], facts["metric"]
    sides = folder / use_case
    sides.mkdir()
    rival: float | None = None
    try:
        there = Checkout(checkout.root, {**checkout.env, "PYTHONPATH": str(checkout.root)})
        there.run("python", PROGRAMS / "sides.py", config, sides)
        rival = float(there.run(python, PROGRAMS / "rival.py", sides, metric, table["target"]).stdout)
    except UnexpectedError as error:
        say(f"skrub did not score {table['name']}: {error}")
    return Judged(
        **about,
        ended="baseline" if facts["ground"] == "baseline" else "champion",
        said=facts["reason"],
        seconds=seconds,
        share=rows["holdout"] / (rows["holdout"] + rows["train"]),
        metric=metric,
        ours=facts["challenger"]["scores"][metric],
        skrub=rival,
    )


def _print(results: list[Judged]) -> None:
    def score(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    echo("| table | rows | ended | holdout | metric | ours | skrub | s | |\n|---|--:|---|--:|---|--:|--:|--:|---|")
    for each in results:
        remark = each.said if each.ended in ("refused", "traceback") else "behind" if each.behind else ""
        cells = (
            each.name,
            f"{each.rows:,}",
            each.ended,
            score(each.share),
            each.metric,
            score(each.ours),
            score(each.skrub),
        )
        echo(f"| {' | '.join(cells)} | {each.seconds:.0f} | {remark} |")
    ended = [each.ended for each in results]
    counts = ", ".join(f"{name} {ended.count(name)}" for name in dict.fromkeys(ended))
    off, behind = [each.name for each in results if each.off], sum(each.behind for each in results)
    echo(
        f"\n{len(results)} tables: {counts}. Behind by more than {BEHIND}: {behind}. Holdout off: {len(off)} {off[:10]}."
    )


def _met(results: list[Judged]) -> bool:
    ended = all(each.ended != "traceback" and not each.off for each in results)
    return ended and sum(each.behind for each in results) <= MOST_BEHIND * len(results)
