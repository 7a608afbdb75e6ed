"""One step inside its container: what `containers` starts there instead of ZenML's own entry point.

It gets ready while the step before it still runs, then waits to be told which step it is. It says from inside where
the step ran, and hands a user's mistake back as a line that `containers` makes the same error of.
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from champion import settings
from champion.errors import FAILED, ProjectError
from champion.failures import of_the_machine
from champion.patching import apply

ERROR_MARK = "\x1echampion-error "
"""What a line begins with that names an error and not a line of the log."""
FOLDER = "/tmp"  # noqa: S108 - of the container, which holds one step and nobody else
STEP, READY = "champion-step.json", "champion-step.ready"
PATIENCE = 600.0  # seconds to wait for a step; whoever started this container may be gone
_LOOKS = 0.01  # seconds between two looks


def main() -> int:
    """Get ready, wait for a step, run it; the exit code of the container."""
    gc.disable()  # a process of one step: the collections during imports cost more than they free
    settings.prepare_environment()
    try:
        for _ in _getting_ready():
            if Path(FOLDER, READY).exists():
                break
        _run(_order())
    except Exception as error:
        explained = error if isinstance(error, ProjectError) else of_the_machine(error)
        if explained is None:
            raise
        facts = {"kind": type(explained).__name__, "message": str(explained)}
        sys.stderr.write(f"{ERROR_MARK}{json.dumps(facts)}\n")
        return FAILED
    finally:
        if "champion.orchestration.store" in sys.modules:
            sys.modules["champion.orchestration.store"].end_logging()
        gc.freeze()
    return 0


def _getting_ready() -> Iterator[None]:
    """What every step needs first, then what most need; in pieces, so that a step need not wait for all of it."""
    from champion.orchestration.store import open_inside

    open_inside()
    yield
    ours = "champion.orchestration.materializers.table"
    for name in (ours, "pyarrow.parquet", "sklearn.ensemble", "sklearn.model_selection", "skops.io"):
        importlib.import_module(name)
        yield


def _order() -> dict[str, Any]:
    """Which step to run, and its environment."""
    ends = time.monotonic() + PATIENCE
    while not Path(FOLDER, READY).exists():
        if time.monotonic() > ends:
            raise ProjectError(f"Nobody told this container which step to run within {PATIENCE:g} s.")
        time.sleep(_LOOKS)
    order: dict[str, Any] = json.loads(Path(FOLDER, STEP).read_text(encoding="utf-8"))
    return order


def _run(order: dict[str, Any]) -> None:
    os.environ.update(order["environment"])
    from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
    from zenml.utils.source_utils import set_custom_source_root

    from champion.orchestration import patches
    from champion.orchestration.runs import lost_artifacts_named, progress

    set_custom_source_root(str(settings.root()))
    apply(*patches.IN_A_CONTAINER)
    with progress(lambda *_: None), lost_artifacts_named():
        StepEntrypointConfiguration(order["arguments"]).run()


if __name__ == "__main__":
    sys.exit(main())
