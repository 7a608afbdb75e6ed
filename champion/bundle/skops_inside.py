"""What is taken from the inside of skops: a model is written without a file between, and read in one pass.

skops writes its JSON indented, by Python's slow encoder, and is asked twice where a file is looked at and then loaded. What is
used here are its own functions, which do the same; where one is not as it was, skops is asked by its front door.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from champion.patching import Reach, fits

_VERSION = "skops 0.16"
_MEMO = "memo=<factory>"
WRITING = (
    Reach(
        "skops.io._utils:get_state",
        "(value, save_context)",
        "a model is written by skops' own encoder of JSON",
        _VERSION,
    ),
    Reach(
        "skops.io._utils:SaveContext.__init__",
        f"(self, zip_file, protocol=2, {_MEMO})",
        "a model is written to a file in memory, and read again from there",
        _VERSION,
    ),
)
READING = (
    Reach(
        "skops.io._utils:read_schema", "(zip_file)", "a small model file is looked at once more to be loaded", _VERSION
    ),
    Reach(
        "skops.io._audit:get_tree",
        "(state, load_context, trusted)",
        "a small model file is looked at once more to be loaded",
        _VERSION,
    ),
)
REACHES = (*WRITING, *READING)


class Parts:
    """The parts of a model file, unpacked, by their names; what skops asks of a `ZipFile`, and no more."""

    def __init__(self, parts: Mapping[str, bytes] | None = None) -> None:
        self.parts: dict[str, bytes] = dict(parts or {})

    def namelist(self) -> list[str]:
        """The names, in their order."""
        return [*self.parts]

    def writestr(self, name: str, data: Any) -> None:
        """Add a part."""
        self.parts[name] = bytes(data)

    def read(self, name: str) -> bytes:
        """A part; raises KeyError where there is none."""
        return self.parts[name]


def saved(model: Any) -> tuple[dict[str, Any], Parts] | None:
    """What skops would write of a model: the schema, and the other parts; None where its inside is not known.

    Raises what skops raises.
    """
    if not all(map(fits, WRITING)):
        return None
    import skops
    from skops.io._utils import SaveContext, get_state

    parts = Parts()
    context = SaveContext(zip_file=parts)  # of which it asks no more
    state = get_state(model, context)
    context.clear_memo()
    return {**state, "protocol": context.protocol, "_skops_version": skops.__version__}, parts


def tree_of(parts: Parts) -> Any:
    """What skops makes of the parts of a file before anything is loaded, and the schema that it is made of.

    None where its inside is not known. `get_unsafe_set` of it are the types that are not trusted by default, and `construct`
    loads. Raises what skops raises.
    """
    if not all(map(fits, READING)):
        return None
    from skops.io._audit import get_tree
    from skops.io._utils import read_schema

    schema, context = read_schema(parts)  # of which it asks no more
    return get_tree(schema, context, trusted=None), schema


_NOTHING: dict[str, Any] = {"__loader__": "TupleNode", "__module__": "builtins", "__class__": "tuple", "content": []}
_REDUCED = {"content": _NOTHING, "__reduce__": {"args": _NOTHING}}
_BARE: dict[str, dict[str, Any]] = {
    "DictNode": {"content": {}, "key_types": _NOTHING},
    "DTypeNode": {"content": _NOTHING},
    "FunctionNode": {},
    "JsonNode": {"content": "null"},
    "ListNode": {"content": []},
    "LossNode": _REDUCED,
    "NdArrayNode": {"type": "json", "content": [], "shape": _NOTHING},
    "ObjectNode": {"content": None},
    "PartialNode": {"content": dict.fromkeys(("func", "args", "kwds", "namespace"), _NOTHING)},
    "RandomStateNode": {"content": _NOTHING},
    "SliceNode": {"content": dict.fromkeys(("start", "stop", "step"))},
    "TreeNode": _REDUCED,
    "TupleNode": {"content": []},
    "TypeNode": {},
}
"""What skops needs to make a node without parts, by its loader, where its name alone decides whether it is trusted."""


def untrusted_kinds(kinds: Iterable[tuple[str, str]]) -> list[str] | None:
    """The types that skops by itself does not trust, of nodes of these kinds: a loader, and the type that it makes.

    skops is asked of a node without parts, once for each kind. None where its inside is not known, or more than names decides.
    """
    kinds = [*kinds]
    if not all(map(fits, READING)) or any(loader not in _BARE for loader, _ in kinds):
        return None
    return sorted({name for loader, name in kinds if not _is_trusted(loader, name)})


@functools.lru_cache(maxsize=1024)
def _is_trusted(loader: str, name: str) -> bool:
    from skops.io._audit import get_tree
    from skops.io._utils import LoadContext

    module, _, kind = name.rpartition(".")
    node = {"__loader__": loader, "__module__": module, "__class__": kind, **_BARE[loader]}
    return not get_tree(node, LoadContext(src=Parts(), protocol=2), trusted=None).get_unsafe_set()
