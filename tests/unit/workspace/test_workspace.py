"""The files of a checkout: read strictly, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from champion.errors import ConfigurationError, ProjectError
from champion.workspace.files import write_text
from champion.workspace.git import commit
from champion.workspace.workspace import open_workspace

if TYPE_CHECKING:
    from tests.conftest import Checkout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nname: b\n", "the key 'name' is given twice"),
        ("a: [", "is not valid YAML"),
        ("", "found an empty file"),
        ("- a\n", "found a list"),
        ("name: a\ndata: {path: p, target: t}\ncandidates: {a: {estimator: x}}\nsplit: {slat: s}\n", "'salt'"),
    ],
)
def test_a_wrong_use_case_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "use_case.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        open_workspace(str(path))
    assert said in str(error.value)
    assert "use_case.yaml" in str(error.value)


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
