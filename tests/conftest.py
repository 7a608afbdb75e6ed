"""Fixtures that every room shares: a checkout of one's own, with a store and a HOME of its own."""

import compileall
import gc
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from champion.use_case.whole import parse_use_case
from champion.workspace import process
from champion.workspace.workspace import Workspace
from data.make_iris import iris_csv
from devtools.checkout import copy_known, environment
from tests.support.browser import browser, page  # noqa: F401 - fixtures
from tests.support.buckets import bucket_stack  # noqa: F401 - a fixture
from tests.support.object_store import objects, started_objects  # noqa: F401 - fixtures
from tests.support.stores import SHARED, copy_store, once, scratch
from tests.support.warm import SELDOM, Warm, forking, quick_stores

ROOT = Path(__file__).resolve().parent.parent
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell gives this to what it runs in the background, and a
    signal.signal(signal.SIGINT, signal.default_int_handler)  # child inherits it: no test of Ctrl-C would mean anything
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as under nohup, which commands respect
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

for name in [name for name in os.environ if name.startswith("GITHUB_")]:
    del os.environ[name]  # in a workflow champions would name its run as who made them, steps write into its summary

# As many workers as cores, each with as many threads: one that waits for its like leaves the core to another worker. Spinning,
# a boosting of 100 trees took three times as long here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

LEFT_OUT = {".git", ".venv", ".venv-drive", ".uv", ".zenml", "__pycache__", "reports", "tests", "uv.lock"}

MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4e9:
    # Stores and checkouts in memory: SQLite waits for the disk at every commit, and that is half of a run's time.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@dataclass
