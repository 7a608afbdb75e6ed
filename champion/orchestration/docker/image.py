"""The images of the Dockerfile: those that steps run in, built when their content is new, and those that serve, tried out."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.errors import ConfigurationError, EngineError, ProjectError
from champion.orchestration import code
from champion.orchestration.docker.engine import connect, errors_explained, explained
from champion.scratch import scratch
from champion.terminal import echo
from champion.workspace.files import replacing
from champion.workspace.git import commit

if TYPE_CHECKING:
    from docker import DockerClient

PYTHON = "3.13"  # of the base image in the Dockerfile
ROOM = 3e9  # bytes that building an image takes
KEPT = 5  # images of former code, so that going back to a branch builds nothing
YOUNG = timedelta(days=1)  # younger ones are kept all the same: another checkout may be about to use them
READY_SECONDS = 60  # for a service to be ready; it takes two
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
_NO_BASE = re.compile(
    "pull access denied|manifest unknown|failed to resolve|TLS handshake|i/o timeout|dial tcp|lookup "
)
KEYLESS = {"SERVE_API_KEY": "none"}  # of a service that nobody but its own container reaches
HARDENED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "network_mode": "none",
    "security_opt": ["no-new-privileges"],
}
ASK = """
import http.client, json, os, sys, time

def ask(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["SERVE_PORT"]), timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())

end, seen = time.monotonic() + float(sys.argv[1]), "no answer"
while time.monotonic() < end:
    try:
        status, seen = ask("GET", "/readyz")
    except OSError as error:
        status, seen = 0, str(error)
    if status == 200:
        break
    time.sleep(0.1)
else:
    raise SystemExit(f"not ready: {seen}")
about = ask("GET", "/model")[1]
status, answer = ask("POST", "/predict", json.dumps(about["example"]))
if status != 200:
    raise SystemExit(f"/predict answered {status}: {answer}")
print(json.dumps({"about": about["model_version"], "version": answer["model_version"], "use_case": about["use_case"],
                  "answered": next(iter(answer["predictions"][0].values())), "way": about["way"]}))
