"""The process: a socket, signals, the lines it says on stdout, and uvicorn in between."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.bundle.libraries import moved
from champion.errors import ConfigurationError, ProjectError
from champion.serving.connections import ACCEPTED
from champion.serving.hidden import HIDDEN
from champion.serving.options import KEY_VARIABLE, NONE, Options
from champion.terminal import echo

if TYPE_CHECKING:
    import uvicorn

    from champion.serving.state import State

BACKLOG = 2048  # connections that the system holds while we are busy
KEEP_ALIVE = 75  # seconds; longer than a balancer keeps an idle connection, so that it never asks on one we have closed


def serve(options: Options) -> None:
    """Run the service until it is told to stop by SIGTERM, SIGINT or SIGHUP.

    Raises ProjectError when the address cannot be listened on, or others reach it and nothing is said of a key.
    """
    gc.disable()  # until it listens: what is imported stays
    sys.meta_path.insert(0, HIDDEN)
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the log's; a pool of its own holds on to memory
    listener = listen(options.host, options.port)
    if options.key is None and not is_of_this_machine(listener.getsockname()[0]):
        listener.close()
        raise ConfigurationError(
            f"The host {options.host!r} can be reached from other machines, and nothing is said of an API key. Give one in "
            f"{KEY_VARIABLE}, or in a file with --api-key-file; or say {KEY_VARIABLE}={NONE} to ask nobody for one."
        )
    try:
        import uvicorn

        from champion.bundle.model import import_early
        from champion.bundle.sizes import limit
        from champion.serving.app import service
        from champion.serving.log import PredictionLog
        from champion.serving.protocol import bounded
        from champion.serving.state import State
        from champion.serving.trial import TrialLoader
    except ModuleNotFoundError as error:
        raise ProjectError(f"{error}. `make serve` installs what the service needs, and starts it.") from None
    import_early()
    gc.freeze()  # what is imported is shared with the process that loads packages first, as long as nobody writes to it
    trial = TrialLoader.started() if limit() is not None else None  # before there are threads
    state = State(options, PredictionLog(options.log) if options.log else None, trial)

    def tell_of_package(result: str, reason: str | None) -> None:
        tell(result, **({"reason": reason} if reason else _facts(state)))

    config = uvicorn.Config(
        service(state, tell_of_package),
        http=bounded(options.body_seconds, options.max_body),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(options.shutdown_seconds),
        backlog=BACKLOG,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(uvicorn.Server(config), state, listener))


async def _serve(server: uvicorn.Server, state: State, listener: socket.socket) -> None:
    """Say when it listens, and return when it was told to stop: uvicorn's own handlers would end in the signal again."""

    def stop() -> None:
        if not server.should_exit:
            tell("stopping")
        server.force_exit = server.should_exit  # told a second time
        server.should_exit = True

    ears = [listener, *(listener.dup() for _ in range(ACCEPTED - 1))]
    serving = asyncio.create_task(server.serve(sockets=ears))
    await asyncio.sleep(0)  # it has begun, and set its handlers
    hangup = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)  # as nohup asks for it
    for number in (signal.SIGINT, signal.SIGTERM, *hangup):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    while not (server.started or serving.done()):
        await asyncio.sleep(0.005)
    if server.started and not server.should_exit:
        _release_memory()
        host, port = listener.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        log, here = state.options.log, Path.cwd()
        log = log.relative_to(here) if log and log.is_relative_to(here) else log
        key = "asked" if state.asks_for_key else "none"
        tell("listening", address=address, **_facts(state), package=state.options.shown, log=log or "none", key=key)
    await serving
    tell("stopped")


def _release_memory() -> None:
    """Give back what the start has used, and let no later collection look at what was imported: that stays."""
    from champion.bundle.needs import trim

    gc.collect()
    gc.freeze()
    gc.enable()
    trim()


def listen(host: str, port: int) -> socket.socket:
    """Take an address, before anything else costs time: bound, but nobody can connect yet. Port 0 takes a free one.

    Raises ProjectError when there is no such host, or the port is taken or not ours to take.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no host name"
        raise ProjectError(
            f"The host {host!r} is not known ({reason}). Give --host an address of this machine, such as 127.0.0.1, or "
            "0.0.0.0 for all of them."
        ) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        raise ProjectError(
            f"Port {port} of {host} cannot be listened on ({error.strerror}). Give another one with --port, or --port 0 "
            "for any that is free."
        ) from None
    return listener


def is_of_this_machine(address: str) -> bool:
    """Whether nobody but this machine reaches an address that is listened on."""
    number = ipaddress.ip_address(address.partition("%")[0])
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return (mapped or number).is_loopback


def _facts(state: State) -> dict[str, Any]:
    champion = state.champion
    if champion is None:
        return {"champion": "none"}
    versions = {"model_version": champion.model_version, "data_version": champion.data_version}
    changed = moved(champion.manifest.libraries)
    made_with = {"made_with": changed} if changed else {}
    return {"champion": champion.manifest.use_case, **versions, "way": champion.backend, **made_with}


def tell(event: str, **facts: Any) -> None:
    """Say one line on stdout: an event, and its facts as name=value; a value with blanks is quoted as in JSON."""
    words = [event]
    for name, text in ((name, str(value)) for name, value in facts.items()):
        plain = text and text.isprintable() and not any(letter in text for letter in ' "=')
        words.append(f"{name}={text if plain else json.dumps(text)}")
    echo(" ".join(words))
