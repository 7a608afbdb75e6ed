"""A real engine, and a look into its images; where there is none a test is skipped, or fails if NEEDS_ENGINE is set."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from champion.errors import EngineError
from champion.orchestration.docker.engine import connect

BASE = "python:3.13-slim-bookworm"
LOOK = """
import importlib.util, json, os, pathlib, shutil, sys
sources = [path for place in (pathlib.Path(sys.prefix), pathlib.Path("/app")) for path in place.rglob("*.py")]
files = [path for path in pathlib.Path("/app").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
print(json.dumps({
    "uid": os.getuid(),
    "tools": [*filter(shutil.which, ["uv", "gcc", "cc", "make", "git", "dvc"])],
    "modules": [*filter(importlib.util.find_spec, sys.argv[1:])],
    "bytecode": sum(os.path.exists(importlib.util.cache_from_source(str(path))) for path in sources) / len(sources),
    "files": [str(path.relative_to("/app")) for path in files],
}))
"""


def as_under_umask_077(*folders: Path) -> None:
    """Leave nobody but their owner a right on these folders."""
    for path in (each for folder in folders for each in (folder, *folder.rglob("*"))):
        path.chmod(0o700 if path.is_dir() else 0o600)


def looked_into(engine: Any, name: str, most: float, *needless: str) -> list[str]:
    """The files of /app in an image, which has none of these modules, and at most so many bytes on top of its base."""
    found = json.loads(engine.containers.run(name, ["-c", LOOK, *needless], entrypoint="python", remove=True))
    assert found["uid"] != 0
    assert found["tools"] + found["modules"] == []
    assert found["bytecode"] > 0.99
    assert engine.images.get(name).attrs["Size"] - engine.images.get(BASE).attrs["Size"] < most
    assert "PIP_INDEX_URL=" not in json.dumps(engine.images.get(name).history())
    return found["files"]


@pytest.fixture(scope="session")
def engine() -> Any:
    """The engine of this machine."""
    try:
        return connect()
    except EngineError as error:
        (pytest.fail if os.environ.get("NEEDS_ENGINE") else pytest.skip)(str(error))
