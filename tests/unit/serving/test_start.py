"""What the service asks of a client, and what it refuses to start with: keys, ports and hosts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from champion.serving.server import is_of_this_machine
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
    for flags, variables in ((("--api-key-file", ""), {}), ((), {"SERVE_API_KEY_FILE": ""})):
        code, said = refused_start("--package", str(folder), *flags, env=variables)
        assert (code, said.startswith("Error: The API key's file has no name")) == (2, True)
    code, said = refused_start("--package", str(folder), "--host", "no.such.host.invalid")
    assert (code, said.startswith("Error: The host 'no.such.host.invalid' is not known")) == (1, True)


EVERYWHERE = ("--host", "0.0.0.0")


def test_on_an_address_that_others_reach_it_does_not_start_until_a_key_is_given_or_it_is_said_that_there_is_none(
    folder: Path, tmp_path: Path
) -> None:
    code, said = refused_start("--package", str(folder), *EVERYWHERE, "--port", "0")
    assert (code, said.startswith("Error: The host '0.0.0.0' can be reached from other machines")) == (2, True)
    with over(folder, *EVERYWHERE, env={"SERVE_API_KEY": "none"}) as service:
        assert service.facts("listening")["key"] == "none"
        assert service.predict(IRIS).status == 200
    with over(folder, *EVERYWHERE, env={"SERVE_API_KEY": KEY}) as service:
        assert service.predict(IRIS).status == 401
    (tmp_path / "key").write_text("none")
    assert "fewer than 16" in refused_start("--package", str(folder), "--api-key-file", str(tmp_path / "key"))[1]


@pytest.mark.parametrize(
    ("address", "alone"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_an_address_of_this_machine_alone_is_told_from_others(address: str, alone: bool) -> None:
    assert is_of_this_machine(address) is alone


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
