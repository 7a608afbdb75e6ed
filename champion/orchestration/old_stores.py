"""What version 0.1 left in a store: a local one is refused before anything is read, records on a server are read in place.

ZenML keeps the dotted path of an artifact's materializer and of its type, and imports both to load it. A local store can be
moved away. On a server, which cannot, the records are read under the names of version 0.1: a finder gives its modules
back with what `NAMES` says, unless there are real ones of the name.
"""

import contextlib
import importlib
import sqlite3
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from champion.errors import StoreError

MARK = "layout"  # a file beside ZenML's config.yaml: this version has looked, so that nobody looks twice
_OLD_RECORD = """SELECT 1 FROM artifact_version WHERE materializer LIKE '{"module":"ops.%' LIMIT 1"""
_MATERIALIZERS = "champion.orchestration.materializers"
NAMES = {
    "ml.drift_report.DriftReport": "champion.drift.report.DriftReport",
    "ml.evaluation.Evaluation": "champion.comparison.evaluation.Evaluation",
    "ml.lineage.Outcome": "champion.comparison.evaluation.Outcome",
    "ml.plan.Plan": "champion.modeling.contract.Plan",
    "ml.profile.Profile": "champion.modeling.profile.Profile",
    "ml.promotion.Decision": "champion.comparison.decision.Decision",
    "ops.artifacts.CandidateMaterializer": f"{_MATERIALIZERS}.candidate.CandidateMaterializer",
    "ops.artifacts.FileMaterializer": f"{_MATERIALIZERS}.files.FileMaterializer",
    "ops.artifacts.PackageMaterializer": f"{_MATERIALIZERS}.package.PackageMaterializer",
    "ops.artifacts.ProfileMaterializer": f"{_MATERIALIZERS}.files.PageMaterializer",
    "ops.artifacts.StoredFile": f"{_MATERIALIZERS}.files.StoredFile",
    "ops.artifacts.TableMaterializer": f"{_MATERIALIZERS}.table.TableMaterializer",
    "ops.monitor_artifact.DriftMaterializer": f"{_MATERIALIZERS}.files.PageMaterializer",
    "ops.tables.WrittenTable": "champion.tabular.tables.WrittenTable",
    "package.batch.Tally": "champion.bundle.batch.Tally",
    "package.candidate.TrainedCandidate": "champion.bundle.model.TrainedCandidate",
    "package.folder.Package": "champion.bundle.folder.Package",
}


def refuse(folder: Path, database: Path) -> None:
    """Refuse a store that version 0.1 wrote into with a `StoreError`, and mark any other in ZenML's own `folder`."""
    mark = folder / MARK
    if mark.exists() or not database.is_file():
        return
    old = False
    with (
        contextlib.suppress(sqlite3.Error),  # no store, or a broken one: ZenML says which
        contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        old = connection.execute(_OLD_RECORD).fetchone() is not None
    if old:
        away = f"mv {folder.name} ../{folder.name.lstrip('.')}-0.1"
        raise StoreError(
            f"The ZenML store in {folder} was filled by version 0.1 of this project, whose records name code that is gone. "
            f"Move it away (`{away}`) and run again: the champion comes back from its package (`make pull` fetches it), with "
            "its number and with what was withdrawn. The other versions' records stay behind in the old store; "
            "docs/upgrade.md says more."
        )
    with contextlib.suppress(OSError):  # a folder that cannot be written is looked at each time
        mark.write_text("0.2\n", encoding="utf-8")


class _Finder(MetaPathFinder, Loader):
    """Finds the modules that `NAMES` speaks of, and makes each with its classes imported when they are asked for."""

    def find_spec(self, fullname: str, _: Sequence[str] | None, __: ModuleType | None = None) -> ModuleSpec | None:
        if any(old.startswith(f"{fullname}.") for old in NAMES):
            return ModuleSpec(fullname, self, is_package="." not in fullname)
        return None

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        def todays(attribute: str) -> Any:
            new = NAMES.get(f"{module.__name__}.{attribute}")
            if new is None:
                raise AttributeError(f"module {module.__name__!r} has no attribute {attribute!r}")
            owner, _, name = new.rpartition(".")
            return getattr(importlib.import_module(owner), name)

        module.__getattr__ = todays  # type: ignore[method-assign]  # PEP 562


_FINDER = _Finder()


def understand() -> None:
    """Have the names of version 0.1 be found."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
