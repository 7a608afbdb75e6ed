"""``python -m devtools.benchmarks tables``: what becomes of real tables, and how far the champion is from skrub's pipeline."""

import contextlib
import json
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from champion.terminal import echo
from devtools.benchmarks.real.worker import Worker
from devtools.benchmarks.sandbox import Sandbox, installed, last_lines, say
from devtools.checkout import Checkout, UnexpectedError

TABLES = 130
BEHIND = 0.02
FURTHER = "abcd"  # splits on which a table is tried again where it is behind
MOST_BEHIND = 0.1  # of the tables
SHARE, LEAST, MOST, ROWS = (
    0.2,
    0.7,
    1.4,
    100,
)  # of the holdout that init asks for, and how far it may be off from so many rows on
SECONDS = 900.0  # for one command
PROGRAMS = Path(__file__).with_name("programs")
Ended = Literal["champion", "baseline", "refused", "traceback", "late"]


@dataclass(frozen=True)
class Judged:
    """What became of one table; scores are of the use case's own metric on the same holdout.

    Of a table that is refused, the rival's is the accuracy on a fifth of its rows; it has none where it cannot learn either.
    """

    name: str
    rows: int
    ended: Ended
    said: str  # the reason of the decision, or of the refusal
    seconds: float
    share: float | None = None  # of the rows in the holdout
    metric: str = ""
    ours: float | None = None
    skrub: float | None = None
    again: tuple[float, ...] = ()  # ours less skrub's on further splits, where the first one is behind

    @property
    def behind(self) -> bool:
        """Whether the rival scores more than `BEHIND` higher; a refusal is behind, unless the rival cannot learn either."""
        return self.skrub is not None and (self.ours is None or self.ours < self.skrub - BEHIND)

    @property
    def behind_again(self) -> bool:
        """Whether it is behind on further splits, on average: on few rows that judge, the first one may be chance."""
        return self.behind and (not self.again or statistics.fmean(self.again) < -BEHIND)

    @property
    def off(self) -> bool:
        """Whether the holdout is too small or too large."""
        return self.share is not None and self.rows >= ROWS and not LEAST <= self.share / SHARE <= MOST


def compare_tables(sandbox: Sandbox, count: int, as_json: bool, results: Path | None = None) -> bool:
    """Bring each table to a checkout, and print what became of it. Returns whether all goals were met.

    `results`: a file that gets a line of JSON for each table as soon as it is done. Tables that it has are not tried again.
    """
    python = installed("tables", Path(__file__).with_name("requirements.txt")) / "python"
    folder = sandbox.root / "tables"
    folder.mkdir()
    sandbox.at(sandbox.root).run(python, PROGRAMS / "export.py", folder, str(count))
    checkout = sandbox.checkout("real")
    there = Checkout(checkout.root, {**checkout.env, "PYTHONPATH": str(checkout.root)})
    done = _judged_before(results)
    with (
        Worker(there, "python", PROGRAMS / "ours.py") as ours,
        Worker(checkout, python, PROGRAMS / "rival.py") as rival,
    ):
        for number, table in enumerate(json.loads((folder / "tables.json").read_text())):
            if table["name"] in done:
                continue
            say(f"{number + 1} of {count}: {table['name']}")
            judged = _judged(ours, rival, folder, table, f"t{number}")
            if judged.behind and judged.ours is not None:
                judged = replace(judged, again=_further(ours, rival, folder, table, f"t{number}"))
            done[table["name"]] = judged
            if results is not None:
                with results.open("a") as file:
                    file.write(f"{json.dumps(asdict(judged))}\n")
    if as_json:
        echo(json.dumps([asdict(each) for each in done.values()], indent=1))
    else:
        _print(list(done.values()))
    return _met(list(done.values()))


def _judged_before(results: Path | None) -> dict[str, Judged]:
    """By name, what a file of results has; a line that was cut off is not counted."""
    judged = {}
    if results is not None and results.exists():
        for line in results.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                facts = json.loads(line)
                each = Judged(**{**facts, "again": tuple(facts.get("again", ()))})
                judged[each.name] = each
    return judged


def _further(ours: Worker, rival: Worker, folder: Path, table: dict[str, Any], use_case: str) -> tuple[float, ...]:
    """Ours less skrub's on other splits: another name of the use case salts them anew."""
    judged = [_judged(ours, rival, folder, table, f"{use_case}-{letter}") for letter in FURTHER]
    return tuple(each.ours - each.skrub for each in judged if each.ours is not None and each.skrub is not None)


def _judged(ours: Worker, rival: Worker, folder: Path, table: dict[str, Any], use_case: str) -> Judged:
    began, config, file = time.perf_counter(), f"configs/{use_case}.yaml", str(folder / table["file"])
    about = {"name": table["name"], "rows": table["rows"]}

    def skrub(metric: str, sides: str | None) -> float | None:
        try:
            answer = rival.ask([file, table["target"], metric, sides], SECONDS)
        except UnexpectedError as error:
            answer = {"score": None, "why": str(error)}
        if answer["score"] is None:
            say(f"skrub did not score {table['name']}: {answer['why']}")
        return cast("float | None", answer["score"])

    for command in (
        ["init", file, "--target", table["target"], "--name", use_case],
        ["train", "--config", config, "--json"],
    ):
        ended: Ended | None = None
        try:
            done = ours.ask(command, SECONDS)
            if done["code"]:
                ended = "traceback" if "Traceback (most recent call last)" in done["err"] else "refused"
                said = last_lines(done["err"]).strip().splitlines()[-1]
        except UnexpectedError as error:
            ended, said = "late", str(error)
        if ended is not None:
            seconds = time.perf_counter() - began
            return Judged(**about, ended=ended, said=said, seconds=seconds, skrub=skrub("accuracy", None))
    facts, seconds = json.loads(done["out"]), time.perf_counter() - began
    rows, metric = facts["rows"], facts["metric"]
    sides = folder / use_case
    sides.mkdir()
    split = ours.ask(["sides", config, str(sides)], SECONDS)
    if split["code"]:
        raise UnexpectedError(f"the two sides of {table['name']} could not be written: {last_lines(split['err'])}")
    return Judged(
        **about,
        ended="baseline" if facts["ground"] == "baseline" else "champion",
        said=facts["reason"],
        seconds=seconds,
        share=rows["holdout"] / (rows["holdout"] + rows["train"]),
        metric=metric,
        ours=facts["challenger"]["scores"][metric],
        skrub=skrub(metric, str(sides)),
    )


def _print(results: list[Judged]) -> None:
    def score(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    echo("| table | rows | ended | holdout | metric | ours | skrub | s | |\n|---|--:|---|--:|---|--:|--:|--:|---|")
    for each in results:
        remark = each.said if each.ours is None else "behind" if each.behind else ""
        if each.again:
            remark += f"; on {len(each.again)} further splits {statistics.fmean(each.again):+.3f} on average"
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
    again = sum(each.behind_again for each in results)
    echo(
        f"\n{len(results)} tables: {counts}. Behind by more than {BEHIND}: {behind}, of which on further splits too: "
        f"{again}. Holdout off: {len(off)} {off[:10]}."
    )


def _met(results: list[Judged]) -> bool:
    ended = all(each.ended not in ("traceback", "late") and not each.off for each in results)
    return ended and sum(each.behind for each in results) <= MOST_BEHIND * len(results)
