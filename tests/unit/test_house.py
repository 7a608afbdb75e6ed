"""What holds for the whole library: the names of its classes, and the size of its rooms."""

import ast
import collections
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
