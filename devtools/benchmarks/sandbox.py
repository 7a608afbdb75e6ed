"""A folder to measure in: a copy of the working tree and the rival's repository, apart from the user's own things.

HOME, the ZenML store, DVC's caches and configuration, and the temporary folder of every child lie inside it, so that
a benchmark can neither harm nor profit from what the user has.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from devtools.benchmarks.measure import Command, run

REPOSITORY = Path(__file__).resolve().parents[2]
RIVALS = REPOSITORY / "benchmarks"
OPENBLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
PREFIXES_LEFT_OUT = ("ZENML_", "DVC_", "GIT_", "XDG_", "PYTHON", "MPL", "MAKE")


class Sandbox:
    """Both sides of every claim, made when they are first asked for.

    Parameters
    ----------
    root : Path
        An empty folder, which the caller removes.
    """

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        self.root = root
        self.say = say
        self.environment = child_environment(root)
        _write_settings(root)

    def checkout(self, name: str) -> Path:
        """Make a git repository with one commit of the working tree as it was at the start.

        Its store is the ``.zenml`` inside it.
        """
        folder = self.root / name
        shutil.copytree(self._snapshot, folder, symlinks=True)
        self._git_init(folder)
        return folder

    @cached_property
    def _snapshot(self) -> Path:
        self.say("copying the working tree")
        folder = self.root / "snapshot"
        copy_working_tree(REPOSITORY, folder)
        return folder

    @cached_property
    def product(self) -> Path:
        """A copy in which nothing has run."""
        return self.checkout("product")

    @cached_property
    def warm_product(self) -> Path:
        """The copy after ``dvc repro`` and two runs: data made, store warm, caches filled, a champion in place."""
        folder = self.product
        self.say("warming the product: dvc repro, then two runs")
        run(self.command(folder, "dvc", "repro"))
        for _ in range(2):
            run(self.train(folder))
        return folder

    @cached_property
    def chain(self) -> Path:
        """The rival chain as a git and DVC repository that has run once; it learns from the product's table."""
        source = self.warm_product / "data" / "iris.csv"
        self.say("warming the DVC chain")
        folder = self.root / "chain"
        shutil.copytree(RIVALS / "dvc_chain", folder, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
        self._git_init(folder)
        run(self.command(folder, "dvc", "init", "--quiet"))
        shutil.copyfile(source, folder / "iris.csv")
        run(self.command(folder, "dvc", "add", "--quiet", "iris.csv"))
        run(self.command(folder, "dvc", "repro"))
        return folder

    def command(self, folder: Path, *arguments: str | Path) -> Command:
        """Put a command into a folder of the sandbox, with its environment."""
        return Command(arguments, folder, self.environment)

    def train(self, folder: Path, *options: str) -> Command:
        """Make the command ``run.py train`` in a copy of the working tree."""
        return self.command(folder, sys.executable, "run.py", "train", *options)

    def commit(self, folder: Path) -> None:
        """Commit all that git does not ignore."""
        run(self.command(folder, "git", "add", "--all"))
        run(self.command(folder, "git", "commit", "--quiet", "--no-verify", "--message", "benchmark"))

    def _git_init(self, folder: Path) -> None:
        run(self.command(folder, "git", "init", "--quiet"))
        self.commit(folder)


def child_environment(root: Path) -> dict[str, str]:
    """Compose the environment of every child: this interpreter first on the path, and homes of its own.

    Returns
    -------
    dict of str to str
        Without the variables that would lead a child outside, or tune one machine's linear algebra.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in OPENBLAS and not name.startswith(PREFIXES_LEFT_OUT)
    }
    temporary = root / "tmp"
    temporary.mkdir(parents=True)
    environment |= {
        "HOME": str(root / "home"),
        "TMPDIR": str(temporary),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "DVC_NO_ANALYTICS": "true",
        "DVC_SITE_CACHE_DIR": str(root / "dvc-site"),
        "DVC_SYSTEM_CONFIG_DIR": str(root / "dvc-system"),
        "DVC_GLOBAL_CONFIG_DIR": str(root / "dvc-global"),
    }
    return environment


def _write_settings(root: Path) -> None:
    for folder in ("home", "dvc-global"):
        (root / folder).mkdir(parents=True)
    (root / "home" / ".gitconfig").write_text("[user]\n\tname = benchmark\n\temail = benchmark@localhost\n")
    (root / "dvc-global" / "config").write_text("[core]\n    check_update = false\n    analytics = false\n")


def copy_working_tree(source: Path, target: Path) -> None:
    """Copy what git tracks and what it would track, as it lies on disk.

    Parameters
    ----------
    target : Path
        A folder that does not exist yet.
    """
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        check=True,
        capture_output=True,
    )
    target.mkdir(parents=True)
    for name in sorted({os.fsdecode(raw) for raw in listing.stdout.split(b"\0") if raw}):
        file = source / name
        if file.is_symlink() or file.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target / name, follow_symlinks=False)
