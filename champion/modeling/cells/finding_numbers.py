"""Numbers in a writing of their own, found from all cells of a column: separators, unit, bounds, and parentheses for a minus.

What stands beside the digits is a unit where nearly all cells have the same one, and it is a known one or stands apart: `193A`
may be the number of a room. Of two ways to read the separators the other columns of the table decide, or somebody is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from champion.modeling.cells.found import FEWEST, MOST_WORDS, NEARLY_ALL, Found, no_value, sample, with_words
from champion.modeling.cells.units import unit_in
from champion.modeling.cells.writing import SPACES, reader_of
from champion.use_case.cells import CellRule

CURRENCIES = r"[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba\u20bf]"
_CODES = "USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|ZAR|MXN|RUB|TRY|KRW|SGD|HKD"
_BEFORE = re.compile(rf"(?:US|A|C|R|NZ|HK|S)?\$|{CURRENCIES}|{_CODES}|Rs\.?|Fr\.?|kr\.?", re.IGNORECASE)
_BEHIND = re.compile(
    rf"{CURRENCIES}|{_CODES}|kr\.?|z\u0142|[%\u2030\u00b0]|\u00b0 ?[CF]|[kmc]?g|mg|lbs?|oz|t|k?m|[cm]m|mi|ft|in|yd|[cdm]?l|gal"
    r"|hr?s?|hours?|mins?|minutes?|m?s|secs?|seconds?|yrs?|years?|months?|days?|weeks?|kW|k?Wh|kV|mA|[kMG]?Hz|[kKMGT]B|px|km/h|mph|m/s"
    r"|m\u00b2|sq\.? ?ft|sqft|ha|bar|psi|[hk]?Pa|k?cal|kJ|J|bpm|mmHg|cc|b?hp|kmpl|km/kg|Nm|pcs|pts?",
)
_LETTERS = re.compile(r"[^\W\d_][\w./%\u00b0\u00b2 ]{0,14}")
_SEPARATORS = ((".", None), (".", ","), (",", None), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"))
_PLAIN: dict[str, Any] = CellRule.model_construct().model_dump()
_TOKEN = re.compile(
    rf"(?P<bound>[<>\u2264\u2265]=?)?[{SPACES}]*(?P<sign>[+\u2212-])?[{SPACES}]*(?P<before>[^\d(<>+.,\u2212-]*?)[{SPACES}]*(?P<open>\()?"
    rf"(?P<inside>[^\d(<>+.,\u2212-]*?)[{SPACES}]*(?P<inner>[+\u2212-])?(?P<core>\d[\d.,'\u2019{SPACES}]*(?<![{SPACES}])(?:[eE][+-]?\d+)?|[.,]\d+)"
    rf"(?P<gap>[{SPACES}]*)(?P<behind>[^\d()<>+-][^\d()<>+-]*?)?[{SPACES}]*(?P<close>\))?[{SPACES}]*(?P<minus>[-\u2212])?"
)


def numbers_of(name: str, rest: Mapping[str, int], markers: Mapping[str, int], known: str | None) -> Found | None:
    """The rule of a column of numbers, each text given with the number of its cells; None where it holds others.

    `markers` are texts of the column that may stand for no value, wherever they are; `known` is the decimal sign of the table.
    """
    some = sample(rest)
    if sum(_TOKEN.fullmatch(text) is not None for text in some) < len(some) / 2:
        return None
    tokens = {text: match.groupdict() for text in rest if (match := _TOKEN.fullmatch(text)) is not None}
    units: Counter[str] = Counter()
    glued: Counter[str] = Counter()
    for text, token in tokens.items():
        unit = (token["before"] or token["inside"] or "").strip() or (token["behind"] or "").strip()
        units[unit] += rest[text]
        is_before = bool((token["before"] or token["inside"] or "").strip())
        listed = _BEFORE if is_before else _BEHIND
        usual = listed.fullmatch(unit) or (not is_before and token["gap"] and _LETTERS.fullmatch(unit))
        glued[unit] += 0 if not unit or usual else rest[text]
    unit, asked = _unit_of(name, units, glued, sum(rest.values()))
    if asked:
        return Found(asked=asked)
    accounting = any((token["open"] and token["close"]) or token["minus"] for token in tokens.values())
    bounds = any(token["bound"] for token in tokens.values())
    about = {
        "unit": unit or None,
        "accounting": accounting,
        "bounds": True,
    }  # so that it is of numbers, while it is tried
    fitting = []
    for decimal, thousands in _SEPARATORS:
        rule = CellRule.model_construct(**{**_PLAIN, **about, "decimal": decimal, "thousands": thousands})
        made, odd = with_words(rule, rest, markers)
        if made is not None:
            fitting.append((made, odd))
    if not fitting or len({*tokens}) < FEWEST:
        return _half(name, rest, tokens, units)
    (rule, odd), asked = _chosen(name, fitting, some, known)
    rule = rule.model_copy(update={"bounds": bounds})
    if rule.kind is None and not odd:
        return Found(asked=asked)
    example = max(
        (text for text in some if text not in odd and not reader_of(rule).read(text).wrong), key=len, default=""
    )
    sign = rule.decimal if not asked and any(rule.decimal in text for text in some) else None
    why = f"numbers such as {example!r}" if rule.kind else ""
    more = no_value(odd) if odd else ""
    return Found(
        CellRule(**rule.model_dump()), why="; ".join(filter(None, (why, more))), asked=asked, missing=odd, decimal=sign
    )


def _unit_of(name: str, units: Counter[str], unknown: Counter[str], cells: int) -> tuple[str, str]:
    """The unit of nearly all cells that have one, and what to ask where there are several, or letters that may be none."""
    named = Counter({unit: count for unit, count in units.items() if unit})
    if not named:
        return "", ""
    unit, count = named.most_common(1)[0]
    if count < NEARLY_ALL * named.total() and len(named) <= MOST_WORDS and named.total() > cells / 2:
        listed = ", ".join(f"{each!r} ({rows:,} rows)" for each, rows in named.most_common())
        return "", f"the numbers of {name!r} have several units: {listed}. Convert them to one, in the table."
    if count < NEARLY_ALL * named.total() or unknown[unit] or len(unit) > 20 or re.search(r"[()+<>-]", unit):
        return "", ""
    return unit, ""


def _half(name: str, rest: Mapping[str, int], tokens: Mapping[str, Any], units: Counter[str]) -> Found | None:
    """What is asked of a column of which most cells are numbers, and too many are not."""
    numbers = sum(rest[text] for text, token in tokens.items() if not unit_in(text) or token["bound"])
    total = sum(rest.values())
    if numbers < total / 2 or len(tokens) < FEWEST or units.total() - units[""] > total / 2:
        return None
    others = [text for text in rest if text not in tokens][:3]
    if not others:
        return None
    listed = ", ".join(map(repr, others))
    return Found(
        asked=f"{numbers:,} of {total:,} cells of {name!r} are numbers, and others are not: {listed}. "
        "If these have no value: missing: [...] names them"
    )


def _chosen(
    name: str, fitting: Sequence[tuple[CellRule, dict[str, int]]], some: Sequence[str], known: str | None
) -> tuple[tuple[CellRule, dict[str, int]], str]:
    """The rule among those that fit, the simplest first; and what to ask where they give other numbers."""
    meanings: dict[tuple[Any, ...], tuple[CellRule, dict[str, int]]] = {}
    for rule, odd in fitting:
        meanings.setdefault(tuple(reader_of(rule).read(text).value for text in some), (rule, odd))
    if len(meanings) == 1:
        return fitting[0], ""
    first, other = [*meanings.values()][:2]
    same = [each for each in meanings.values() if each[0].decimal == known]
    if len(same) == 1 and (same[0][0].decimal == "," or same[0][0].thousands):
        return same[0], ""
    text = next(text for text in some if reader_of(first[0]).read(text).value != reader_of(other[0]).read(text).value)
    one, two = (reader_of(each[0]).read(text).value for each in (first, other))
    asked = f"{name!r} is read with {text!r} as {one:g}; if it is {two:g}: {_keys(other[0])}"
    return first, asked


def _keys(rule: CellRule) -> str:
    """A rule as it is written into a use case."""
    said = rule.model_dump(exclude_defaults=True)
    return (
        ", ".join(f'{key}: "{value}"' for key, value in said.items() if key in ("decimal", "thousands"))
        or 'decimal: "."'
    )
