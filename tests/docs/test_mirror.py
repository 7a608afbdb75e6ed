"""tests/unit/ mirrors champion/: a folder for each room, a file for each module or behaviour, and no module unreached."""

import ast
from functools import cache
from pathlib import Path

import grimp

from tests.support.pages import ROOT

UNIT = ROOT / "tests/unit"
# Files that test what several modules of a room do together, and so have the name of no module.
BEHAVIOURS = {
    "comparison": {"real_tables": "the benchmark of real tables"},
    "ci": {"fork": "a fork's artifact", "steps": "the steps in real clones", "workflows": "the files of .github"},
    "datastore": {
        "backends/other_kinds": "remotes but Drive",
        "backends/drive/faults": "a Google that refuses", "backends/drive/push_and_pull": "a remote on Drive",
    },
    "drift": {"simulation": "how often the gate errs"},
    "modeling": {
        "behaviour": "what holds for any estimator", "nested": "estimators in estimators",
        "every_value": "every documented value", "tasks/protocol": "a further task",
    },
    "registry": {"locked": "who changes production holds the lock", "reconcile_stateful": "two clones, in any order"},
    "orchestration": {"engine": "an engine that is not there"},
    "reporting": {
        "drift_report": "one report in all its forms", "report": "one report in all its forms",
        "report_in_a_browser": "the pages as they are seen",
    },
    "serving": {
        "batcher": "requests that wait for a model", "own_code": "a package with code of its own",
        "api_docs": "the docs in a browser", "benchmark": "the load of the benchmark", "command": "run.py serve",
        "fuzz": "requests of every kind", "limits": "sizes and times", "page": "the page in a browser",
        "reload": "a swap under load", "serving_docs": "docs/serving.md", "start": "what ends a start",
    },
    "tabular": {
        "dialects": "texts as people have them", "header_and_units": "no header, and units below it",
        "typed_formats": "JSON and Arrow",
        "dirty": "the benchmark of dirty cells and files", "one_reader": "one table through every reader",
    },
    "use_case": {"use_case": "the three parts together"},
    "": {"house": "the directions of imports"},
}  # fmt: skip
# Modules that the tests of their room run in a process of its own, or that tests of another room hold.
ELSEWHERE = {
    "champion.datastore.backends.drive.probe": "test_push_and_pull.py beside it, in the client's environment",
    "champion.drift.labels": "tests/system/test_monitor.py",
    "champion.drift.rows": "tests/system/test_monitor.py",
    "champion.failures": "tests/system/test_bad_machine.py",
    "champion.modeling.tasks.classification.answer": "tests/unit/serving/test_predict.py",
    "champion.modeling.tasks.classification.start": "tests/unit/onboarding/test_initialise.py",
    "champion.onboarding.doctor": "tests/system/test_cli.py",
    "champion.orchestration.cluster.inside": "tests/integration/test_in_pods.py",
    "champion.orchestration.cluster.start.sitecustomize": "tests/integration/test_in_pods.py",
    "champion.progress": "tests/integration/test_batch_files.py",
    "champion.reporting.comment": "tests/unit/ci/test_comment.py",
    "champion.reporting.drift.issue": "tests/unit/ci/test_drift.py",
    "champion.reporting.metrics": "tests/unit/registry/test_sides.py",
    "champion.settings": "every command",
}


@cache
def imports(path: Path) -> set[str]:
    """What a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def imported(*paths: Path) -> set[str]:
    """What test files import, and what the helpers import that they take from tests/support."""
    found, todo, seen = set[str](), set(paths), set[Path]()
    while todo:
        seen.add(path := todo.pop())
        found |= imports(path)
        helpers = {ROOT / f"{name.replace('.', '/')}.py" for name in imports(path) if name.startswith("tests.")}
        todo |= {helper for helper in helpers if helper.is_file()} - seen
    return found


def test_every_file_of_the_unit_tests_has_the_name_of_a_module_or_of_a_behaviour_of_the_table_and_no_other_is_there() -> (
    None
):
    behaviours = {Path(room) / name for room, names in BEHAVIOURS.items() for name in names}
    tests = {path.relative_to(UNIT).with_name(path.stem.removeprefix("test_")) for path in UNIT.rglob("test_*.py")}
    there = [path.relative_to(ROOT / "champion") for path in (ROOT / "champion").rglob("*")]
    modules = {path.with_suffix("") for path in there if path.suffix in ("", ".py")}
    assert sorted(tests - modules - behaviours) == [], "name them after a module, or add the behaviour to the table"
    assert sorted(behaviours - tests) == []


def test_every_module_is_reached_by_a_test_of_its_room() -> None:
    graph = grimp.build_graph("champion", "cli", "pipelines", "steps", "devtools")
    modules, unreached = graph.modules, []
    for room in sorted({name.split(".")[1] for name in modules if name.startswith("champion.")}):
        folder = UNIT / room
        tests = folder.rglob("test_*.py") if folder.is_dir() else UNIT.glob("test_*.py")
        direct = imported(*tests) & modules
        reached = direct.union(*(graph.find_upstream_modules(name) for name in direct))
        mine = {name for name in modules if name == f"champion.{room}" or name.startswith(f"champion.{room}.")}
        unreached += sorted(mine - reached - {name for name in mine if graph.find_children(name)} - ELSEWHERE.keys())
    assert unreached == [], "write a test in the room, or say in the table where the module runs"
    assert [path for path in ELSEWHERE.values() if path.endswith(".py") and not (ROOT / path).is_file()] == []
    assert ELSEWHERE.keys() <= modules
