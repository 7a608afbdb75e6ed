"""A checkout with a champion, for tests that try to spoil it."""

import pytest

from tests.support.trained import TrainedCheckout, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> TrainedCheckout:
    """One checkout with a champion for a test process."""
    return build(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def trained(built: TrainedCheckout) -> TrainedCheckout:
    """The checkout, as if no other test had been."""
    built.restore()
    return built
