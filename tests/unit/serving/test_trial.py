"""A package is weighed against the container's limit, and loaded in a child process first, where dying hurts nobody."""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from champion.bundle.build import build
from champion.bundle.folder import MODEL, Package, write
from champion.bundle.manifest import MemoryNeeds
from champion.bundle.sizes import Limit, estimated
from champion.errors import MemoryLimitError, PackageError
from champion.modeling.own.code import OwnCode
from champion.serving import state as service_state
from champion.serving.options import Options
from champion.serving.state import State, Watcher
from champion.serving.trial import TrialLoader, weigh
from tests.support.packages import about, neighbours, profile
from tests.support.serving.models import IRIS, made
from tests.support.serving.service import over

MB = 2**20
PLENTY = Limit(16_384 * MB, 0)


def saying(loading: int | None, number: int = 1) -> Package:
    """A package of the sample whose manifest says that loading it takes so many MiB."""
    needs = None if loading is None else MemoryNeeds(loading=loading, loaded=16)
    return Package(made(number=number).manifest.model_copy(update={"memory": needs}), made(number=number).files)


def lethal() -> Package:
    """A package with own code that ends the process which runs it, as the system does for its memory."""
    facts = {name: getattr(made().manifest, name) for name in ("signature", "classes", "use_case")}
    own = OwnCode({"features/lethal.py": b"import os\n\nos.kill(os.getpid(), 9)\n"}, "code")
    return build(made().files[MODEL], profile(), own=own, **about(2, **facts))


@pytest.fixture
def trial() -> Iterator[TrialLoader]:
    loader = TrialLoader.started()
    assert loader is not None
    yield loader
    loader.close()


def test_a_package_is_weighed_by_what_its_manifest_says_and_else_by_an_estimate_that_is_told() -> None:
    here = Limit(512 * MB, 200 * MB)
    assert here.room == 248 * MB
    assert weigh(saying(248), "models/iris", here) is None
    refused = (
        "models/iris is refused: loading it takes about 249 MiB, as its manifest says; of 512 MiB, the limit of the container, "
        "200 MiB are in use, and 64 MiB are kept free for requests. Give the container 513 MiB or more ("
    )
    with pytest.raises(MemoryLimitError, match=re.escape(refused)):
        weigh(saying(249), "models/iris", here)
    assert Limit(514 * MB, 200 * MB).room >= 249 * MB, "what it says is enough"
    told = weigh(saying(None), "models/iris", here)
    assert told == (
        "Loading models/iris takes about 0 MiB, by estimate: its manifest does not say; 248 MiB are free for it."
    )
    narrow = Limit(estimated(made().files[MODEL]) - 1, 0)
    with pytest.raises(MemoryLimitError, match="by estimate: its manifest does not say"):
        weigh(saying(None), "models/iris", narrow)


def test_a_child_loads_a_package_within_what_is_free_and_says_what_it_found(trial: TrialLoader, folder: Path) -> None:
    write(made(), folder)
    assert trial.load(made(), folder, "models/iris", "none", PLENTY)
    assert trial.load(made(), folder, "models/iris", "none", None)
    assert not trial.load(made(number=2), folder, "models/iris", "none", PLENTY), "another package is there by now"
    large, full = neighbours(600_000), Limit(512 * MB, 600 * MB)  # 37 MiB of rows
    write(large, folder)
    with pytest.raises(MemoryLimitError, match=r"models/iris is refused: loading it takes more than 0 MiB; of 512 MiB"):
        trial.load(large, folder, "models/iris", "none", full)
    (folder / MODEL).write_bytes(b"x")
    with pytest.raises(PackageError, match="does not match its hash"):
        trial.load(made(), folder, "models/iris", "none", PLENTY)


def test_a_child_that_dies_is_a_refusal_and_the_next_package_is_loaded(trial: TrialLoader, folder: Path) -> None:
    write(lethal(), folder)
    with pytest.raises(MemoryLimitError, match=r"models/iris is refused: the child process .* was killed or crashed"):
        trial.load(lethal(), folder, "models/iris", "any", PLENTY)
    write(made(), folder)
    assert trial.load(made(), folder, "models/iris", "any", PLENTY)


def test_without_the_process_that_loads_first_a_package_is_loaded_all_the_same(
    trial: TrialLoader, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(made(), folder)
    trial.close()
    assert trial.load(made(), folder, "models/iris", "none", PLENTY)
    assert "No child process can load models/iris first" in caplog.text


def test_a_package_that_kills_whoever_loads_it_takes_nothing_out_of_production(folder: Path) -> None:
    with over(folder, "--trust-code", env={"TEST_MEMORY_LIMIT": str(4096 * MB)}) as service:
        write(lethal(), folder)
        reason = service.until(lambda: service.get("/readyz").json["refused"], "a refusal")
        assert "was killed or crashed over it" in reason
        assert service.facts("refused")["reason"] == reason
        assert (service.get("/readyz").status, service.metric("champion_package_refused")) == (200, 1)
        assert service.predict(IRIS).json["model_version"] == 1
        write(made(number=3), folder)
        service.serves(3)
        write(saying(8000, number=4), folder)
        service.until(
            lambda: "8,000 MiB, as its manifest says" in str(service.get("/readyz").json["refused"]), "a refusal"
        )
        assert service.predict(IRIS).json["model_version"] == 3
        os.kill(service.process.pid, 9)
        assert service.process.wait(60) == -9


@pytest.mark.parametrize("loading", [None, 100, 4000])
def test_in_a_container_a_start_and_a_swap_are_weighed_and_what_is_too_large_changes_nothing(
    trial: TrialLoader, folder: Path, monkeypatch: pytest.MonkeyPatch, loading: int | None
) -> None:
    told = list[tuple[str, str | None]]()
    monkeypatch.setattr(service_state, "limit", lambda: Limit(512 * MB, 200 * MB))
    state = State(Options(folder, "models/iris"), trial=trial)
    watcher = Watcher(state, lambda *said: told.append(said))
    write(saying(loading), folder)
    asyncio.run(watcher.look())
    assert [result for result, _ in told] == {None: ["weighed", "loaded"], 100: ["loaded"], 4000: ["refused"]}[loading]
    assert bool(state.champion) == (loading != 4000)
    write(saying(4000, number=2), folder)
    asyncio.run(watcher.look())
    assert "loading it takes about 4,000 MiB, as its manifest says" in str(state.refused)
    assert state.champion is None or state.champion.model_version == 1
