"""What deploys the service: valid, hardened, and in step with the service's own settings, endpoints and metrics."""

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from champion.serving.__main__ import main
from champion.serving.state import Metrics
from tests.conftest import ROOT
from tests.support.serving.service import Recorder

PROMETHEUS, KUBERNETES = ROOT / "deploy/prometheus", ROOT / "deploy/kubernetes"
OVERLAYS = sorted(path.parent.name for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))
PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in load(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]]


def settings() -> set[str]:
    """The environment variables of the service."""
    return {"SERVE_API_KEY", *(str(option.envvar) for option in main.params if getattr(option, "envvar", None))}


def rendered(overlay: str | Path) -> dict[str, Any]:
    """An overlay as Kustomize makes it, of the few words that ours use; by kind."""
    folder = KUBERNETES / "overlays" / overlay
    wanted = load(folder / "kustomization.yaml")
    assert wanted.keys() <= {"apiVersion", "kind", "resources", "labels", "images", "patches"}, "teach this test"
    resources: dict[str, Any] = {}
    for name in wanted["resources"]:
        more = rendered(folder / name) if (folder / name).is_dir() else {(one := load(folder / name))["kind"]: one}
        assert not more.keys() & resources.keys()
        resources |= more
    for patch in wanted.get("patches", []):
        target = resources[patch["target"]["kind"]]
        assert target["metadata"]["name"] == patch["target"]["name"]
        for change in load(folder / patch["path"]):
            *way, last = change["path"].strip("/").split("/")
            assert (change["op"], last) == ("add", "-"), "teach this test"
            place = functools.reduce(lambda at, word: at[int(word) if isinstance(at, list) else word], way, target)
            place.append(change["value"])
    for image in wanted.get("images", []):
        containers = [each for each in containers_of(resources) if each["image"] == image["name"]]
        assert containers, f"no container has the image {image['name']}"
        for container in containers:
            container["image"] = f"{image['newName']}:{image['newTag']}"
    return resources


