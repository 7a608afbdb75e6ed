"""The steps of `make demo`: what is done, why, and what must come out."""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pandas as pd

from champion.terminal import echo
from devtools.checkout import GRACE, Checkout, UnexpectedError, copy_known, environment
from devtools.demo.table import MOVED, TARGET, pumps
from devtools.demo.traffic import INTERRUPTED, PATIENCE, Client, Service, Stream, serving, wait_until

NAME = "demo_pumps"  # unlike any of the user's, whose use cases are in the copy too
CONFIG, TABLE, LOG = f"configs/{NAME}.yaml", f"data/{NAME}.csv", f"predictions/{NAME}"
LABELS = "labels.csv"
FIRST, USUAL, CHANGED, LATER, STREAM = 1200, 1000, 6000, 2000, 500  # rows
TOGETHER = 10  # rows of one request


def make_checkout(source: Path, folder: Path) -> Checkout:
    """Copy what git knows of a checkout, but neither data nor packages, nor where DVC keeps or shares them."""
    copy_known(source, folder, leave_out=("tests",))
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n[cache]\n    dir = cache\n", encoding="utf-8")
    checkout = Checkout(folder, environment())
    checkout.commit("The project as it is")
    return checkout


class Loop:
    """The loop, from the first champion to the rollback: printed as it goes, unless it is to be quiet, and kept for `--json`.

    `steps`: of each its title, commands with exit code and seconds, and what came out. `facts`: versions that served, exit
    codes of the drift gate, and requests.
    """

    def __init__(self, folder: Path, quiet: bool) -> None:
        self._folder, self._quiet = folder, quiet
        self._rows = 0  # that the service has logged
        self.steps: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {"versions": [], "monitor": [], "requests": 0, "failures": 0, "swaps": []}

    @property
    def here(self) -> str:
        """The step that is being told."""
        return f"step {len(self.steps)} ({self.steps[-1]['title']})" if self.steps else "its start"

    def say(self, text: str, lead: str = "") -> None:
        """Print a line."""
        if not self._quiet:
            echo(text, lead=lead)

    def _begin(self, title: str, why: str) -> None:
        """A new step: what is done, and why. Raises KeyboardInterrupt where the demo is interrupted."""
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt
        self.steps.append({"title": title, "commands": [], "found": []})
        self.say(f" {why}", lead=click.style(f"\n{len(self.steps)}. {title}", bold=True))

    def _command(self, line: str) -> dict[str, Any]:
        """What a person would type, before it runs; gets how it ended, then."""
        self.say("", lead=f"   {click.style('$ ' + line, fg='cyan')}")
        self.steps[-1]["commands"].append(command := {"command": line})
        return command

    def _result(self, text: str) -> None:
        """What came out."""
        self.steps[-1]["found"].append(text)
        self.say(f"   {text}")

    def play(self, checkout: Checkout) -> None:
        """Play it in a checkout. Raises UnexpectedError at the first thing that is not as it must be."""
        self._checkout = checkout
        self._begin("Make a use case.", f"{FIRST:,} pumps: three sensors, the site, and the state to predict.")
        pumps(FIRST, 1, changed=False).to_csv(self._folder / f"{NAME}.csv", index=False)
        self._run("python", "run.py", "init", f"../{NAME}.csv", "--target", TARGET)
        self._result(f"{CONFIG} is written, and {TABLE} is under DVC.")
        self._begin("Train the first champion.", "There is none yet, so the best candidate becomes the champion.")
        self._train(1)
        self._begin("Serve it.", "Programs ask over HTTP, and every answer is logged.")
        self._command(f"python run.py serve --config {CONFIG} --port 0")
        with serving(self._checkout, CONFIG, self._folder / "service.log") as service:
            self._serves(service, 1)
            self._begin("A usual day.", "Pumps as in training: the gate must not cry wolf.")
            self._ask(service, pumps(USUAL, 2, changed=False))
            self._look(0)
            self._extend(self._changed_day(service))
            self._begin("Train again, under load.", "The challenger is judged beside the champion on the same rows.")
            with self._traffic(service, 1, 2):
                self._train(2)
            self._begin("A day later.", "Pumps as after the change: nothing new to the new champion.")
            since = _from_now_on()
            self._ask(service, pumps(LATER, 4, changed=True))
            self._look(0, since)
            self._begin("Take it back.", "Had the new one disappointed: one command, under load again.")
            with self._traffic(service, 2, 1):
                self._result(self._run("python", "run.py", "rollback", "--config", CONFIG).splitlines()[0])
            self._stop(service)

    def _serves(self, service: Service, version: int) -> None:
        answering = service.version()
        if answering != version:
            raise UnexpectedError(f"the service answers with version {answering}, and {version} is in production")
        self.facts["versions"].append(version)
        self._result(f"Version {version} answers at {service.address}.")

    def _changed_day(self, service: Service) -> pd.DataFrame:
        self._begin(
            "The world changes.",
            "Pumps run hotter (+5 degrees) and under more load, and wear comes from vibration now instead of heat.",
        )
        since = _from_now_on()
        table = pumps(CHANGED, 3, changed=True)
        self._ask(service, table)
        report = self._look(3, since)
        moved = {each["name"] for each in report["features"] if each["verdict"] == "drift"}
        if moved != set(MOVED):
            raise UnexpectedError(f"the gate names {sorted(moved)}, and {sorted(MOVED)} were changed")
        if not (report["live"] and report["live"]["worse"]):
            raise UnexpectedError("the champion's live score is not below the promoted one")
        return table

    def _extend(self, learned: pd.DataFrame) -> None:
        self._begin("Extend the data.", "The workshop has seen these pumps, so their true state is known.")
        path = self._checkout.root / TABLE
        learned.to_csv(path, index=False, header=False, mode="a")
        rows = len(path.read_text(encoding="utf-8").splitlines()) - 1
        self._run("dvc", "add", TABLE)
        self._result(f"{TABLE} has {rows:,} rows, {len(learned):,} of them new.")

    def _stop(self, service: Service) -> None:
        dropped = service.metric("champion_log_rows_dropped_total")
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.process.poll() is not None, GRACE, "the service did not end")
        if dropped or service.process.returncode:
            raise UnexpectedError(
                f"the service ended with exit code {service.process.returncode}, and its log had dropped {dropped} rows"
            )
        self._result(f"Told to stop, the service has ended; of {self._rows:,} rows its log has dropped {dropped}.")

    @contextlib.contextmanager
    def _traffic(self, service: Service, former: int, version: int) -> Iterator[None]:
        """Requests that go on until every client is answered by a version; none of them may fail."""
        with Stream(service.address, _questions(pumps(STREAM, 5, changed=True))) as stream:
            yield
            took = wait_until(lambda: stream.on(version), PATIENCE, f"the service did not come to version {version}")
        stream.check(former, version)
        self._result(
            f"Meanwhile {stream.requests:,} requests: {former} answered, then {version}, {took:.1f} s after the command's "
            f"end; {len(stream.failures)} failed."
        )
        self._rows += stream.requests
        self.facts["requests"] += stream.requests
        self.facts["failures"] += len(stream.failures)
        self.facts["swaps"].append({"requests": stream.requests, "turns": stream.turns})
        self._serves(service, version)

    def _ask(self, service: Service, table: pd.DataFrame) -> None:
        """Ask about every row, write down the labels that the workshop finds later, and wait for the log."""
        labels, rows = table[TARGET].tolist(), _questions(table)
        path, asked = self._checkout.root / LABELS, range(0, len(rows), TOGETHER)
        with Client(service.address) as client, path.open("a", encoding="utf-8") as file:
            file.writelines([f"request_id,{TARGET}\n"] if file.tell() == 0 else [])
            for start in asked:
                answer = client.predict(rows[start : start + TOGETHER])
                file.writelines(f"{answer['request_id']},{label}\n" for label in labels[start : start + TOGETHER])
        self.facts["requests"] += len(asked)
        self._rows += len(rows)
        logged = f"{self._rows:,} rows were not in the log"
        wait_until(lambda: service.metric("champion_log_rows_total") >= self._rows, PATIENCE, logged)
        self._result(f"{len(rows):,} rows were asked in {len(asked):,} requests, and stand in {LOG}.")

    def _look(self, expect: int, since: str | None = None) -> dict[str, Any]:
        """Ask the drift gate about the log."""
        window = ["--since", since] if since else []
        self._run("python", "run.py", "monitor", LOG, "--config", CONFIG, "--labels", LABELS, *window, expect=expect)
        self.facts["monitor"].append(expect)
        report = self._report("drift.json")
        moved = [each for each in report["features"] if each["verdict"] == "drift"]
        names = "; ".join(f"{each['name']} moved by {each['effect']:.0%} of the rows" for each in moved)
        verdict = f"Drift, worst first: {names}." if moved else "No drift."
        self._result(
            f"{verdict} {report['current_rows']:,} rows beside {report['reference_rows']:,} of version "
            f"{report['model_version']} (exit {expect})."
        )
        self._result(report["live"]["text"][:1].upper() + report["live"]["text"][1:])
        return report

    def _train(self, version: int) -> None:
        self._run("python", "run.py", "train", "--config", CONFIG)
        decision = self._report("decision.json")
        if decision["action"] != "promoted" or decision["champion"] != version:
            raise UnexpectedError(f"version {version} was not promoted: {decision['reason']}")
        rows = decision["rows"]
        self._result(f"Version {version}, {decision['challenger']['candidate']}. {decision['reason']}")
        self._result(f"{rows['train']:,} rows trained it, {rows['judged']:,} others judged.")

    def _run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command as it is told; what it printed on stdout."""
        command = self._command(" ".join(arguments))
        begun = time.monotonic()
        done = self._checkout.run(*arguments, expect=expect)
        command |= {"exit_code": done.returncode, "seconds": round(time.monotonic() - begun, 1)}
        return done.stdout

    def _report(self, name: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self._checkout.root / "reports" / NAME / name).read_text(encoding="utf-8"))
        return report


def _questions(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as a client sends them: without the answer."""
    return [{str(name): value for name, value in row.items()} for row in table.drop(columns=TARGET).to_dict("records")]


def _from_now_on() -> str:
    """The next full second, in UTC, once it has begun."""
    now = datetime.now(UTC)
    begins = now.replace(microsecond=0) + timedelta(seconds=1)
    time.sleep((begins - now).total_seconds())
    return begins.strftime("%Y-%m-%dT%H:%M:%SZ")
