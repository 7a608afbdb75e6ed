"""What the service asks of a client, and what it refuses to start with: keys, ports and hosts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.serving.models import IRIS
from tests.support.serving.service import PATIENCE, over, refused_start

KEY = "correct-horse-battery-staple"


@pytest.mark.parametrize("source", ["environment", "file"])
def test_without_the_key_nothing_is_predicted_and_no_model_told(folder: Path, tmp_path: Path, source: str) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    flags = ("--api-key-file", str(tmp_path / "key")) if source == "file" else ()
    with over(folder, *flags, env={} if flags else {"SERVE_API_KEY": KEY}) as service:
        assert service.facts("listening")["key"] == "asked"
        wrong = [{"X-API-Key": KEY[:-1]}, {"X-API-Key": ""}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}]
        for headers in ({}, *wrong):
            for answer in (service.predict(IRIS, **headers), service.get("/model", **headers)):
                assert (answer.status, answer.code) == (401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/healthz", "/readyz", "/metrics", "/", "/docs", "/openapi.json"):
            answer = service.get(path)
            assert (answer.status, b"sepal" in answer.body) == (200, False)
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}):
            assert service.predict(IRIS, **headers).status == service.get("/model", **headers).status == 200
        assert "sepal" in service.get("/openapi.json", **{"X-API-Key": KEY}).body.decode()


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("", "is empty"), (" \n", "is empty"), ("short", "fewer than 16"), ("changeme-changeme", "is a default"),
     ("secretsecret1234", "is a default"), ("aaaaaaaaaaaaaaaaaaaa", "is a default"), ("your-api-key-here!", "is a default"),
     ("pass word pass word x", "a header cannot carry"), ("schlüsselschlüssel", "a header cannot carry")],
)  # fmt: skip
def test_a_weak_key_is_refused_at_the_start_without_being_shown(folder: Path, key: str, wrong: str) -> None:
    code, said = refused_start("--package", str(folder), env={"SERVE_API_KEY": key})
    assert code == 2
    assert wrong in said
    assert not key.strip() or key not in said
    assert "Traceback" not in said


def test_a_key_file_that_is_not_there_two_keys_and_an_unknown_host_are_refused(folder: Path, tmp_path: Path) -> None:
    missing = ("--package", str(folder), "--api-key-file", str(tmp_path / "none"))
    assert "cannot be read" in refused_start(*missing)[1]
    assert "There are two API keys" in refused_start(*missing, env={"SERVE_API_KEY": KEY})[1]
    code, said = refused_start("--package", str(folder), "--host", "no.such.host.invalid")
    assert (code, said.startswith("Error: The host 'no.such.host.invalid' is not known")) == (1, True)


WITHOUT = (
    "import runpy, sys; sys.modules[{hidden!r}] = None; sys.argv = {arguments!r}; runpy.{run}, run_name='__main__')"
)


@pytest.mark.parametrize(
    ("hidden", "run", "arguments"),
    [
        ("prometheus_client", "run_path('run.py'", ["run.py", "serve", "--no-log", "--port", "0"]),
        ("prometheus_client", "run_module('champion.serving'", ["", "--package", "none", "--port", "0"]),
        ("click", "run_module('champion.serving'", [""]),
    ],
    ids=["run.py serve", "the module", "the module without click"],
)
def test_an_environment_without_the_serving_group_is_told_to_make_serve(
    hidden: str, run: str, arguments: list[str]
) -> None:
    code = WITHOUT.format(hidden=hidden, run=run, arguments=arguments)
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 1
    assert ended.stderr.endswith("`make serve` installs what the service needs, and starts it.\n")
    assert re.fullmatch(f"Error: .*{hidden}.*\n", ended.stderr)
