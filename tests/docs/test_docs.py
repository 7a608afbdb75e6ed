"""The documentation is true: keys, defaults, errors, decisions, help, commands, links."""

import ast
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
import yaml
from pydantic import BaseModel

from champion import errors
from champion.comparison.decision import decide
from champion.modeling.columns import ColumnKind
from champion.registry.versions import Record, Version
from champion.serving.__main__ import main as serving_command
from champion.use_case.learning import KINDS
from champion.use_case.policy import Promotion
from champion.use_case.whole import UseCase
from cli import console
from tests.support import report_examples
from tests.support.pages import (
    CLI,
    FENCE,
    ROOT,
    USE_CASE,
    commands,
    fences,
    iris_yaml,
    merged,
    read,
    refusal,
    with_decisions,
    with_errors,
    with_help,
)

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "devtools/benchmarks").glob("*.md")])
RENEW = "`python -m tests.support.pages` renews it"
KEY = re.compile(
    r"#### `([^`]+)`\n\n(?P<type>[^\n]+?)\. (?:Default: `(?P<default>[^`]*)`|Required)\.\n(?P<body>.*?)(?=\n##)",
    re.DOTALL,
)


def field_paths(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Every key of the use case by its dotted path, with its field."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= field_paths(kind, f"{path}.")
            continue
        found[path] = field
        for inner in get_args(kind):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= field_paths(inner, f"{path}.NAME.")
    return found


FIELDS = field_paths(UseCase)
DOCUMENTED = {match[1]: match for match in KEY.finditer(read(USE_CASE))}


def test_every_key_of_the_use_case_is_documented_and_no_other() -> None:
    assert sorted(DOCUMENTED) == sorted(FIELDS)


@pytest.mark.parametrize("path", sorted(FIELDS))
def test_the_documented_default_of_a_key_is_the_default_its_example_runs_and_its_mistake_is_shown(path: str) -> None:
    field, told, body = FIELDS[path], DOCUMENTED[path]["default"], DOCUMENTED[path]["body"]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    assert field.is_required() == (told is None)
    assert yaml.safe_load(told or "") == (list(default) if isinstance(default, tuple) else default)
    examples = list(fences(body, "yaml"))
    assert examples
    assert list(fences(body, "text")), "a mistake"
    for example in examples:
        change = yaml.safe_load(example)
        assert refusal(merged(iris_yaml(), change)) is None
        assert documented(change, path), f"the example does not show {path}"


def documented(change: Any, path: str) -> bool:
    head, _, rest = path.partition(".")
    if isinstance(change, list):
        change = dict(enumerate(change))
    keys = list(change) if head == "NAME" else [key for key in (head,) if key in change]
    return any(not rest or documented(change[key], rest) for key in keys)


def test_every_mistake_gives_the_error_that_is_shown() -> None:
    text = read(USE_CASE)
    assert "→ None" not in with_errors(text), "a mistake that is none"
    assert text == with_errors(text), RENEW


def test_every_worked_example_of_a_promotion_is_decided_as_shown() -> None:
    text = read(USE_CASE)
    assert text == with_decisions(text), RENEW
    assert len(re.findall(r"^\| `\{.*The (?:challenger|champion) ", text, re.MULTILINE)) >= 9


def test_the_sample_use_case_is_shown_as_it_is() -> None:
    code = "".join(line for line in read(ROOT / "configs/iris.yaml").splitlines(True) if not line.startswith("#"))
    assert code in list(fences(read(USE_CASE), "yaml"))


def test_every_kind_of_column_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no)\b[^|]*\|$", read(USE_CASE), re.MULTILINE))
    assert rows == {kind: "yes" if kind in KINDS else "no" for kind in get_args(ColumnKind)}


def test_the_help_of_every_command_is_shown_as_it_is() -> None:
    assert read(CLI) == with_help(read(CLI)), RENEW


def test_every_exit_code_is_documented() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", read(CLI), re.MULTILINE)}
    ours = {errors.DONE, errors.FAILED, errors.WRONG_USAGE, errors.GATE_SAID_NO, errors.NOT_ENOUGH_DATA}
    assert told - {130} == ours


def section_of(heading: str) -> str:
    return read(CLI).partition(f"### `{heading} --json`\n")[2].partition("\n##")[0]


