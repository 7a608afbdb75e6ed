"""How much memory a package takes stands in its manifest: the same figure for the same model, whatever the process did before."""

import pytest

from champion.bundle import needs
from champion.bundle.folder import parse_manifest
from champion.bundle.manifest import MemoryNeeds
from champion.bundle.needs import STEP, with_needs
from tests.support.packages import neighbours, package
from tests.support.serving.models import made


def test_a_package_says_what_it_takes_in_coarse_steps_and_the_same_each_time() -> None:
    small, large = made(), neighbours(300_000)  # 18 MiB of rows
    assert with_needs(small, "models/iris").manifest.memory == MemoryNeeds(loading=STEP, loaded=STEP)
    told = with_needs(large, "models/iris")
    found = told.manifest.memory
    assert found is not None
    assert found.loading % STEP == found.loaded % STEP == 0
    assert 32 <= found.loaded <= 64
    assert found.loaded < found.loading <= 128
    again = with_needs(large, "models/iris")
    assert (again.manifest, again.files) == (told.manifest, large.files)
    assert parse_manifest(told.contents["manifest.json"], "manifest.json").memory == found


def test_a_package_without_a_figure_is_as_it_was_before_there_was_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_needs(package(), "models/iris") == package(), "what cannot be loaded has none"
    assert b'"memory"' not in package().contents["manifest.json"]

    def unknown() -> int:
        raise FileNotFoundError("/proc/self/statm")

    monkeypatch.setattr(needs, "resident", unknown)
    assert with_needs(made(), "models/iris") is made()
