"""A use case for a table of one's own: ``run.py init TABLE --target COL``, without its printing.

Everything is read and checked before anything is written. What is written after that, is written whole or not at all:
an error or Ctrl-C on the way takes it back.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from champion import settings
from champion.datastore import dvc
from champion.errors import ConfigurationError, DataError, ProjectError
from champion.modeling.columns import Column, infer
from champion.modeling.table import check
from champion.modeling.tasks.classification.target import canonical_labels
from champion.onboarding.use_case_text import quoted, use_case_text
from champion.tabular.tables import read_table, table_suffix
from champion.use_case.whole import UseCase, parse_use_case
from champion.workspace.workspace import shown, write_text


@dataclass(frozen=True)
class Initialised:
    """What was made; the paths are relative to the checkout."""

    name: str
    config: Path
    data: Path
    columns: list[Column]
    warnings: list[str]
    tracked: bool


def initialise(root: Path, table: Path, target: str, name: str | None = None, *, force: bool = False) -> Initialised:
    """Write a use case that runs as it stands.

    The table is copied under data/ if it lies elsewhere, and put under DVC; the stage `train` of dvc.yaml gets an
    entry for it.

    Parameters
    ----------
    name : str, optional
        The use case's name; made of the file's name if left out.

    Raises
    ------
    ConfigurationError
        When the name is no name or is taken, or dvc.yaml is not YAML.
    DataError
        When the table cannot be read or learned from, or another file is in its place.
    ProjectError
        When a file cannot be written, or DVC fails. Nothing is left behind.
    """
    called = shown(table, root)
    suffix = table_suffix(table, called)
    name = _valid_name(name) if name is not None else _name_of(table, suffix)
    config = root / "configs" / f"{name}.yaml"
    if config.exists() and not force:
        raise ConfigurationError(
            f"{shown(config, root)} exists already. Give another --name, or --force to write it anew."
        )
    frame = read_table(table, called)
    data = _place(root, table, suffix)
    path = shown(data, root)
    target = unicodedata.normalize("NFC", target).strip()
    columns = infer(frame, exclude=[target], kinds={})
    doubts = check(frame, _bare(name, path, target, columns))
    numbers = set(frame.select_dtypes("number", exclude="timedelta").columns)
    text = use_case_text(name, path, target, columns, canonical_labels(frame[target]).tolist(), numbers)
    _require_readable(text, shown(config, root))
    stages, doubt = _with_stage(root, name, path)
    del frame
    with _all_or_nothing(root, data, config):
        _copy(table, data)
        untracked = _track(root, data)
        if stages is not None:
            write_text(root / "dvc.yaml", stages)
        write_text(config, text)
    return Initialised(
        name=name,
        config=config.relative_to(root),
        data=data.relative_to(root),
        columns=columns,
        warnings=[*doubts, *filter(None, (doubt, untracked))],
        tracked=untracked is None,
    )


def slug(text: str) -> str:
    """Fold a text into a use case's name: lower case, no accents, underscores between words.

    Examples
    --------
    >>> slug("Café Größe (2026)")
    'cafe_grosse_2026'
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]+", "_", plain).strip("_-")[:60].rstrip("_-")


def _valid_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", name):
        hint = f" For example {slug(name)!r}." if slug(name) else ""
        raise ConfigurationError(
            f"--name: found {name!r}, expected at most 60 of a to z, 0 to 9, _ and -, a letter or digit first.{hint}"
        )
    return name


def _name_of(table: Path, suffix: str) -> str:
    found = slug(table.name[: -len(suffix)])
    if not found:
        raise ConfigurationError(f"No name can be made of {table.name!r}. Give one with --name.")
    return found


def _place(root: Path, table: Path, suffix: str) -> Path:
    """Say where under data/ the table is to be; where it lies directly in data/, it stays."""
    folder = root / "data"
    if table.resolve().parent == folder.resolve():
        return folder / table.name
    place = folder / f"{slug(table.name[: -len(suffix)]) or 'table'}{suffix}"
    if place.exists() and not filecmp.cmp(table, place, shallow=False):
        raise DataError(
            f"{shown(place, root)} exists already and holds something else than {table.name}. Rename the table, "
            "or move the other file away."
        )
    return place


