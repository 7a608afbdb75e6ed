"""A long table is read, checked and written while ZenML starts: in a process of its own, since both need a processor.

``python -m pipelines.early_table CONFIG FOLDER`` is that process. It tells in lines of JSON what it found. Where it finds
anything amiss it ends without a word, and the run reads the table itself, and says what is wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from champion import settings
from champion.tabular.tables import WrittenTable
from champion.workspace import process

if TYPE_CHECKING:
    from champion.modeling.split import SplitRule
    from champion.workspace.workspace import Workspace

FEWEST_BYTES = 32 * 1024 * 1024  # a shorter table is read sooner than a process has started
TABLE = "table.parquet"


class EarlyTable:
    """A table that another process reads, checks and writes meanwhile.

    Parameters
    ----------
    folder : Path
        Where it writes.
    """

    def __init__(self, lines: IO[str], folder: Path) -> None:
        self._lines = lines
        self._folder = folder

    def version(self) -> str | None:
        """The data version, md5 of the file; None where the process has failed."""
        return self._told().get("version")

    def checked(self, recorded: SplitRule | None) -> tuple[WrittenTable, dict[str, Any]] | None:
        """Wait for the table, and for what a check found in it.

        Returns None where the process has failed, or took another champion's rule to be recorded.
        """
        told = self._told()
        if not told or told["recorded"] != _plain(recorded):
            return None
        return WrittenTable(self._folder / TABLE, told["rows"], told["columns"]), told["found"]

    def _told(self) -> dict[str, Any]:
        line = self._lines.readline()
        found: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}  # it may have been killed in the middle
        return found


@contextlib.contextmanager
def begun(workspace: Workspace) -> Iterator[EarlyTable | None]:
    """Begin to read the table of a use case.

    Yields none where the table is short or not there, or no processor is free for it.
    """
    if not _is_worth_it(workspace.data):
        yield None
        return
    folder = Path(tempfile.mkdtemp())
    reader = process.start(  # alone: Ctrl-C is for the run, which ends this one
        [sys.executable, "-m", __name__, workspace.config.resolve(), folder], settings.root(), alone=True, errors=False
    )
    try:
        assert reader.stdout is not None
        with reader.stdout as lines:
            yield EarlyTable(lines, folder)
    finally:
        reader.kill()
        reader.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _is_worth_it(path: Path) -> bool:
    return (os.cpu_count() or 1) > 1 and path.is_file() and path.stat().st_size >= FEWEST_BYTES


def _plain(rule: SplitRule | None) -> dict[str, Any] | None:
    return rule.model_dump(mode="json") if rule else None


def main(config: str, folder: str) -> None:
    """Read, check and write the table of a use case, and tell each as it is done."""
    import pyarrow

    from champion.bundle import folder as packages
    from champion.datastore.index import data_version
    from champion.settings import keep_freed_memory
    from champion.tabular.tables import write_table
    from champion.workspace.workspace import open_workspace, shown
    from pipelines.table_check import checked_table

    keep_freed_memory()
    pyarrow.set_cpu_count(1)  # the other processors are the run's
    workspace = open_workspace(config)
    _tell(version=data_version(workspace.data))
    package = packages.read(workspace.package, workspace.shown_package)
    recorded = package.manifest.split if package else None
    frame, found = checked_table(workspace.data, shown(workspace.data, workspace.root), workspace.use_case, recorded)
    write_table(frame, Path(folder) / TABLE)
    _tell(recorded=_plain(recorded), found=found, rows=len(frame), columns=len(frame.columns))


def _tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 - what the process was started for


if __name__ == "__main__":
    main(*sys.argv[1:])
