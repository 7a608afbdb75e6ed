"""The model file: skops with an allow-list of types, never pickle.

A type that is not on the list is refused by name, when a model is written as well as when it is read, so that no
package is made that nobody could load.
"""

import importlib
import json
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath
from typing import Any, TypeVar

from champion.bundle.packed import pack, unpack
from champion.bundle.sizes import SCHEMA, check_room, check_unpacked
from champion.bundle.skops_inside import Parts, saved, tree_of, untrusted_kinds
from champion.bundle.written import check_written
from champion.errors import ConfigurationError, MemoryLimitError, ModelError, PackageError
from champion.modeling.evaluation import CandidateResult, EquivalenceReport
from champion.modeling.libraries import RENAMED, TRUSTED
from champion.modeling.own import code
from champion.modeling.own.code import OwnCode
from champion.modeling.own.kinds import STEP

_Found = TypeVar("_Found")
_BRANCHES = (dict, list, tuple)


@dataclass(frozen=True)
class TrainedCandidate:
    """One fitted candidate on its way from training to the comparison."""

    result: CandidateResult
    model: bytes  # the fitted pipeline as a skops file
    equivalence: EquivalenceReport | None = None
    answers: bytes | None = None  # a challenger's to the holdout (`champion.modeling.kept`)
    train_rows: bytes | None = None  # the sketch of what it learned from (`champion.modeling.rows.train_rows`)
    code: bytes | None = None  # the own code that its types are of (`champion.modeling.own.code`)


def dumps(pipeline: Any) -> bytes:
    """A fitted pipeline as the bytes of a skops file: the same model gives the same bytes.

    Types of the own code that is used are trusted. Raises PackageError when it holds a type that is not.
    """
    source, own = f"The estimator {type(pipeline[-1]).__name__}", code.active()
    try:
        parts = _canonical(*_saved(pack(pipeline)))
    except Exception as error:  # skops raises what the foreign object raises
        raise PackageError(
            f"The estimator {type(pipeline[-1]).__name__} cannot be written with skops: {error}. Choose another one."
        ) from error
    data, infos = _zipped(parts)
    if not _can_be_read(parts, own):
        require_trusted(data, source, own)
    else:
        _holding(source, lambda: check_room(infos, len(data), source))
    return data


def _saved(model: Any) -> tuple[Any, Parts]:
    """The schema of a skops file, and its other parts."""
    import skops.io

    return saved(model) or _parts_of(skops.io.dumps(model))


def _parts_of(data: bytes) -> tuple[Any, Parts]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(parts.pop(SCHEMA)), Parts(parts)


def _canonical(schema: Any, parts: Parts, types: Mapping[str, str] | None = None) -> Parts:
    """The parts of a skops file without what differs from one writing to the next: addresses and random names.

    `types` are those that get another name, by the former one. The schema is changed in place.
    """
    names = {name: f"{position}{PurePath(name).suffix}" for position, name in enumerate(parts.namelist())}
    ids: dict[int, int] = {}

    def rename(node: Any) -> None:
        for each in node.values() if isinstance(node, dict) else node:
            if isinstance(each, _BRANCHES):
                rename(each)
        if not isinstance(node, dict):
            return
        address, file = node.get("__id__"), node.get("file")
        if isinstance(address, int):  # not an attribute of this name, which would be a node
            node["__id__"] = ids.setdefault(address, len(ids))
        if isinstance(file, str):
            node["file"] = names.get(file, file)
        other = types.get(f"{node.get('__module__')}.{node.get('__class__')}") if types else None
        if other is not None:
            node["__module__"], _, node["__class__"] = other.rpartition(".")

    rename(schema)
    text = json.dumps(schema).encode()
    return Parts({**{names[name]: parts.read(name) for name in parts.namelist()}, SCHEMA: text})


