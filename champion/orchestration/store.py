"""The ZenML store: opened without prompts, checked before it is trusted, quick to start (see `patches`), and held by one.

One process at a time changes who is champion: by a lock file beside a local store, by a claim on a server (see `claims`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from champion import settings
from champion.errors import StoreError
from champion.orchestration import ctrl_c, new_stores, old_stores, patches
from champion.orchestration.claims import claimed
from champion.patching import apply
from champion.terminal import guard_record

if TYPE_CHECKING:
    from zenml.client import Client

LOCK_SECONDS = 120.0  # how long to wait for another promotion
_MOVE_AWAY = (
    "Set ZENML_CONFIG_PATH to another folder, or move this one away: the champion is imported from its package."
)


def open_store() -> Client:
    """The ZenML client; a `StoreError` when its store was made by another ZenML version, or cannot be reached or read."""
    settings.prepare_environment()
    _refuse_other_version()
    try:
        from zenml.client import Client
        from zenml.config.global_config import GlobalConfiguration
        from zenml.logger import init_logging

        apply(*patches.START)
        old_stores.understand()
        init_logging()
        for console in consoles():
            console.setStream(sys.__stderr__)  # a warning of ZenML's is no part of what `--json` prints
            console.addFilter(guard_record)
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # else Ctrl-C in a query prints a traceback
        logging.getLogger("zenml").setLevel(logging.ERROR)  # no lines of every default that a new store is given
        database = _database(GlobalConfiguration().store_configuration.url)
        if database is not None and not new_stores.is_whole(database):
            database.parent.mkdir(parents=True, exist_ok=True)
            with _held(database.with_name("making.lock")):
                if not new_stores.is_whole(database):  # else another process has made it meanwhile
                    new_stores.make(database)
        client = Client()
        if is_local(client):
            ctrl_c.between_transactions(client.zen_store)
        client.zen_store.get_store_info()
        client.active_stack_model  # noqa: B018 - makes the first start choose its stack
    except (ModuleNotFoundError, StoreError):
        raise
    except Exception as error:  # ZenML, SQLAlchemy and requests each raise their own
        raise _explained(error) from error
    finally:
        logging.getLogger("zenml").setLevel(logging.NOTSET)
    if not is_local(client):
        theirs, ours = str(client.zen_store.get_store_info().version), metadata.version("zenml")
        if theirs != ours:
            raise StoreError(
                f"The ZenML server runs {theirs}, this project {ours}; they must be the same. Update one of them."
            )
    return client


def consoles() -> list[logging.StreamHandler[Any]]:
    """ZenML's own handlers that print."""
    handlers = (handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler))
    return [handler for handler in handlers if type(handler).__name__ == patches.CONSOLE_HANDLER]


def open_inside() -> None:
    """Open the store in the container of a step: it was checked outside, and its configuration is in the environment."""
    from zenml.client import Client
    from zenml.entrypoints import step_entrypoint_configuration
    from zenml.orchestrators.local_docker import local_docker_orchestrator

    del step_entrypoint_configuration, local_docker_orchestrator  # imported while there is time
    apply(*patches.START)
    old_stores.understand()
    if os.environ.get("ZENML_STORE_TYPE") == "sql":
        Client().active_stack  # noqa: B018 - opens the store, and loads what the stack is made of


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
        configured = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        if not isinstance(configured, dict):
            raise ValueError(f"found a {type(configured).__name__}, expected a mapping")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise StoreError(f"The ZenML configuration {path} cannot be read ({why}). Remove it, or restore it.") from None
    theirs, ours = str(configured.get("version", "")), metadata.version("zenml")
    if theirs and theirs != ours:
        raise StoreError(
            f"The ZenML store in {path.parent} was made by ZenML {theirs}; this project runs {ours}. {_MOVE_AWAY}"
        )
    database = _database(str((configured.get("store") or {}).get("url", "")))
    if database is None:
        return
    usual = path.parent / "local_stores" / "default_zen_store"
    own_layout = database.parent.parts[-2:] == usual.parts[-2:] and "ZENML_LOCAL_STORES_PATH" not in os.environ
    if not database.parent.exists() or (own_layout and database.parent.resolve() != usual.resolve()):
        raise StoreError(
            f"The ZenML store in {path.parent} belongs to another place ({database}): the "
            "checkout was moved or copied. Remove the folder; the champion is imported from its package."
        )
    if "ZENML_STORE_URL" not in os.environ:
        old_stores.refuse(path.parent, database)


