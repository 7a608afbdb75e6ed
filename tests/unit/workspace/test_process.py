"""Programs that are started: what must not be ended in the middle runs to its end, whoever asks for an end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

STAND_IN = """#!/bin/sh
echo > begun; sleep 1; echo > done
"""
PUSH = """
import sys
from pathlib import Path
from champion.datastore import dvc
dvc.run(Path.cwd(), sys.argv[1], python=Path("stand-in").resolve())
Path("went on").touch()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("verb", ["add", "push"])
def test_ctrl_c_and_an_end_of_the_terminal_wait_for_dvc_where_half_of_its_work_would_be_lost(
    verb: str, number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "stand-in").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "stand-in").chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PUSH, verb]
    running = subprocess.Popen(
        command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "begun").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    os.killpg(running.pid, number)  # as a terminal does
    said = running.communicate(timeout=60)[1]
    assert running.returncode == -number
    assert (tmp_path / "done").exists() == (verb == "add")
    assert ("This ends as soon as what it has begun is done" in said) == (verb == "add")
    assert not (tmp_path / "went on").exists(), "it ends then"
