"""The libraries that a champion was made with, beside those that are here.

A difference alone is no fault: the pins have another NumPy for another Python. It is looked at before a model is loaded,
so that a model that cannot be loaded, or cannot answer, is explained by what moved.
"""

import re
from collections.abc import Mapping
from importlib import metadata

from champion.errors import ModelError

_VERSION = re.compile(r"\d[\w.+!]{0,40}", re.ASCII)


def moved(made_with: Mapping[str, str], here: Mapping[str, str] | None = None) -> str | None:
    """Which libraries have another version here, as a text: in this environment, or in an image, whose versions are `here`.

    What is not installed there does not count: a service has no pandas.
    """
    find = here.get if here else _installed
    pairs = [(name, version, find(name)) for name, version in made_with.items()]
    texts = [f"{name} {_plain(then)}, which is {now} here" for name, then, now in pairs if now not in (None, then)]
    return ", and ".join(texts) or None


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except (metadata.PackageNotFoundError, ValueError):  # a manifest may hold any text
        return None


def _plain(version: str) -> str:
    return version if _VERSION.fullmatch(version) else ascii(version[:20])


def failure(error: Exception) -> str:
    """What a model raised, to follow "its model": one bounded, printable line, since a file may name its types at will."""
    cause = error.cause if isinstance(error, ModelError) else f"cannot answer: {type(error).__name__}: {error}"
    line = (cause.splitlines() or [""])[0][:400].rstrip(".")
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def unable(error: Exception, made_with: Mapping[str, str]) -> str:
    """Why a champion cannot be asked, to follow it as the subject of a sentence."""
    changed = moved(made_with)
    cause = f"its model {failure(error)}"
    return cause if changed is None else f"it was made with {changed}, and {cause}"


def ways_on(made_with: Mapping[str, str], arguments: str, config: str | None = None, where: str = "") -> str:
    """What to do about it, with commands that can be pasted; `arguments` are those of run.py.

    With a `config` a refit is the first of them; `where` says what that takes, where it is not known here. A manifest is not
    trusted to name what would be installed: the libraries are among those that are here.
    """
    pins = [each for each in made_with.items() if _VERSION.fullmatch(each[1]) and _installed(each[0])]
    versions = " ".join(f"--with {name}=={version}" for name, version in pins)
    refit = f"`python run.py refit --config {config}` makes it anew with these libraries{where}. " if config else ""
    return (
        f"{refit}`python run.py train` with promotion.replace_unjudged: true replaces it; in an environment of the old "
        f"versions it still answers: `uv run --no-project {versions} python run.py {arguments}`."
    )
