"""The serving benchmark measures what it says: whole answers, the server's own time, and limits that can be broken."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.benchmarks.sandbox import tree_cost
from devtools.benchmarks.serving.__main__ import Figures, as_tables, limits
from devtools.benchmarks.serving.load import Target, ask, ask_once, is_whole, request_bytes
from devtools.benchmarks.serving.rivals import Start, free_port, running
from devtools.checkout import Checkout, UnexpectedError
from tests.conftest import ROOT
from tests.support.loopback import Answering

REQUEST = request_bytes("/predict", b'{"a": 1.5}')
COSTS = {"rate": 6000, "cpu": 100, "p50_alone": 200, "p50": 4, "p99": 9, "busy": 1, "generator": 0.3, "start": 1.5}
GOOD = Figures("forest", "ours", **COSTS, idle=180, after=190)
RIVALS = [
    replace(GOOD, server="mlflow", rate=150, cpu=6000),
    replace(GOOD, server="fastapi", rate=240, cpu=4000),
    replace(GOOD, server="floor", p50_alone=120),
]


@pytest.mark.parametrize(
    "broken", [{"rate": 4000}, {"cpu": 200}, {"p50_alone": 400}, {"start": 2.5}, {"idle": 230}], ids=str
)
def test_each_limit_can_be_broken_alone(broken: dict[str, float]) -> None:
    assert [limit.kept for limit in limits([GOOD, *RIVALS])] == [True] * 5
    held = limits([replace(GOOD, **broken), *RIVALS])
    assert [limit.kept for limit in held].count(False) == 1
    assert as_tables([GOOD, *RIVALS], held).count("| NO |") == 1
    assert limits([replace(each, model="boosting") for each in [GOOD, *RIVALS]]) == [], "the forest alone is held"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_an_answer_is_whole_at_its_end_and_not_before(answer: bytes) -> None:
    assert is_whole(answer)
    assert not any(is_whole(answer[:end]) for end in range(len(answer)))


def test_every_answer_under_load_is_counted_once_and_one_that_refuses_ends_it() -> None:
    with Answering((200, 1)) as server:
        target = Target(server.server_port, REQUEST)
        assert ask_once(target) == (200, b'{"model_version": 1, "request_id": "r", "predictions": [{}]}')
        loads = [ask(target, 0.2, connections) for connections in (1, 4)]
    assert server.asked == 1 + sum(len(load.latencies) for load in loads)
    assert all(load.latencies == sorted(load.latencies) and load.rate > 0 and 0 < load.busy <= 1.1 for load in loads)
    with Answering((200, 1), (503, 1)) as server, pytest.raises(UnexpectedError, match="503"):
        ask(Target(server.server_port, REQUEST), 0.2, 2)


def test_a_server_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = ("python", "-c", "raise SystemExit('the port is cursed')")
    start = Start(Checkout(tmp_path, {}), command, REQUEST, list)
    expected = pytest.raises(UnexpectedError, match=r"exit code 1(.|\n)*the port is cursed")
    with expected, running(start, Target(free_port(), REQUEST), tmp_path / "log"):
        pytest.fail("it runs")


def test_the_cost_of_a_process_is_that_of_all_below_it() -> None:
    outer = "import subprocess, sys; held = b'x' * 80_000_000; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    inner = "held = b'x' * 80_000_000; sum(range(9_000_000)); print('done', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", outer, inner], stdin=-1, stdout=-1) as process:
        assert process.stdout
        process.stdout.readline()
        seconds, memory = tree_cost(process.pid)
        process.communicate(b"\n")
    assert 0.05 < seconds < 60
    assert 160e6 < memory < 400e6
    assert tree_cost(process.pid) == (0, 0)


def test_what_the_rivals_need_is_pinned_without_an_address() -> None:
    files = sorted((ROOT / "devtools/benchmarks/serving").glob("requirements-*.txt"))
    assert [file.stem.partition("-")[2] for file in files] == ["bentoml", "fastapi", "mlflow"]
    for line in "".join(file.read_text(encoding="utf-8") for file in files).splitlines():
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+( ; .+)?$", line), line
