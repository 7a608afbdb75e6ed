"""A real ZenML server, with a service account, for the tests that need one."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import requests

PATIENCE = 120.0  # seconds for the first start, which makes the database


@contextmanager
def zenml_server(folder: Path, host: str = "127.0.0.1") -> Iterator[SimpleNamespace]:
    """A server with its state in a folder: its `url`, and the `environment` that makes a process a client of it.

    It listens on a free port of `host`, an address of this machine; `restart` ends it and starts it there again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ZENML_")} | {
        "ZENML_CONFIG_PATH": str(folder),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_JWT_SECRET_KEY": "0123456789abcdef" * 4,
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--log-level", "warning", "--fd"]

    def start(port: int) -> tuple[subprocess.Popen[bytes], int]:
        with socket.create_server((host, port)) as listening, (folder / "server.log").open("a") as log:
            pipe = listening.fileno()
            streams: dict[str, Any] = {"stdout": log, "stderr": log, "cwd": folder, "pass_fds": [pipe]}
            return subprocess.Popen([*command, str(pipe)], env=environment, **streams), listening.getsockname()[1]

    def end() -> None:
        process.terminate()
        process.wait(timeout=30)

    def restart() -> None:
        nonlocal process
        end()
        process, _ = start(port)

    process, port = start(0)
    url = f"http://{host}:{port}"
    try:
        with requests.Session() as session:

            def post(path: str, **content: Any) -> Any:
                answer = session.post(f"{url}/api/v1/{path}", timeout=PATIENCE, **content)
                assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
                return answer.json()

            token = post("login", data={"username": "default", "password": ""})["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            account = post("service_accounts", json={"name": "ci", "active": True})
            key = post(f"service_accounts/{account['id']}/api_keys", json={"name": "ci"})["body"]["key"]
        client = {"ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": key}
        yield SimpleNamespace(url=url, environment=client, restart=restart)
    finally:
        end()
