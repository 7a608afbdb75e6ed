"""A Python that has imported its libraries already and is forked for each command: the same process, seconds earlier.

The command's own modules are imported by the fork, from the checkout it runs in. Not for commands that get a signal, or
whose imports are what is tested: those start an interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = [
    "zenml.client", "zenml.pipelines.pipeline_definition", "zenml.pipelines.run_utils", "zenml.config.compiler",
    "zenml.zen_stores.sql_zen_store", "zenml.zen_stores.rest_zen_store", "zenml.zen_stores.migrations.utils",
    "zenml.orchestrators.local.local_orchestrator", "zenml.orchestrators.step_launcher",
    "zenml.artifact_stores.local_artifact_store", "zenml.log_stores.artifact.artifact_log_store", "zenml.deployers",
    "zenml.container_registries", "zenml.image_builders", "zenml.model_registries", "zenml.stack.flavor_registry",
    "opentelemetry.instrumentation.logging.handler", "pandas", "pyarrow.parquet", "pyarrow.csv", "pyarrow.dataset",
    "sklearn.pipeline", "sklearn.compose", "sklearn.tree", "sklearn.ensemble", "sklearn.linear_model",
    "sklearn.neighbors", "sklearn.dummy", "sklearn.inspection", "sklearn.model_selection", "scipy.stats", "skops.io",
    "matplotlib.figure", "matplotlib.backends.backend_svg", "grimp", "ruamel.yaml", "rich.console", "jinja2", "dvc.repo",
    "dvc.cli.parser", "dvc.data_cloud", "dvc.scm", "dvc.lock", "dvc.daemon", "scmrepo.git", "dvc_gdrive", "pydrive2.fs",
]  # fmt: skip
SECONDS = 600.0  # after which a command counts as stuck


class Warm:
    """A Python of this test process that is forked, started when first asked: this environment's, or another's."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._lock = threading.Lock()
        self._channel: Any = None

    def run(
        self, arguments: tuple[str, ...], cwd: Path, env: dict[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` to its end, with a standard input."""
        with self._lock, tempfile.TemporaryDirectory() as folder:
            if self._channel is None:
                self._start()
            Path(folder, "stdin").write_text(given, encoding="utf-8")
            files = [f"{folder}/stdin", f"{folder}/stdout", f"{folder}/stderr"]
            order = {"arguments": arguments, "cwd": str(cwd), "env": env, "files": files}
            self._channel.write(json.dumps(order) + "\n")
            self._channel.flush()
            code = json.loads(self._channel.readline())
            out, err = (Path(name).read_text(encoding="utf-8", errors="replace") for name in files[1:])
        return subprocess.CompletedProcess([self._python, *arguments], code, out, err)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        home = tempfile.mkdtemp()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "DVC_"))} | {
            "HOME": home, "ZENML_CONFIG_PATH": f"{home}/zenml", "COLUMNS": "100", "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_LOGGING_VERBOSITY": "WARN", "ZENML_ENABLE_RICH_TRACEBACK": "false", "AUTO_OPEN_DASHBOARD": "false",
        }  # fmt: skip
        with theirs:  # it ends when this process does: the channel is closed then
            subprocess.Popen(
                [self._python, __file__, str(theirs.fileno())], env=env, cwd=home, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        ours.settimeout(SECONDS)
        self._channel = ours.makefile("rw", encoding="utf-8")


def serve(channel: Any) -> dict[str, Any]:
    """Fork for each order; in the fork, return it."""
    for line in channel:
        child = os.fork()
        if child == 0:
            order: dict[str, Any] = json.loads(line)
            return order
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        channel.write(f"{code}\n")
        channel.flush()
    sys.exit(0)


def become(order: dict[str, Any]) -> None:
    """Be the Python that was ordered, up to where it runs its first line."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    for number, name in enumerate(order["files"]):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(file, number)
        os.close(file)
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))


def execute(first: str, *rest: str) -> None:
    """``python FIRST REST``."""
    if first == "-m":
        sys.path.insert(0, str(Path.cwd()))
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path.insert(0, "")
        sys.argv = ["-c", *rest[1:]]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(rest[0], vars(sys.modules["__main__"]))
    else:
        sys.path.insert(0, str(Path(first).resolve().parent))
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")


def finish(*arguments: str) -> None:
    """Execute, and end as Python ends; but for taking apart all that was imported, which takes half a second."""
    code = 0
    try:
        execute(*arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls first at its end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    del sys.path[0]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if "zenml" in sys.modules:
        sys.modules["sqlalchemy.orm"].configure_mappers()
    assert threading.active_count() == 1, threading.enumerate()
    assert "champion" not in sys.modules
    gc.collect()
    gc.freeze()
    number = int(sys.argv[1])
    with socket.socket(fileno=number) as connection:
        asked = serve(connection.makefile("rw", encoding="utf-8"))
    become(asked)
    finish(*asked["arguments"])
