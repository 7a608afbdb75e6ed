"""A service over each table, shared by the tests that change nothing about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from champion.bundle.folder import write
from tests.support.serving.models import made
from tests.support.serving.service import Service, over, running


@pytest.fixture(scope="session")
def iris_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A packed forest of the sample, in a process that was started as a user starts it."""
    with over(tmp_path_factory.mktemp("models") / "iris", forked=False) as service:
        yield service


@pytest.fixture(scope="session")
def mixed_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A boosted model of every kind of feature, which answers itself."""
    folder = tmp_path_factory.mktemp("models") / "mixed"
    write(made("mixed", "BOOSTING"), folder)
    with running(folder) as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place for a package: there is none yet."""
    return tmp_path / "models" / "iris"
