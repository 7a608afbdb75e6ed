"""Which rule the cells of a column of texts are written by, found from all of them; and what is better asked than decided.

A rule is proposed where nearly all cells, but for a few words that stand for no value, can be read by it and by no other that
would give other numbers or dates. Every cell is then read by it (`champion.modeling.cells.writing`), and what does not fit is
counted.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping

from champion.modeling.cells.finding_dates import dates_of
from champion.modeling.cells.finding_numbers import numbers_of
from champion.modeling.cells.found import SAMPLE, Found, is_code_name, no_value
from champion.use_case.cells import CellRule

MARKS = re.compile(r"[?.*_/\\#\u2013\u2014-]{1,4}")
MARK_WORDS = frozenset(
    {
        *(
            "unknown",
            "missing",
            "none",
            "nil",
            "n.a.",
            "n.a",
            "na",
            "n/a",
            "(null)",
            "null",
            "nan",
            r"\n",
            "not available",
        ),
        *(
            "tbd",
            "not applicable",
            "no data",
            "not disclosed",
            "#div/0!",
            "#ref!",
            "#value!",
            "#name?",
            "#num!",
            "k.a.",
        ),
    }
)


def of_texts(name: str, texts: Mapping[str, int], decimal: str | None = None) -> Found:
    """The rule of a column of texts, each given with the number of its cells; nothing where it needs none.

    `decimal` is the sign before decimals in the columns that leave no doubt, where one is known.
    """
    stripped: Counter[str] = Counter()
    for text, count in texts.items():
        if bare := text.strip():
            stripped[bare] += count
    if len(stripped) < 2:
        return Found()
    markers = {text: count for text, count in stripped.items() if is_marker(text)}
    if blanks := sum(count for text, count in texts.items() if text and not text.strip()):
        markers[" "] = blanks
    rest = {text: count for text, count in stripped.items() if text not in markers}
    if not rest or is_code_name(name) or any(re.match(r"[+-]?0\d+$", text) for text in itertools.islice(rest, SAMPLE)):
        return _words(name, rest, markers)
    return dates_of(name, rest, markers) or numbers_of(name, rest, markers, decimal) or _words(name, rest, markers)


def is_marker(text: str) -> bool:
    """Whether a text may stand for no value, wherever it is."""
    return bool(MARKS.fullmatch(text)) or text.casefold() in MARK_WORDS


def _words(name: str, rest: Mapping[str, int], markers: Mapping[str, int]) -> Found:
    """A column of texts: signs among words stand for no value, of words such as unknown somebody is asked."""
    signs = {text: count for text, count in markers.items() if text == " " or MARKS.fullmatch(text)}
    words = [text for text in markers if text not in signs]
    asked = ""
    if words:
        listed = ", ".join(f"{text!r} ({markers[text]:,} rows)" for text in words)
        asked = f"{listed}: a value of {name!r}, or none? If none: missing: [{', '.join(words)}]"
    if signs and len(rest) > 1 and all(re.search(r"\w", text) for text in rest):
        return Found(CellRule(missing=tuple(signs)), why=no_value(signs), asked=asked, missing=signs)
    return Found(asked=asked)
