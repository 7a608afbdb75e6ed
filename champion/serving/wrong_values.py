"""A long request in which a few values are of another kind is answered as a table is: they are missing, and named."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from champion.modeling.cells.writing import reader_of
from champion.modeling.features import FALSE_TEXTS, TRUE_TEXTS, Feature


class Mended(NamedTuple):
    """A body without its wrong values, and in which row, from 0, which feature had one."""

    body: bytes
    wrong: list[tuple[int, str]]


def mended(body: bytes, features: Sequence[Feature], most: float) -> Mended | None:
    """A list of rows with null in place of values that no reader takes for their feature's kind.

    None where there is no such value that training knew as missing, or where they are more than the share `most` of a feature's
    values: so of fewer than ``1 / most`` rows none. What a table may hold and a request may not, such as a number as text, is
    no wrong value: it stays, and is refused.
    """
    if not most or body.count(b"{") * most < 1:
        return None
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    filled, counts, wrong = Counter[str](), Counter[str](), []
    for number, row in enumerate(rows):
        for feature in features:
            value = row.get(feature.name)
            filled[feature.name] += value is not None
            if feature.nullable and value is not None and _is_wrong(value, feature):
                row[feature.name] = None
                counts[feature.name] += 1
                wrong.append((number, feature.name))
    if not wrong or any(count > most * filled[name] for name, count in counts.items()):
        return None
    return Mended(json.dumps(rows).encode(), wrong)


def _is_wrong(value: Any, feature: Feature) -> bool:
    kind = feature.kind
    if feature.rule is not None and feature.rule.kind:
        return isinstance(value, bool) or (isinstance(value, str) and reader_of(feature.rule).read(value).wrong)
    if kind == "numeric":
        return isinstance(value, bool) or (isinstance(value, str) and not _reads(float, value))
    if kind == "boolean":
        return isinstance(value, str) and value.strip().casefold() not in TRUE_TEXTS | FALSE_TEXTS
    return kind == "datetime" and isinstance(value, str) and not _reads(datetime.fromisoformat, value)


def _reads(reader: Any, text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True
