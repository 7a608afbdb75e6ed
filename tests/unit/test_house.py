"""What holds for the whole library: the names of its classes, the size of its rooms, and who prints."""

import ast
import collections
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in (ROOT / "champion").rglob("*.py")}


def test_no_two_public_classes_have_one_name() -> None:
    names = collections.Counter(
        node.name
        for tree in MODULES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name[0] != "_"
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_room_has_at_most_about_seventeen_modules() -> None:
    rooms = collections.Counter(name.rpartition("/")[0] for name in MODULES if not name.endswith("__init__.py"))
    assert {room: count for room, count in rooms.items() if count > 18} == {}


PRINTERS = {
    "champion/terminal.py": "the one place",
    "cli/console.py": "what rich draws, by a console under the same guard",
    "champion/patching.py": "names of libraries alone; training reaches it, and is cached by what it reaches",
    "champion/datastore/backends/drive/probe.py": "JSON for the process that started it",
    "champion/orchestration/docker/inside.py": "JSON for the process that started its container",
    "devtools/benchmarks/batch_plain.py": "JSON for the process that started it",
    "devtools/benchmarks/million_plain.py": "JSON for the process that started it",
    "devtools/benchmarks/one_fit.py": "seconds for the process that started it",
    "pipelines/dataset.py": "JSON for the process that started it",
}
OTHER_PROGRAMS = (
    "devtools/benchmarks/real/programs/",
    "devtools/benchmarks/serving/servers/",
)  # which run in environments of their own


def test_nothing_is_printed_but_through_the_guard_of_names() -> None:
    rooms = ("champion", "cli", "devtools", "pipelines", "steps")
    files = [ROOT / "run.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
    names = {path.relative_to(ROOT).as_posix(): path for path in files}
    printing = {name: prints(path.read_text()) for name, path in names.items() if not name.startswith(OTHER_PROGRAMS)}
    bare = {name: lines for name, lines in printing.items() if lines}
    assert {name: lines for name, lines in bare.items() if name not in PRINTERS} == {}, "champion.terminal.echo prints"
    assert set(PRINTERS) == set(bare), "what prints no more needs no row"
    assert prints("print(1)\nclick.secho(2)\nsys.stderr.write(3)\nerror.show()\nsys.stdout.isatty()\nConsole()") == [
        *("1: print", "2: click.secho", "3: sys.stderr", "4: error.show", "6: Console"),
    ]


CODES = r"[A-Z]+\d+(?:, [A-Z]+\d+)*"
SILENT = re.compile(rf"# (?:noqa(?:: {CODES})?|type: ignore(?:\[[\w, -]+\])?)$")


def test_an_exception_from_a_rule_says_why() -> None:
    rooms = ("champion", "cli", "data", "devtools", "pipelines", "steps", "tests")
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [ROOT / "run.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SILENT.search(line)
    ]
    assert silent == [], "say why beside it"
    bare = ("noqa", "noqa: S101", "noqa: S101, D100", "type: ignore", "type: ignore[misc]")
    assert all(SILENT.search(f"a()  # {each}") for each in bare)
    assert not any(SILENT.search(f"a()  # {each}{why}") for each in bare for why in (" - it is so", "  # it is so"))


def prints(source: str) -> list[str]:
    """Where a module may print past the guard: the lines, and by what."""
    tree = ast.parse(source)
    asked = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "isatty"}
    words = [
        (node.lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in asked
    ]
    bare = {
        "print",
        "click.echo",
        "click.secho",
        "click.prompt",
        "click.confirm",
        "error.show",
        "sys.stdout",
        "sys.stderr",
    }
    return sorted(f"{line}: {word}" for line, word in words if word in bare | {"Console"})


def test_what_a_workflow_says_of_its_run_reaches_no_test() -> None:
    """On GitHub the tests decide whether a merge may promote: they must go there as they go on a laptop."""
    code = "import os, tests.conftest; print([name for name in os.environ if name.startswith('GITHUB_')])"
    env = {**os.environ, "GITHUB_RUN_ID": "7", "GITHUB_STEP_SUMMARY": "summary.md"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
