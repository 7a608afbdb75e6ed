"""Try a serving image before anybody relies on it: started as it runs in production, and asked from within.

The container has no network, a read-only root and no capability; what asks it is Python inside of it, so the engine may
be on another machine.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from champion.errors import EngineError, ProjectError
from champion.orchestration.docker.engine import errors_explained

if TYPE_CHECKING:
    from docker import DockerClient

SECONDS = 60  # to be ready; it takes two
HARDENED: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "network_mode": "none"}
HARDENED["security_opt"] = ["no-new-privileges"]
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
                  "label": answer["predictions"][0]["label"], "way": about["way"]}))
"""


def try_out(client: DockerClient, image: str, use_case: str, model_version: int) -> str:
    """Start an image with its champion inside, and say what it predicts; a `ProjectError` when another one answers."""
    from docker.errors import DockerException

    container = None
    try:
        with errors_explained():
            container = client.containers.run(image, detach=True, **HARDENED)
            done = container.exec_run(["python", "-c", ASK, str(SECONDS)])
            log = container.logs(tail=15).decode(errors="replace")
    finally:
        if container is not None:
            with suppress(DockerException):
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
    label, backend = answer["label"], answer["way"]
    return f"{image} answers as {use_case} version {model_version} ({backend}): its example is {label!r}"
