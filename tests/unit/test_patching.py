"""A reach into a library holds only while the library is as it was; else its own way runs, and says so."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from champion import patching
from champion.patching import Patch, applied, apply, signature


class Library:
    """Something with an inside."""

    def slow(self, table: object, *, size: int = 3) -> str:
        del table
        return f"slow {size}"

    @property
    def client(self) -> str:
        return "its own"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A library of its own for each test, to be imported as `a_library`."""
    module: Any = ModuleType("a_library")
    module.Library = type("Library", (), dict(vars(Library)))
    monkeypatch.setitem(sys.modules, "a_library", module)
    for name in ("_applied", "_warned"):
        monkeypatch.setattr(patching, name, set())
    monkeypatch.delenv(patching.SWITCH, raising=False)
    return module.Library


def row(target: str = "a_library:Library.slow", signature: str = "(self, table, *, size=3)") -> Patch:
    return Patch(target, signature, lambda was: lambda *a, **more: f"not {was(*a, **more)}", "", "a 1.0")


CLIENT = Patch("a_library:Library.client", "property", lambda _, value: property(lambda _: value), "", "a 1.0")


def test_a_row_is_applied_once_where_the_target_is_as_it_was(library: Any) -> None:
    apply(row(), row())
    assert library().slow(None) == "not slow 3"


@pytest.mark.parametrize(
    ("patch", "present"),
    [
        (row(signature="(self, table)"), "(self, table, *, size=3)"),
        (row("a_library:Library.gone"), "nothing"),
        (row("a_library:Library.client"), "property"),
        (row("no_such_library:Library.slow"), "nothing"),
    ],
)
def test_a_target_that_changed_is_left_alone_and_named_once(
    library: Any, capsys: pytest.CaptureFixture[str], patch: Patch, present: str
) -> None:
    apply(patch, patch)
    assert library().slow(None) == "slow 3"
    (line,) = capsys.readouterr().err.splitlines()
    assert f"Warning: the patch of {patch.target} is left out" in line
    assert f"written for a 1.0, where the target is {patch.signature}; found {present}." in line


def test_the_switch_turns_every_row_off_without_a_word(
    library: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(patching.SWITCH, "off")
    apply(row())
    with applied((row(), CLIENT), "ours") as are_ours:
        assert not are_ours
        assert library().slow(None) == "slow 3"
    assert capsys.readouterr() == ("", "")


def test_rows_of_a_block_hold_for_its_length_and_all_or_none(library: Any) -> None:
    with applied((CLIENT,), "ours") as are_ours:
        assert (are_ours, library().client) == (True, "ours")
    assert library().client == "its own"
    with applied((CLIENT, row(signature="(self)")), "ours") as are_ours:
        assert (are_ours, library().client) == (False, "its own")


def test_a_signature_is_names_and_defaults_whatever_the_types() -> None:
    assert signature(Library.slow) == "(self, table, *, size=3)"
    assert signature(staticmethod(lambda a=1: a)) == "(a=1)"