class Checkout:
    """A copy of the project in a folder of its own, driven as its user would drive it."""

    root: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)
    figures: bool = False
    """Whether trainings draw the figures of their reports, which takes a sixth of the time."""

    def environment(self) -> dict[str, str]:
        return {**environment(self.home, ("ZENML_", "DVC_", "GIT_")), "COLUMNS": "100", **self.env}

    def command(
        self, *arguments: str, expect: int | None = 0, warm: bool = True, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run any command in the checkout; fail with its output when it ends otherwise than expected.

        A Python is forked from one that has the libraries (support/warm.py), unless `warm` is false.
        """
        cwd, env = more.pop("cwd", self.root), {**self.environment(), **more.pop("env", {})}
        if warm and arguments[0] == sys.executable and not arguments[1].startswith("-X") and not more:
            done = WARM.run(arguments[1:], cwd, env, figures=self.figures, pythons=pythons())
        else:
            done = subprocess.run(
                arguments, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600, **more
            )
        if expect is not None:
            assert done.returncode == expect, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "run.py", *arguments]
        return subprocess.Popen(command, cwd=self.root, env=self.environment(), text=True, **pipes)

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "run.py", *arguments, expect=expect)

    def json(self, *arguments: str, expect: int | None = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def train(self, *arguments: str, expect: int | None = 0) -> Any:
        return self.json("train", *arguments, expect=expect)

    def trained(self, *arguments: str) -> SimpleNamespace:
        """``python run.py train ...``: which steps it `executed`, the `facts` of its decision, and all that it said."""
        done = self.run("train", *arguments)
        lines = [line.split() for line in done.stderr.splitlines()]
        executed = {words[0] for words in lines if words[1:2] == ["done"]}
        facts = json.loads((self.root / "reports/iris/decision.json").read_text(encoding="utf-8"))
        return SimpleNamespace(executed=executed, facts=facts, text=done.stdout + done.stderr)

    def models(self, *arguments: str) -> list[dict[str, Any]]:
        return self.json("models", *arguments)

    def champion(self, *arguments: str) -> int | None:
        """The number in production; more than one is a failure."""
        found = [version["number"] for version in self.models(*arguments) if version["stage"] == "production"]
        assert len(found) <= 1, found
        return found[0] if found else None

    def git(self, *arguments: str) -> str:
        return self.command("git", *arguments).stdout

    def dvc(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "-m", "dvc", *arguments, expect=expect)

    def write_use_case(self, use_case: dict[str, Any], name: str | None = None) -> str:
        """Write a use case's YAML; its path is returned."""
        path = f"configs/{name or use_case['name']}.yaml"
        (self.root / path).write_text(yaml.safe_dump(use_case, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def read_use_case(self, name: str = "iris") -> dict[str, Any]:
        return yaml.safe_load((self.root / f"configs/{name}.yaml").read_text(encoding="utf-8"))

    def manifest(self, name: str = "iris") -> dict[str, Any]:
        return json.loads((self.root / f"models/{name}/manifest.json").read_text(encoding="utf-8"))


def copy_project(target: Path) -> None:
    """Copy what a clone would have: tracked files, and new ones that git would not ignore."""
    copy_known(ROOT, target, LEFT_OUT)


def template() -> Path:
    """The checkout that the others of this session are copies of: committed, and compiled."""
    return once("template", make_template)


def make_template(folder: Path) -> None:
    copy_project(folder)
    compileall.compile_dir(folder, quiet=2)
    made = Checkout(folder, folder)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "start")
    made.git("repack", "-adq")  # two files to copy instead of four hundred
    shutil.rmtree(folder / ".git/hooks")


def pytest_configure(config: pytest.Config) -> None:
    """Long forms run when they are asked for: `make test-long`. What is made once lies in the first process's folder."""
    gc.set_threshold(*SELDOM)
    if SHARED not in os.environ or not hasattr(config, "workerinput"):
        os.environ[SHARED] = str(scratch())
    config.addinivalue_line("markers", "long: takes minutes; run by `make test-long` alone")
    config.option.markexpr = config.option.markexpr or "not long"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of a page is run again where the machine's network changed under it, and for no other reason."""
    if any("checkout" in getattr(item, "fixturenames", ()) for item in items):
        WARM.begin()
    for item in items:
        if "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=9, only_rerun="NetworkChangedError"))


def make_checkout(folder: Path) -> Checkout:
    """A committed copy of the project in a folder, with a HOME beside it."""
    shutil.copytree(template(), folder / "checkout", symlinks=True)
    (folder / "home").mkdir()
    return Checkout(folder / "checkout", folder / "home")


@pytest.fixture
def checkout(tmp_path: Path, warm: None) -> Checkout:
    """A committed copy of the project, with a HOME of its own, without a store and without the sample's table."""
    return make_checkout(tmp_path)


def quick(name: str = "iris", **changes: Any) -> dict[str, Any]:
    """A use case of one quick candidate, so that a run takes as little time as it can."""
    use_case: dict[str, Any] = {
        "name": name,
        "data": {"path": "data/iris.csv", "target": "species"},
        "split": {"share": 0.3, "salt": "i"},
        "candidates": {
            "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2, "random_state": 0}}
        },
        "promotion": {"metric": "accuracy"},
    }
    for key, value in changes.items():
        use_case[key] = {**use_case.get(key, {}), **value} if isinstance(value, dict) and key != "candidates" else value
    return use_case


def tree(depth: int, name: str = "iris", **changes: Any) -> dict[str, Any]:
    """A quick use case that is better with each depth from 0 (a split by a poor column) to 2; 3 ties with 2.

    On the holdout the accuracies are 0.51, 0.61, 0.95 and 0.95; a model without knowledge has 0.27.
    """
    poor = {"max_features": 1, "max_leaf_nodes": 2, "min_samples_leaf": 45}
    params = {"random_state": 0, **({"max_depth": depth} if depth else poor)}
    candidates = {"tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": params}}
    return quick(name, **{"candidates": candidates, **changes})


def ready_project(folder: Path) -> Checkout:
    """A copy of the project with the sample's table and a quick use case."""
    made = Checkout(shutil.copytree(template(), folder, symlinks=True), folder)
    (folder / "data/iris.csv").write_bytes(iris_csv())
    made.write_use_case(quick())
    return made


WARM = Warm("champion", ready_project)
PYTHONS = {Path(sys.executable).parent.resolve(): WARM}
"""Those that are forked instead of started, by the folder that holds each."""


def pythons() -> dict[str, str]:
    """Where they take orders."""
    return {str(folder): str(python.begin()) for folder, python in PYTHONS.items()}


_run = process.run


def run_warm(command: process.Command, folder: Path, **options: Any) -> process.Ended:
    """A program run to its end; a Python is forked."""
    return forking(_run, process.Ended, pythons(), figures=False)(command, folder, **options)


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the Pythons that the code under test runs, such as dvc, which take seconds to start."""
    monkeypatch.setattr(process, "run", run_warm)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A checkout whose table is there."""
    (checkout.root / "data/iris.csv").write_bytes(iris_csv())
    return checkout


_numbers = itertools.count(1)


@dataclass
class Session:
    """A use case and its files in a store of this process: a run costs a second instead of four.

    Every session has a use case name of its own, so that several may share a store.
    """

    root: Path
    client: Any
    name: str = field(default_factory=lambda: f"case{next(_numbers)}")

    def workspace(self, use_case: dict[str, Any]) -> Workspace:
        """The workspace of a use case, which gets this session's name."""
        parsed = parse_use_case({**use_case, "name": self.name}, "test")
        return Workspace(self.root, self.root / "use_case.yaml", parsed)

    def train(self, use_case: dict[str, Any], **options: bool) -> tuple[Any, set[str]]:
        """Train, without figures, which take a third of the time; the run, and the steps that were not taken from the cache."""
        from pipelines.training import Options, train

        executed = set()

        def tell(step: str, what: str) -> None:
            if what == "finished":
                executed.add(step)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("champion.reporting.charts.figures", lambda *_: {})
            return train(self.client, self.workspace(use_case), Options(**options), tell), executed

    def stages(self) -> dict[int, str]:
        from champion.registry.versions import version_history

        return {version.number: version.stage for version in version_history(self.client, self.name).versions}

    def manifest(self) -> dict[str, Any]:
        return json.loads((self.root / "models" / self.name / "manifest.json").read_text(encoding="utf-8"))

    def write(self, content: bytes | str, path: str = "data/iris.csv") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content.encode() if isinstance(content, str) else content)


