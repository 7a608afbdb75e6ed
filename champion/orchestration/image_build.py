"""What a build of the Dockerfile is given, and what it says."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from champion.errors import EngineError
from champion.orchestration.engine import explained

_NO_BASE = re.compile(
    r"pull access denied|manifest unknown|failed to resolve|TLS handshake|i/o timeout|dial tcp|lookup "
)


def stages(text: str, target: str) -> str:
    """The part of a Dockerfile that a target is made of: the classic builder makes every stage that it finds above."""
    head, *parts = re.split(r"(?m)^(?=FROM )", text)
    by_name = {part.splitlines()[0].rpartition(" ")[2]: part for part in parts}
    wanted, found = [target], set[str]()
    while wanted:
        name = wanted.pop()
        if name in by_name and name not in found:
            found.add(name)
            wanted += re.findall(r"(?m)^(?:FROM |COPY --from=)(\S+)", by_name[name])
    return head + "".join(part for name, part in by_name.items() if name in found)


def follow(lines: Iterator[dict[str, Any]], say: Callable[[str], None]) -> None:
    """Follow the log of a build to its end.

    Parameters
    ----------
    lines : iterator of dict
        As the engine sends them: `stream` or `error`.

    Raises
    ------
    EngineError
        When it fails.
    """
    log: list[str] = []
    for line in lines:
        text = str(line.get("stream", "")).strip()
        if text:
            log.append(text)
        if text.startswith("Step "):
            say(textwrap.shorten(text, 100, placeholder=" ..."))
        if "error" in line:
            raise _failed_build(str(line["error"]), log)


def _failed_build(error: str, log: list[str]) -> EngineError:
    text = " ".join(error.split())
    full = explained(OSError(f"{text} {' '.join(log[-20:])}"))
    if "is full" in str(full):
        return full
    if _NO_BASE.search(text):
        return EngineError(
            f"The base image of the Dockerfile could not be fetched: {text}. Check the network; behind a mirror, "
            "`docker pull` it there and tag it with the name in the Dockerfile."
        )
    tail = "\n".join(log[-15:])
    return EngineError(f"The image could not be built: {text}. The end of its log:\n{tail}")
