"""Secrets do not travel: GitHub hides them in its logs, but not in a comment, a summary or an artifact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

NAMES = ("GDRIVE_CREDENTIALS_DATA", "ZENML_STORE_API_KEY", "REPO_TOKEN", "GITHUB_TOKEN", "ZENML_STORE_PASSWORD")
SHORTEST = 8  # what is shorter is no secret, and hiding it would spoil the text


def hidden(text: str, environment: Mapping[str, str]) -> str:
    """A text without the secrets of an environment, nor the parts of one that is JSON.

    Returns
    -------
    str
        With ``***`` in their place.
    """
    for secret in _secrets(environment):
        text = text.replace(secret, "***")
    return text


def _secrets(environment: Mapping[str, str]) -> list[str]:
    found: set[str] = set()
    for name in NAMES:
        value = environment.get(name, "").strip()
        found.add(value)
        found.update(_parts(value))
    return sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)


def _parts(value: str) -> Iterator[str]:
    try:
        loaded = json.loads(value)
    except ValueError:
        yield from value.splitlines()
        return
    yield from _texts(loaded, secret=False)


def _texts(loaded: object, secret: bool) -> Iterator[str]:
    """The texts of a JSON value that stand under a name of a secret, as they are and as JSON writes them."""
    if isinstance(loaded, dict):
        for key, part in loaded.items():
            yield from _texts(part, secret or any(word in str(key) for word in ("key", "token", "secret")))
    elif isinstance(loaded, list):
        for part in loaded:
            yield from _texts(part, secret)
    elif secret and isinstance(loaded, str) and not loaded.startswith("http"):
        yield from (loaded, json.dumps(loaded)[1:-1], *loaded.splitlines())
