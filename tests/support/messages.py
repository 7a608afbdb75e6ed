"""Every message of an error, read from the code: its fixed words, and … for what is filled in."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("champion", "steps", "pipelines", "cli", "devtools/demo")
GAP = "…"

# Calls that carry a message but construct no ProjectError: which argument it is.
CARRIERS = {
    "Symptom": 1,  # champion/datastore/backends: what the words of a remote mean
    "_refused": 1,  # champion/bundle/folder.py: why a package is refused
    "ConstructorError": 2,  # champion/workspace/workspace.py: keys of the YAML
}
# Constructions whose text is a value: the functions or tables of the same file that make the text.
MADE_BY = {("champion/use_case/whole.py", "'\\n'.join(lines)"): ("_sentence", "_EXPECTED")}
# Names that stand for two words at the head of a message: the table of a file, and one that has no name.
NAMED = {"champion/tabular/": {"table": [f"The table {GAP}", "The table"]}}
# Texts that were found already: they come from a carrier, or from an error that is passed on.
PASSED_ON = {
    ("champion/onboarding/doctor.py", "str(error)"),
    ("champion/onboarding/doctor.py", "cause"),
    ("champion/serving/trial.py", "found['refused']"),
}


@dataclass(frozen=True)
class Message:
    """One message: all its forms (a choice between two words gives two), and where it stands."""

    forms: tuple[str, ...]
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.forms[0]}"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module that may print an error, by its path in the checkout."""
    paths = [ROOT / "run.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def error_classes(trees: dict[str, ast.Module]) -> set[str]:
    """ProjectError and whatever descends from it, in any module."""
    bases = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"ProjectError"}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def errors(trees: dict[str, ast.Module]) -> list[Message]:
    """Every message of an error that the modules construct."""
    classes, constants, found = error_classes(trees), _constants(trees), []
    for file, tree in trees.items():
        known = constants | next((words for room, words in NAMED.items() if file.startswith(room)), {})
        for text in (text for node in ast.walk(tree) for text in _told(node, file, tree, classes, known)):
            forms = [" ".join(re.sub(r"\{\w+\}", GAP, form).split()) for form in _forms(text, known) or [GAP]]
            found.append(Message(tuple(dict.fromkeys(forms)), file, text.lineno))
    return found


def makefile_errors() -> list[Message]:
    """What a target of the Makefile says before it fails."""
    lines = enumerate((ROOT / "Makefile").read_text(encoding="utf-8").splitlines(), start=1)
    found = [(number, re.findall(r'echo "([^"]+)"; exit [1-9]', line)) for number, line in lines]
    return [Message((re.sub(r"\$\$\w+", GAP, told),), "Makefile", number) for number, each in found for told in each]


def texts() -> list[str]:
    """Every text of the modules: warnings and reasons among them."""
    strings = (node for tree in modules().values() for node in ast.walk(tree))
    constants = _constants(modules())
    found = [_forms(node, constants) for node in strings if isinstance(node, ast.Constant | ast.JoinedStr)]
    return [form for forms in found for form in forms or ()]


def _constants(trees: dict[str, ast.Module]) -> dict[str, list[str]]:
    """The texts that have a name; one that names two texts is left out."""
    found: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                for form in _forms(node.value, {}) or ():
                    found.setdefault(node.targets[0].id, set()).add(form)
    return {name: list(values) for name, values in found.items() if len(values) == 1}


def _forms(node: ast.expr, constants: dict[str, list[str]]) -> list[str] | None:
    """The forms of a text; None where it is no text that can be read here."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.IfExp):
        found = [_forms(branch, constants) for branch in (node.body, node.orelse)]
        return [form for forms in found for form in forms] if all(found) else None
    if isinstance(node, ast.FormattedValue):
        return _forms(node.value, constants)
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
        parts = node.values if isinstance(node, ast.JoinedStr) else (node.left, node.right)
        chosen = product(*(_forms(part, constants) or [GAP] for part in parts))
        return [re.sub(f"{GAP}+", GAP, "".join(each)) for each in chosen]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return [re.sub(r"\{\w*\}", GAP, form) for form in _forms(node.func.value, constants) or ()] or None
    return None


def _told(
    node: ast.AST, file: str, tree: ast.Module, classes: set[str], constants: dict[str, list[str]]
) -> Iterator[ast.expr]:
    """The texts of the error that a node makes or carries, if it does."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in classes:
        yield node.exc
    if not isinstance(node, ast.Call) or (index := _index(node, file, classes, constants)) is None:
        return
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    text = given[index] if len(given) > index else node
    key, makers = (file, ast.unparse(text)), ()
    if isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id not in classes:
        makers = (text.func.id,)
    if makers := MADE_BY.get(
        key, makers
    ):  # what these functions of the module return, or the texts of these tables of it
        for made in ast.walk(tree):
            if isinstance(made, ast.FunctionDef) and made.name in makers:
                yield from (each.value for each in ast.walk(made) if isinstance(each, ast.Return) and each.value)
            elif isinstance(made, ast.Assign) and ast.unparse(made.targets[0]) in makers:
                yield from made.value.values if isinstance(made.value, ast.Dict) else ()
    elif key not in PASSED_ON:
        yield text


def _index(call: ast.Call, file: str, classes: set[str], constants: dict[str, list[str]]) -> int | None:
    """Which argument is the message, where the call makes or carries one."""
    function = ast.unparse(call.func)
    name = function.rpartition(".")[2]
    if name in classes or (name == "ValueError" and file.startswith("champion/use_case/")):
        return 0
    if function == "sys.exit":
        return 0 if call.args and _forms(call.args[0], constants) else None
    if function == "sys.stderr.write":
        return 0 if (_forms(call.args[0], constants) or [""])[0].startswith("Usage: ") else None
    if name == "Finding":
        return 2 if len(call.args) > 2 and ast.unparse(call.args[1]) == "False" else None
    return CARRIERS.get(name)
