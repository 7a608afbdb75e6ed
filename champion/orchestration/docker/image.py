"""The images of the Dockerfile: that of the pipeline, built when its content is new, and those that serve.

A run names the pipeline's by a hash of all that a step is made of. So a change of code takes effect, committed or not, and
nothing is built twice; a change of code alone costs the last layers, about two seconds.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.errors import ConfigurationError, EngineError
from champion.orchestration import code
from champion.orchestration.docker.engine import connect, errors_explained, explained
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
    "pull access denied|manifest unknown|failed to resolve|TLS handshake|i/o timeout|dial tcp|lookup "
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


def described(root: Path) -> str:
    """The engine in a few words, and whether the image is built; an `EngineError` without an engine, or room to build."""
    client = connect()
    facts = client.info()
    folder = Path(str(facts.get("DockerRootDir", "")))
    free = shutil.disk_usage(folder).free if folder.is_dir() else None
    built = client.images.list(f"{IMAGE}:{content_hash(root)}")
    if free is not None and free < ROOM and not built:
        raise explained(OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB free in {folder}"))
    room = "" if free is None else f", {free / 1e9:.0f} GB free"
    return f"engine {facts.get('ServerVersion')}{room}; the image is built{'' if built else ' at the first run'}"


def ensure_image(client: DockerClient, root: Path, say: Callable[[str], None], image: str = IMAGE) -> str:
    """The name of the image as the working tree is now, built when there is none; an `EngineError` when that fails."""
    from filelock import FileLock

    name = f"{image}:{content_hash(root)}"
    with errors_explained():
        if not client.images.list(name):
            with FileLock(Path(tempfile.gettempdir()) / f"{IMAGE}-{os.getuid()}.lock"):
                if not client.images.list(name):  # another process may have built it meanwhile
                    _build(client, root, name, say)
                    _forget_older(client)
    return name


def build_named(target: str, names: list[str], use_case: str | None = None) -> list[str]:
    """Build a target of the Dockerfile and give it names, with their tags; always anew, so that its labels are today's.

    The target `champion` is a service with the package of `use_case` inside. Raises a `ProjectError` when there is no
    package to put inside, no engine, or the build fails.
    """
    root = settings.root()
    if target == "champion":
        use_case = _packaged(root, use_case)
    client = connect()
    with errors_explained():
        _build(client, root, names[0], say, target, use_case)
        for name in names[1:]:
            client.images.get(names[0]).tag(name)
    return names


def _build(
    client: DockerClient,
    root: Path,
    name: str,
    say: Callable[[str], None],
    target: str = "pipeline",
    use_case: str | None = None,
) -> None:
    say(f"building the image {name} (minutes the first time, seconds when the code alone changed)")
    revision, dirty = commit(root)
    arguments = {
        **{key: os.environ[key] for key in HANDED_ON if os.environ.get(key) and "file:" not in os.environ[key]},
        "PINS": PINS.get(name.partition(":")[0], "image"),
        "REVISION": f"{revision or 'unknown'}{'-dirty' if dirty else ''}",
        "VERSION": tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        **({"USE_CASE": use_case} if use_case else {}),
    }
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="Dockerfile-") as file:
        file.write(stages((root / "Dockerfile").read_text(encoding="utf-8"), target))
        file.flush()
        options = {"dockerfile": file.name, "tag": name, "target": target, "buildargs": arguments, "decode": True}
        follow(client.api.build(path=str(root), rm=True, forcerm=True, **options), say)  # no container of it stays


def stages(text: str, target: str) -> str:
    """The part of a Dockerfile that a target is made of: the classic builder makes every stage that it finds above."""
    head, *parts = re.split(r"(?m)^(?=FROM )", text)
    by_name = {part.splitlines()[0].rpartition(" ")[2]: part for part in parts}
    todo, needed = [target], set[str]()
    while todo:
        name = todo.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            todo += re.findall(r"(?m)^(?:FROM |COPY --from=)(\S+)", by_name[name])
    return head + "".join(part for name, part in by_name.items() if name in needed)


def follow(lines: Iterator[dict[str, Any]], say: Callable[[str], None]) -> None:
    """Follow the log of a build, dicts with `stream` or `error`, to its end; an `EngineError` when it fails."""
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


def libraries(root: Path | None = None) -> dict[str, str]:
    """The versions that the image has, by distribution: the pins that hold for its Python on Linux."""
    from packaging.requirements import Requirement

    surroundings = {
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    lines = ((root or settings.root()) / "requirements/image.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line.rstrip("\\ ")) for line in lines if "==" in line and line[0] not in " #"]
    hold = (pin for pin in pins if pin.marker is None or pin.marker.evaluate(surroundings))
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in hold}


def _packaged(root: Path, use_case: str | None) -> str:
    packaged = sorted(path.parent.name for path in (root / "models").glob("*/manifest.json"))
    names = ", ".join(packaged)
    if not packaged or (use_case and use_case not in packaged):
        raise ConfigurationError(
            f"There is no production package under models/{use_case or ''} to put into the image: "
            f"{f'there are those of {names}' if packaged else 'there is none'}. "
            "Run `python run.py train`, or `make pull`."
        )
    if len(packaged) > 1 and not use_case:
        raise ConfigurationError(
            f"There is more than one production package: {names}. Say with `--use-case` which one to serve."
        )
    return use_case or packaged[0]


def say(line: str) -> None:
    """Show a line of progress."""
    sys.stderr.write(f"  {line}\n")


def _forget_older(client: DockerClient) -> None:
    """Remove the images of former code beyond the last few; one that a container uses stays."""
    from docker.errors import DockerException

    ours = re.compile(rf"{IMAGE}:[0-9a-f]{{16}}")
    images = [image for image in client.images.list(IMAGE) if any(map(ours.fullmatch, image.tags))]
    images.sort(key=lambda image: str(image.attrs["Created"]), reverse=True)
    old = (datetime.now(UTC) - YOUNG).isoformat()
    for image in images[KEPT:]:
        if str(image.attrs["Created"]) < old:
            for tag in filter(ours.fullmatch, image.tags):
                with contextlib.suppress(DockerException):
                    client.images.remove(tag)
