"""The workflows keep to the house rules: thin, pinned, with no more rights than each job needs."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.y*ml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
OURS = "./.github/workflows/ci.yml"


def workflow(path: Path) -> dict[str, Any]:
    """A workflow; YAML reads the key `on` as true."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {**found, "on": found[True]}


WORKFLOWS = {path.stem: workflow(path) for path in FILES}
JOBS = {f"{file}:{name}": job for file, found in WORKFLOWS.items() for name, job in found["jobs"].items()}
STEPS = [(name, step) for name, job in JOBS.items() for step in job.get("steps", [])]
RUNS = [step for _, step in STEPS if "run" in step]
CHECKS, PIPELINE, MONITOR = (WORKFLOWS[name]["jobs"] for name in ("ci", "mlops-pipeline", "drift-monitor"))


def running(job: dict[str, Any], command: str) -> dict[str, Any]:
    """The step of a job that runs ``make ci-COMMAND``."""
    return next(step for step in job["steps"] if step.get("run") == f"make ci-{command}")


def test_every_run_is_one_make_target_that_exists() -> None:
    assert {step["run"] for step in RUNS} <= {f"make {target}" for target in TARGETS}
    assert [step for step in RUNS if "shell" in step] == []


def test_every_action_is_pinned_by_commit_and_no_checkout_leaves_a_token_behind_or_names_a_strangers_commit() -> None:
    used = [line for path in FILES for line in path.read_text().splitlines() if " uses: " in line and OURS not in line]
    assert [line for line in used if not re.search(r": [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
    for name, step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert {**step["with"], "fetch-depth": 0} == {"persist-credentials": False, "fetch-depth": 0}, name


def test_no_workflow_gives_a_right_to_all_its_jobs_or_uses_the_dangerous_trigger() -> None:
    for path in FILES:
        assert WORKFLOWS[path.stem]["permissions"] == {}
        assert [words for words in ("pull_request_target", "secrets: inherit") if words in path.read_text()] == []


def test_every_job_says_what_it_may_do_and_only_what_promotes_may_write_and_never_for_a_pull_request() -> None:
    for name, job in JOBS.items():
        assert set(job["permissions"].values()) <= {"read", "write"}, name
        assert job.get("uses") == OURS or 0 < job["timeout-minutes"] <= 90, name
        if job["permissions"].get("contents") == "write" or "packages" in job["permissions"]:
            group = "rollback" if name.endswith(":rollback") else "production"
            assert job["concurrency"] == {"group": group, "cancel-in-progress": False}, name
            assert "github.ref == 'refs/heads/main'" in job["if"], name
            assert "github.event_name != 'pull_request'" in job["if"] or "workflow_dispatch" in job["if"], name


def test_nothing_trains_or_promotes_unless_lint_and_tests_have_passed_on_that_commit() -> None:
    trains = {name: PIPELINE[name] for name in ("judge", "promote")}
    assert PIPELINE.keys() - trains.keys() == {"ci", "rollback"}
    assert PIPELINE["ci"]["if"] == "!inputs.rollback"
    assert {name: job["needs"] for name, job in trains.items()} == dict.fromkeys(trains, "ci")
    assert not any("always()" in job["if"] for job in trains.values()), "it would run after a failed check"
    triggers = WORKFLOWS["ci"]["on"].keys()
    assert triggers == {"workflow_call", "workflow_dispatch"}, "else the same commit would be checked twice"
    assert set(CHECKS["check"]["needs"]) == CHECKS.keys() - {"check"}
    assert CHECKS["check"]["if"] == "always()", "a skipped job counts as passed"


def test_a_rollback_waits_for_no_check_and_is_put_aside_by_no_merge() -> None:
    rollback = PIPELINE["rollback"]
    assert "needs" not in rollback, "main may be red just then"
    groups = [job.get("concurrency", {}).get("group") for job in JOBS.values()]
    assert groups.count(rollback["concurrency"]["group"]) == 1, "GitHub cancels what waits when the next one queues"
    assert [step["run"] for step in rollback["steps"] if "run" in step][:2] == ["make ci-champion", "make ci-rollback"]


def test_the_tests_run_on_every_python_that_the_project_admits() -> None:
    fast, whole = CHECKS["tests"], CHECKS["all-tests"]
    assert [fast["steps"][-1]["run"], whole["steps"][-1]["run"]] == ["make test", "make test-all"]
    assert fast["env"]["PYTHON_VERSION"] == "${{ matrix.python }}"
    assert [*fast["strategy"]["matrix"]["python"], whole["env"]["PYTHON_VERSION"]] == ["3.11", "3.12", "3.13"]
    assert whole["env"]["COVERAGE"], "what the tests reach is measured"
    assert [words for words in ("PYTHON_VERSION ?=", "--python '$(PYTHON_VERSION)'") if words not in MAKEFILE] == []


def test_a_token_that_can_write_reaches_only_the_steps_that_need_it() -> None:
    assert [name for name, job in JOBS.items() if "REPO_TOKEN" in job.get("env", {})] == []
    holders = {(name, step["run"][8:]) for name, step in STEPS if "REPO_TOKEN" in step.get("env", {})}
    names = {"champion", "post", "pointer", "image", "fork-comment", "drift-issue", "drift-retrain"}
    assert {command for _, command in holders} == names
    assert {command for name, command in holders if name == "mlops-pipeline:judge"} == {"post"}


def test_a_pull_request_is_commented_by_exactly_one_of_both_workflows() -> None:
    post, other = running(PIPELINE["judge"], "post")["if"], JOBS["comment-on-fork:comment"]["if"]
    assert "head.repo.full_name == github.repository && !startsWith(github.head_ref, 'dependabot/')" in " ".join(
        post.split()
    )
    assert "head_repository.full_name != github.repository" in other
    assert "|| startsWith(github.event.workflow_run.head_branch, 'dependabot/')" in other


def test_the_workflow_that_comments_for_a_fork_waits_for_the_pipeline_and_runs_no_code_of_the_fork() -> None:
    found, pipeline = WORKFLOWS["comment-on-fork"], WORKFLOWS["mlops-pipeline"]["name"]
    assert found["on"] == {"workflow_run": {"workflows": [pipeline], "types": ["completed"]}}
    (job,) = found["jobs"].values()
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    (download,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/download-artifact@")]
    assert download["with"]["path"].startswith("${{ runner.temp }}"), "nothing of the fork's lies in the checkout"
    assert "secrets." not in (FOLDER / "comment-on-fork.yml").read_text()


def test_the_drift_monitor_runs_by_the_clock_and_by_hand_on_main_alone_never_twice_at_once_and_promotes_nothing() -> (
    None
):
    trigger, watch, retrain = WORKFLOWS["drift-monitor"]["on"], MONITOR["watch"], MONITOR["retrain"]
    assert (set(MONITOR), set(trigger)) == ({"watch", "retrain"}, {"schedule", "workflow_dispatch"})
    assert set(trigger["workflow_dispatch"]["inputs"]) == {"table", "retrain"}
    assert watch["if"] == "github.ref == 'refs/heads/main'"
    assert watch["permissions"] == {"contents": "read", "issues": "write"}
    assert watch["concurrency"] == {"group": "drift", "cancel-in-progress": False}
    assert running(watch, "drift-issue")["if"] == "!cancelled()", "one that fails does not hold up the others' issues"
    assert retrain["permissions"] == {"actions": "write", "contents": "read"}
    assert re.match(r"needs\.watch\.outputs\.drift == 'true' && \(inputs\.retrain \|\| ", retrain["if"])
    starting = [name for name, job in JOBS.items() if job["permissions"].get("actions") == "write"]
    assert starting == ["drift-monitor:retrain"]
    assert "workflow_dispatch" in WORKFLOWS["mlops-pipeline"]["on"]


def test_the_report_is_uploaded_whatever_happened() -> None:
    for job in (PIPELINE["judge"], PIPELINE["promote"]):
        upload = next(step for step in job["steps"] if step.get("with", {}).get("path") == "reports/")
        assert upload["if"] == running(job, "comment")["if"] == "!cancelled()"


def test_the_steps_train_and_compare_in_containers() -> None:
    for name, command in [("judge", "train"), ("promote", "promote"), ("watch", "drift")]:
        job = {**PIPELINE, **MONITOR}[name]
        env = {**job.get("env", {}), **running(job, command)["env"]}
        assert env["CI_STACK"] == "docker"
        assert env.keys() >= {"ZENML_STORE_URL", "ZENML_STORE_API_KEY"}


def test_lint_checks_the_workflows() -> None:
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    assert "check-jsonschema --builtin-schema vendor.github-workflows" in recipe
    assert "zizmor --offline" in recipe


def test_the_gate_fails_unless_every_job_succeeded(tmp_path: Path) -> None:
    def gate(results: str) -> int:
        command = ["make", "--no-print-directory", "ci-check", f"UV={tmp_path}"]
        env = {"PATH": "/usr/bin:/bin", "RESULTS": results}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True).returncode

    assert gate("success success success") == 0
    for results in ("", "success failure", "success skipped", "cancelled"):
        assert gate(results) != 0


def test_every_variable_that_the_steps_read_and_every_secret_is_documented() -> None:
    page = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    paths = [path for room in ("champion/ci", "cli") for path in (ROOT / room).glob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in paths)
    names = set(re.findall(r'(?:env|self)(?:\.need\(|\.append\(|\[)"([A-Z_]+)"', code))
    given = {name for path in FILES for name in re.findall(r"(?:secrets|vars)\.([A-Z_]+)", path.read_text())}
    assert len(names) > 15
    assert [name for name in sorted(names | given) if f"`{name}`" not in page] == []


def test_every_variable_that_a_workflow_hands_over_is_read() -> None:
    readers = [*(ROOT / "champion").rglob("*.py"), ROOT / "tests/cluster/conftest.py"]
    code = MAKEFILE + "".join(path.read_text(encoding="utf-8") for path in readers)
    given = {name for _, holder in [*JOBS.items(), *STEPS] for name in holder.get("env", {})}
    assert [name for name in given if name not in code and not name.startswith("ZENML_")] == []
