"""What version 0.1 called the classes that it wrote into a store: records on a team's server are read in place.

ZenML keeps the dotted path of an artifact's materializer and of its type, and imports both to load it. The modules of
version 0.1 are gone; a finder gives them back with what is named here, unless there are real ones of the name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES = {
    "ml.drift_report.DriftReport": "champion.drift.report.DriftReport",
    "ml.evaluation.Evaluation": "champion.comparison.evaluation.Evaluation",
    "ml.lineage.Outcome": "champion.comparison.provenance.Outcome",
    "ml.plan.Plan": "champion.modeling.plan.Plan",
    "ml.profile.Profile": "champion.modeling.profile.Profile",
    "ml.promotion.Decision": "champion.comparison.decision.Decision",
    "ops.artifacts.CandidateMaterializer": "champion.orchestration.materializers.candidate.CandidateMaterializer",
    "ops.artifacts.FileMaterializer": "champion.orchestration.materializers.files.FileMaterializer",
    "ops.artifacts.PackageMaterializer": "champion.orchestration.materializers.package.PackageMaterializer",
    "ops.artifacts.ProfileMaterializer": "champion.orchestration.materializers.profile.ProfileMaterializer",
    "ops.artifacts.StoredFile": "champion.orchestration.materializers.files.StoredFile",
    "ops.artifacts.TableMaterializer": "champion.orchestration.materializers.table.TableMaterializer",
    "ops.monitor_artifact.DriftMaterializer": "champion.orchestration.materializers.drift.DriftMaterializer",
    "ops.tables.WrittenTable": "champion.tabular.tables.WrittenTable",
    "package.batch.Tally": "champion.bundle.batch.Tally",
    "package.candidate.TrainedCandidate": "champion.bundle.candidate.TrainedCandidate",
    "package.folder.Package": "champion.bundle.folder.Package",
}


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