"""


@dataclass(frozen=True)
class StepImage:
    """An image that steps run in: the Dockerfile's target `pipeline` with the libraries that requirements/<pins>.txt pins.

    `extras` are further files there, of what a use case needs besides; `runs` are modules that run in it beside the steps.

    A run names it by a hash of all that a step is made of. So a change of code takes effect, committed or not, and
    nothing is built twice; a change of code alone costs the last layers, about two seconds.
    """

    name: str
    pins: str
    extras: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    def libraries(self) -> dict[str, str]:
        """The versions in it, by distribution: the pins that hold for its Python on Linux."""
        from packaging.requirements import Requirement

        surroundings = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
        surroundings |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
        lines = [line for file in self._pins() for line in file.read_text(encoding="utf-8").splitlines()]
        pins = [Requirement(line.rstrip("\\ ")) for line in lines if "==" in line and line[0] not in " #"]
        hold = (pin for pin in pins if pin.marker is None or pin.marker.evaluate(surroundings))
        return {pin.name: str(pin.specifier).removeprefix("==") for pin in hold}

    def _pins(self) -> list[Path]:
        return [settings.root() / "requirements" / f"{name}.txt" for name in (self.pins, *self.extras)]

    def content_hash(self) -> str:
        """A hash of all that a step is made of in it: the Dockerfile, what it installs and how, and the code that it can reach.

        What no step reaches is copied too, for `docker run` of an image that `build_named` made, but is no reason to
        build: so in an image that a run names, the command line may be an older one, which no step calls.
        """
        root, state = settings.root(), hashlib.sha256()
        files = code.files(code.reached_in_an_image(*self.runs))
        made_by = [root / name for name in ("Dockerfile", ".dockerignore", "requirements/install.sh")]
        for path in [*made_by, *self._pins(), *files]:
            state.update(path.relative_to(root).as_posix().encode() + b"\0")
            state.update(hashlib.sha256(path.read_bytes()).digest())
        return state.hexdigest()[:16]

    def described(self) -> str:
        """The engine in a few words, and whether the image is built; an `EngineError` without an engine, or room to build."""
        client = connect()
        facts = client.info()
        folder = Path(str(facts.get("DockerRootDir", "")))
        free = shutil.disk_usage(folder).free if folder.is_dir() else None
        built = client.images.list(f"{self.name}:{self.content_hash()}")
        if free is not None and free < ROOM and not built:
            raise explained(OSError(errno.ENOSPC, f"{free / 1e9:.1f} GB free in {folder}"))
        room = "" if free is None else f", {free / 1e9:.0f} GB free"
        image = f"the image with {', '.join(self.extras)}" if self.extras else "the image"
        return f"engine {facts.get('ServerVersion')}{room}; {image} is built{'' if built else ' at the first run'}"

    def ensure(self, client: DockerClient) -> str:
        """Its name as the working tree is now, built when there is none; an `EngineError` when that fails."""
        from filelock import FileLock

        name = f"{self.name}:{self.content_hash()}"
        with errors_explained():
            if not client.images.list(name):
                with FileLock(Path(tempfile.gettempdir()) / f"{self.name}-{os.getuid()}.lock"):
                    if not client.images.list(name):  # another process may have built it meanwhile
                        _build(client, name, "pipeline", self.extras, PINS=self.pins)
                        self._forget_older(client)
        return name

    def _forget_older(self, client: DockerClient) -> None:
        """Remove the images of former code beyond the last few; one that a container uses stays."""
        from docker.errors import DockerException

        ours = re.compile(rf"{self.name}:[0-9a-f]{{16}}")
        images = [image for image in client.images.list(self.name) if any(map(ours.fullmatch, image.tags))]
        images.sort(key=lambda image: str(image.attrs["Created"]), reverse=True)
        old = (datetime.now(UTC) - YOUNG).isoformat()
        for tag in (tag for image in images[KEPT:] if str(image.attrs["Created"]) < old for tag in image.tags):
            if ours.fullmatch(tag):
                with contextlib.suppress(DockerException):
                    client.images.remove(tag)


PIPELINE = StepImage(f"{settings.PROJECT}-pipeline", "image")


def build_named(target: str, names: list[str], extras: tuple[str, ...] = (), **arguments: str) -> list[str]:
    """Build a target of the Dockerfile and give it names, with their tags; always anew, so that its labels are today's.

    `extras` are files of requirements/ that its use case needs besides; `arguments` are others of the Dockerfile. Raises an
    `EngineError` when there is no engine, or the build fails.
    """
    client = connect()
    with errors_explained():
        _build(client, names[0], target, extras, **arguments)
        for name in names[1:]:
            client.images.get(names[0]).tag(name)
    return names


def _build(client: DockerClient, name: str, target: str, extras: tuple[str, ...] = (), **arguments: str) -> None:
    echo(f"  building the image {name} (minutes the first time, seconds when the code alone changed)", err=True)
    if extras:
        echo(f"  with what is needed besides: {', '.join(f'requirements/{extra}.txt' for extra in extras)}", err=True)
    arguments["EXTRAS"] = " ".join(extras)
    root = settings.root()
    revision, dirty = commit(root)
    arguments |= {key: os.environ[key] for key in INDEXES if os.environ.get(key) and "file:" not in os.environ[key]}
    arguments["REVISION"] = f"{revision or 'unknown'}{'-dirty' if dirty else ''}"
    arguments["VERSION"] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    with scratch() as folder:
        dockerfile = folder / "Dockerfile"
        dockerfile.write_text(stages((root / "Dockerfile").read_text(encoding="utf-8"), target), encoding="utf-8")
        options = {"dockerfile": str(dockerfile), "tag": name, "target": target, "buildargs": arguments, "decode": True}
        follow(client.api.build(path=str(root), rm=True, forcerm=True, **options))  # no container of it stays


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


def follow(lines: Iterator[dict[str, Any]]) -> None:
    """Follow the log of a build, dicts with `stream` or `error`, to its end; an `EngineError` when it fails."""
    log: list[str] = []
    for line in lines:
        text = str(line.get("stream", "")).strip()
        if text:
            log.append(text)
        if text.startswith("Step "):
            echo(f"  {textwrap.shorten(text, 100, placeholder=' ...')}", err=True)
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


def packaged(use_case: str | None) -> str:
    """The use case whose package goes into an image: the one that was named, or the only one.

    Files that are links into DVC's cache are made files. Raises ConfigurationError where there is no such package.
    """
    packaged = sorted(path.parent.name for path in (settings.root() / "models").glob("*/manifest.json"))
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
    name = use_case or packaged[0]
    for path in (settings.root() / "models" / name).rglob("*"):
        if path.is_symlink():  # into DVC's cache, which no image has
            with replacing(path) as unfinished:
                shutil.copyfile(path, unfinished)
    return name


def try_out(client: DockerClient, image: str, use_case: str, model_version: int) -> str:
    """Start an image with its champion inside as it runs in production, and say what it predicts.

    What asks it is Python inside of it: it has no network, and the engine may be on another machine. A `ProjectError`
    when another champion answers, an `EngineError` when none does.
    """
    from docker.errors import DockerException

    container = None
    try:
        with errors_explained():
            container = client.containers.run(image, detach=True, environment=KEYLESS, **HARDENED)
            done = container.exec_run(["python", "-c", ASK, str(READY_SECONDS)])
            log = container.logs(tail=15).decode(errors="replace")
    finally:
        if container is not None:
            with contextlib.suppress(DockerException):
                container.remove(force=True)
    text = done.output.decode(errors="replace").strip()
    if done.exit_code:
        raise EngineError(f"The image {image} does not serve: {text}. Its log ends with:\n{log}")
    answer = json.loads(text)
    if (answer["use_case"], answer["version"], answer["about"]) != (use_case, model_version, model_version):
        raise ProjectError(
            f"The image {image} answers as {answer['use_case']} version {answer['version']}, expected {use_case} version "
            f"{model_version}. Run `make pull`, and build it again."
        )
    answered, backend = answer["answered"], answer["way"]
    return f"{image} answers as {use_case} version {model_version} ({backend}): its example is {answered!r}"
