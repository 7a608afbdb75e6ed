"""The files of a checkout: written whole or not at all, and known by their commit."""

import os
from pathlib import Path

import pytest

from champion import settings
from champion.errors import ConfigurationError, ProjectError
from champion.settings import configurations
from champion.use_case.whole import job_name
from champion.workspace.files import write_text
from champion.workspace.git import commit
from champion.workspace.workspace import open_workspace
from champion.workspace.yaml_text import DEEPEST, parse
from tests.conftest import ROOT, Checkout


def test_the_use_cases_are_the_yaml_files_of_configs_by_name(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    for name in ("b.yml", "a.yaml", "c.yaml.bak", "d.yxml", "e.json"):
        (tmp_path / "configs" / name).touch()
    assert [path.name for path in configurations(tmp_path)] == ["a.yaml", "b.yml"]


def test_a_use_case_is_found_by_the_name_in_its_file_and_a_wrong_name_has_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    (tmp_path / "configs").mkdir()
    for stem, name in (("iris", "iris"), ("birds", "penguins")):
        text = (ROOT / "configs/iris.yaml").read_text(encoding="utf-8").replace("name: iris", f"name: {name}")
        (tmp_path / f"configs/{stem}.yaml").write_text(text, encoding="utf-8")
    assert open_workspace("penguins").config == tmp_path / "configs/birds.yaml"
    for wrong in ("irsi", "configs/Irsi.yaml"):
        with pytest.raises(
            ConfigurationError, match=r"does not exist. Did you mean 'iris'\? There are: configs/birds.yaml"
        ):
            open_workspace(wrong)


def test_two_use_cases_of_one_name_are_refused_and_both_files_are_named(tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text((settings.root() / "configs/iris.yaml").read_text())
    with pytest.raises(ConfigurationError, match=r"copy\.yaml and configs/iris\.yaml have one name: both are 'iris'"):
        open_workspace(str(copy))


@pytest.mark.parametrize(("name", "other"), [("demo_pumps", "demo-pumps"), ("a-b_c", "a_b-c")])
def test_two_use_cases_that_would_meet_where_no_underscore_is_taken_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str
) -> None:
    iris = (settings.root() / "configs/iris.yaml").read_text(encoding="utf-8")
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    (tmp_path / "configs").mkdir()
    for each in (name, other):
        (tmp_path / f"configs/{each}.yaml").write_text(iris.replace("name: iris", f"name: {each}"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf"would meet: '{name}' and '{other}' are both '{job_name(name)}'"):
        open_workspace(name)


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


def test_a_use_case_that_an_experiment_of_dvc_wrote_means_what_it_meant(tmp_path: Path) -> None:
    from dvc.utils.hydra import apply_overrides

    path = tmp_path / "iris.yaml"
    meant = {"target": "yes", "drop": ["on", "012", "1e-3", "null"], "C": 1e-3, "tol": 0.5, "salt": "12:30"}
    path.write_text('target: "yes"\ndrop: ["on", "012", "1e-3", "null"]\nC: 1e-3\ntol: 1\nsalt: 12:30\n')
    assert parse(path.read_text(), "iris.yaml") == {**meant, "tol": 1}
    apply_overrides(path, ["tol=0.5"])  # as `dvc exp run -S` does
    assert "target: yes\n" in path.read_text(), "DVC leaves the quotes out: in YAML 1.2 that is a text"
    assert parse(path.read_text(), "iris.yaml") == meant


def test_yaml_that_is_nested_too_deep_or_holds_no_value_that_there_is_is_a_sentence_with_its_place() -> None:
    levels = DEEPEST - 1  # within a mapping
    assert parse("a: " + "[" * levels + "]" * levels, "x.yaml")
    for text, says in [
        (
            "a: " + "[" * (levels + 2) + "]" * (levels + 2),
            r"\(line 1, column 53\): it is nested more than 50 levels deep",
        ),
        ("- " * (DEEPEST + 2), "nested more than 50"),
        ("day: 2026-02-31", "day is out of range"),
        ("a: " + "9" * 5000, "integer string conversion"),
    ]:
        with pytest.raises(ConfigurationError, match=says):
            parse(text, "x.yaml")
