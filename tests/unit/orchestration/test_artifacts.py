"""Two that save one artifact at once have one, and what has a version is saved in no other way."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import zenml
from zenml.client import Client

from champion.orchestration.artifacts import saved
from tests.conftest import ROOT


def test_of_two_that_save_the_same_at_once_both_have_the_one_and_no_file_is_left_over(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, both = zenml.save_artifact, threading.Barrier(2)

    def at_once(*given: Any, **named: Any) -> Any:
        both.wait(30)
        return former(*given, **named)

    monkeypatch.setattr(zenml, "save_artifact", at_once)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: saved(store, "at_once", "5f0c", "the same"), range(2))
    assert first.id == second.id
    assert first.load() == "the same"
    folders = [path for path in Path(first.uri).parent.iterdir() if any(path.iterdir())]
    assert folders == [Path(first.uri)]


def test_whatever_has_a_version_of_its_own_is_saved_so() -> None:
    files = [path for room in ("champion", "pipelines", "steps", "cli") for path in (ROOT / room).rglob("*.py")]
    calls = {
        path.name for path in files if re.search(r"save_artifact\([^)]*version=", path.read_text(encoding="utf-8"))
    }
    assert calls == {"artifacts.py"}
