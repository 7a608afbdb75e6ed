"""A folder to measure in, and what a command costs there: how long it took, and how much memory its processes held.

The folder has a copy of the working tree and the rival's repository, apart from the user's own things: HOME, the ZenML
store, DVC's caches and configuration, and the temporary folder of every child lie inside it, so that a benchmark can
neither harm nor profit from what the user has.
"""

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from champion.terminal import echo
from devtools.checkout import FOREIGN, Checkout, UnexpectedError, copy_known, environment

MEBIBYTE = 1024 * 1024
SAMPLING_SECONDS = 0.2  # often enough to disturb nothing; the largest process tells its exact peak by itself
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
RIVALS = Path(__file__).resolve().parent
REPOSITORY = RIVALS.parents[1]
# what would lead a child outside, or tune one machine's linear algebra
LEFT_OUT = (*FOREIGN, "XDG_", "PYTHON", "MPL", "MAKE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True)
class Result:
    """What one run of a command cost: wall seconds and peak resident memory; and what it printed, errors too."""

    seconds: float
    mebibytes: float
    output: str


def run(checkout: Checkout, *arguments: str | Path, sample_memory: bool = False) -> Result:
    """Run a command to its end.

    `sample_memory`: whether to add up the memory of the whole process tree while it runs. Without it (and without /proc)
    the peak is that of the largest single process. Raises UnexpectedError when the exit code is not 0.
    """
    peaks, ended = [0.0], threading.Event()
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as output:
        began = time.perf_counter()
        with checkout.started(*arguments, out=output.fileno()) as process:

            def sample() -> None:
                while not ended.wait(SAMPLING_SECONDS):
                    peaks.append(tree_cost(process.pid)[1])

            if sample_memory:
                threading.Thread(target=sample, daemon=True).start()
            try:
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - began
            finally:
                ended.set()
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        command = shlex.join(map(str, arguments))
        raise UnexpectedError(
            f"`{command}` ended with exit code {process.returncode}, expected 0. It said last:\n{last_lines(text)}"
        )
    return Result(seconds, max(*peaks, usage.ru_maxrss * MAXRSS_UNIT) / MEBIBYTE, text)


def tree_cost(root: int) -> tuple[float, float]:
    """CPU seconds (user and system) that a process and all below it have used, and their resident memory in bytes.

    Pages that processes share count once for each of them. Both are 0 where the system has no /proc.
    """
    parents, costs = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # what has ended meanwhile counts as nothing
            fields = path.read_text().rpartition(")")[2].split()  # man 5 proc_pid_stat, from the third field on
            pid = int(path.parent.name)
            parents[pid], costs[pid] = int(fields[1]), (sum(map(int, fields[11:15])), int(fields[21]))
    below = {root} & costs.keys()
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    ticks, pages = (sum(costs[pid][which] for pid in below) for which in (0, 1))
    return ticks / os.sysconf("SC_CLK_TCK"), float(pages * os.sysconf("SC_PAGE_SIZE"))


def alternate(
    ours: Callable[[int], Result], rival: Callable[[int], Result], repeats: int
) -> tuple[list[Result], list[Result]]:
    """Run both sides in turn, the first one changing each time, so that a slow moment hits both.

    Each takes the number of the repeat, from 0, and runs once.
    """
    results: tuple[list[Result], list[Result]] = [], []
    for number in range(repeats):
        for side in (number % 2, 1 - number % 2):
            results[side].append((ours, rival)[side](number))
    return results


def installed(rival: str, pins: Path) -> Path:
    """The folder of a rival's programs, in an environment made once under ``.bench/`` from a file of pins.

    Raises UnexpectedError where uv is not there, or cannot install them.
    """
    folder, here = REPOSITORY / ".bench" / rival, Checkout(REPOSITORY, os.environ)
    mark = f"{hashlib.sha256(pins.read_bytes()).hexdigest()} {sys.version}"
    marked = folder / "installed"
    if not marked.is_file() or marked.read_text() != mark:
        say(f"installing {rival} into {folder.relative_to(REPOSITORY)} (once)")
        uv = shutil.which(os.environ.get("UV", "uv")) or shutil.which(REPOSITORY / ".uv/bin/uv")
        if uv is None:
            raise UnexpectedError(
                "uv is not there, and the rivals are installed with it; run `make run`, which fetches it"
            )
        run(here, uv, "venv", "--clear", "--python", sys.executable, folder)
        run(here, uv, "pip", "install", "--python", folder / "bin/python", "-r", pins)
        marked.write_text(mark)
    return folder / "bin"


def last_lines(text: str) -> str:
    """The end of what a command has printed."""
    return "\n".join(text.splitlines()[-25:])


def describe_machine() -> str:
    """Cores, interpreter and system, as a figure's reader needs to know them."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def say(line: str) -> None:
    """Tell on stderr what goes on."""
    echo(f"... {line}", err=True)


class Sandbox:
    """Both sides of every claim, made when they are first asked for, in an empty folder, which the caller removes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("home", "tmp", "dvc-global"):
            (root / folder).mkdir(parents=True)
        (root / "dvc-global/config").write_text("[core]\n    check_update = false\n    analytics = false\n")
        self.environment = environment(root / "home", LEFT_OUT) | {
            "TMPDIR": str(root / "tmp"),
            "DVC_SITE_CACHE_DIR": str(root / "dvc-site"),
            "DVC_SYSTEM_CONFIG_DIR": str(root / "dvc-system"),
            "DVC_GLOBAL_CONFIG_DIR": str(root / "dvc-global"),
        }

    def at(self, folder: Path, **more: str) -> Checkout:
        """Where commands of the sandbox run, with more in their environment."""
        return Checkout(folder, self.environment | more)

    def checkout(self, name: str) -> Checkout:
        """Make a git repository with one commit of the working tree as it was at the start; its store is inside it."""
        return self.at(Path(shutil.copytree(self._snapshot, self.root / name)))

    @cached_property
    def _snapshot(self) -> Path:
        say("copying the working tree")
        folder = self.root / "snapshot"
        copy_known(REPOSITORY, folder)
        self.at(folder).commit("benchmark")
        return folder

    @cached_property
    def product(self) -> Checkout:
        """A copy in which nothing has run."""
        return self.checkout("product")

    @cached_property
    def warm_product(self) -> Checkout:
        """The copy after ``dvc repro`` and two runs: data made, store warm, caches filled, a champion in place."""
        say("warming the product: dvc repro, then two runs")
        run(self.product, "dvc", "repro")
        for _ in range(2):
            train(self.product)
        return self.product

    @cached_property
    def chain(self) -> Checkout:
        """The rival chain as a git and DVC repository that has run once; it learns from the product's table."""
        table = self.warm_product.root / "data/iris.csv"
        say("warming the DVC chain")
        chain = self.at(self.root / "chain")
        shutil.copytree(RIVALS / "dvc_chain", chain.root, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
        chain.commit("benchmark")
        run(chain, "dvc", "init", "--quiet")
        shutil.copyfile(table, chain.root / "iris.csv")
        run(chain, "dvc", "add", "iris.csv")
        run(chain, "dvc", "repro")
        return chain


def train(checkout: Checkout, *options: str, sample_memory: bool = False) -> Result:
    """``run.py train`` in a copy of the working tree."""
    return run(checkout, "python", "run.py", "train", *options, sample_memory=sample_memory)
