"""`make demo`: the story as its user sees it, what it leaves behind, and that it notices what does not go as told."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from devtools.checkout import UnexpectedError
from devtools.demo.story import make_checkout
from devtools.demo.table import TARGET, pumps
from devtools.demo.traffic import Client, Stream, wait_until
from tests.conftest import Checkout

DEMO = (sys.executable, "-m", "devtools.demo")


@pytest.fixture
def place(checkout: Checkout, tmp_path: Path) -> Path:
    """The folder for temporary files that the demo is given."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    checkout.env["TMPDIR"] = str(folder)
    checkout.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return folder


def running_in(folder: Path) -> list[str]:
    """The processes whose working folder is in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in str((process / "cwd").readlink()):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def files(root: Path) -> set[tuple[str, int, int]]:
    """Every file of a checkout with its size and time, but for those git keeps for itself."""
    return {
        (path.relative_to(root).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] != ".git"
    }


def test_the_whole_loop_goes_as_its_story_says(checkout: Checkout, place: Path) -> None:
    before = files(checkout.root)
    told = json.loads(checkout.command(*DEMO, "--json").stdout)
    assert told["versions"] == [1, 2, 1]
    assert told["monitor"] == [0, 3, 0]
    assert told["failures"] == 0
    assert [swap["turns"] for swap in told["swaps"]] == [[[1, 2], [1, 2]], [[2, 1], [2, 1]]]
    assert all(swap["requests"] > 20 for swap in told["swaps"])
    assert told["requests"] > sum(swap["requests"] for swap in told["swaps"])
    commands = [command["command"] for step in told["steps"] for command in step["commands"]]
    assert [re.match(r"python run\.py \w+|dvc add", command)[0].split()[-1] for command in commands] == [  # type: ignore[index]
        "init", "train", "serve", "monitor", "monitor", "add", "train", "monitor", "rollback",
    ]  # fmt: skip
    drift = next(line for step in told["steps"] for line in step["found"] if line.startswith("Drift, worst first"))
    assert re.match(r"Drift, worst first: temperature moved by \d+% of the rows; load moved by", drift)
    assert files(checkout.root) == before, "the user's own checkout was written to"
    assert told["folder"] is None
    assert list(place.iterdir()) == []
    assert running_in(place) == []


def test_ctrl_c_ends_the_service_and_leaves_nothing_behind(checkout: Checkout, place: Path) -> None:
    process = subprocess.Popen(
        [*DEMO], cwd=checkout.root, env={**checkout.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    address = next(found[1] for line in process.stdout if (found := re.search(r"answers at (http://\S+)\.$", line)))
    assert urlopen(f"{address}/readyz", timeout=30).status == 200
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted." in said
    assert "Traceback" not in said
    with pytest.raises(URLError):
        urlopen(f"{address}/readyz", timeout=30)
    assert running_in(place) == []
    assert list(place.iterdir()) == []


def test_a_command_that_fails_ends_the_demo_with_its_own_words(checkout: Checkout, place: Path) -> None:
    (checkout.root / "run.py").write_text("import sys\nsys.exit('Error: the moon is down.')\n", encoding="utf-8")
    done = checkout.command(*DEMO, expect=1)
    assert "The demo breaks off at step 1 (Make a use case.): `python run.py init" in done.stderr
    assert "ended with exit code 1 where 0 was expected, and said: Error: the moon is down." in done.stderr
    assert "Traceback" not in done.stderr
    assert list(place.iterdir()) == []


def test_a_challenger_that_is_not_promoted_ends_the_demo(checkout: Checkout, place: Path) -> None:
    decision = {"action": "kept", "champion": None, "reason": "The score is too low."}
    (checkout.root / "run.py").write_text(
        "import pathlib\n"
        "folder = pathlib.Path('reports/demo_pumps')\n"
        "folder.mkdir(parents=True, exist_ok=True)\n"
        f"(folder / 'decision.json').write_text({json.dumps(decision)!r})\n",
        encoding="utf-8",
    )
    done = checkout.command(*DEMO, "--keep", expect=1)
    assert "step 2 (Train the first champion.): version 1 was not promoted: The score is too low." in done.stderr
    kept = next(place.iterdir())
    assert (kept / "checkout/run.py").is_file(), "with --keep the folder is there to look into"


def test_without_git_the_demo_says_so(checkout: Checkout, place: Path) -> None:
    shutil.rmtree(checkout.root / ".git")
    assert "git knows nothing of" in checkout.command(*DEMO, expect=1).stderr


def test_the_copy_shares_neither_data_nor_remote_nor_cache(checkout: Checkout, tmp_path: Path) -> None:
    (checkout.root / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path}\n[core]\n    remote = drive\n")
    (checkout.root / "data/iris.csv").write_text("a,species\n1,x\n")
    made = make_checkout(checkout.root, tmp_path / "copy")
    assert "drive" not in (made.root / ".dvc/config").read_text()
    assert str(tmp_path) not in (made.root / ".dvc/config").read_text()
    assert not (made.root / "data/iris.csv").exists()


def test_the_table_is_the_same_at_each_draw_and_the_change_is_as_stated() -> None:
    usual, changed = pumps(4000, 1, changed=False), pumps(4000, 2, changed=True)
    assert usual.equals(pumps(4000, 1, changed=False))
    assert not usual.equals(pumps(4000, 2, changed=False))
    means = changed.mean(numeric_only=True) - usual.mean(numeric_only=True)
    assert means["temperature"] == pytest.approx(5, abs=0.5)
    assert means["load"] == pytest.approx(8, abs=2)
    assert means["vibration"] == pytest.approx(0, abs=0.15)
    hot, cool = usual["temperature"] > 65, usual["temperature"] < 55
    assert (usual[TARGET][hot] == "good").mean() < 0.4 < (usual[TARGET][cool] == "good").mean()
    hot, cool = changed["temperature"] > 70, changed["temperature"] < 60
    assert (changed[TARGET][hot] == "good").mean() > (changed[TARGET][cool] == "good").mean()


@contextmanager
def answering(statuses_and_versions: list[tuple[int, int]]) -> Iterator[str]:
    """A server that answers as listed, and then for ever as the last; its address."""
    left = list(statuses_and_versions)
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                status, version = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps({"model_version": version, "request_id": "r", "predictions": [{} for _ in rows]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def streamed(answers: list[tuple[int, int]], version: int) -> Stream:
    """A stream that has gone on until every client was answered by a version, and 20 requests longer."""
    with answering(answers) as address, Stream(address, [{"a": 1}]) as stream:
        wait_until(lambda: stream.on(version) and stream.requests >= len(answers) + 20, 30, "no answer")
    return stream


def test_a_swap_without_a_failure_is_well() -> None:
    stream = streamed([(200, 1)] * 20 + [(200, 2)], 2)
    stream.check(1, 2)
    assert stream.turns == [[1, 2], [1, 2]]


def test_a_single_dropped_request_is_noticed() -> None:
    stream = streamed([(200, 1)] * 20 + [(503, 1), (200, 2)], 2)
    with pytest.raises(UnexpectedError, match=rf"^1 of {stream.requests} requests failed: POST /predict .* 503"):
        stream.check(1, 2)


def test_a_version_that_comes_back_during_a_swap_is_noticed() -> None:
    stream = streamed([(200, 1)] * 20 + [(200, 2)] * 20 + [(200, 1)] * 20 + [(200, 2)], 2)
    with pytest.raises(UnexpectedError, match="the clients saw the versions"):
        stream.check(1, 2)


def test_a_service_that_is_gone_is_a_failure_and_no_traceback() -> None:
    with answering([(200, 1)]) as address:
        pass
    with Client(address) as client, pytest.raises(UnexpectedError, match=r"^POST /predict had no answer"):
        client.predict([{"a": 1}])