def test_the_json_of_train_and_models_has_the_documented_keys() -> None:
    from pipelines.outputs import decision_facts

    evaluation, facts = report_examples.evaluation(), report_examples.lineage()
    found = decision_facts(evaluation, decide(evaluation, Promotion()), facts, report_examples.outcome())
    record = Record.model_construct(**dict.fromkeys(Record.model_fields))
    version = Version(id=uuid4(), stage="none", record=record, champion_state=None, package_id=None)
    printed = {"train": {*found, "notes", "store", "stack"}, "models": set(console.version_facts(version))}
    for command, keys in printed.items():
        assert set(re.findall(r"^\| `(\w+)` \|", section_of(command), re.MULTILINE)) == keys, command


@pytest.mark.parametrize("command", ["rollback", "init", "prune"])
def test_the_json_of_a_command_has_the_documented_keys(command: str) -> None:
    functions = (node for node in ast.parse(read(ROOT / f"cli/{command}.py")).body if isinstance(node, ast.FunctionDef))
    function = next(node for node in functions if node.name == "command")
    printed = next(node for node in ast.walk(function) if isinstance(node, ast.Dict))
    outside_brackets = re.sub(r"\([^)]*\)", "", section_of(command))
    assert [ast.literal_eval(key) for key in printed.keys if key] == re.findall(r"`(\w+)`", outside_brackets)


def code_of(text: str) -> str:
    """The code of a page: fences and spans, one a line; lines that a backslash continues are joined."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", FENCE.sub("", text))
    return "\n".join([*(match[3] for match in FENCE.finditer(text)), *spans]).replace("\\\n", " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_run_py_command_and_flag_on_a_page_exists(page: Path) -> None:
    for arguments in re.findall(r"python run\.py\b([^\n]*)", code_of(read(page))):
        words = shlex.split(re.split(r"\s[#>|]|[;&`]|\s\.\.\.|\.(?:\s|$)", f" {arguments}")[0])
        name = words[0] if words and not words[0].startswith("-") else "train"
        if words[:1] in (["--help"], ["--version"]):
            continue
        name = " ".join(words[:2]) if name in ("ci", "data") and len(words) > 1 and words[1][0] != "-" else name
        assert name in commands(), f"{page.name}: python run.py{arguments}"
        known = {option for each in commands()[name].params for option in each.opts} | {"--help"}
        flags = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert flags <= known, f"{page.name}: python run.py{arguments}"


def test_every_flag_that_a_page_names_by_itself_exists() -> None:
    known = {option for each in (*commands().values(), serving_command) for par in each.params for option in par.opts}
    for page in [path for path in PAGES if path.parent != ROOT / "devtools/benchmarks"]:
        named = set(re.findall(r"(?<!`)`(--[\w-]+)(?: [A-Z]+)?`", read(page)))
        assert named - known - {"--help"} == set(), page.name


def test_every_make_target_on_a_page_exists_and_every_target_is_on_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), re.MULTILINE))
    typed = re.compile(r"^(?:\$ )?make ([a-z-]+)", re.MULTILINE)
    assert {name for page in PAGES for name in typed.findall(code_of(read(page)))} == targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", FENCE.sub("", read(page))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(read(target)), f"{page.name}: {link}"


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.casefold()).replace(" ", "-") for title in titles}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_place_of_one_machine_or_a_package_registry() -> None:
    place = r"(?<![\w.}$])/(?:home|Users|root|work|mnt)/\w"
    pattern = re.compile(f"{place}|pypi[.]org|pythonhosted[.]org|conda[.]anaconda|npmjs[.]")
    found = {path: pattern.search(path.read_bytes().decode("utf-8", "ignore")) for path in tracked_files()}
    assert {path.relative_to(ROOT): match[0] for path, match in found.items() if match} == {}


def test_the_readme_names_every_room_and_every_page_once() -> None:
    readme = read(ROOT / "README.md")
    section = readme.partition("## Where things are\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`([\w/]+)/`", cell)]
    folders = {path.parent.relative_to(ROOT).parts for path in tracked_files()} - {()}
    rooms = {folder[0] for folder in folders if not folder[0].startswith(".")} - {"champion"}
    rooms |= {f"champion/{folder[1]}" for folder in folders if folder[0] == "champion" and len(folder) > 1}
    assert sorted(named) == sorted(rooms)
    pages = re.findall(r"^- \[docs/[\w-]+\.md\]\((docs/[\w-]+\.md)\):", section, re.MULTILINE)
    assert sorted(pages) == sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
