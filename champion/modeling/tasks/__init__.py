"""Kinds of learning, each a folder of its name whose modules are found by their names.

`target` is what preparing a table needs, `learning` what training needs, `judging` what comparing two models needs, `answer` what
whoever answers needs, and `start` what `init` writes: apart, so that a further curve refits nothing, and another score
prepares no table anew. A folder of the same name in `champion.reporting` has what is said and drawn of it, and one in
`champion.drift` how good a champion is on new rows. A further task is these folders, and its name in `Task`.
"""

import importlib
from typing import Any, get_args

from champion.use_case.learning import Task

TASKS: tuple[str, ...] = get_args(Task)


def part_of(protocol: str, task: str) -> Any:
    """The module of a task for the one that asks with its own name: ``champion.drift.TASK.labels`` for ``champion.drift.labels``.

    What a step reaches in this way, `champion.orchestration.code` knows: whatever imports this package could find such modules.
    """
    room, _, part = protocol.rpartition(".")
    return importlib.import_module(f"{room}.{task}.{part}")
