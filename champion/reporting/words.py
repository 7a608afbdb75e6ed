"""How a report writes names, numbers and spans of time, for a page, a comment and a figure alike."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from champion.comparison.evaluation import Evaluation
from champion.harmless import NOTHING as NOTHING
from champion.harmless import clean as clean

MINUS = "\u2212"


def distinct(values: Sequence[object], limit: int) -> list[str]:
    """Names of at most `limit` (10 or more) characters; those that would look the same are shortened where they differ.

    >>> distinct(["width of the petal, upper", "width of the petal, lower"], limit=12)
    ['wid…upper', 'wid…lower']
    """
    short = [clean(value, limit) for value in values]
    for same in {each for each in short if short.count(each) > 1}:
        full = {i: clean(values[i], 10_000) for i, each in enumerate(short) if each == same}
        shared = next((i for i, letters in enumerate(zip(*full.values(), strict=False)) if len(set(letters)) > 1), 0)
        for i, text in full.items():
            short[i] = text if len(text) <= limit else f"{text[:3]}…{text[shared : shared + limit - 4]}"
    return short


def name(value: object) -> str:
    """A name inside a sentence: at most 40 characters."""
    return clean(value, limit=40)


def params(values: dict[str, object], limit: int = 240) -> str:
    """Parameters as ``C=1.0, max_iter=1000``."""
    return clean(", ".join(f"{key}={value!r}" for key, value in values.items()), limit) if values else NOTHING


def score(value: float | None) -> str:
    """A score with four decimals, or a dash where there is none."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.4f}".replace("-", MINUS)


def change(new: float | None, old: float | None) -> str:
    """What was gained, with its sign, or a dash where one side was not scored.

    >>> change(0.75, 0.5), change(0.5, 0.5)
    ('+0.2500', '±0')
    """
    if new is None or old is None or not (math.isfinite(new) and math.isfinite(old)):
        return NOTHING
    if new == old:
        return "±0"
    size, sign = abs(new - old), "+" if new > old else MINUS
    return f"{sign}{size:.4f}" if size >= 0.00005 else f"{sign}{size:.1e}"


def spread(mean: float | None, std: float | None) -> str:
    """A mean with its standard deviation."""
    if mean is None or not math.isfinite(mean):
        return NOTHING
    return score(mean) if std is None or not math.isfinite(std) else f"{score(mean)} ± {std:.4f}"


def p_value(value: float) -> str:
    """A p-value with as many digits as mean something."""
    return "below 0.0001" if value < 0.0001 else f"{value:.3g}"


def number(value: float, digits: int = 4) -> str:
    """A value of a column in a few significant digits; a whole number below a million in all of them."""
    if not math.isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", MINUS)
    return f"{value:.{digits}g}".replace("-", MINUS)


def count(value: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """A number with its noun, which becomes plural where it must."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count(value)} {noun if value == 1 else plural}"


def percent(share: float) -> str:
    """A share of one in percent; never rounded to all or nothing."""
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{min(max(100 * share, 0.1), 99.9):.1f} %"
    return f"{100 * share:.0f} %"


def seconds(value: float) -> str:
    """A span of time: ``42 ms``, ``4.20 s``, ``3 min 12 s`` or ``2 h 5 min``."""
    if value < 0.1:
        return f"{1000 * value:.0f} ms"
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def moment(created: str) -> str:
    """An ISO 8601 moment to the minute; whatever is none stays as it is."""
    try:
        return datetime.fromisoformat(created).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return clean(created)


def day(moment: float) -> str:
    """The day of a moment that is given as seconds since 1970."""
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return f"{moment:.4g}"


def clause(sentence: str) -> str:
    """A sentence as it goes on behind a colon: a small letter first, no full stop."""
    return sentence[0].lower() + sentence[1:].removesuffix(".")


def role_title(evaluation: Evaluation, role: str, challenger: int | None = None) -> str:
    """``champion v3`` or ``challenger``, with the version where it has one."""
    side = evaluation.champion if role == "champion" else evaluation.challenger
    version = challenger if challenger is not None and role == "challenger" else side and side.number
    return role if version is None else f"{role} v{version}"
