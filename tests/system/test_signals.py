"""What ends a command from outside: SIGTERM, or a terminal that closes; under nohup the latter does not."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from champion.errors import WRONG_USAGE
from champion.failures import interrupt, was_interrupted
from cli.main import main
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


LOST = {
    "dropped": "raise ProjectError('The run failed in a step.')",
    "dropped, and the end is asked for": "sys.exit(1)",
    "dropped, and behind nothing": "raise ModuleNotFoundError('numpy')",
}
HIDDEN = {
    "explained": "raise ProjectError('The run failed in a step.') from ValueError('a reason of its own')",
    "not named": "raise ProjectError('The run failed in a step.') from None",
    "an end": "sys.exit('The run failed in a step.')",
}


@pytest.mark.parametrize("how", [*LOST, *HIDDEN])
def test_a_signal_counts_also_where_a_library_drops_its_exception_or_hides_it_behind_another(
    tmp_path: Path, how: str
) -> None:
    body = f"pass\n    {LOST[how]}" if how in LOST else HIDDEN[how]
    script = f"""
import os, signal, sys
import click
from champion.errors import ProjectError
from cli import main

@click.command()
def command():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        {body}

main.LazyGroup.get_command = lambda *_: command
sys.argv = ["run.py", "train"]
sys.exit(main.main())
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr.count("Interrupted."), "Traceback" in done.stderr) == (130, 1, False), (
        done.stderr
    )


def test_a_command_after_an_interrupted_one_in_one_process_fails_for_its_own_reason() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, None)
    assert was_interrupted(ValueError())
    assert main(["train", "--config", "no such file"]) == WRONG_USAGE
    assert not was_interrupted(ValueError())
