"""The entry of a use case in dvc.yaml, below stages.train.foreach; all else there stays as it was written."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from champion.errors import ConfigurationError
from champion.onboarding.use_case_text import quoted

MISSING = "dvc.yaml has no stages.train.foreach: `dvc repro` will not train this use case; `python run.py` does."


def with_stage(root: Path, name: str, path: str) -> tuple[str | None, str | None]:
    """Add the use case to dvc.yaml: its new text (None where it may stay), and a warning where there is no place.

    Raises ConfigurationError when it is no YAML.
    """
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    read = _read(root)
    if read is None:
        return None, MISSING
    round_trip, content, entries = read
    if entries.get(name) == {"data": path}:
        return None, None
    entry = CommentedMap({"data": path})
    entry.fa.set_flow_style()
    entries[name if quoted(name) == name else DoubleQuotedScalarString(name)] = entry
    return _text(round_trip, content), None


def without_stage(root: Path, name: str) -> str | None:
    """The text of dvc.yaml without the use case; None where it may stay. Raises ConfigurationError when it is no YAML."""
    read = _read(root)
    if read is None or name not in read[2]:
        return None
    round_trip, content, entries = read
    del entries[name]
    return _text(round_trip, content)


def _read(root: Path) -> tuple[Any, Any, Any] | None:
    """What writes the file as it was, its content, and the entries; None where there is no place for any."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.util import load_yaml_guess_indent

    file = root / "dvc.yaml"
    if not file.exists():
        return None
    round_trip = YAML()
    round_trip.preserve_quotes, round_trip.width = True, 10_000
    try:
        former = file.read_text(encoding="utf-8")
        _, indent, offset = load_yaml_guess_indent(former)
        content = round_trip.load(former)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"dvc.yaml is not valid YAML: {error}. Mend it first.") from None
    entries = content
    for key in ("stages", "train", "foreach"):
        entries = entries.get(key) if isinstance(entries, dict) else None
    if not isinstance(entries, CommentedMap):
        return None
    round_trip.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    return round_trip, content, entries


def _text(round_trip: Any, content: Any) -> str:
    out = StringIO()
    round_trip.dump(content, out)
    return out.getvalue()
