"""A folder to measure in: a copy of the working tree and the rival's repository, apart from the user's own things.

HOME, the ZenML store, DVC's caches and configuration, and the temporary folder of every child lie inside it, so that
a benchmark can neither harm nor profit from what the user has.
"""

import shutil
import sys
from functools import cached_property
from pathlib import Path

from devtools.benchmarks.measure import Command, run, say
from devtools.checkout import FOREIGN, Checkout, copy_known, environment

RIVALS = Path(__file__).resolve().parent
REPOSITORY = RIVALS.parents[1]
# what would lead a child outside, or tune one machine's linear algebra
LEFT_OUT = (*FOREIGN, "XDG_", "PYTHON", "MPL", "MAKE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Sandbox:
    """Both sides of every claim, made when they are first asked for.

    `root`: an empty folder, which the caller removes.
    """

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

    def checkout(self, name: str) -> Path:
        """Make a git repository with one commit of the working tree as it was at the start; its store is inside it."""
        return Path(shutil.copytree(self._snapshot, self.root / name))

    @cached_property
    def _snapshot(self) -> Path:
        say("copying the working tree")
        folder = self.root / "snapshot"
        copy_known(REPOSITORY, folder)
        self.commit(folder)
        return folder

    @cached_property
    def product(self) -> Path:
        """A copy in which nothing has run."""
        return self.checkout("product")

    @cached_property
    def warm_product(self) -> Path:
        """The copy after ``dvc repro`` and two runs: data made, store warm, caches filled, a champion in place."""
        folder = self.product
        say("warming the product: dvc repro, then two runs")
        run(self.command(folder, "dvc", "repro"))
        for _ in range(2):
            run(self.train(folder))
        return folder

    @cached_property
    def chain(self) -> Path:
        """The rival chain as a git and DVC repository that has run once; it learns from the product's table."""
        source = self.warm_product / "data" / "iris.csv"
        say("warming the DVC chain")
        folder = self.root / "chain"
        shutil.copytree(RIVALS / "dvc_chain", folder, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
        self.commit(folder)
        run(self.command(folder, "dvc", "init", "--quiet"))
        shutil.copyfile(source, folder / "iris.csv")
        for command in (("add", "iris.csv"), ("repro",)):
            run(self.command(folder, "dvc", *command))
        return folder

    def command(self, folder: Path, *arguments: str | Path) -> Command:
        """Put a command into a folder of the sandbox, with its environment."""
        return Command(arguments, folder, self.environment)

    def train(self, folder: Path, *options: str) -> Command:
        """Make the command ``run.py train`` in a copy of the working tree."""
        return self.command(folder, sys.executable, "run.py", "train", *options)

    def commit(self, folder: Path) -> None:
        """Commit all that git does not ignore."""
        Checkout(folder, self.environment).commit("benchmark")
