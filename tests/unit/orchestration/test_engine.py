"""An engine that is not there, refuses, or has no room: each a sentence with its remedy."""

from pathlib import Path

import pytest
from docker.errors import APIError, DockerException

from champion import settings
from champion.errors import EngineError
from champion.orchestration.docker import image
from champion.orchestration.docker.engine import connect, explained


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_without_an_engine_the_remedy_is_to_start_one_or_to_run_locally(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineError, match=r"No Docker engine answers at .*`--stack local`") as caught:
        connect()
    assert address in str(caught.value)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (DockerException("Error while fetching server API version: ('...', PermissionError(13, 'Permission denied'))"),
         "usermod -aG docker"),
        (OSError(28, "No space left on device"), "docker system prune"),
        (APIError("write /var/lib/docker/x: no space left on device"), "docker system prune"),
    ],
)  # fmt: skip
def test_an_engine_that_refuses_or_is_full_names_the_remedy(error: Exception, remedy: str) -> None:
    assert remedy in str(explained(error))


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ([{"stream": "OSError: [Errno 28] No space left on device"}, {"error": "The command '/bin/sh -c' returned 1"}],
         "The disk of the Docker engine is full"),
        ([{"error": "pull access denied for python, repository does not exist"}],
         "base image of the Dockerfile could not be fetched"),
        ([{"stream": "Step 1/2 : RUN it\n"}, {"stream": "it: not found\n"}, {"error": "returned a non-zero code: 127"}],
         r"(?s)could not be built.*127.*it: not found"),
    ],
)  # fmt: skip
def test_a_build_that_fails_says_its_cause(log: list[dict[str, str]], said: str) -> None:
    with pytest.raises(EngineError, match=said):
        image.follow(iter(log))


def test_the_dockerfile_builds_under_the_classic_builder_and_names_the_python_of_the_pins() -> None:
    text = (settings.root() / "Dockerfile").read_text(encoding="utf-8")
    assert f"BASE=python:{image.PYTHON}-slim-bookworm" in text
    assert f"/venv/lib/python{image.PYTHON}/" in text
    assert not [line for line in text.splitlines() if not line.startswith("#") and ("--mount" in line or "<<" in line)]


def test_the_libraries_of_an_image_are_the_pins_that_hold_for_its_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/own.txt").write_text(
        "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=sha256:aa\nnumpy==2.0 ; python_full_version >= '3.12' \\\n"
        "    --hash=sha256:bb\npywin32==3 ; sys_platform == 'win32'\nscipy==1.5 \\\n    --hash=sha256:cc\n",
        encoding="utf-8",
    )
    assert image.StepImage("champion-own", "own").libraries() == {"numpy": "2.0", "scipy": "1.5"}
