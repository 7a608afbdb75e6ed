"""What a rehearsal leaves on the Docker engine: it takes away the images that it named, and says which others stay."""

import contextlib
import re
from collections.abc import Iterator

from docker import DockerClient
from docker.errors import DockerException

from champion.orchestration.docker.image import PIPELINE
from tests.support.doubles.github import REPOSITORY

CHAMPIONS, STEPS = f"ghcr.io/{REPOSITORY}", PIPELINE.name
STAGE = (
    "chmod -R a+rX /models"  # ends the Dockerfile's stage `readable`, which the classic builder leaves without a name
)


@contextlib.contextmanager
def taken_away(client: DockerClient) -> Iterator[None]:
    """A context that takes its images away, however it ends, and prints what it did."""
    before = _named(client)
    try:
        yield
    finally:
        made = [name for name, number in _named(client).items() if before.get(name) != number]
        removed = [name for name in made if not name.startswith(f"{STEPS}:") and _removed(client, name)]
        left = [name for name in made if name not in removed]
        print(f"Removed from the Docker engine: {', '.join(removed) or 'nothing'}.")
        print(f"Left there: {', '.join(left) or 'no image'}, and the layers that the next build takes.")


def _named(client: DockerClient) -> dict[str, str]:
    """The images that a rehearsal may make, by their names: those of champions and of steps, and stages without a name."""
    named = {
        tag: str(image.id)
        for image in client.images.list()
        for tag in image.tags
        if re.match(f"({CHAMPIONS}|{STEPS}):", tag)
    }
    stages = client.images.list(filters={"dangling": True})
    return named | {
        str(image.id): str(image.id) for image in stages if STAGE in str(image.attrs.get("ContainerConfig"))
    }


def _removed(client: DockerClient, name: str) -> bool:
    try:
        client.images.remove(name)
    except DockerException:
        return False
    return True
