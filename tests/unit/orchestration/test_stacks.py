"""Stacks from files: registered once however often it is asked, and strict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from champion import settings
from champion.errors import ConfigurationError
from champion.orchestration import stacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zenml.client import Client

LOCAL = "components:\n  orchestrator: {name: default}\n  artifact_store: {name: default}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Client) -> Iterator[Path]:
    """A folder of stack files; the stack that was active is active again afterwards."""
    (tmp_path / "stacks").mkdir()
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    former = store.active_stack_model.id
    yield tmp_path / "stacks"
    store.activate_stack(former)


def test_a_stack_is_registered_once_and_activated(files: Path, store: Client) -> None:
    (files / "mine.yaml").write_text(LOCAL)
    stacks.activate(store, "mine")
    stacks.activate(store, "mine")
    assert store.active_stack_model.name == "mine"
    assert [stack.name for stack in store.list_stacks(name="mine").items] == ["mine"]


def test_a_stack_for_one_run_leaves_the_former_one_active(files: Path, store: Client) -> None:
    (files / "once.yaml").write_text(LOCAL)
    before = store.active_stack_model.name
    seen = []

    def run() -> None:
        with stacks.activated(store, "once"):
            seen.append(store.active_stack_model.name)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        run()
    assert seen == ["once"]
    assert store.active_stack_model.name == before
    with stacks.activated(store, None):
        assert store.active_stack_model.name == before


def test_a_component_that_changed_in_its_file_changes_in_the_store(files: Path, store: Client) -> None:
    text = "components:\n  orchestrator: {name: default}\n  artifact_store: {name: keeper, flavor: local, "
    for folder in (files / "one", files / "two"):
        folder.mkdir()
        (files / "kept.yaml").write_text(f"{text}configuration: {{path: {folder}}}}}\n")
        stacks.ensure(store, "kept")
        components = {kind.value: parts for kind, parts in store.get_stack("kept").components.items()}
        assert components["artifact_store"][0].configuration["path"] == str(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("components: {orchestrator: {name: x, flavour: local}}", "flavour"),
        ("components: [", "is wrong"),
        ("components: {orchestrator: {name: nobody}}", "no orchestrator named 'nobody'"),
    ],
)
def test_a_wrong_stack_file_is_refused_with_the_reason(files: Path, store: Client, text: str, said: str) -> None:
    (files / "wrong.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        stacks.ensure(store, "wrong")


def test_an_unknown_stack_names_those_there_are(files: Path, store: Client) -> None:
    (files / "mine.yaml").write_text(LOCAL)
    with pytest.raises(ConfigurationError, match=r"no stack 'yours'; stacks/ has: mine\."):
        stacks.activate(store, "yours")


def test_every_stack_file_of_the_project_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"local", "docker", "kubernetes"} == set(stacks.known())
    for name in stacks.known():
        text = (settings.root() / "stacks" / f"{name}.yaml").read_text(encoding="utf-8")
        for variable in re.findall(r"\$\{(\w+)\}", text):
            monkeypatch.setenv(variable, "given")
        assert {"orchestrator", "artifact_store"} <= stacks.read(name).components.keys()
