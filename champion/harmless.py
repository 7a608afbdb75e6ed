"""Texts that somebody else wrote (names of columns, labels, errors of libraries) as a terminal and GitHub can show them."""

import json
import re
import unicodedata
from typing import Any

NOTHING = "\u2013"  # an en dash

_MARKUP = re.compile(r"[\\`*\[\]|~#$]|(?<![^\W_])_|_(?![^\W_])")
_REFERENCE = re.compile(r"@|#|:(?=//)|www(?=\.)|\bGH(?=-\d)", re.IGNORECASE)


def printable(text: str) -> str:
    r"""A text without what steers a terminal or turns the direction of writing: such a character stands as its escape.

    Lines stay lines, and tabs tabs.

    >>> printable("a\x1b[31m\nb")
    'a\\x1b[31m\nb'
    """
    return "".join(char if _is_shown(char) or char in "\n\t" else ascii(char)[1:-1] for char in text)


def as_json(value: Any) -> str:
    """A value as JSON of several lines, with the same escapes."""
    written = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(char if _is_shown(char) or char == "\n" else json.dumps(char)[1:-1] for char in written)


def _is_shown(char: str) -> bool:
    return char.isprintable() or unicodedata.category(char) == "Zs"  # a space of any width


def clean(value: object, limit: int = 120) -> str:
    r"""A name as printable text of one line, shortened in its middle; it cannot break a line, an SVG or a sentence.

    >>> clean("a\nb"), clean("abcdefghij", limit=5)
    ('a b', 'ab…ij')
    """
    text = str(value)
    if len(text) > limit:
        text = text[: limit // 2] + "…" + text[len(text) - (limit - limit // 2 - 1) :]
    text = "".join(char if char.isprintable() else " " for char in text)
    return text if text.strip() else "(empty)"


def text(sentence: str) -> str:
    r"""A sentence in which GitHub finds no markup, HTML, link, mention or reference: word joiners keep those apart.

    >>> text("see #1").replace("\u2060", "+"), text("@team").replace("\u2060", "+")
    ('see \\#+1', '@+team')
    """
    calm = _REFERENCE.sub(lambda match: match[0] + "\u2060", clean(sentence, 2000))
    safe = _MARKUP.sub(lambda match: "\\" + match[0], calm)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(value: str) -> str:
    """A name as a code span of a table's cell, whatever it contains."""
    if value == NOTHING:
        return value
    longest = max(map(len, re.findall("`+", value)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{pad}{value}{pad}{fence}".replace("|", "\\|")
