"""Stacks from files, registered once however often it is asked; and of the Kubernetes one the pods that ZenML would submit.

There is no cluster here: what is checked ends at the manifests, made by ZenML's own code from the compiled run.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType

from champion import settings
from champion.errors import ConfigurationError, ProjectError
from champion.orchestration import stacks
from champion.orchestration.stack_support import kubernetes as kind
from champion.orchestration.stacks import support_of
from pipelines.dataset import register
from tests.conftest import Session, quick

LOCAL = "components:\n  orchestrator: {name: default}\n  artifact_store: {name: default}\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Client) -> Iterator[Path]:
    """A folder of stack files; the stack that was active is active again afterwards."""
    (tmp_path / "stacks").mkdir()
    monkeypatch.setattr(settings, "root", lambda: tmp_path)
    former = store.active_stack_model.id
    yield tmp_path / "stacks"
    store.activate_stack(former)


def test_a_stack_is_registered_once_activated_and_for_one_run_alone_leaves_the_former_one_active(
    files: Path, store: Client
) -> None:
    for name in ("mine", "once"):
        (files / f"{name}.yaml").write_text(LOCAL)
    stacks.activate(store, "mine")
    stacks.activate(store, "mine")
    assert store.active_stack_model.name == "mine"
    assert [stack.name for stack in store.list_stacks(name="mine").items] == ["mine"]

    def run() -> None:
        with stacks.activated(store, "once"):
            assert store.active_stack_model.name == "once"
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        run()
    assert store.active_stack_model.name == "mine"
    with stacks.activated(store, None):
        assert store.active_stack_model.name == "mine"
    with pytest.raises(ConfigurationError, match=r"no stack 'yours'; stacks/ has: mine, once\."):
        stacks.activate(store, "yours")


def test_what_a_stack_needs_is_in_the_module_of_its_name_or_of_its_flavor(
    files: Path, store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = "from champion.orchestration.stack_support import StackSupport, StepImage\n"
    made = "class Own(StackSupport):\n    image = StepImage('own', 'pod')\nSUPPORT = Own()\n"
    (files.parent / "own.py").write_text(base + made)
    monkeypatch.setattr(stacks.stack_support, "__path__", [*stacks.stack_support.__path__, str(files.parent)])
    for name in ("own", "other"):
        (files / f"{name}.yaml").write_text(LOCAL)
        with stacks.activated(store, name):
            assert (support_of(store).image is None) is (name == "other")


def test_a_component_that_changed_in_its_file_changes_in_the_store(files: Path, store: Client) -> None:
    text = "components:\n  orchestrator: {name: default}\n  artifact_store: {name: keeper, flavor: local, "
    for folder in (files / "one", files / "two"):
        folder.mkdir()
        (files / "kept.yaml").write_text(f"{text}configuration: {{path: {folder}}}}}\n")
        stacks.ensure(store, "kept")
        components = {kind.value: parts for kind, parts in store.get_stack("kept").components.items()}
        assert components["artifact_store"][0].configuration["path"] == str(folder)


def test_what_a_file_no_longer_says_of_a_component_is_gone_from_the_store(files: Path, store: Client) -> None:
    text = "components:\n  orchestrator: {name: starter, flavor: local_docker, configuration: {allowed_settings}}\n"
    text += "  artifact_store: {name: default}\n"
    for said in ("run_args: {name: mine}", ""):
        (files / "starter.yaml").write_text(text.replace("allowed_settings", said))
        stacks.ensure(store, "starter")
        component = store.get_stack_component(StackComponentType.ORCHESTRATOR, "starter")
        assert ("run_args" in component.configuration) is bool(said)


@pytest.mark.parametrize(
    ("components", "said"),
    [
        ("{orchestrator: {name: x, flavour: local}}", "flavour"),
        ("[", "is not valid YAML"),
        ("{orchestrator: {name: nobody}}", "no orchestrator named 'nobody'"),
    ],
)
def test_a_wrong_stack_file_is_refused_with_the_reason(files: Path, store: Client, components: str, said: str) -> None:
    (files / "wrong.yaml").write_text(f"components: {components}")
    with pytest.raises(ConfigurationError, match=said):
        stacks.ensure(store, "wrong")


def test_every_stack_file_of_the_project_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"local", "docker", "kubernetes"} == set(stacks.known())
    for name in stacks.known():
        text = (settings.root() / "stacks" / f"{name}.yaml").read_text(encoding="utf-8")
        for variable in re.findall(r"\$\{(\w+)\}", text):
            monkeypatch.setenv(variable, "given")
        assert {"orchestrator", "artifact_store"} <= stacks.read(name).components.keys()


TWO = {
    "small": {"estimator": "sklearn.tree.DecisionTreeClassifier"},
    "big": {"estimator": "sklearn.ensemble.RandomForestClassifier"},
}
RESOURCES = {"default": {"cpu": 0.5, "memory": "512Mi"}, "train_big": {"cpu": 8, "memory": "16Gi"}}
ENVIRONMENT = {
    "KUBERNETES_CONTEXT": "somewhere",
    "KUBERNETES_NAMESPACE": "champion",
    "ARTIFACT_STORE": "s3://artifacts",
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "IMAGE_REGISTRY": "registry.example.com/team",
}


@pytest.fixture
def kubernetes(store: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A store whose active stack is the Kubernetes one."""
    (tmp_path / "kubeconfig").write_text(
        "{apiVersion: v1, kind: Config, current-context: somewhere, users: [{name: u, user: {}}],"
        " contexts: [{name: somewhere, context: {cluster: c, user: u}}],"
        " clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]}"
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    former = store.active_stack_model.id
    yield store
    store.activate_stack(former)


def test_a_run_takes_along_the_image_and_pods_of_the_size_that_is_asked_for_and_candidates_run_side_by_side(
    kubernetes: Client, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.integrations.kubernetes.flavors import KubernetesOrchestratorSettings
    from zenml.integrations.kubernetes.manifest_utils import build_pod_manifest
    from zenml.pipelines.dynamic.pipeline_definition import DynamicPipeline

    compiled: list[Any] = []  # what ZenML would hand to the orchestrator
    monkeypatch.setattr(DynamicPipeline, "_run", lambda one: compiled.extend(one._compile()[:1]))
    monkeypatch.setattr(kind, "image_in_registry", lambda *_: "the image")
    use_case = quick(candidates=TWO, resources=RESOURCES)
    workspace = session.workspace(use_case)
    assert support_of(kubernetes).step_settings(workspace.use_case, workspace.use_case.steps()) == {}, "no pods here"
    dataset = register(kubernetes, workspace, None)  # in a store that can be reached
    monkeypatch.setattr("pipelines.training.register", lambda *_: dataset)
    stacks.activate(kubernetes, "kubernetes")
    with pytest.raises(ProjectError, match="handed to the stack"):
        session.train(use_case)
    (run,) = compiled
    settings = run.pipeline_configuration.settings
    assert settings["docker"].parent_image == "the image"
    of_light_steps = settings["orchestrator:kubernetes"].orchestrator_pod_settings["resources"]
    assert of_light_steps["limits"] == {"memory": "512Mi"}
    pods = run.pipeline_configuration.parameters["pods"]
    assert pods.keys() == {"train_small", "train_big"}, "light steps have none of their own"
    assert {pod["runtime"] for pod in pods.values()} == {"isolated"}
    big, small = (
        build_pod_manifest("pod", "image", ["python"], [], False, of_step.pod_settings).spec
        for of_step in (
            KubernetesOrchestratorSettings(**pods[name]["settings"]["orchestrator.kubernetes"])
            for name in ("train_big", "train_small")
        )
    )
    assert big.containers[0].resources == {"requests": {"cpu": "8", "memory": "16Gi"}, "limits": {"memory": "16Gi"}}
    assert small.containers[0].resources["requests"] == {"cpu": "0.5", "memory": "512Mi"}
    assert (big.automount_service_account_token, big.share_process_namespace) == (False, True)


def test_a_light_step_whose_size_is_said_has_a_pod_of_its_own(kubernetes: Client, session: Session) -> None:
    from pipelines import in_pods

    stacks.activate(kubernetes, "kubernetes")
    sizes = {"evaluate": {"cpu": 1, "memory": "4Gi"}}
    use_case = session.workspace(quick(resources=sizes)).use_case
    given = {"use_case": use_case, "table": None, "champion": None, "code": None, "trusted_code": ()}
    pods = in_pods.inputs(given, support_of(kubernetes).step_settings(use_case, use_case.steps()))["pods"]
    assert pods.keys() == {"train_tree", "evaluate"}


def test_a_pod_that_was_told_to_stop_or_taken_away_runs_again_and_one_that_failed_does_not(
    kubernetes: Client, session: Session
) -> None:
    stacks.activate(kubernetes, "kubernetes")
    use_case = session.workspace(quick()).use_case
    of_step = support_of(kubernetes).step_settings(use_case, ["train_tree"])["train_tree"]["settings"]
    away, failed = of_step["orchestrator.kubernetes"]["pod_failure_policy"]["rules"]
    assert (away["action"], away["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (failed["action"], failed["onExitCodes"]["values"]) == ("FailJob", [0, 143])
    assert of_step["orchestrator.kubernetes"]["backoff_limit_margin"] == kind.RETRIES


def test_what_the_stacks_file_says_of_pods_is_kept_beside_what_a_run_adds(kubernetes: Client, session: Session) -> None:
    stacks.activate(kubernetes, "kubernetes")
    orchestrator = kubernetes.active_stack_model.components[StackComponentType.ORCHESTRATOR][0]
    proxy = {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}
    of_stack = {
        "pod_settings": {
            "node_selectors": {"disk": "fast"},
            "labels": {"team": "risk"},
            "env": [proxy],
            "additional_pod_spec_args": {"priority_class_name": "batch"},
        }
    }
    kubernetes.update_stack_component(orchestrator.id, StackComponentType.ORCHESTRATOR, configuration=of_stack)
    use_case = session.workspace(quick(candidates=TWO, resources=RESOURCES)).use_case
    settings = support_of(kubernetes).step_settings(use_case, ["prepare"])["prepare"]["settings"]
    pod = settings["orchestrator.kubernetes"]["pod_settings"]
    assert pod["node_selectors"] == {"disk": "fast"}
    assert {"team", "champion/use-case"} <= pod["labels"].keys()
    assert pod["container_security_context"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["container_security_context"]["runAsUser"] == 1000, (
        "of a user that is a word, nobody can tell it from root"
    )
    assert pod["env"][0] == proxy
    assert "PYTHONPATH" in [each["name"] for each in pod["env"]]
    assert pod["additional_pod_spec_args"] == {
        "priority_class_name": "batch",
        "automount_service_account_token": False,
        "share_process_namespace": True,
    }, "as the client library names them: others ZenML ignores with a line in the log"


def test_the_stack_is_registered_from_its_file_and_the_environment_and_a_variable_that_is_not_set_is_named(
    kubernetes: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks.activate(kubernetes, "kubernetes")
    stacks.activate(kubernetes, "kubernetes")
    parts = {kind.value: parts[0] for kind, parts in kubernetes.active_stack_model.components.items()}
    assert parts["orchestrator"].flavor_name == "kubernetes"
    assert parts["orchestrator"].configuration["kubernetes_namespace"] == "champion"
    assert parts["artifact_store"].configuration["path"] == "s3://artifacts"
    assert parts["artifact_store"].configuration["secret"] == "{{s3.secret}}"
    assert parts["container_registry"].configuration["uri"] == "registry.example.com/team"
    monkeypatch.delenv("IMAGE_REGISTRY")
    with pytest.raises(ConfigurationError, match=r"needs IMAGE_REGISTRY in the environment.*docs/scale\.md"):
        stacks.read("kubernetes")
