"""Images before there is an engine: what is refused, which stages count."""

import contextlib
import signal
from pathlib import Path

import pytest

from champion import settings
from champion.orchestration.docker import image
from champion.orchestration.docker.containers import Containers
from champion.orchestration.docker.image import stages
from champion.orchestration.stack_support.local_docker import ended_by_signals
from tests.conftest import ROOT, Checkout


def test_without_a_package_or_with_the_wrong_one_nothing_is_built(checkout: Checkout) -> None:
    def refused(*more: str) -> str:
        return checkout.run("image", "--target", "champion", *more, expect=2).stderr

    assert "There is no production package under models/ to put into the image: there is none" in refused()
    for name in ("iris", "wine"):
        (checkout.root / "models" / name).mkdir(parents=True)
        (checkout.root / "models" / name / "manifest.json").touch()
    assert "more than one production package: iris, wine. Say with `--use-case`" in refused()
    assert "under models/rose to put into the image: there are those of iris, wine" in refused("--use-case", "rose")


def test_an_image_takes_the_files_of_a_package_that_dvc_checked_out_as_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, manifest = tmp_path / ".dvc/cache/files/md5/ab" / ("c" * 30), tmp_path / "models/iris/manifest.json"
    for path in (cached, manifest):
        path.parent.mkdir(parents=True)
    cached.write_text("{}")
    manifest.symlink_to(cached)
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    assert image.packaged(None) == "iris"
    assert not manifest.is_symlink()
    assert manifest.read_text() == cached.read_text() == "{}"


@pytest.mark.parametrize(
    ("target", "names"), [("pipeline", "packages pipeline"), ("champion", "serving-packages serving readable champion")]
)
def test_a_target_is_built_from_its_own_stages_alone(target: str, names: str) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    chosen = stages(text, target)
    assert " ".join(line.split()[-1] for line in chosen.splitlines() if line.startswith("FROM ")) == names
    assert chosen.startswith(text.partition("FROM ")[0])


def test_an_interrupt_that_a_library_swallowed_ends_the_run_at_the_next_step() -> None:
    containers = Containers(None)
    with ended_by_signals(containers), contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        containers.run("an-image-that-is-not-there", ["--step_name", "prepare"], [])
