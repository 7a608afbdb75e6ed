"""A Python that has its libraries imported and their caches filled, and is forked for each command: the same process, seconds
earlier. The workers of a test session share it.

The command's own modules are imported by the fork, from the checkout it runs in. Not for commands whose imports are what is
tested: those start an interpreter.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import logging
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = [  # what warming up does not import by itself
    "zenml.zen_stores.rest_zen_store", "zenml.zen_stores.migrations.utils", "pyarrow.csv", "pyarrow.dataset",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.neighbors", "sklearn.dummy", "dvc.repo", "dvc.cli.parser",
    "dvc.data_cloud", "dvc.scm", "dvc.lock", "dvc.daemon", "scmrepo.git", "dvc_gdrive", "pydrive2.fs",
]  # fmt: skip
SECONDS = 600  # after which a command counts as stuck


class Warm:
    """A Python that is forked, started when first asked: this environment's, or another's, of a name.

    `project` makes a checkout with a table in a folder: training there fills the caches.
    """

    def __init__(self, name: str, project: Callable[[Path], Any] | None = None, python: str = sys.executable) -> None:
        self._name, self._project, self._python = name, project, python

    def begin(self) -> Path:
        """Have it started, which takes it a while; where it takes orders."""
        from tests.support.stores import once

        return once(f"warm-{self._name}", self._start) / "orders"

    def _start(self, home: Path) -> None:
        home.mkdir()
        if self._project:
            self._project(home / "project")
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "DVC_"))} | {
            "HOME": str(home), "ZENML_CONFIG_PATH": f"{home}/zenml", "COLUMNS": "100", "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_LOGGING_VERBOSITY": "WARN", "ZENML_ENABLE_RICH_TRACEBACK": "false", "AUTO_OPEN_DASHBOARD": "false",
        }  # fmt: skip
        session = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as orders, (home / "log").open("w") as log:
            orders.bind(str(home / "orders"))
            orders.listen(64)
            command = [self._python, __file__, str(orders.fileno()), str(home / "project"), str(session)]
            subprocess.Popen(
                command, env=env, cwd=home, pass_fds=[orders.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run(
        self, arguments: tuple[str, ...], cwd: Path, env: dict[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` to its end, with a standard input."""
        place = self.begin()
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as gets, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            gets.write(given.encode())
            gets.seek(0)
            order = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": env}).encode()
            with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as orders:
                orders.connect(str(place))
                socket.send_fds(orders, [order], [each.fileno() for each in (gets, out, err, theirs)])
            code = ours.recv(10)
            assert code, f"the Python that is forked has ended: {(place.parent / 'log').read_text()}"
            said = [stream.seek(0) or stream.read().decode("utf-8", "replace") for stream in (out, err)]
        return subprocess.CompletedProcess([self._python, *arguments], int(code), *said)


@functools.cache
def quick_stores() -> None:
    """Have ZenML find out once what it asks of every store, list and step.

    Whether a database has the newest revision: one that has the revision of a database that ZenML has brought up to date
    has. Whether a query names one table: queries with one cache key of SQLAlchemy differ in their values alone. The text of
    a step without its decorator: it follows from the text.
    """
    from sqlalchemy.exc import OperationalError
    from zenml.steps import decorated_step
    from zenml.zen_stores.sql_zen_store import SqlZenStore

    migrate: Any = SqlZenStore.migrate_database
    asked: Any = SqlZenStore._query_requires_distinct
    newest: set[str] = set()
    known: dict[Any, bool] = {}

    def revision(store: Any) -> Any:
        with store.engine.connect() as connection, contextlib.suppress(OperationalError):  # an empty one
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

    def migrate_database(store: Any) -> None:
        if revision(store) not in newest:
            migrate(store)
            newest.add(revision(store))

    def requires_distinct(query: Any) -> bool:
        form = query._generate_cache_key()
        if form is None:
            return bool(asked(query))
        if form.key not in known:
            known[form.key] = asked(query)
        return known[form.key]

    decorated_step.remove_decorator_from_source_code = functools.cache(decorated_step.remove_decorator_from_source_code)
    SqlZenStore.migrate_database = migrate_database  # type: ignore[method-assign] - that is the point
    SqlZenStore._query_requires_distinct = staticmethod(requires_distinct)  # type: ignore[method-assign] - here too


