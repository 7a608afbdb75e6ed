"""The files of a checkout: written whole or not at all, and known by their commit."""

import os
from pathlib import Path

import pytest

from champion.errors import ProjectError
from champion.workspace.files import write_text
from champion.workspace.git import commit
from tests.conftest import Checkout


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder/report.md"
    write_text(path, "former\n")

    def full(source: object, target: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ProjectError, match=r"report\.md could not be written .*No space left.*former one is untouched"):
        write_text(path, "new\n")
    assert path.read_text() == "former\n"
    assert [file.name for file in path.parent.iterdir()] == ["report.md"]


def test_the_commit_counts_as_changed_when_a_tracked_file_is(checkout: Checkout, tmp_path: Path) -> None:
    head = checkout.git("rev-parse", "HEAD").strip()
    assert commit(checkout.root) == (head, False)
    (checkout.root / "notes.txt").write_text("untracked")
    assert commit(checkout.root) == (head, False)
    (checkout.root / "configs/iris.yaml").write_text("changed")
    assert commit(checkout.root) == (head, True)
    assert commit(tmp_path) == (None, False), "no checkout"
