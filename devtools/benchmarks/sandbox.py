"""A folder to measure in: a copy of the working tree and the rival's repository, apart from the user's own things.

HOME, the ZenML store, DVC's caches and configuration, and the temporary folder of every child lie inside it, so that
a benchmark can neither harm nor profit from what the user has.
"""

import json
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from devtools.benchmarks.measure import Result, run, say
from devtools.checkout import FOREIGN, Checkout, copy_known, environment

RIVALS = Path(__file__).resolve().parent
REPOSITORY = RIVALS.parents[1]
# what would lead a child outside, or tune one machine's linear algebra
LEFT_OUT = (*FOREIGN, "XDG_", "PYTHON", "MPL", "MAKE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


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


def write_use_case(checkout: Checkout, name: str, table: str, target: str, estimator: str, **params: Any) -> str:
    """Write a use case with one candidate, as JSON, which is YAML too; what `--config` is then."""
    content = {
        "name": name,
        "data": {"path": f"data/{table}", "target": target},
        "split": {"share": 0.2},
        "candidates": {name: {"estimator": f"sklearn.{estimator}", "params": params}},
        "promotion": {"metric": "accuracy"},
    }
    config = f"configs/{name}.yaml"
    (checkout.root / config).write_text(json.dumps(content))
    return config
