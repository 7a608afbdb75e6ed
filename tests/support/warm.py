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
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = [  # what warming up does not import by itself
    "zenml.zen_stores.rest_zen_store", "zenml.zen_stores.migrations.utils", "pyarrow.csv", "pyarrow.dataset",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.neighbors", "sklearn.dummy", "dvc.repo", "dvc.cli.parser",
    "dvc.data_cloud", "dvc.scm", "dvc.lock", "dvc.daemon", "scmrepo.git", "dvc_gdrive", "pydrive2.fs",
]  # fmt: skip
SELDOM = 20_000, 20, 20  # thresholds of the garbage collector, which takes a tenth of a run's time with Python's own
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
        self, arguments: tuple[str, ...], cwd: Path, env: Mapping[str, str], given: str = "", **order: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python ARGUMENTS`` to its end, with a standard input; `order` as `ask` takes it."""
        return subprocess.CompletedProcess(
            [self._python, *arguments], *ask(self.begin(), arguments, cwd, env, given, **order)
        )


def ask(
    place: Path,
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    given: str,
    *,
    figures: bool = True,
    pythons: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Run ``python ARGUMENTS`` by the Python that takes orders at a place: its exit code, its output and its errors.

    Without `figures` a training draws none. Of `pythons`, where they take orders by the folders that hold them, a program of
    the project forks those that it runs.
    """
    adjust = {"figures": figures, "pythons": dict(pythons or {})}
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as gets, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        gets.write(given.encode())
        gets.seek(0)
        order = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": dict(env), "adjust": adjust}).encode()
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as orders:
            orders.connect(str(place))
            socket.send_fds(orders, [order], [each.fileno() for each in (gets, out, err, theirs)])
        code = ours.recv(10)
        assert code, f"the Python that is forked has ended: {(place.parent / 'log').read_text()}"
        said = [stream.seek(0) or stream.read().decode("utf-8", "replace") for stream in (out, err)]
    return int(code), said[0], said[1]


def forking(run: Any, ended: Any, pythons: Mapping[str, str], figures: bool) -> Any:
    """`champion.workspace.process.run` that forks the Pythons of `pythons`; but where its output or a short limit is seen."""

    def forked(command: Sequence[Any], folder: Path, **options: Any) -> Any:
        first, *words = map(str, command)
        words = [word for word in words if word not in ("-I", "-W", "ignore")]
        place = pythons.get(str(Path(first).parent.resolve()))
        seen = options.get("errors_shown") or (options.get("seconds") or SECONDS) < 60
        if place is None or seen or (words[0].startswith("-") and words[0] not in ("-m", "-c")):
            return run(command, folder, **options)
        given, env = options.get("given") or "", options.get("environment") or os.environ
        return ended(*ask(Path(place), words, folder, env, given, figures=figures, pythons=pythons))

    return forked


@functools.cache
def quick_stores() -> None:
    """Have ZenML find out once what it asks of every store, list and step."""
    _quick_queries()
    _quick_steps()


def _quick_queries() -> None:
    """Of stores and lists.

    Whether a database has the newest revision: one that has the revision of a database that ZenML has brought up to date
    has. Whether a query names one table: queries with one cache key of SQLAlchemy differ in their values alone. The class of
    a page of responses: Pydantic makes it anew when nobody holds it.
    """
    from pydantic import BaseModel
    from sqlalchemy.exc import OperationalError
    from zenml.models import Page
    from zenml.zen_stores.sql_zen_store import SqlZenStore

    migrate: Any = SqlZenStore.migrate_database
    asked: Any = SqlZenStore._query_requires_distinct
    page_of: Any = vars(BaseModel)["__class_getitem__"].__func__
    newest: set[str] = set()
    known: dict[Any, bool] = {}
    pages: set[Any] = set()

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

    def page(cls: Any, response: Any) -> Any:
        pages.add(found := page_of(cls, response))
        return found

    Page.__class_getitem__ = classmethod(page)  # type: ignore[assignment,method-assign] - that is the point
    SqlZenStore.migrate_database = migrate_database  # type: ignore[method-assign] - here too
    SqlZenStore._query_requires_distinct = staticmethod(requires_distinct)  # type: ignore[method-assign] - and here


def _quick_steps() -> None:
    """Of steps.

    The text of a step without its decorator: it follows from the text. The source of a function or a class, what an annotation
    means, and the model that holds a value against it: they follow from the object. The version of a distribution: it follows
    from its name and `sys.path`.
    """
    from pydantic import create_model
    from zenml.steps import BaseStep, decorated_step, entrypoint_function_utils
    from zenml.steps import utils as step_utils
    from zenml.utils import source_code_utils

    source: Any = functools.cache(source_code_utils.get_source_code)
    version = functools.cache(lambda name, _, find=metadata.version: find(name))
    resolve: Any = step_utils._resolve_annotation
    resolved: dict[Any, Any] = {}

    def resolve_annotation(annotation: Any, names: Any) -> Any:
        if not isinstance(annotation, str):
            return resolve(annotation, names)
        key = annotation, id(names)
        if key not in resolved:
            resolved[key] = resolve(annotation, names), names  # which are held, so that no others get their id
        return resolved[key][0]

    @functools.cache
    def model_of(name: str, config: Any, fields: Any) -> Any:
        return create_model(name, __config__=dict(config), **dict(fields))

    def model(name: str, *, __config__: Any, **fields: Any) -> Any:
        try:
            return model_of(name, tuple(__config__.items()), tuple(fields.items()))
        except TypeError:  # an annotation without a hash
            return create_model(name, __config__=__config__, **fields)

    metadata.version = lambda distribution_name: version(distribution_name, tuple(sys.path))
    decorated_step.remove_decorator_from_source_code = functools.cache(decorated_step.remove_decorator_from_source_code)
    source_code_utils.get_source_code = source
    BaseStep.source_code = property(lambda step: source(step.source_object))  # type: ignore[assignment,method-assign] - and here
    step_utils._resolve_annotation = resolve_annotation
    entrypoint_function_utils.create_model = model  # type: ignore[attr-defined] - it imports that name


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
    sys.meta_path.insert(0, Adjusting(**order["adjust"]))


class Adjusting(MetaPathFinder):
    """Finds two modules of a checkout, and has one draw no figures and the other fork the Pythons that it runs."""

    def __init__(self, figures: bool, pythons: dict[str, str]) -> None:
        self._adjust: dict[str, Callable[[Any], dict[str, Any]]] = {
            "champion.workspace.process": lambda it: {"run": forking(it.run, it.Ended, pythons, figures)}
        }
        if not figures:
            self._adjust["champion.reporting.charts"] = lambda _: {"figures": lambda *_: {}}

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in self._adjust or not (spec := PathFinder.find_spec(name, path)):
            return None
        execute: Any = spec.loader and spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            vars(module).update(self._adjust[name](module))

        spec.loader.exec_module = exec_module  # type: ignore[method-assign,union-attr] - that is the point
        return spec


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
    gc.set_threshold(*SELDOM)
    asked_for = serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[3]))
    become(asked_for)
    finish(*asked_for["arguments"])
