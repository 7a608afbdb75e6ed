"""A real ZenML server on loopback, with a service account, for the tests that need one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PATIENCE = 120.0  # seconds for the first start, which makes the database


@dataclass(frozen=True)
class Server:
    """Where it answers, and the key of a service account."""

    url: str
    api_key: str

    @property
    def environment(self) -> dict[str, str]:
        """What a client of it needs."""
        return {"ZENML_STORE_URL": self.url, "ZENML_STORE_API_KEY": self.api_key}


@contextmanager
def zenml_server(folder: Path) -> Iterator[Server]:
    """Start a server with its state in a folder, and end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ZENML_")} | {
        "ZENML_CONFIG_PATH": str(folder),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_AUTH_SCHEME": "OAUTH2_PASSWORD_BEARER",
        "ZENML_SERVER_JWT_SECRET_KEY": "0123456789abcdef" * 4,
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--log-level", "warning"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder / "server.log")
        yield Server(url, _api_key(url))
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            requests.get(f"{url}/health", timeout=2)
            return
        time.sleep(0.2)
    raise AssertionError(f"the server did not answer: {log.read_text()[-2000:]}")


def _api_key(url: str) -> str:
    session = requests.Session()

    def post(path: str, **content: Any) -> Any:
        answer = session.post(f"{url}/api/v1/{path}", timeout=30, **content)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    token = post("login", data={"username": "default", "password": ""})["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    account = post("service_accounts", json={"name": "ci", "active": True})
    key: str = post(f"service_accounts/{account['id']}/api_keys", json={"name": "ci"})["body"]["key"]
    return key
