"""The dashboard over a real store with a real run in it, looked at in a real browser.

The browser is Chromium, without a window (Debian: the package `chromium`), driven over its DevTools protocol. It can
reach this machine alone. Where none is installed the tests that need one are skipped, and say so.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from champion.orchestration import dashboard
from tests.conftest import Checkout, Session, enter_store, iris_csv, make_checkout, quick
from tests.support.browser import PATIENCE, Page, direct, eventually

LOSES_A_SCRIPT = """
window.Worker = class extends Worker {
  constructor(url, options) {
    super(`${url}`.includes('elk-worker') ? '/assets/lost.js' : url, options);
    this.addEventListener('error', () => { window.lost = true });
  }
}"""
STEPS = ["prepare", "train_tree", "evaluate", "promote", "report"]


class Server(contextlib.AbstractContextManager["Server"]):
    """``python run.py dashboard`` in a checkout, from its first line to its end."""

    def __init__(self, checkout: Checkout, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "run.py", "dashboard", *(arguments or ("--port", "0"))], cwd=checkout.root,
            env=checkout.environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if line.startswith("Ctrl-C"):
                self.url = re.search(r"http://127\.0\.0\.1:\d+", self.said)[0]
                return
        pytest.fail(f"the dashboard did not start: {self.said}")

    def get(self, path: str, **headers: str) -> Any:
        request = urllib.request.Request(self.url + path, headers=headers)
        with direct().open(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def end(self, how: signal.Signals) -> int:
        """End it; no process of its session is left."""
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.said += self.process.stdout.read()
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return code

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in whose store a run has promoted a first champion; whatever tests run in it keeps that champion."""
    pytest.importorskip("fastapi", reason="zenml[server] is not installed (`make test` installs it)")
    checkout = make_checkout(tmp_path_factory.mktemp("dashboard"))
    checkout.write_use_case(quick(), "iris")
    with pytest.MonkeyPatch.context() as patch:
        session = Session(checkout.root, enter_store(checkout.root / ".zenml", patch), "iris")
        session.write(iris_csv())
        assert session.train(quick())[0].outcome.action == "promoted"
    return checkout


@pytest.fixture(scope="module")
def server(trained: Checkout) -> Iterator[Server]:
    with Server(trained) as running:
        yield running


def test_the_last_run_its_decision_its_report_and_the_profile_of_the_data_can_be_read_and_nothing_is_asked(
    page: Page, server: Server, trained: Checkout
) -> None:
    run_page = re.search(r"http\S+/runs/\S+", server.said)[0]
    page.send("Page.enable")
    loses = page.send("Page.addScriptToEvaluateOnNewDocument", source=LOSES_A_SCRIPT)
    page.open(run_page)
    eventually(lambda: page.ask("window.lost"), "the script that lays the DAG out, which does not arrive", page.text)
    eventually(lambda: "Calculating DAG" in page.text(), "the words of README, which says to reload", page.text)
    page.send("Page.removeScriptToEvaluateOnNewDocument", **loses)
    page.send("Emulation.setCPUThrottlingRate", rate=6)  # as on a loaded machine
    page.open(run_page)
    eventually(lambda: all(step in page.text() for step in STEPS), f"the steps {STEPS}", page.text)
    assert page.ask("location.href").startswith(run_page)
    assert "Book a demo" not in page.text()
    page.send("Emulation.setCPUThrottlingRate", rate=2)
    page.click("[role=tab]", "Metadata")
    told = {
        "action": "promoted",
        "metric": "accuracy",
        "challenger_score": "0.9",
        "champion": "1",
        "model_version": "1",
    }
    said = [f"{name}\n{value}" for name, value in told.items()] + ["reason\nThe challenger becomes the champion"]
    eventually(lambda: all(each in page.text().replace("\n\n", "\n") for each in said), f"{said}", page.text)
    previews = []
    for node in ("report HTMLString", "profile Profile"):
        page.open(run_page)
        page.click(".react-flow__node", node)
        page.click("[role=tab]", "Visualization")
        page.click("button", "Load Preview")
        previews.append(eventually(lambda: page.ask("document.querySelector('iframe')?.srcdoc"), f"a preview: {node}"))
    page.send("Emulation.setCPUThrottlingRate", rate=1)
    report, profile = previews
    assert "<h1>" in report
    assert report.strip() == (trained.root / "reports/iris/report.html").read_text(encoding="utf-8").strip()
    assert [words for words in ("Profile of the train set", "petal_length") if words not in profile] == []


def test_the_scores_are_metadata_of_the_version_and_report_profile_and_model_card_can_be_looked_at(
    server: Server, trained: Checkout
) -> None:
    (version,) = server.get("/api/v1/model_versions?hydrate=true")["items"]
    assert version["body"]["stage"] == "production"
    assert trained.manifest()["metrics"].items() <= version["metadata"]["run_metadata"].items()
    views = {
        each["body"]["artifact"]["name"]: [view["body"]["type"] for view in each["metadata"]["visualizations"] or []]
        for each in server.get("/api/v1/artifact_versions?hydrate=true&size=100")["items"]
    }
    assert views["report"] == views["profile"] == ["html"]
    assert views["summary"] == views["iris_package"] == ["markdown"]


def test_a_page_that_calls_this_machine_by_another_name_is_refused(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        server.get("/api/v1/info", Host="attacker.example")
    request = urllib.request.Request(f"{server.url}/", headers={"Origin": "http://attacker.example"})
    with direct().open(request) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_runs_work_beside_it_and_after_it_was_interrupted_and_killed_and_a_taken_port_is_named(
    trained: Checkout,
) -> None:
    configuration = trained.root / ".zenml" / "config.yaml"
    before = configuration.read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Server(trained, "--port", str(port)) as running:
            assert running.said.startswith(f"Port {port} is taken; using ")
            info, count = running.get("/api/v1/info"), len(running.get("/api/v1/runs")["items"])
            assert (info["active"], info["analytics_enabled"]) == (True, False)
            assert trained.train("--no-cache")["action"] == "kept"
            assert len(running.get("/api/v1/runs")["items"]) == count + 1
            assert running.end(signal.SIGINT) == 0
            assert "The dashboard has ended." in running.said
    with Server(trained) as running:
        running.end(signal.SIGKILL)
    assert trained.train()["action"] == "kept"
    assert configuration.read_bytes() == before


def test_a_store_without_a_run_is_shown_too_and_one_on_a_server_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enter_store(tmp_path / "store", monkeypatch)
    served: list[str] = []
    monkeypatch.setattr(dashboard, "serve", lambda at, ready: ready() or served.append(at.getsockname()[0]))
    dashboard.run(0)
    assert "Nothing was trained yet" in capsys.readouterr().out
    store = SimpleNamespace(type=SimpleNamespace(value="rest"), url="https://zenml.example.com")
    monkeypatch.setattr("champion.orchestration.store.open_store", lambda: SimpleNamespace(zen_store=store))
    dashboard.run(0)
    assert "https://zenml.example.com" in capsys.readouterr().out
    assert served == ["127.0.0.1"], "this machine alone"