def containers_of(resources: dict[str, Any]) -> list[dict[str, Any]]:
    return resources["Deployment"]["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("call", ["check config prometheus.yml", "check rules rules.yml", "test rules rules_test.yml"])
def test_promtool_accepts_the_configuration_and_every_alert_fires_when_it_should(call: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool (Debian's package prometheus has it)")
    done = subprocess.run([promtool, *call.split()], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_of_an_alert_is_one_of_the_services_own() -> None:
    metrics = Metrics()
    metrics.tell_of(Recorder())  # type: ignore[arg-type]  # a double
    told = set(re.findall(r"^# TYPE (\w+)", metrics.text().decode(), re.MULTILINE))
    known = told | {f"{name}_{end}" for name in told for end in ("bucket", "count", "sum")}
    for file in ("rules.yml", "rules_test.yml"):
        used = set(re.findall(r"\bchampion_\w+", (PROMETHEUS / file).read_text(encoding="utf-8")))
        assert used - {"champion_model_info"} <= known
        assert used


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    cases = [case for test in load(PROMETHEUS / "rules_test.yml")["tests"] for case in test["alert_rule_test"]]
    for rule in rules():
        mine = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]]
        assert set(mine) == {True, False}, rule["alert"]
        assert {"summary", "action"} == rule["annotations"].keys()
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_page_names_every_alert_and_every_overlay_and_no_other() -> None:
    table = PAGE.partition("## Alerts")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [rule["alert"] for rule in rules()]
    assert set(re.findall(r"deploy/kubernetes/overlays/(\w+)", PAGE)) == set(OVERLAYS) == {"image", "volume"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_kubernetes(overlay: str) -> None:
    made = rendered(overlay)
    assert {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "HorizontalPodAutoscaler"} <= made.keys()
    for resource in made.values():
        for version in ("1.32", "1.37"):
            kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_what_kustomize_makes_of_it(overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl; the rest is tested without it")
    done = subprocess.run([kubectl, "kustomize", KUBERNETES / "overlays" / overlay], capture_output=True, check=True)
    theirs = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    ours = rendered(overlay)
    assert theirs.keys() == ours.keys()
    assert all(theirs[kind].get("spec") == ours[kind].get("spec") for kind in ours)


def test_every_file_of_the_manifests_is_used() -> None:
    used = {
        (path.parent / name).resolve()
        for path in KUBERNETES.rglob("kustomization.yaml")
        for name in [*load(path)["resources"], *(patch["path"] for patch in load(path).get("patches", []))]
    }
    there = {path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert there == {path for path in used if path.is_file()}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_has_no_right_that_it_does_not_need(overlay: str) -> None:
    made = rendered(overlay)
    pod = made["Deployment"]["spec"]["template"]["spec"]
    account = made["ServiceAccount"]
    assert pod["automountServiceAccountToken"] is account["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    runs = pod["securityContext"]
    assert (runs["runAsNonRoot"], runs["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    (container,) = containers_of(made)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert made["NetworkPolicy"]["spec"]["egress"] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_asks_for_no_key_in_one_line_and_the_next_takes_one_from_a_secret_that_has_to_be_there(
    overlay: str,
) -> None:
    (container,) = containers_of(rendered(overlay))
    assert [each for each in container["env"] if "KEY" in each["name"]] == [{"name": "SERVE_API_KEY", "value": "none"}]
    lines = (KUBERNETES / "base/deployment.yaml").read_text(encoding="utf-8").splitlines()
    (line,) = (number for number, line in enumerate(lines) if "SERVE_API_KEY, value: none" in line)
    made = yaml.safe_load("\n".join([*lines[:line], lines[line + 1].replace("# ", "", 1), *lines[line + 2 :]]))
    kubernetes_validate.validate(made, "1.32", strict=True)
    asked = [each for each in containers_of({"Deployment": made})[0]["env"] if "KEY" in each["name"]]
    secret = {"name": "champion-api-key", "key": "key"}  # and no `optional`
    assert asked == [{"name": "SERVE_API_KEY", "valueFrom": {"secretKeyRef": secret}}]
    assert f"secret generic {secret['name']} --from-literal={secret['key']}=" in PAGE


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_parts_of_an_overlay_find_each_other(overlay: str) -> None:
    made = rendered(overlay)
    spec = made["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    budget, network = (made[kind]["spec"] for kind in ("PodDisruptionBudget", "NetworkPolicy"))
    selectors = [each["matchLabels"] for each in (spec["selector"], budget["selector"], network["podSelector"])]
    for selector in (*selectors, made["Service"]["spec"]["selector"]):
        assert selector.items() <= labels.items()
    scaled = made["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", made["Deployment"]["metadata"]["name"])
    assert "replicas" not in spec, "the autoscaler's to say"
    (container,) = containers_of(made)
    (metric,) = made["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert (metric["type"], metric["containerResource"]["container"]) == ("ContainerResource", container["name"])
    window = made["HorizontalPodAutoscaler"]["spec"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"]
    assert window >= 60, "a package that is loaded adds no pods"
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow", "pods that answer nobody keep no node"
    (port,) = container["ports"]
    assert made["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz",
    }  # fmt: skip
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert {each["name"] for each in container["env"] if each["name"].startswith("SERVE_")} <= settings()
    annotations = spec["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


def test_a_volume_shows_the_folder_above_the_one_that_a_promotion_swaps() -> None:
    made = rendered("volume")
    (container,) = containers_of(made)
    package = next(each["value"] for each in container["env"] if each["name"] == "SERVE_PACKAGE")
    mount = next(each for each in container["volumeMounts"] if each["name"] == "models")
    assert (f"/app/{package.rpartition('/')[0]}", True) == (mount["mountPath"], mount["readOnly"])
    claim = made["PersistentVolumeClaim"]["metadata"]["name"]
    volumes = made["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert claim in [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in volumes]


def test_compose_runs_the_service_without_rights_and_on_this_machine_alone() -> None:
    services = load(ROOT / "compose.yaml")["services"]
    for service in services.values():
        bounds = (service["read_only"], service["cap_drop"], service["security_opt"])
        assert bounds == (True, ["ALL"], ["no-new-privileges:true"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    service = services["service"]
    assert service["build"]["target"] == "serving"
    assert "./models:/app/models:ro" in service["volumes"]
    assert service["environment"].keys() <= settings()
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert service["environment"]["SERVE_API_KEY"] == "none"
    (asked,) = re.findall(r"SERVE_API_KEY: none.*\n +# SERVE_API_KEY: (.*)", text)
    assert asked.startswith("${SERVE_API_KEY:?"), "Compose starts nothing while it is unset"
    (target,) = load(PROMETHEUS / "prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"service:{service['ports'][0].rpartition(':')[2]}"


def test_an_end_is_waited_for_as_long_as_the_service_takes() -> None:
    longest = next(option.default for option in main.params if option.name == "shutdown_seconds")
    compose = load(ROOT / "compose.yaml")["services"]["service"]["stop_grace_period"]
    pod = rendered("image")["Deployment"]["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    log_seconds = 10
    assert int(compose.removesuffix("s")) > longest + log_seconds
    assert pod["terminationGracePeriodSeconds"] > pause + longest + log_seconds
