"""The YAML of a new use case, as a person would have written it: with the reasons beside it."""

import json
import re
from collections.abc import Collection, Sequence
from textwrap import wrap
from typing import Any

from champion.errors import listed
from champion.modeling import tasks
from champion.modeling.columns import Column
from champion.modeling.evaluation import CLASSIFICATION
from champion.use_case.dialect import Dialect
from champion.use_case.whole import UseCase

MANY_ROWS = 20_000  # from here on three folds tell enough
_FOR_MANY_ROWS = (
    "training:",
    "  folds: 3  # enough with this many rows",
    "  rank_rows: 30000  # rank the candidates by as many; the chosen one learns from all",
)
_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ./-]\w+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


def use_case_text(
    bare: UseCase, columns: Sequence[Column], values: Sequence[Any], numbers: Collection[str], split: Sequence[str] = ()
) -> str:
    """Write a use case, of which name, task and data are known, for a table in whose target are `values`.

    Unused columns are dropped by name. Kinds that are read from texts are pinned, so that a stray value in new data
    is an error that names it, and no silent change of kind; plain numbers need no pin. `split`: comments on it. The split is
    by group where the use case names the group's column, which is no feature.
    """
    start = tasks.part_of(f"{tasks.__name__}.start", bare.task)
    features = [column for column in columns if column.name != bare.split.column]
    used, unused = ([column for column in features if column.used is wanted] for wanted in (True, False))
    lines = [
        "# Written by `python run.py init`, and yours to change; docs/use-case.md tells every key.",
        f"name: {quoted(bare.name)}",
        *([] if bare.task == CLASSIFICATION else [f"task: {bare.task}"]),
        "data:",
        f"  path: {quoted(bare.data.path)}",
        f"  target: {quoted(bare.data.target)}",
        *(["  drop:"] if unused else []),
        *(f"    - {quoted(column.name)}  # {column.why}" for column in unused),
        *_kinds(used, numbers),
        *_read(bare),
        *_split(bare, used, split),
        "candidates:",
        *start.candidates(values, len(used)),
        *(_FOR_MANY_ROWS if len(values) >= MANY_ROWS else []),
        "promotion:",
        *start.metric(values),
        "  min_gain: 0.0  # a challenger must gain strictly more than this",
        "  # min_score: 0.8  # and is never promoted below this",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Write a text as a YAML scalar that every version of YAML reads as that text.

    >>> quoted("bill length"), quoted("no"), quoted("a: b")
    ('bill length', '"no"', '"a: b"')
    """
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'


def _kinds(used: Sequence[Column], numbers: Collection[str]) -> list[str]:
    plain = [column.name for column in used if column.kind == "numeric" and column.name in numbers]
    rest = [column for column in used if column.name not in plain]
    pinned = [f"    {quoted(column.name)}: {column.kind}  # {column.why}" for column in rest]
    lines = [f"  # Numbers, which need no word here: {listed(plain, most=4)}."] if plain else []
    return [*lines, "  kinds:", *pinned] if pinned else lines


def _read(bare: UseCase) -> list[str]:
    words = ", ".join(f'"{word}"' if quoted(word) == word else quoted(word) for word in bare.data.read.missing)
    lines = wrap(f"missing: [{words}]", 100, initial_indent="    ", subsequent_indent="      ")
    lines.insert(0, "    # These texts, and an empty one, stand for no value.")
    return ["  read:", *(f"    {line}" for line in _dialect(bare.data.read)), *lines]


def _dialect(read: Dialect) -> list[str]:
    """How the file is read, as far as that is not as CSV is read by everybody, with what each key means."""
    said = {
        "encoding": "how letters are written",
        "separator": "between two cells",
        "quote": "around a cell that holds separators",
        "escape": "before a quote within a cell",
        "header": "the line with the names of the columns",
        "footer": "what is below the table begins so, and is left out",
        "unnamed": "the cell of each row that the header has no name for",
        "sheet": "of the spreadsheet",
    }
    values = read.model_dump(include={*said})
    return [f"{name}: {_scalar(values[name])}  # {why}" for name, why in said.items() if name in values]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(map(_scalar, value))}]" if isinstance(value, tuple) else str(value)


def _split(bare: UseCase, used: Sequence[Column], comments: Sequence[str]) -> list[str]:
    split, rows = bare.split, "groups" if bare.split.by == "group" else "rows"
    moments = [column.name for column in used if column.kind == "datetime"]
    lines = ["split:", f"  share: 0.2  # of the {rows} are set aside for judging, for ever"]
    for comment in comments:
        lines += wrap(comment, 100, initial_indent="  # ", subsequent_indent="  # ", break_on_hyphens=False)
    lines.append(f"  by: {split.by}")
    lines += [f"  column: {quoted(split.column)}"] if split.column else []
    lines += ["  repeats: observations"] if split.repeats == "observations" else []
    if moments and not split.column:
        lines.append(f"  # To judge on the latest rows instead: by: time, column: {quoted(moments[0])}, and no salt.")
    return [*lines, f"  salt: {quoted(bare.name)}"]
