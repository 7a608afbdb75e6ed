"""`make cluster`, with stand-ins for docker, kind and kubectl: kind itself was not run here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

STAND_IN = f"""#!{sys.executable}
import json, pathlib, sys
here = pathlib.Path(sys.argv[0])
call = [here.name, *sys.argv[1:]]
given = sys.stdin.read() if call[1] == "exec" and "-i" in call or "-f" in call else ""
with (here.parent / "calls").open("a") as file:
    file.write(json.dumps([*call, given]) + "\\n")
answers = json.loads((here.parent / "answers.json").read_text())
for words, (code, text) in answers.items():
    if " ".join(call).startswith(words):
        (sys.stderr if code else sys.stdout).write(text)
        sys.exit(code)
"""
NETWORK = [
    {"Containers": {"a": {"Name": "another"}}, "IPAM": {"Config": [{"Gateway": "fc00::1"}, {"Gateway": "172.18.0.1"}]}}
]
FRESH = {"docker network inspect": (0, json.dumps(NETWORK))}


def make_cluster(folder: Path, answers: dict[str, tuple[int, str]], *arguments: str, without: str = "") -> tuple[
    subprocess.CompletedProcess[str], list[list[str]]
]:  # fmt: skip
    """What `make cluster` says and calls, where the programs answer so."""
    for name in {"docker", "kind", "kubectl"} - {without}:
        (folder / name).write_text(STAND_IN, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    env = {**os.environ, "PATH": str(folder), "GITHUB_ENV": str(folder / "job"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "devtools.kind", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    calls = folder / "calls"
    return done, [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


def test_a_cluster_gets_a_registry_that_its_node_pulls_from_and_volumes_that_several_pods_mount(tmp_path: Path) -> None:
    done, calls = make_cluster(tmp_path, FRESH)
    assert done.returncode == 0, done.stderr
    spoken = [" ".join(call[:-1]) for call in calls]
    assert [line for line in spoken if line.startswith("docker run")] == [
        "docker run --detach --name champion-registry --publish 127.0.0.1:5001:5000 registry:2"
    ]
    assert "kind create cluster --name champion --wait 180s" in spoken
    assert "docker network connect kind champion-registry" in spoken
    (hosts,) = [call for call in calls if "tee" in call]
    assert hosts[-2:] == [
        "/etc/containerd/certs.d/localhost:5001/hosts.toml",
        '[host."http://champion-registry:5000"]\n',
    ]
    (applied,) = [call for call in calls if call[0] == "kubectl"]
    assert applied[1:3] == ["--context", "kind-champion"]
    made = list(yaml.safe_load_all(applied[-1]))
    assert {each["kind"] for each in made} == {"PersistentVolume"}
    assert all("ReadWriteMany" in each["spec"]["accessModes"] for each in made)
    exports = ["KUBERNETES_CONTEXT=kind-champion", "IMAGE_REGISTRY=localhost:5001", "NODE_ADDRESS=172.18.0.1"]
    assert done.stdout.splitlines() == [f"export {line}" for line in exports]
    assert (tmp_path / "job").read_text().splitlines() == exports


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    network = [{**NETWORK[0], "Containers": {"a": {"Name": "champion-registry"}}}]
    there = {
        "docker network inspect": (0, json.dumps(network)),
        "docker ps": (0, "other\nchampion-registry\n"),
        "kind get clusters": (0, "champion\n"),
    }
    done, calls = make_cluster(tmp_path, there)
    assert done.returncode == 0, done.stderr
    spoken = {" ".join(call[:3]) for call in calls}
    assert not spoken & {"docker run --detach", "kind create cluster", "docker network connect"}
    assert "docker start champion-registry" in spoken


def test_it_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    done, calls = make_cluster(tmp_path, {}, "down")
    assert done.returncode == 0, done.stderr
    assert [" ".join(call[:-1]) for call in calls] == [
        "kind delete cluster --name champion", "docker rm --force --volumes champion-registry",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "without", "sentence"),
    [
        ({}, "kind", "`make cluster` needs kind, 0.27 or newer, which is not on the PATH. Install it first."),
        ({"kind create": (1, "no room\n")}, "", "`kind create cluster --name champion --wait 180s` failed: no room."),
        (
            {"docker network inspect": (0, '[{"Containers": {}, "IPAM": {"Config": []}}]')},
            "",
            "Docker's network `kind` has no IPv4 gateway",
        ),
    ],
)
def test_what_is_missing_is_a_sentence(
    tmp_path: Path, answers: dict[str, tuple[int, str]], without: str, sentence: str
) -> None:
    done, _ = make_cluster(tmp_path, answers, without=without)
    assert done.returncode == 1
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
