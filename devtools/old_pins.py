"""Warn of pins that are two years older than the day of the versions: ``python -m devtools.old_pins UV``, after ``uv lock``.

A resolver that finds no version of a package beside the newest of another goes back until it finds one without a bound, years
if need be, and says nothing. When a version was uploaded stands in uv.lock, which is the newest one is asked of the index, by uv.
"""

import re
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from champion.terminal import echo

OLD = timedelta(days=2 * 365)
_NEWER = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])? v(\S+) .*\(latest: v(\S+)\)")


def warnings_of(lock: dict[str, Any], tree: str, day: date) -> list[str]:
    """What to say of the pins in a parsed uv.lock, given what ``uv tree --outdated`` printed; nothing where none is old.

    A package of which there is a newer version has a line of its own; the others, which are finished or given up, are named
    together.
    """
    newest = {(name, version): latest for name, version, latest in _NEWER.findall(tree)}
    behind, finished = [], []
    for package in lock["package"]:
        files = [package.get("sdist", {}), *package.get("wheels", [])]
        days = [str(file["upload-time"])[:10] for file in files if "upload-time" in file]
        if not days or date.fromisoformat(max(days)) >= day - OLD:
            continue
        pin = f"{package['name']} {package['version']} of {max(days)}"
        latest = newest.get((package["name"], package["version"]))
        if latest:
            behind.append(
                f"an old pin: {pin}, while there is {latest}: bound it in pyproject.toml, or name what holds it back"
            )
        else:
            finished.append(pin)
    if finished:
        behind.append(f"old pins without a newer version: {', '.join(finished)}")
    return behind


def main(uv: str) -> None:
    """Print the warnings of the lock file in this folder."""
    command = [uv, "tree", "--quiet", "--frozen", "--outdated", "--all-groups", "--no-dedupe", "--depth", "255"]
    tree = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lock = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8"))
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    for line in warnings_of(lock, tree, date.fromisoformat(project["tool"]["uv"]["exclude-newer"][:10])):
        echo(line)


if __name__ == "__main__":
    main(sys.argv[1])
