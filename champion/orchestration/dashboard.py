"""ZenML's dashboard over the local store: ``make dashboard``.

The server runs in this process and dies with it. It opens the database that the client uses and leaves the client's
configuration as it is: `zenml login --local` would point the client at the server, and once the server is gone no run
would start any more. There is no password, so it listens on this machine alone and answers to this machine's names only.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING, Any

from champion.errors import ProjectError
from champion.orchestration import patches
from champion.orchestration.runs import TRAINING
from champion.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenml.client import Client

HOST = "127.0.0.1"
PORTS_TRIED = 50
GOODBYE_SECONDS = 2  # how long an open page may delay the end


def listen(port: int) -> socket.socket:
    """A socket of this machine alone on the port, or on the next of fifty that is free; a `ProjectError` when none is."""
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        with contextlib.suppress(OSError):
            return socket.create_server((HOST, candidate))
    raise ProjectError(f"Of the ports from {port} on none is free on {HOST}. Name another one with --port.")


def skip_questions(client: Client) -> None:
    """Answer, once, what the dashboard would ask before it shows anything: no mail, no survey, no announcements.

    The answers are kept in the store. Whoever has answered already, or changes them in the dashboard, is left alone.
    """
    from zenml.models import ServerSettingsUpdate, UserUpdate

    user = client.active_user
    if user.email_opted_in is not None:
        return
    answers = {**user.user_metadata, "finished_onboarding_survey": True, "overview_tour_done": True}
    client.zen_store.update_user(user.id, UserUpdate(email_opted_in=False, user_metadata=answers))
    settings = ServerSettingsUpdate(enable_analytics=False, display_announcements=False, display_updates=False)
    client.zen_store.update_server_settings(settings)


def serve(listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve the store of ZENML_CONFIG_PATH until it is ended; `ready` is called once, a `ProjectError` says it cannot start.

    ZenML in this process starts afresh as a server, as its own blocking server does: it never writes the configuration
    that it reads. Declared as a local server it would show an advertisement above every page.
    """
    os.environ |= {
        "ZENML_SERVER": "true",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",
        "ZENML_SERVER_AUTH_SCHEME": "NO_AUTH",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_CORS_ALLOW_ORIGINS": f"http://{HOST}:{listening.getsockname()[1]}",
        "DISABLE_DATABASE_MIGRATION": "true",
    }
    patches.start_afresh()
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from zenml.zen_server.zen_server_api import app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    guarded = TrustedHostMiddleware(app, allowed_hosts=[HOST, "localhost"])
    quiet: dict[str, Any] = {"log_config": None, "log_level": "warning", "access_log": False, "server_header": False}
    asgi = uvicorn.Config(guarded, ws="none", lifespan="on", timeout_graceful_shutdown=GOODBYE_SECONDS, **quiet)
    server = Server(asgi)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
    except SystemExit:
        raise ProjectError("ZenML's server did not start; what it says is above.") from None


def has_browser() -> bool:
    """Whether a person sits in front of this and a desktop browser can be opened for them."""
    desktop = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    with contextlib.suppress(webbrowser.Error):
        return bool(sys.stdout.isatty() and desktop and webbrowser.get())
    return False


def run(port: int) -> None:
    """Serve the dashboard until Ctrl-C, or name that of a server; a `ProjectError` where it is not installed or cannot start."""
    if importlib.util.find_spec("fastapi") is None:
        raise ProjectError("ZenML's dashboard is not installed. `make dashboard` installs and opens it.")
    from champion.orchestration.store import described, is_local, open_store

    client = open_store()
    if not is_local(client):
        echo(f"The store is on a server, which has its own dashboard: {client.zen_store.url}")
        return
    skip_questions(client)
    page = ""  # of the newest training run, below the dashboard's address
    with contextlib.suppress(KeyError):
        for newest in client.list_pipeline_runs(pipeline=TRAINING, sort_by="desc:created", size=1).items:
            page = f"/projects/{client.active_project.name}/runs/{newest.id}"
    with listen(port) as listening:
        free = listening.getsockname()[1]
        url = f"http://{HOST}:{free}"
        if port not in (0, free):
            echo(f"Port {port} is taken; using {free}.")

        def ready() -> None:
            echo(f"Dashboard of {described(client)}: {url}")
            echo(f"Last training run:   {url}{page}" if page else "Nothing was trained yet: `make run` does it.")
            echo("Ctrl-C ends it; `python run.py` works meanwhile and afterwards.")
            if has_browser():
                threading.Thread(target=webbrowser.open, args=(url + page,), daemon=True).start()

        serve(listening, ready)
        echo("\nThe dashboard has ended.")
