"""The settings of the service: every option of the command line, each with its environment variable.

Only click is imported here, because `run.py` asks for these options before it knows whether it will serve.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from champion.errors import ConfigurationError

KEY_VARIABLE = "SERVE_API_KEY"
SHORTEST_KEY = 16  # characters
_DEFAULTS = re.compile(
    "changeme|secret|password|default|example|apikey|mykey|letmein|topsecret|token|admin|test|key|your|replace"
)

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Options:
    """How a service is to run.

    `package`: folder of the production package; it may come later. `log`: folder of the prediction log; None writes
    none. `key`: what a client must show; None asks for nothing. `max_body`, `max_rows`, `max_concurrency`: bytes and
    rows of one request, and requests at a time. `use_case`: whose package is served; without it the first one says.
    """

    package: Path
    shown: str
    host: str = "127.0.0.1"
    port: int = 8000
    log: Path | None = None
    key: str | None = None
    max_body: int = 1_048_576
    max_rows: int = 10_000
    max_concurrency: int = 128
    body_seconds: float = 10.0
    shutdown_seconds: float = 20.0
    reload_seconds: float = 1.0
    use_case: str | None = None


def serve_options(command: Command) -> Command:
    """Give a click command the options that every way to start the service has."""
    several = click.IntRange(min=1)
    seconds = click.FloatRange(min=0.05, max=86_400)
    key_file = f"Ask every client for the key in this file; or for the one in {KEY_VARIABLE}."
    rows: list[tuple[str, Any, str, str]] = [
        ("host", str, "ADDRESS", "Where to listen."),
        ("port", click.IntRange(0, 65535), "N", "0 takes a free one."),
        ("api_key_file", str, "FILE", key_file),
        ("max_body", several, "BYTES", "Of one request."),
        ("max_rows", several, "N", "Of one request."),
        ("max_concurrency", several, "N", "Requests for a prediction at a time."),
        ("body_seconds", seconds, "S", "How long a request may take to arrive."),
        ("shutdown_seconds", seconds, "S", "How long requests may take to end once the service is told to stop."),
        ("reload_seconds", seconds, "S", "How often to look for a new package."),
    ]
    for name, kind, metavar, text in reversed(rows):
        default = getattr(Options, name, None)
        command = click.option(
            f"--{name.replace('_', '-')}",
            envvar=f"SERVE_{name.upper()}",
            default=default,
            type=kind,
            metavar=metavar,
            show_default=default is not None,
            help=text,
        )(command)
    return command


def api_key(file: str | None) -> str | None:
    """The key that clients must show, of a file or of `SERVE_API_KEY`; None where neither is given: it asks for none.

    Raises ConfigurationError when both are given, the file cannot be read, or the key is empty, short, a known default
    or not plain ASCII.
    """
    given = os.environ.get(KEY_VARIABLE)
    if file and given is not None:
        raise ConfigurationError(
            f"There are two API keys: one in {KEY_VARIABLE}, one in the file of --api-key-file. Give one of them."
        )
    if not file:
        return None if given is None else _fit(given)
    try:
        return _fit(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(
            f"The API key's file {file} cannot be read ({reason}). Give a readable file with the key alone in it."
        ) from None


def _fit(text: str) -> str:
    """A key without the line's end that its file has; a weak one is refused without being shown."""
    key = text.strip()
    plain = _DEFAULTS.sub("", "".join(letter for letter in key.casefold() if letter.isalnum()))
    if not key:
        wrong = "is empty"
    elif len(key) < SHORTEST_KEY:
        wrong = f"has {len(key)} characters, fewer than {SHORTEST_KEY}"
    elif not (key.isascii() and key.isprintable()) or " " in key:
        wrong = "has characters that a header cannot carry"
    elif len(set(plain.rstrip("0123456789"))) < 4:
        wrong = "is a default that anybody would try"
    else:
        return key
    raise ConfigurationError(
        f"The API key {wrong}. Make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`, or unset "
        f"{KEY_VARIABLE} and leave out --api-key-file to ask for none."
    )