def warm_up(project: Path) -> None:
    """Train in a copy of the project, which fills the caches of the libraries; then forget that it was there."""
    from zenml import logger
    from zenml.client import Client
    from zenml.materializers.materializer_registry import materializer_registry
    from zenml.stack import stack
    from zenml.utils import code_repository_utils, source_utils
    from zenml.zen_stores import sql_zen_store

    quick_stores()
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    types = dict(materializer_registry.materializer_types)
    sys.path.insert(0, str(project))
    os.chdir(project)
    source_utils.set_custom_source_root(str(project))
    with contextlib.ExitStack() as patched:
        patching = importlib.import_module("champion.patching")
        patching.apply = lambda *rows: patched.enter_context(patching.applied(rows))
        for stream in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            patched.enter_context(stream(patched.enter_context(Path(os.devnull).open("w"))))
        # the graph of imports is read by threads, which a fork would wait for
        code = importlib.import_module("champion.orchestration.code")
        code.reached = lambda *names: (set(names), set())
        for command in (["models"], ["train"]):
            assert importlib.import_module("cli.main").main(command) == 0
            engine = Client().zen_store.engine
            if command == ["models"]:
                engine.dispose()
                empty = shutil.copy(engine.url.database, project.parent / "empty.db")
        assert not code._graph.cache_info().misses, "each fork would wait for ever"
        Client().active_stack.log_store.deactivate()  # its thread
        sys.modules["champion.orchestration.patches"].start_afresh()
    engine.dispose()
    create = sql_zen_store.create_engine

    def create_engine(*arguments: Any, **more: Any) -> Any:
        made = create(*arguments, **more)
        if made.dialect.name == engine.dialect.name:  # what was compiled for one database serves another
            made.dialect, made._compiled_cache = engine.dialect, engine._compiled_cache
            if not (file := Path(made.url.database)).exists():  # a new store is a copy of one that was empty
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(empty, file)
        return made

    sql_zen_store.create_engine = create_engine
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] in ("champion", "cli", "pipelines", "steps"):
            del sys.modules[name]
    materializer_registry.materializer_types = types
    stack._STACK_CACHE.clear()  # by ids, which are the same in every copy of the empty store
    code_repository_utils._CODE_REPOSITORY_CACHE.clear()
    source_utils.set_custom_source_root(None)
    logger._remove_zenml_handlers(logging.getLogger())
    logging.captureWarnings(False)
    logger._stdout_wrapped = logger._stderr_wrapped = False
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path


def serve(orders: socket.socket, session: int) -> dict[str, Any]:
    """Fork for each order, until the session is over; in the fork, return the order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders.settimeout(1)
    while True:
        try:
            asking, _ = orders.accept()
        except TimeoutError:
            try:
                os.kill(session, 0)
            except ProcessLookupError:
                os._exit(0)
            continue
        with asking:
            order, files, _, _ = socket.recv_fds(asking, 2**20, 4)
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    orders.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if command := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        os.write(files[3], str(code).encode())
        os._exit(0)
    for number, file in enumerate(files):
        if number < 3:
            os.dup2(file, number)
        os.close(file)
    signal.alarm(SECONDS)
    return dict(json.loads(order))


def become(order: dict[str, Any]) -> None:
    """Be the Python that was ordered, up to where it runs its first line."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
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
    threading._shutdown()  # what the interpreter calls first at its end
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
    if (project := Path(sys.argv[2])).is_dir():
        warm_up(project)
    assert threading.active_count() == 1, threading.enumerate()
    assert "champion" not in sys.modules
    gc.collect()
    gc.freeze()
    asked_for = serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[3]))
    become(asked_for)
    finish(*asked_for["arguments"])
