"""The YAML of a new use case, as a person would have written it: with the reasons beside it."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from champion.errors import listed
from champion.modeling import tasks
from champion.modeling.columns import Column
from champion.modeling.evaluation import CLASSIFICATION
from champion.onboarding.cell_rules import CellRules
from champion.use_case.cells import CellRule
from champion.use_case.dialect import Dialect
from champion.use_case.whole import UseCase

MANY_ROWS = 20_000  # from here on three folds tell enough
_FOR_MANY_ROWS = (
    "training:",
    "  folds: 3  # enough with this many rows",
    "  rank_rows: 30000  # rank the candidates by as many; the chosen one learns from all",
)
_CLASSES, _GAPS = 6, 6  # named in a comment
_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ./-]\w+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


@dataclass(frozen=True)
class Facts:
    """What the table has, for comments: shares of missing cells by column, rows by class, and how cells are written."""

    missing: Mapping[str, float] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)
    cells: CellRules = field(default_factory=CellRules)


NO_FACTS = Facts()


def use_case_text(
    bare: UseCase,
    columns: Sequence[Column],
    values: Sequence[Any],
    numbers: Collection[str],
    split: Sequence[str] = (),
    facts: Facts = NO_FACTS,
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
        f"  target: {quoted(bare.data.target)}{_classes(facts.classes)}",
        *_unlabelled(bare, facts),
        *(["  drop:"] if unused else []),
        *(f"    - {quoted(column.name)}  # {column.why}" for column in unused),
        *_kinds(used, {*numbers, *(name for name, rule in bare.data.read.columns.items() if rule.kind)}, facts.missing),
        *_read(bare),
        *_cells(bare, facts.cells),
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


def _classes(classes: Mapping[str, int]) -> str:
    """How many rows each class has, as a comment."""
    most = sorted(classes.items(), key=lambda each: -each[1])
    listed = ", ".join(f"{' '.join(name.split())} {count:,}" for name, count in most[:_CLASSES])
    more = f" and {len(most) - _CLASSES} more classes" if len(most) > _CLASSES else ""
    return f"  # Rows by class: {listed}{more}." if most else ""


def _unlabelled(bare: UseCase, facts: Facts) -> list[str]:
    share = facts.missing.get(bare.data.target)
    return [f"  unlabelled: drop  # {share:.1%} of the rows have no label; they may be scored later."] if share else []


def _cells(bare: UseCase, cells: CellRules) -> list[str]:
    """The rules of columns, with the reason of each, and what somebody is asked."""
    lines = [
        f"      {quoted(name)}: {_flow(rule)}  # {cells.why.get(name, '')}"
        for name, rule in bare.data.read.columns.items()
    ]
    asked = [
        line
        for text in cells.asked
        for line in wrap(text, 110, initial_indent="    # ? ", subsequent_indent="    #   ")
    ]
    return [*(["    columns:  # How their cells are written.", *lines] if lines else []), *asked]


def _flow(rule: CellRule) -> str:
    """A rule as a YAML mapping on one line."""
    said = rule.model_dump(exclude_defaults=True)
    return "{" + ", ".join(f"{key}: {_flow_value(value)}" for key, value in said.items()) + "}"


def _flow_value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_flow_value, value))}]"
    if isinstance(value, str):
        text = quoted(value)
        return text if text.startswith('"') or not (value[0].isdigit() or set(value) & set("%,.-/ ")) else f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kinds(used: Sequence[Column], numbers: Collection[str], missing: Mapping[str, float]) -> list[str]:
    plain = [column.name for column in used if column.kind in ("numeric", "datetime") and column.name in numbers]
    rest = [column for column in used if column.name not in plain]
    pinned = [
        f"    {quoted(column.name)}: {column.kind}  # {column.why}{_gaps(missing, column.name)}" for column in rest
    ]
    lines = [f"  # Numbers, which need no word here: {listed(plain, most=4)}."] if plain else []
    gaps = sorted(((missing[name], name) for name in plain if name in missing), reverse=True)
    if gaps:
        named = ", ".join(f"{quoted(name)} {share:.1%}" for share, name in gaps[:_GAPS])
        more = f" and {len(gaps) - _GAPS} more" if len(gaps) > _GAPS else ""
        lines.append(f"  # Of them, missing: {named}{more}; the model takes a gap as one, or the median in its place.")
    return [*lines, "  kinds:", *pinned] if pinned else lines


def _gaps(missing: Mapping[str, float], name: str) -> str:
    return f" {missing[name]:.1%} are missing." if name in missing else ""


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
        "first_row": "the line of the first row; above it is a title",
        "units": "in the row below the names",
        "footer": "what is below the table begins so, and is left out",
        "unnamed": "the cell of each row that the header has no name for",
        "sheet": "of the spreadsheet",
    }
    values = read.model_dump(include={*said})
    return [f"{name}: {_scalar(values[name])}  # {why}" for name, why in said.items() if name in values]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(name)}: {_scalar(each)}" for name, each in value.items()) + "}"
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
    return [*lines, f"  salt: {quoted(split.salt or bare.name)}"]
