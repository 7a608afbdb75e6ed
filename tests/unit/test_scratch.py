"""What is temporary goes with its process, or with the next command where the process was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from champion.scratch import scratch, sweep
from champion.workspace.files import copied, replacing
from cli import main
from tests.conftest import ROOT, iris_csv

KILLED = """
import os, signal, sys
from pathlib import Path
from champion.scratch import lasting, noted
from champion.workspace.files import copied, replacing
table = Path(sys.argv[1])
folder = table.with_name("folder.unfinished")
folder.mkdir()
lasting()
with copied(table), replacing(table.with_name("out.csv")) as unfinished, noted(folder):
    unfinished.write_bytes(table.read_bytes())
    (folder / "part").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is temporary, here and in what is started."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "temporary"


def test_the_next_command_removes_the_copies_that_a_killed_one_left_and_no_living_one_s(
    tmp_path: Path, temporary: Path
) -> None:
    table = tmp_path / "data/table.csv"
    table.parent.mkdir()
    table.write_bytes(iris_csv())
    before = {path.name for path in table.parent.iterdir()}
    command, env = [sys.executable, "-c", KILLED, str(table)], {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
    assert (len(list(temporary.iterdir())), len(list(table.parent.iterdir()))) == (4, len(before) + 2)
    with scratch() as folder, copied(table) as (copy, _), replacing(table.with_name("out.csv")) as unfinished:
        for arguments in (
            *([name, "--config", "no.yaml"] for name in ("models", "doctor", "serve")),
            ["predict", "-h"],
        ):
            main.main(arguments)
        assert len(list(temporary.iterdir())) == 7, "what only reads leaves everything"
        assert main.main(["predict", "nothing.csv", "predictions.csv"]) == 1
        assert folder.is_dir()
        assert copy.read_bytes() == table.read_bytes()
        unfinished.write_text("whole", encoding="utf-8")
    assert list(temporary.iterdir()) == []
    assert {path.name for path in table.parent.iterdir()} == {*before, "out.csv"}


def test_a_link_to_anything_else_is_left_alone(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "kept.csv").touch()
    left = temporary / "champion-scratch-x"
    left.mkdir()
    (left / "lock").touch()
    (left / "a.unfinished").symlink_to(tmp_path / "kept.csv")
    sweep()
    assert not left.exists()
    assert (tmp_path / "kept.csv").exists()
