"""The ZenML store: opened without prompts, checked before it is trusted, and quick to start.

What ZenML does at a start and this project does not need is left out: it imports every installed integration to
find materializers (each of our artifacts names its own), and it asks uv and pip for the installed packages in
processes of their own (the interpreter knows them).
"""

import contextlib
import errno
import functools
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from champion import settings
from champion.errors import StoreError

if TYPE_CHECKING:
    from zenml.client import Client

LOCK_SECONDS = 120.0  # how long to wait for another promotion
CLAIM_SECONDS = 600.0  # after which a claim on a server counts as left behind by a crash
_REVISION = re.compile(r"Can't locate revision|No such revision|revision identified by")


def open_store() -> "Client":
    """The ZenML client, its store checked.

    Raises
    ------
    StoreError
        When the store was made by another ZenML version, or cannot be reached or read.
    """
    settings.prepare_environment()
    _refuse_other_version()
    try:
        from zenml.client import Client
        from zenml.logger import init_logging

        _start_quickly()
        init_logging()
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # else Ctrl-C in a query prints a traceback
        with _first_start_untold():
            client = Client()
            client.zen_store.get_store_info()
            client.active_stack_model  # noqa: B018 - makes the first start create what it needs
    except ModuleNotFoundError:
        raise
    except Exception as error:  # ZenML, SQLAlchemy and requests each raise their own
        raise _explained(error) from error
    if client.zen_store.type.value == "rest":
        _require_same_server(client)
    return client


def open_inside() -> None:
    """Open the store in the container of a step: it was checked outside, and its configuration is in the environment."""
    from zenml.client import Client
    from zenml.entrypoints import step_entrypoint_configuration
    from zenml.orchestrators.local_docker import local_docker_orchestrator

    del step_entrypoint_configuration, local_docker_orchestrator  # imported while there is time
    _start_quickly()
    if os.environ.get("ZENML_STORE_TYPE") == "sql":
        Client().active_stack  # noqa: B018 - opens the store, and loads what the stack is made of


@contextlib.contextmanager
def _first_start_untold() -> Iterator[None]:
    """Without the lines that tell of every default which a new store is given."""
    logger = logging.getLogger("zenml")
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(logging.NOTSET)


def _start_quickly() -> None:
    from zenml.environment import Environment
    from zenml.integrations.registry import integration_registry
    from zenml.utils import source_utils

    slow = source_utils._get_package_for_module
    source_utils._get_package_for_module = lambda module_name: _package(module_name) or slow(module_name)
    integration_registry.activate_integrations = lambda: None  # type: ignore[method-assign]  # on purpose
    Environment.get_python_packages = staticmethod(_installed)  # type: ignore[method-assign]  # on purpose


def leave_interrupts_alone() -> None:
    """Let Ctrl-C end a step as it ends anything else in Python.

    ZenML's own handler asks the store in the middle of whatever was interrupted. Where that is a query, the process waits
    for a lock that it holds itself, a minute for each question, and every other process waits with it.
    """
    from zenml.orchestrators.signal_handler import SignalHandler

    SignalHandler.register = lambda self: self  # type: ignore[method-assign]  # on purpose


@functools.cache
def _package(module: str) -> str | None:
    """The distribution of the same name as a module's top level; ZenML would read the file lists of all there are."""
    try:
        return metadata.distribution(module.partition(".")[0]).name
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def _installed() -> list[str]:
    """Name and version of every distribution, from the names of their folders: reading each would take its time."""
    folders = (path.stem for place in sys.path if place for path in Path(place).glob("*.dist-info"))
    return sorted({"==".join(name.rsplit("-", 1)) for name in folders})


def config_folder() -> Path:
    """Where ZenML keeps its configuration, and a local store its database."""
    return Path(os.environ["ZENML_CONFIG_PATH"])


def _refuse_other_version() -> None:
    """A store of another version is refused before ZenML migrates it, or fails in the middle of it."""
    path = config_folder() / "config.yaml"
    if not path.exists():
        return
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if not isinstance(found, dict):
            raise ValueError(f"found a {type(found).__name__}, expected a mapping")
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise StoreError(f"The ZenML configuration {path} cannot be read ({why}). Remove it, or restore it.") from None
    theirs, ours = str(found.get("version", "")), metadata.version("zenml")
    if theirs and theirs != ours:
        raise StoreError(
            f"The ZenML store in {path.parent} was made by ZenML {theirs}; this project runs {ours}. Set "
            "ZENML_CONFIG_PATH to another folder, or move this one away: the champion is imported from its package."
        )
    url = str((found.get("store") or {}).get("url", ""))
    if url.startswith("sqlite:///") and _elsewhere(Path(url.removeprefix("sqlite:///"))):
        raise StoreError(
            f"The ZenML store in {path.parent} belongs to another place ({url.removeprefix('sqlite:///')}): the "
            "checkout was moved or copied. Remove the folder; the champion is imported from its package."
        )


def _elsewhere(database: Path) -> bool:
    """Whether a store is not the one of this folder: its checkout was moved, or copied from one that is still there."""
    usual = config_folder() / "local_stores" / "default_zen_store"
    own_layout = database.parent.parts[-2:] == usual.parts[-2:] and "ZENML_LOCAL_STORES_PATH" not in os.environ
    return not database.parent.exists() or (own_layout and database.parent.resolve() != usual.resolve())


