"""Make a package of this folder the champion of a checkout's store, as it was where that scikit-learn promoted it.

    python tests/support/upgrade/promote.py boosting

does it in the checkout of the present folder: the package, and in the store its answers to the holdout.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.bundle.folder import Package

HERE = Path(__file__).resolve().parent


def promote(client: Client, package: Package, name: str) -> None:
    """Record it as a promotion does: package and answers first, the state and the stage last."""
    from champion.registry import versions

    version = versions.create(client, package.manifest.use_case, versions.record_of(package.manifest))
    versions.save_package(client, version, package, (HERE / f"{name}.answers.npz").read_bytes())
    versions.set_champion(client, version, package.manifest.champion_state)


def main(name: str) -> None:
    sys.path.insert(0, str(Path.cwd()))  # the library of that checkout
    from champion import settings

    settings.prepare_environment()
    from champion.bundle import folder
    from champion.orchestration.store import open_store

    package = folder.read(HERE / name, name)
    assert package is not None
    promote(open_store(), package, name)
    folder.write(package, Path("models") / package.manifest.use_case)


if __name__ == "__main__":
    main(*sys.argv[1:])