def _zipped(parts: Parts) -> tuple[bytes, list[zipfile.ZipInfo]]:
    """The parts as a file, compressed and without the time, and what it says of them."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as written:
        for name in parts.namelist():
            info = zipfile.ZipInfo(name)  # of 1980
            written.writestr(info, parts.read(name), compress_type=zipfile.ZIP_DEFLATED, compresslevel=1)
        infos = written.infolist()
    return target.getvalue(), infos


def import_early() -> None:
    """Import what reads and writes the file, while few other modules are loaded.

    For each function of scipy.special skops looks through all modules until it finds it, and ZenML's come first where
    they are loaded first.
    """
    importlib.import_module("skops.io")


def loads(data: bytes, source: str, own: OwnCode | None = None) -> Any:
    """The fitted pipeline of a skops file; types of `own` code are trusted by its hash, and this code is run.

    Raises ModelError when it is no skops file, or holds a type that is not trusted.
    """
    import skops.io

    parts = _holding(source, lambda: _unpacked(data, source))
    tree, trusted = _looked_through(Parts(parts), own) if parts else None, list[str]()
    if tree is None:
        data, trusted = require_trusted(data, source, own)
    if own is not None:
        try:
            own.load_all(source)
        except ConfigurationError as error:
            raise ModelError(str(error), cause=f"cannot be loaded: {error}") from error
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # `bundle.libraries` says what moved
            return unpack(skops.io.loads(data, trusted=trusted) if tree is None else tree.construct())
    except MemoryError:
        raise
    except Exception as error:  # a file that lies about itself may raise anything
        cause = f"{type(error).__name__}: {error}"
        raise ModelError(
            f"{source} cannot be loaded ({cause}). It was written with other versions of scikit-learn or skops, or it "
            "is broken: fetch it again, or train anew.",
            cause=f"cannot be loaded: {cause}",
        ) from error


def _can_be_read(parts: Parts, own: OwnCode | None) -> bool:
    """Whether `loads` takes a file that was just written: skops is asked of each kind of node, and not of each node."""
    try:
        types = untrusted_kinds(check_written(parts, own))
        return _looked_through(parts, own) is not None if types is None else not _untrusted(types, own)
    except MemoryError:
        raise
    except Exception:  # `require_trusted` says what it is
        return False


def _looked_through(parts: Parts, own: OwnCode | None) -> Any:
    """What skops makes of a file whose types are all trusted, and that is as this product writes it; `construct` loads it.

    None where anything is amiss, which `require_trusted` names, or where skops' inside is not known.
    """
    try:
        known = tree_of(parts)
        if known is None:
            return None
        tree, schema = known
        types = tree.get_unsafe_set()
        if RENAMED.keys() & types or _untrusted(types, own):
            return None
        check_written(parts, own, schema)
    except MemoryError:
        raise
    except Exception:  # a file that lies about itself may raise anything
        return None
    return tree


def _untrusted(types: Iterable[str], own: OwnCode | None) -> list[str]:
    return sorted(each for each in set(types) - TRUSTED - {STEP} if own is None or not own.has(each))


def require_trusted(data: bytes, source: str, own: OwnCode | None = None) -> tuple[bytes, list[str]]:
    """Refuse a skops file that holds what this product does not write; nothing is loaded.

    Returns the file, in which types of `RENAMED` that are unknown here have the name that they have today, and its
    types beyond skops' defaults, all of them on the list, or of this very `own` code. Raises ModelError naming what is
    refused, or when it is no skops file; MemoryLimitError when there is not the memory for it.
    """
    import skops.io

    _holding(source, lambda: _unpacked(data, source))
    try:
        types: list[str] = skops.io.get_untrusted_types(data=data)
        if RENAMED.keys() & types:
            data, _ = _zipped(_canonical(*_parts_of(data), RENAMED))
            types = skops.io.get_untrusted_types(data=data)
    except MemoryError:
        raise
    except Exception as error:
        cause = f"is no skops file ({type(error).__name__})"
        raise ModelError(
            f"{source} is no skops file ({type(error).__name__}). Fetch the package again.", cause=cause
        ) from error
    if refused := _untrusted(types, own):
        if foreign := [each for each in refused if each.startswith(code.PREFIX)]:
            lacking = ", ".join(map(code.public_path, foreign))
            raise ModelError(
                f"{source} needs own code that is not in its package: {lacking}. Nothing was loaded. Fetch the package again, or "
                "train anew.",
                cause=f"needs own code that is not in its package: {lacking}",
            )
        raise ModelError(
            f"{source} holds types that are not trusted: {', '.join(refused)}. Nothing was loaded. Where you know "
            "them to be harmless, add them to TRUSTED of their library in champion/modeling/libraries/.",
            cause=f"cannot be loaded: this version's list of trusted types lacks {', '.join(refused)}",
        )
    with zipfile.ZipFile(BytesIO(data)) as archive:
        _holding(source, lambda: check_written(archive, own))
    return data, types


def _unpacked(data: bytes, source: str) -> dict[str, bytes]:
    """The parts of a file where they are small; nothing where it is no archive, which skops says."""
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile:
        return {}
    with archive:
        return check_unpacked(archive, len(data), source)


def _holding(source: str, check: Callable[[], _Found]) -> _Found:
    """What a check finds; raises ModelError with what it refuses."""
    try:
        return check()
    except (MemoryError, MemoryLimitError):
        raise
    except Exception as error:  # a file that lies about itself may raise anything
        cause = f"is not as this product writes a model: found {error}"
        raise ModelError(
            f"{source} is not as this product writes a model: found {error}. Nothing was loaded. Fetch the package again, or "
            "train anew.",
            cause=cause,
        ) from error
