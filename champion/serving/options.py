"""The settings of the service: every option of the command line, each with its environment variable.

Only click is imported here, because `run.py` asks for these options before it knows whether it will serve.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from champion.errors import ConfigurationError

KEY_VARIABLE, KEY_FILE_VARIABLE = "SERVE_API_KEY", "SERVE_API_KEY_FILE"
NONE, ANY = (
    "none",
    "any",
)  # of `trust_code`: no own code, or whatever a package brings; `NONE` of the key: none is asked for
SHORTEST_KEY = 16  # characters
_DEFAULTS = re.compile(
    "changeme|secret|password|default|example|apikey|mykey|letmein|topsecret|token|admin|test|key|your|replace"
)
_SEVERAL, _SECONDS = click.IntRange(min=1), click.FloatRange(min=0.05, max=86_400)

Command = TypeVar("Command", bound=Callable[..., Any])


def _setting(default: Any, kind: Any, metavar: str, text: str, **more: Any) -> Any:
    """A field that is an option of the command line too: `--max-body`, and SERVE_MAX_BODY in the environment."""
    return field(default=default, metadata={"type": kind, "metavar": metavar, "help": text, **more})


class _Trust(click.ParamType):  # type: ignore[type-arg]  # click 8.3 and before know no argument
    """Which own code may be run: none, any, or that of one hash."""

    name = "hash"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The setting as it is kept: `NONE`, `ANY`, or a hash."""
        text = value.strip().casefold()
        if text in ("", "0", "false", "no", "off", NONE):
            return NONE
        if text in (ANY, "1", "true", "yes", "on"):
            return ANY
        if not re.fullmatch("[0-9a-f]{32}", text):
            self.fail(f"found {value!r}, expected {ANY}, or the hash of own code, which the refusal names", param, ctx)
        return text


@dataclass(frozen=True)
class Options:
    """How a service is to run.

    `package`: folder of the production package; it may come later. `shown`: how it is named to people. `log`: folder of
    the prediction log; None writes none. `key`: what a client must show; `NONE` asks for nothing, and so does None, where
    nothing was said, which only an address of this machine alone allows. `use_case`: whose package is served; without it the
    first one says.
    """

    package: Path
    shown: str
    log: Path | None = None
    key: str | None = None
    use_case: str | None = None
    host: str = _setting("127.0.0.1", str, "ADDRESS", "Where to listen.")
    port: int = _setting(8000, click.IntRange(0, 65535), "N", "0 takes a free one.")
    max_body: int = _setting(1_048_576, _SEVERAL, "BYTES", "Of one request.")
    max_rows: int = _setting(10_000, _SEVERAL, "N", "Of one request.")
    max_concurrency: int = _setting(128, _SEVERAL, "N", "Requests for a prediction at a time.")
    body_seconds: float = _setting(
        10.0, _SECONDS, "S", "How long a request may take to arrive, and a client to take a part of its answer."
    )
    shutdown_seconds: float = _setting(
        20.0, _SECONDS, "S", "How long requests may take to end once the service is told to stop."
    )
    reload_seconds: float = _setting(1.0, _SECONDS, "S", "How often to look for a new package.")
    trust_code: str = _setting(
        NONE,
        _Trust(),
        "[HASH]",
        "Run the own code that a package brings: any, or that of one hash; else such a package is refused.",
        is_flag=False,
        flag_value=ANY,
    )


def serve_options(command: Command) -> Command:
    """Give a click command the options that every way to start the service has."""
    key = f"Ask every client for the key in this file; or for the one in {KEY_VARIABLE}, which may be {NONE}."
    settings = [
        (each.name, {"default": each.default, "show_default": True, **each.metadata})
        for each in fields(Options)
        if each.metadata
    ]
    settings.insert(2, ("api_key_file", {"metavar": "FILE", "help": key}))
    for name, about in reversed(settings):
        variable = f"SERVE_{name.upper()}"
        command = click.option(f"--{name.replace('_', '-')}", envvar=variable, **about)(command)
    return command


def api_key(file: str | None) -> str | None:
    """The key that clients must show, of a file or of `SERVE_API_KEY`; `NONE` where that says none, None where nothing is said.

    Who asks for a key and has none is refused: raises ConfigurationError when both are given, the file is named by an empty
    text or cannot be read, or the key is empty, short, a known default or not plain ASCII.
    """
    given = os.environ.get(KEY_VARIABLE)
    file = (
        os.environ.get(KEY_FILE_VARIABLE) if file is None else file
    )  # click takes an empty variable for one that is not set
    if file is not None and given is not None:
        raise ConfigurationError(
            f"There are two API keys: one in {KEY_VARIABLE}, one in the file of --api-key-file. Give one of them."
        )
    if file is None:
        return given if given is None or given.strip() == NONE else _fit(given)
    if not file.strip():
        raise ConfigurationError(
            f"The API key's file has no name: --api-key-file, or {KEY_FILE_VARIABLE}, is empty. Name a readable file with the "
            f"key alone in it, or unset it and say {KEY_VARIABLE}={NONE} to ask for none."
        )
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
        f"The API key {wrong}. Make one with `python -c 'import secrets; print(secrets.token_urlsafe(32))'`, or leave "
        f"out --api-key-file and say {KEY_VARIABLE}={NONE} to ask for none."
    )
