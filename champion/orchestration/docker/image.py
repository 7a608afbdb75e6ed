"""The images of the Dockerfile: that of the pipeline, built when its content is new, and those that serve.

A run names the pipeline's by a hash of all that a step is made of, code included. So a change of code takes effect, committed or
not, and nothing is built twice; a change of code alone costs the last layers, about two seconds.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.errors import ConfigurationError, EngineError
from champion.orchestration import code
from champion.orchestration.docker.engine import connect, explained
from champion.workspace.git import commit

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE = f"{settings.PROJECT}-pipeline"
POD_IMAGE = f"{settings.PROJECT}-pod"
PINS = {IMAGE: "image", POD_IMAGE: "pod"}  # the file under requirements/ that each installs
PYTHON = "3.13"  # of the base image in the Dockerfile
ROOM = 3e9  # bytes that building the image takes
KEPT = 5  # images of former code, so that going back to a branch builds nothing
YOUNG = timedelta(days=1)  # younger ones are kept all the same: another checkout may be about to use them
_NO_BASE = re.compile(
    r"pull access denied|manifest unknown|failed to resolve|TLS handshake|i/o timeout|dial tcp|lookup "
)
HANDED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")


def content_hash(root: Path) -> str:
    """A hash of all that a step is made of in the image: the Dockerfile, the pins, and the code that it can reach.

    What no step reaches is copied too, for `docker run` of an image that `build_named` made, but is no reason to build: so
    in an image that a run names, the command line may be an older one, which no step calls.
    """
    state = hashlib.sha256()
    pins = [root / "requirements" / f"{name}.txt" for name in PINS.values()]
    for path in [root / "Dockerfile", root / ".dockerignore", *pins, *code.files(code.reached_in_an_image())]:
        state.update(path.relative_to(root).as_posix().encode() + b"\0")
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]


def described(client: DockerClient, root: Path) -> str:
    """The engine in a few words, and whether the image of the pipeline is built.

    Raises
    ------
    EngineError
        When it has too little room to build the image.
    """
    found = client.info()
    place = Path(str(found.get("DockerRootDir", "")))
    free = shutil.disk_usage(place).free if place.is_dir() else None
    built = client.images.list(f"{IMAGE}:{content_hash(root)}")
    if free is not None and free < ROOM and not built:
        raise explained(OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB free in {place}"))
    room = "" if free is None else f", {free / 1e9:.0f} GB free"
    image = "the image is built" if built else "the image is built at the first run"
    return f"engine {found.get('ServerVersion')}{room}; {image}"


def ensure_image(client: DockerClient, root: Path, say: Callable[[str], None], image: str = IMAGE) -> str:
    """The image of the pipeline as the working tree is now; built when there is none of that content.

    Parameters
    ----------
    image : str
        Which one: the docker stack's, or `POD_IMAGE` for a cluster.

    Returns
    -------
    str
        The image's name and tag.

    Raises
    ------
    EngineError
        When it cannot be built.
    """
    from docker.errors import DockerException
    from filelock import FileLock

    name = f"{image}:{content_hash(root)}"
    try:
        if not client.images.list(name):
            with FileLock(Path(tempfile.gettempdir()) / f"{IMAGE}-{os.getuid()}.lock"):
                if not client.images.list(name):  # another process may have built it meanwhile
                    build(client, root, name, say)
                    _forget_older(client)
    except DockerException as error:
        raise explained(error) from error
    return name


def build(
    client: DockerClient,
    root: Path,
    name: str,
    say: Callable[[str], None],
    target: str = "pipeline",
    use_case: str | None = None,
) -> None:
    """Build a target of the Dockerfile.

    Raises
    ------
    EngineError
        When a step of the build fails; with the end of its log.
    """
    say(f"building the image {name} (minutes the first time, seconds when the code alone changed)")
    given = {key: os.environ.get(key, "") for key in HANDED_ON}
    handed = {key: value for key, value in given.items() if value and "file:" not in value}
    revision, dirty = commit(root)
    arguments = {
        **handed,
        "PINS": PINS.get(name.partition(":")[0], "image"),
        "REVISION": f"{revision or 'unknown'}{'-dirty' if dirty else ''}",
        "VERSION": version(root),
        **({"USE_CASE": use_case} if use_case else {}),
    }
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="Dockerfile-") as file:
        file.write(stages((root / "Dockerfile").read_text(encoding="utf-8"), target))
        file.flush()
        lines = client.api.build(
            path=str(root), dockerfile=file.name, tag=name, target=target, buildargs=arguments, rm=True, forcerm=True,
            decode=True,
        )  # fmt: skip
        follow(lines, say)


def stages(text: str, target: str) -> str:
    """The part of a Dockerfile that a target is made of: the classic builder makes every stage that it finds above."""
    head, *parts = re.split(r"(?m)^(?=FROM )", text)
    by_name = {part.splitlines()[0].rpartition(" ")[2]: part for part in parts}
    wanted, found = [target], set[str]()
    while wanted:
        name = wanted.pop()
        if name in by_name and name not in found:
            found.add(name)
            wanted += re.findall(r"(?m)^(?:FROM |COPY --from=)(\S+)", by_name[name])
    return head + "".join(part for name, part in by_name.items() if name in found)


def follow(lines: Iterator[dict[str, Any]], say: Callable[[str], None]) -> None:
    """Follow the log of a build to its end.

    Parameters
    ----------
    lines : iterator of dict
        As the engine sends them: `stream` or `error`.

    Raises
    ------
    EngineError
        When it fails.
    """
    log: list[str] = []
    for line in lines:
        text = str(line.get("stream", "")).strip()
        if text:
            log.append(text)
        if text.startswith("Step "):
            say(textwrap.shorten(text, 100, placeholder=" ..."))
        if "error" in line:
            raise _failed_build(str(line["error"]), log)


def _failed_build(error: str, log: list[str]) -> EngineError:
    text = " ".join(error.split())
    full = explained(OSError(f"{text} {' '.join(log[-20:])}"))
    if "is full" in str(full):
        return full
    if _NO_BASE.search(text):
        return EngineError(
            f"The base image of the Dockerfile could not be fetched: {text}. Check the network; behind a mirror, "
            "`docker pull` it there and tag it with the name in the Dockerfile."
        )
    tail = "\n".join(log[-15:])
    return EngineError(f"The image could not be built: {text}. The end of its log:\n{tail}")


def libraries(root: Path) -> dict[str, str]:
    """The versions that the image has, by distribution: the pins that hold for its Python on Linux."""
    from packaging.requirements import Requirement

    found = {}
    surroundings = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "sys_platform": "linux",
                    "platform_system": "Linux", "os_name": "posix", "implementation_name": "cpython",
                    "platform_python_implementation": "CPython"}  # fmt: skip
    for line in (root / "requirements/image.txt").read_text(encoding="utf-8").splitlines():
        if "==" not in line or line[0] in " #":
            continue
        pin = Requirement(line.rstrip("\\ "))
        if pin.marker is None or pin.marker.evaluate(surroundings):
            found[pin.name] = str(pin.specifier).removeprefix("==")
    return found


def version(root: Path) -> str:
    """The version of the project."""
    import tomllib

    found: str = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found


def build_named(target: str, names: list[str], use_case: str | None = None) -> list[str]:
    """Build a target of the Dockerfile and give it names; built anew so that its labels are those of today.

    Parameters
    ----------
    target : str
        `pipeline`, `serving`, or `champion` for a service with its production package inside.
    names : list of str
        Image names with their tags.
    use_case : str, optional
        Whose package is served; the only one there is if left out.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    ProjectError
        When there is no package to put inside, no engine, or the build fails.
    """
    from docker.errors import DockerException

    root = settings.root()
    if target == "champion":
        use_case = _packaged(root, use_case)
    client = connect()
    try:
        build(client, root, names[0], say, target, use_case)
        image = client.images.get(names[0])
        for name in names[1:]:
            image.tag(name)
    except DockerException as error:
        raise explained(error) from error
    return names


def _packaged(root: Path, use_case: str | None) -> str:
    """The use case whose package goes into the image."""
    there = sorted(path.parent.name for path in (root / "models").glob("*/manifest.json"))
    if use_case in there:
        return str(use_case)
    if not there or use_case:
        found = f"there are those of {', '.join(there)}" if there else "there is none"
        raise ConfigurationError(
            f"There is no production package under models/{use_case or ''} to put into the image: {found}. "
            "Run `python run.py train`, or `make pull`."
        )
    if len(there) > 1:
        raise ConfigurationError(
            f"There is more than one production package: {', '.join(there)}. Say with `--use-case` which one to serve."
        )
    return there[0]


def say(line: str) -> None:
    """Show a line of progress."""
    print(f"  {line}", file=sys.stderr, flush=True)


def _forget_older(client: DockerClient) -> None:
    """Remove the images of former code beyond the last few; one that a container uses stays."""
    from contextlib import suppress

    from docker.errors import DockerException

    found = [
        image for image in client.images.list(IMAGE) if any(re.search(r":[0-9a-f]{16}$", tag) for tag in image.tags)
    ]
    found.sort(key=lambda image: str(image.attrs["Created"]), reverse=True)
    old = (datetime.now(UTC) - YOUNG).isoformat()
    for image in (image for image in found[KEPT:] if str(image.attrs["Created"]) < old):
        for tag in image.tags:
            if re.fullmatch(rf"{IMAGE}:[0-9a-f]{{16}}", tag):
                with suppress(DockerException):
                    client.images.remove(tag)
