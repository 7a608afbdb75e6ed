"""`make demo`: the story as its user sees it, what it leaves behind, and that it notices what does not go as told."""

import json
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from champion import settings
from devtools import checkout as harness
from devtools.checkout import UnexpectedError
from devtools.demo import __main__ as demo
from devtools.demo import story
from devtools.demo.table import pumps
from devtools.demo.traffic import INTERRUPTED, Client, Stream, wait_until
from tests.conftest import WARM, Checkout
from tests.support.loopback import Answering

ROWS = {"FIRST": 400, "USUAL": 300, "CHANGED": 1200, "LATER": 500, "STREAM": 50}
# A run.py whose champion was decided upon beforehand, and whose service says that another one is it.
PRETENDED = """
import pathlib, sys, time
if sys.argv[1] == "train":
    folder = pathlib.Path("reports/demo_pumps")
    folder.mkdir(parents=True)
    (folder / "decision.json").write_text(DECISION)
if sys.argv[1] == "serve":
    print("listening address=ADDRESS", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(checkout: Checkout, tmp_path: Path) -> Path:
    """The folder for temporary files that the demo is given."""
    (tmp_path / "temporary").mkdir()
    checkout.env["TMPDIR"] = str(tmp_path / "temporary")
    return tmp_path / "temporary"


@pytest.fixture
def play(checkout: Checkout, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The demo of the checkout, in this process."""
    monkeypatch.setattr(demo, "_ENDING", ())
    monkeypatch.setattr(settings, "root", lambda: checkout.root)
    monkeypatch.setattr(demo, "tempfile", SimpleNamespace(mkdtemp=partial(tempfile.mkdtemp, dir=folder)))
    return lambda *options: CliRunner().invoke(demo.main, options, catch_exceptions=False)


