"""YAML 1.2, as DVC reads and writes it: ``1e-3`` is a number and ``on`` a text; in the YAML 1.1 of PyYAML they are not."""

from collections.abc import Hashable

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node

from champion.errors import ConfigurationError

DEEPEST = 50  # levels; a use case has 4, and Python's own stack ends at some 300


class _Bounded(Composer):
    _depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, f"it is nested more than {DEEPEST} levels deep", mark)
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _UniqueKeys(SafeConstructor):
    """Refuses a key given twice in words of ours; a key that is merged in may be there again."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConstructorError(None, None, f"{key!r} cannot be a key", key_node.start_mark)
            if key in seen:
                raise ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        mapping: dict[object, object] = super().construct_mapping(node, deep)
        return mapping


def parse(text: str, name: str) -> object:
    """Read a text. Raises ConfigurationError with the place where it is no YAML, gives a key twice, or is nested too deep."""
    loader = YAML(typ="safe", pure=True)
    loader.Composer, loader.Constructor = _Bounded, _UniqueKeys
    try:
        return loader.load(text)
    except (YAMLError, ValueError) as error:  # ValueError: the 31st of February, a number of 5,000 digits
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        problem = problem or str(error).partition("\n")[0]
        raise ConfigurationError(f"{name} is not valid YAML{where}: {problem}. Mend it there.") from None