def forget_store() -> None:
    """Have ZenML in this process know no store, and no stack: those of two copies of a store have one id."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration
    from zenml.stack import stack

    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    stack._STACK_CACHE.clear()


def enter_store(folder: Path, monkeypatch: pytest.MonkeyPatch, server: Mapping[str, str] | None = None) -> Any:
    """Have this process use the ZenML store in a folder, where none is there an empty one, or that of a server."""
    if not folder.exists() and server is None:
        copy_store(once("empty-store", make_store), folder)
    return enter(folder, monkeypatch, server or {})


def make_store(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch, {})


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch, server: Mapping[str, str]) -> Any:
    from zenml.utils.source_utils import set_custom_source_root

    from champion.orchestration.store import open_store

    for name in [name for name in os.environ if name.startswith("ZENML_")]:
        monkeypatch.delenv(name)
    for name, value in {"ZENML_CONFIG_PATH": str(folder), "ZENML_ANALYTICS_OPT_IN": "false", **server}.items():
        monkeypatch.setenv(name, value)
    forget_store()
    set_custom_source_root(str(ROOT))
    quick_stores()
    return open_store()


_opened: dict[str, Any] = {}  # the store that the tests of this process share: opening one takes a second


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A ZenML store in this process, shared by all tests that ask for it: each takes names of its own."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    forget_store()
    if _opened:
        monkeypatch.setenv("ZENML_CONFIG_PATH", str(_opened["folder"]))
        GlobalConfiguration._reset_instance(_opened["config"])
        Client._reset_instance(_opened["client"])
    else:
        folder = scratch() / "zenml"
        _opened.update(client=enter_store(folder, monkeypatch), config=GlobalConfiguration(), folder=folder)
    yield _opened["client"]
    forget_store()


@pytest.fixture
def session(store: Any, tmp_path: Path) -> Session:
    """A session with the sample's table."""
    made = Session(tmp_path, store)
    made.write(iris_csv())
    return made