class Forked(harness.Checkout):
    """Commands are forked from a Python that has its libraries, and the new use case learns with few trees."""

    def run(self, *arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
        first, *rest = map(str, arguments)
        done = WARM.run(tuple(rest if first == "python" else ["-m", first, *rest]), self.root, dict(self.env))
        assert done.returncode == more["expect"], done.stderr
        config = self.root / story.CONFIG
        text = config.read_text(encoding="utf-8").replace("n_estimators: 100", "n_estimators: 10")
        config.write_text(text.replace("[0.1, 1.0, 10.0]", "[1.0]"), encoding="utf-8")
        return done


@pytest.fixture
def shorter(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rows and trees, shorter waits, and commands that are forked; the service is a process as always."""
    make = story.make_checkout

    def forked(source: Path, target: Path) -> Forked:
        make(source, target)
        for compiled in source.rglob("__pycache__"):
            shutil.copytree(compiled, target / compiled.relative_to(source), dirs_exist_ok=True)
        log = target / "champion/serving/log.py"
        log.write_text(
            log.read_text(encoding="utf-8").replace("flush_seconds: float = 5.0", "flush_seconds: float = 0.2")
        )
        return Forked(target, checkout.environment() | {"SERVE_RELOAD_SECONDS": "0.2"})

    monkeypatch.setattr(demo, "make_checkout", forked)
    for name, rows in ROWS.items():
        monkeypatch.setattr(story, name, rows)


def pretend(checkout: Checkout, address: str = "", **decision: Any) -> None:
    facts = {"rows": {"train": 9, "judged": 9}, "challenger": {"candidate": "tree"}, **decision}
    text = PRETENDED.replace("DECISION", repr(json.dumps(facts))).replace("ADDRESS", address)
    (checkout.root / "run.py").write_text(text, encoding="utf-8")


def files(root: Path) -> dict[Path, int]:
    """Every file of a checkout with its time, but for those git keeps for itself."""
    paths = (path for path in root.rglob("*") if ".git" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


def running_in(folder: Path) -> list[str]:
    """The working folders of processes that are in a folder."""
    listed = subprocess.run("readlink /proc/[0-9]*/cwd", shell=True, capture_output=True, text=True, check=False).stdout
    return [path for path in listed.splitlines() if path.startswith(str(folder))]


def check_nothing_is_left(folder: Path) -> None:
    assert (running_in(folder), list(folder.iterdir())) == ([], [])


@pytest.mark.parametrize("size", ["shorter", pytest.param("whole", marks=pytest.mark.long)])
def test_the_whole_loop_goes_as_its_story_says(
    checkout: Checkout, folder: Path, play: Callable[..., Result], size: str, request: pytest.FixtureRequest
) -> None:
    if size == "shorter":
        request.getfixturevalue(size)
    before = files(checkout.root)
    done = play("--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    facts = {"versions": [1, 2, 1], "monitor": [0, 3, 0], "failures": 0, "folder": None}
    assert {name: told[name] for name in facts} == facts
    assert [swap["turns"] for swap in told["swaps"]] == [[[1, 2], [1, 2]], [[2, 1], [2, 1]]]
    assert all(swap["requests"] > 20 for swap in told["swaps"])
    assert told["requests"] > sum(swap["requests"] for swap in told["swaps"])
    commands = [command["command"] for step in told["steps"] for command in step["commands"]]
    names = [re.sub(r"python run\.py (\w+).*|(dvc add).*", r"\1\2", command) for command in commands]
    assert " ".join(names) == "init train serve monitor monitor dvc add train monitor rollback"
    drift = next(line for step in told["steps"] for line in step["found"] if line.startswith("Drift, worst first"))
    assert re.match(r"Drift, worst first: temperature moved by \d+% of the rows; load moved by", drift)
    assert files(checkout.root) == before, "the user's own checkout was written to"
    check_nothing_is_left(folder)


def test_ctrl_c_ends_the_service_and_leaves_nothing_behind(checkout: Checkout, folder: Path) -> None:
    with Answering((200, 1)) as server:
        pretend(checkout, server.url, action="promoted", champion=1, reason="There was none.")
        env = {**checkout.environment(), "PYTHONUNBUFFERED": "1"}
        with harness.Checkout(checkout.root, env).started("python", "-m", "devtools.demo") as process:
            assert process.stdout
            assert next(line for line in process.stdout if "Version 1 answers at" in line)
            assert any(map(running_in, folder.iterdir()))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Interrupted." in errors
    assert "Traceback" not in errors
    check_nothing_is_left(folder)


def test_ctrl_c_counts_also_where_its_exception_is_lost(
    checkout: Checkout, folder: Path, play: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code in C may drop it: the demo then went on, and told of a service that did not answer."""

    def lost(*_: Any, **__: Any) -> Any:
        with suppress(KeyboardInterrupt):
            demo._interrupt(signal.SIGINT, None)
        return pumps(10, 1, changed=False)

    monkeypatch.setattr(story, "pumps", lost)
    pretend(checkout, action="promoted", champion=1, reason="There was none.")
    try:
        done = play()
    finally:
        INTERRUPTED.clear()
    assert (done.exit_code, "Interrupted." in done.stderr) == (130, True)
    check_nothing_is_left(folder)


def test_what_goes_otherwise_ends_the_demo_with_the_words_of_the_command(
    checkout: Checkout, folder: Path, play: Callable[..., Result]
) -> None:
    (checkout.root / "run.py").write_text("import sys\nsys.exit('Error: the moon is down.')\n", encoding="utf-8")
    done = play()
    assert done.exit_code == 1
    assert "The demo breaks off at step 1 (Make a use case.): `python run.py init" in done.stderr
    assert "ended with exit code 1 where 0 was expected, and said: Error: the moon is down." in done.stderr
    check_nothing_is_left(folder)
    pretend(checkout, action="kept", champion=None, reason="The score is too low.")
    done = play("--keep")
    assert done.exit_code == 1
    assert "step 2 (Train the first champion.): version 1 was not promoted: The score is too low." in done.stderr
    (kept,) = folder.iterdir()
    assert (kept / "checkout/run.py").is_file(), "with --keep the folder is there to look into"
    shutil.rmtree(checkout.root / ".git")
    assert "git knows nothing of" in play().stderr


def test_the_copy_shares_neither_data_nor_remote_nor_cache(checkout: Checkout, tmp_path: Path) -> None:
    (checkout.root / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path}\n[core]\n    remote = drive\n")
    (checkout.root / "data/iris.csv").write_text("a,species\n1,x\n")
    made = story.make_checkout(checkout.root, tmp_path / "copy")
    assert "drive" not in (made.root / ".dvc/config").read_text()
    assert str(tmp_path) not in (made.root / ".dvc/config").read_text()
    assert not (made.root / "data/iris.csv").exists()


def test_the_table_is_the_same_at_each_draw_and_the_change_is_as_stated() -> None:
    usual, changed = pumps(4000, 1, changed=False), pumps(4000, 2, changed=True)
    assert usual.equals(pumps(4000, 1, changed=False))
    assert not usual.equals(pumps(4000, 2, changed=False))
    means = changed.mean(numeric_only=True) - usual.mean(numeric_only=True)
    assert (means["temperature"], means["vibration"]) == pytest.approx((5, 0), abs=0.15)
    assert means["load"] == pytest.approx(8, abs=2)


OLD, NEW = [(200, 1)] * 20, [(200, 2)] * 20


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([*OLD, *NEW], None),
        ([*OLD, (503, 1), *NEW], r"^1 of \d+ requests failed: POST /predict .* 503"),
        ([*OLD, *NEW, *OLD, *NEW], "the clients saw the versions"),
    ],
    ids=["a swap", "a single dropped request", "a version that comes back"],
)
def test_a_swap_is_well_and_whatever_is_amiss_is_noticed(answers: list[tuple[int, int]], message: str | None) -> None:
    with Answering(*answers) as server, Stream(server.url, [{"a": 1}]) as stream:
        wait_until(lambda: stream.on(2) and stream.requests >= len(answers) + 20, 30, "no answer")
    with pytest.raises(UnexpectedError, match=message) if message else nullcontext():
        stream.check(1, 2)
    assert message or stream.turns == [[1, 2], [1, 2]]


def test_a_service_that_is_gone_is_a_failure_and_no_traceback() -> None:
    with Answering((200, 1)) as server:
        pass
    with Client(server.url) as client, pytest.raises(UnexpectedError, match=r"^POST /predict had no answer"):
        client.predict([{"a": 1}])