def _explained(error: Exception) -> StoreError:
    text = str(error)
    where = config_folder()
    if _REVISION.search(text):
        return StoreError(
            f"The ZenML store in {where} was made by another ZenML version than {metadata.version('zenml')}. Set "
            "ZENML_CONFIG_PATH to another folder, or move this one away: the champion is imported from its package."
        )
    if "readonly database" in text or getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(
            f"The ZenML store in {where} cannot be written. Give write permission, or set ZENML_CONFIG_PATH."
        )
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    server = os.environ.get("ZENML_STORE_URL")
    if server and type(error).__name__ in ("CredentialsNotValid", "AuthorizationException", "IllegalOperationError"):
        return StoreError(
            f"The ZenML server {server} refuses this client ({first}). Set ZENML_STORE_API_KEY to a valid key of a "
            "service account of that server, or unset ZENML_STORE_URL to use the local store."
        )
    if server:
        return StoreError(
            f"The ZenML server {server} cannot be used ({type(error).__name__}: {first}). Check ZENML_STORE_URL and the "
            "network, or unset it to use the local store."
        )
    return StoreError(
        f"The ZenML store cannot be opened ({type(error).__name__}: {first}). It is configured in {where}; "
        "`python run.py doctor` says more, and ZENML_CONFIG_PATH names another one."
    )


def _require_same_server(client: "Client") -> None:
    theirs, ours = str(client.zen_store.get_store_info().version), metadata.version("zenml")
    if theirs != ours:
        raise StoreError(
            f"The ZenML server runs {theirs}, this project {ours}; they must be the same. Update one of them."
        )


def is_local(client: "Client") -> bool:
    """Whether the store is a database on this machine, without a server."""
    return str(client.zen_store.type.value) == "sql"


def described(client: "Client") -> str:
    """The store in a few words, for every command to name."""
    if not is_local(client):
        return f"server {client.zen_store.url}"
    folder = config_folder()
    with contextlib.suppress(ValueError):
        return str(folder.resolve().relative_to(settings.root()))
    return str(folder)


@contextlib.contextmanager
def locked(client: "Client", name: str) -> Iterator[None]:
    """Hold the title of a use case: one process at a time reads the champion and sets another.

    Beside a local store it is a lock file, which the system frees when its holder dies. On a server it is a claim: a
    tag with a unique name, which another one takes over when it is older than `CLAIM_SECONDS`.

    Raises
    ------
    StoreError
        When another holder does not let go in time.
    """
    if is_local(client):
        from filelock import FileLock, Timeout

        path = Path(str(client.zen_store.url).removeprefix("sqlite:///")).parent / f"{name}.lock"
        try:
            with FileLock(path, timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise StoreError(
                f"Another process has held {path} for {LOCK_SECONDS:g} s. Wait for it, or end it."
            ) from None
        return
    claim = f"{settings.PROJECT}-{name}-claim"
    _claim(client, claim)
    try:
        yield
    finally:
        with contextlib.suppress(KeyError):
            client.delete_tag(claim)


def _claim(client: "Client", claim: str) -> None:
    from datetime import datetime

    from zenml.exceptions import EntityExistsError

    ends = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            client.create_tag(claim)
            return
        except EntityExistsError:
            with contextlib.suppress(KeyError):
                made = client.get_tag(claim).created.replace(tzinfo=UTC)
                if (datetime.now(UTC) - made).total_seconds() > CLAIM_SECONDS:
                    client.delete_tag(claim)
                    continue
        if time.monotonic() > ends:
            raise StoreError(
                f"Another process has held the claim {claim!r} on the server for {LOCK_SECONDS:g} s. Wait for it; a claim "
                f"left behind by a crash is taken over after {CLAIM_SECONDS:g} s."
            )
        time.sleep(0.5)


def end_logging() -> None:
    """Flush the logs of the run while threads can still be started.

    ZenML's log handler flushes in a thread of its own. The interpreter flushes all handlers once more when it ends, and
    some minor versions (3.12.0 to 3.12.2) refuse a new thread then and print a traceback after every run. So the logs are
    flushed here, and that second flush is left out.
    """
    module = sys.modules.get("opentelemetry.instrumentation.logging.handler")
    if module is not None:
        logging.shutdown()
        module.LoggingHandler.flush = lambda _: None


class _Progress(logging.Handler):
    """Hands what ZenML says of its steps to a callback."""

    _LINE = re.compile(r"Step `(\S+)` has (started)|Step `(\S+)` has (finished) in|(cached) version of step `(\S+)`")

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on what the record says of a step."""
        if found := self._LINE.search(re.sub(r"\x1b\[[0-9;]*m", "", record.getMessage())):
            started, what, finished, ended, cached, reused = found.groups()
            self._tell(str(started or finished or reused), str(what or ended or cached))


@contextlib.contextmanager
def progress(tell: Callable[[str, str], None]) -> Iterator[None]:
    """Report the steps of a run as they go, and keep ZenML's own lines about them off the console.

    Parameters
    ----------
    tell : callable
        Called with the step's name and ``started``, ``finished`` or ``cached``.
    """
    logger = logging.getLogger("zenml.orchestrators")
    handler, level = _Progress(tell), logger.level
    consoles = [found for found in logging.getLogger().handlers if type(found).__name__ == "ZenMLConsoleHandler"]
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    for console in consoles:
        console.addFilter(_not_of_orchestrators)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        for console in consoles:
            console.removeFilter(_not_of_orchestrators)


def _not_of_orchestrators(record: logging.LogRecord) -> bool:
    return not record.name.startswith("zenml.orchestrators")