def _database(url: str) -> Path | None:
    """The file of a local store; None where the address is a server's."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _explained(error: Exception) -> StoreError:
    text, where = str(error), config_folder()
    if re.search("Can't locate revision|No such revision|revision identified by", text):
        version = metadata.version("zenml")
        return StoreError(f"The ZenML store in {where} was made by another ZenML version than {version}. {_MOVE_AWAY}")
    if "readonly database" in text or getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(
            f"The ZenML store in {where} cannot be written. Give write permission, or set ZENML_CONFIG_PATH."
        )
    kind = type(error).__name__
    first = text.strip().splitlines()[0] if text.strip() else kind
    server = os.environ.get("ZENML_STORE_URL")
    if server and kind in ("CredentialsNotValid", "AuthorizationException", "IllegalOperationError"):
        return StoreError(
            f"The ZenML server {server} refuses this client ({first}). Set ZENML_STORE_API_KEY to a valid key of a "
            "service account of that server, or unset ZENML_STORE_URL to use the local store."
        )
    if server:
        return StoreError(
            f"The ZenML server {server} cannot be used ({kind}: {first}). Check ZENML_STORE_URL and the "
            "network, or unset it to use the local store."
        )
    return StoreError(
        f"The ZenML store cannot be opened ({kind}: {first}). It is configured in {where}; "
        "`python run.py doctor` says more, and ZENML_CONFIG_PATH names another one."
    )


def is_local(client: Client) -> bool:
    """Whether the store is a database on this machine, without a server."""
    return str(client.zen_store.type.value) == "sql"


def database_of(client: Client) -> Path:
    """The file of a local store's database."""
    database = _database(str(client.zen_store.url))
    assert database is not None
    return database


def beside(client: Client, name: str) -> Path:
    """The path of a file beside the database of a local store."""
    return database_of(client).with_name(name)


def described(client: Client) -> str:
    """The store in a few words, for every command to name."""
    if not is_local(client):
        return f"server {client.zen_store.url}"
    with contextlib.suppress(ValueError):
        return str(config_folder().resolve().relative_to(settings.root()))
    return str(config_folder())


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock file, which the system frees when its holder dies; a `StoreError` when another does not let go in time."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise StoreError(f"Another process has held {path} for {LOCK_SECONDS:g} s. Wait for it, or end it.") from None
    except OSError as error:
        if error.filename != str(path):
            raise
        raise _explained(error) from None


@contextlib.contextmanager
def locked(client: Client, name: str) -> Iterator[None]:
    """Hold a use case, by a lock file or a claim on the server; a `StoreError` when another holder does not let go in time."""
    database = _database(str(client.zen_store.url))
    if database is not None:
        with _held(database.with_name(f"{name}.lock")):
            yield
        return
    with claimed(client, name, LOCK_SECONDS):
        yield


def _at_work(client: Client, flag: int) -> IO[bytes] | None:
    """A lock file beside a local store, held as `flag` says; None where others hold it, or the store is a server."""
    database = _database(str(client.zen_store.url))
    if database is None:
        return None
    file = database.with_name("running.lock").open("ab")
    try:
        fcntl.flock(file, flag)
    except OSError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def at_work(client: Client) -> Iterator[None]:
    """Be known as a process that runs a pipeline, until it ends in whatever way."""
    with _at_work(client, fcntl.LOCK_SH) or contextlib.nullcontext():
        yield


@contextlib.contextmanager
def nobody_at_work(client: Client) -> Iterator[bool]:
    """Whether no process runs a pipeline; then none begins before the end of the block. Of a server nobody knows: False."""
    with _at_work(client, fcntl.LOCK_EX | fcntl.LOCK_NB) or contextlib.nullcontext() as held:
        yield held is not None


def end_logging() -> None:
    """Flush the logs of the run while threads can still be started.

    The interpreter flushes all handlers once more when it ends; that second flush is left out (`patches.END` says why).
    """
    if "opentelemetry.instrumentation.logging.handler" in sys.modules:
        logging.shutdown()
        apply(*patches.END)
