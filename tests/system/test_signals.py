"""What ends a command from outside: SIGTERM, or a terminal that closes; under nohup the latter does not."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

COMMAND = """
import os, sys
from pathlib import Path
import click
from champion.workspace import process
from champion.workspace.files import replacing
from cli import main

@click.command()
def command():
    with replacing(Path("half")) as unfinished:
        unfinished.write_text("half of a file")
        child = "import os, sys, time; sys.stderr.write(f'{os.getpid()}\\\\n'); sys.stderr.flush(); time.sleep(60)"
        process.run([sys.executable, "-c", child], Path.cwd(), errors_shown=True)

main.LazyGroup.get_command = lambda *_: command
sys.argv = ["run.py", "train"]
sys.exit(main.main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("nohup", [False, True], ids=["plain", "nohup"])
def test_a_signal_ends_a_command_with_its_children_and_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals, nohup: bool
) -> None:
    (tmp_path / "temporary").mkdir()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temporary")}
    command = [*(["nohup"] if nohup else []), sys.executable, "-c", COMMAND]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        child = next(int(line) for line in run.stderr if line.strip().isdecimal())
        run.send_signal(number)
        if nohup and number == signal.SIGHUP:
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0.5)
            run.terminate()
        _, said = run.communicate(timeout=60)
    assert (run.returncode, said.count("Interrupted.")) == (130, 1), said
    with contextlib.suppress(OSError):
        assert Path(f"/proc/{child}/cmdline").read_bytes() == b"", (
            "the child lives on, other than as a name to be reaped"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]
    assert list((tmp_path / "temporary").iterdir()) == []