def _bare(name: str, path: str, target: str, columns: Sequence[Column]) -> UseCase:
    """Make the use case as far as the check of a table needs it."""
    drop = [column.name for column in columns if not column.used]
    raw = {"name": name, "data": {"path": path, "target": target, "drop": drop}}
    return parse_use_case({**raw, "candidates": {"any": {"estimator": "any"}}}, "The new use case")


def _require_readable(text: str, config: str) -> None:
    import yaml

    parse_use_case(yaml.safe_load(text), config)


def _with_stage(root: Path, name: str, path: str) -> tuple[str | None, str | None]:
    """Add the use case to dvc.yaml: its new text (None where it may stay), and a warning where there is no place."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString
    from ruamel.yaml.util import load_yaml_guess_indent

    file = root / "dvc.yaml"
    missing = "dvc.yaml has no stages.train.foreach: `dvc repro` will not train this use case; `python run.py` does."
    if not file.exists():
        return None, missing
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    try:
        former = file.read_text(encoding="utf-8")
        _, indent, offset = load_yaml_guess_indent(former)
        content = yaml.load(former)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"dvc.yaml is not valid YAML: {error}. Mend it first.") from None
    entries = _nested(content, "stages", "train", "foreach")
    if not isinstance(entries, CommentedMap):
        return None, missing
    if entries.get(name) == {"data": path}:
        return None, None
    entry = CommentedMap({"data": path})
    entry.fa.set_flow_style()
    entries[name if quoted(name) == name else DoubleQuotedScalarString(name)] = entry
    yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    out = StringIO()
    yaml.dump(content, out)
    return out.getvalue(), None


def _nested(found: Any, *keys: str) -> Any:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


@contextmanager
def _all_or_nothing(root: Path, data: Path, config: Path) -> Iterator[None]:
    """Bring back what was there before, when the block does not reach its end."""
    pointer = data.with_name(f"{data.name}.dvc")
    small = (config, root / "dvc.yaml", pointer, data.with_name(".gitignore"))
    before = {file: file.read_bytes() if file.exists() else None for file in small}
    had_data = data.exists()
    folders = [folder for folder in (config.parent, data.parent) if not folder.exists()]
    try:
        yield
    except BaseException as error:  # Ctrl-C is undone too
        _undo(before, None if had_data else data, folders)
        if isinstance(error, OSError):
            raise ProjectError(
                f"The use case could not be written ({error.strerror or error}); nothing was changed. Make room or "
                "give permission, and run again."
            ) from error
        raise


def _undo(before: dict[Path, bytes | None], copied: Path | None, folders: list[Path]) -> None:
    """Take back whatever can be taken back: one file in a place that cannot be written does not keep the others."""
    for file, content in before.items():
        with suppress(OSError):
            if content is None:
                file.unlink(missing_ok=True)
            elif not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)
    if copied is not None:
        with suppress(OSError):
            copied.unlink(missing_ok=True)
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _copy(table: Path, data: Path) -> None:
    if data.exists():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=f".{data.name}.", dir=data.parent)
    os.close(handle)
    try:
        shutil.copyfile(table, unfinished)
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, data)
    except BaseException:  # Ctrl-C too leaves nothing unfinished
        Path(unfinished).unlink(missing_ok=True)
        raise


def _track(root: Path, data: Path) -> str | None:
    """Put the table under DVC; a warning where that cannot be."""
    path = shown(data, root)
    known = dvc.tracked(root, data)
    if known.stage or (known.md5 is not None and known.md5 == dvc.data_version(data)):
        return None
    lacking = [f"`{tool} init`" for tool in ("git", "dvc") if not (root / f".{tool}").exists()]
    if lacking:
        return (
            f"{path} is not under DVC, so nobody else can get it. Run {' and '.join(lacking)}, then `dvc add {path}`."
        )
    if settings.inside_dvc():
        return f"{path} is not under DVC, because a DVC stage runs this. Run `dvc add {path}` afterwards."
    added = _dvc_add(root, path)
    if not added.ok:
        raise ProjectError(f"DVC could not take {path}: {added.last_line}. Nothing was changed; mend that first.")
    return None


def _dvc_add(root: Path, path: str) -> dvc.Done:
    """Call ``dvc add`` and wait for its end, also on Ctrl-C: half-way, the table may be in its cache only."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "add", path],
        cwd=root,
        env={**os.environ, "DVC_NO_ANALYTICS": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate()
    except BaseException:  # Ctrl-C waits for dvc, then goes on its way
        process.communicate()
        raise
    return dvc.Done(process.returncode == 0, output)
