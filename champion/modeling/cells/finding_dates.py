"""Dates in a writing of their own, found from all cells of a column, which tell day from month; else somebody is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from champion.modeling.cells.found import (
    MOST_MISSING,
    MOST_WORDS,
    NEARLY_ALL,
    Found,
    and_no_value,
    fit,
    no_value,
    sample,
    with_words,
)
from champion.modeling.cells.writing import reader_of
from champion.use_case.cells import CellRule

_DATE_LIKE = re.compile(r"(?=.*\d)[\d A-Za-z,./:-]{6,40}")
_FORMATS = (
    *(
        "%d.%m.%Y",
        "%d.%m.%y",
        "%m.%d.%Y",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d/%m/%y",
        "%m/%d/%y",
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%d-%m-%y",
    ),
    *(
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y-%m-%d",
        "%b %d, %Y",
        "%b %d %Y",
        "%d %b %Y",
        "%d. %b %Y",
        "%d-%b-%Y",
        "%d-%b-%y",
        "%d %b, %Y",
    ),
    *("%a, %d %b %Y", "%a %b %d %Y", "%A, %B %d, %Y", "%A, %d %B %Y", "%d%b%Y", "%Y-%b-%d", "%d/%b/%Y"),
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:$|[T ])")


def dates_of(name: str, rest: Mapping[str, int], markers: Mapping[str, int]) -> Found | None:
    """The rule of a column of dates, each text given with the number of its cells; None where it holds others.

    `markers` are texts of the column that may stand for no value, wherever they are.
    """
    some = sample(rest)
    if sum(bool(_DATE_LIKE.fullmatch(text)) for text in some) < NEARLY_ALL * len(some) - MOST_WORDS:
        return None
    if sum(bool(_ISO.match(text)) for text in some) > len(some) / 2:
        return _among_iso(rest, markers)
    likely = [form for form in _FORMATS if fit(CellRule(dates=form), dict.fromkeys(some, 1))[0] > NEARLY_ALL - 0.1]
    fitting = [(form, *with_words(CellRule(dates=form), rest, markers)) for form in likely]
    fitting = [each for each in fitting if each[1] is not None]
    if not fitting:
        return None
    meanings = {tuple(reader_of(CellRule(dates=form)).read(text).value for text in some) for form, *_ in fitting}
    form, rule, odd = fitting[0]
    day_first = form.startswith(("%d.", "%d. "))
    if len(meanings) > 1 and not day_first:
        forms = " or ".join(f'dates: "{each}"' for each, *_ in fitting[:2])
        return Found(
            asked=f"{name!r} holds dates of which nobody can tell day from month ({some[0]!r}). If it is a feature: {forms}"
        )
    why = f"dates such as {next(iter(rest))!r}"
    if "%m" in form and form.index("%m") != form.index("%d") and not form.startswith("%Y"):
        order = "day" if form.index("%d") < form.index("%m") else "month"
        proof = "as dates with points have it" if len(meanings) > 1 else "no other order gives dates in all rows"
        why += f", the {order} first: {proof}"
    return Found(rule, why=and_no_value(why, odd), missing=odd)


def _among_iso(rest: Mapping[str, int], markers: Mapping[str, int]) -> Found | None:
    """A column of ISO 8601 dates needs a rule only for the words that stand for none."""
    others = {text: count for text, count in rest.items() if count > 1 and not _ISO.match(text)}
    odd = {**markers, **others}
    total = sum(rest.values()) + sum(markers.values())
    if not odd or len(odd) > MOST_WORDS or sum(odd.values()) > MOST_MISSING * total:
        return None
    return Found(CellRule(missing=tuple(odd)), why=no_value(odd), missing=odd)
