"""A service as a fork of a Python that has imported what it needs: the same process, a second earlier.

Not for what a start itself costs or loads: `iris_service` is a process of its own.
"""

import atexit
import gc
import importlib
import multiprocessing.context
import os
import resource
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import champion.serving.__main__
from champion.serving.hidden import Hidden

IMPORTED = [
    "champion.serving.app", "champion.serving.log", "champion.serving.protocol", "champion.bundle.model", "sklearn.ensemble",
    "sklearn.linear_model", "sklearn.compose", "sklearn.svm", "uvicorn.lifespan.on", "uvloop",
]  # fmt: skip
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload([__name__])


class Forked(multiprocessing.context.ForkServerProcess):
    """What tests ask of a `subprocess.Popen`, of a process that was forked."""

    def __init__(self, arguments: Sequence[str], env: dict[str, str], open_files: int | None = None) -> None:
        said, output = FORK.Pipe(duplex=False)
        super().__init__(target=become, args=(list(arguments), env, output, open_files), daemon=True)
        self.start()
        output.close()
        self.stdout = os.fdopen(os.dup(said.fileno()), encoding="utf-8")
        said.close()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid or 0, number)

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.join(timeout)
        assert self.exitcode is not None, "a forked service does not end"
        return self.exitcode


def become(arguments: list[str], env: dict[str, str], output: Connection, open_files: int | None) -> None:
    """Be ``python -m champion.serving ARGUMENTS``; what it says goes into a pipe."""
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    os.chdir(Path(__file__).parents[3])
    os.environ.clear()
    os.environ.update(env)
    if room := env.get("TEST_MEMORY_LIMIT"):  # as if it were in a container of so many bytes
        from champion.bundle import sizes
        from champion.serving import state

        sizes.limit = state.limit = lambda: sizes.Limit(int(room), 200 * 2**20)
    if open_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    sys.argv = ["champion.serving", *arguments]
    code = champion.serving.__main__.run()
    atexit._run_exitfuncs()  # which multiprocessing leaves out: coverage writes there what it saw
    sys.exit(code)


if "pytest" not in sys.modules:  # this is the Python that will be forked
    sys.meta_path.insert(0, Hidden())
    for name in IMPORTED:
        importlib.import_module(name)
    del sys.meta_path[0]
    gc.freeze()
