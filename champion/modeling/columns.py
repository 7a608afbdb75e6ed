"""What each column of a table is: a number, a category, a moment, or nothing that a model should see.

The rules, in this order:

1. A kind that the use case names stands. So does what the rule of `data.read.columns` says, by which numbers and dates in a
   writing of their own are read.
2. Nothing in it: *empty*. One value in every row: *constant*. Lists, bytes or complex numbers: *text*, which no model
   reads. None is used.
3. The dtype decides where it says enough: booleans; moments; durations (*numeric*, in seconds, because a duration can
   be added and compared as a moment cannot); categories; numbers.
4. Texts are read by their distinct values: true/false, yes/no, y/n, t/f, on/off are *boolean*; numbers written as text
   are *numeric* (but "007" is a code); ISO 8601 dates are *datetime* (01/02/2026 is not: nobody can tell day from
   month); long prose is *text*; a value of its own in (nearly) every row makes an *identifier*; the rest is
   *categorical*, however many categories there are.
5. Whole numbers, each there once, are an *identifier* where they count the rows (with gaps: a train set lacks the
   holdout's; measured numbers that fill half of their range would repeat themselves), or where the name says so. Years
   are *numeric*: a new row has one too. They lie between 1600 and 2199, and lie evenly apart or are called years.
   Decimal numbers never are: measurements may well be all distinct. 0/1 stays *numeric*, the same to a model.

No row order enters what is found, so a shuffled table has the same kinds. Distinct values and samples of them keep this
cheap. A sentence quotes no value of the table: it goes into reports and packages.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from champion.modeling.cells.moments import are_iso
from champion.modeling.cells.numbers import text_numbers
from champion.modeling.cells.writing import in_words
from champion.use_case.cells import CellRule
from champion.use_case.learning import Kind

ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "text", "constant", "identifier", "empty"]

MANY_CATEGORIES = 50  # above this a one-hot encoding lets rare categories share a column
NEARLY_ALL = 0.95  # share of distinct texts from which they name rows
PROSE_WORDS, PROSE_LENGTH = 4, 30  # means of free text
PROSE_FEWEST, PROSE_DISTINCT = 20, 0.3  # distinct texts, and their share of the rows, in free text
FEW_ODD = 0.2  # share of distinct texts that are no number, up to which the others are pointed out
MANY_ROWS = 50  # from here on whole numbers that meet half of their range, each once, are no chance
YEARS = 1600, 2199
SAMPLE = 1000  # distinct values looked at before all of them are

_TRUTH_WORDS = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"on", "off"})
_CLOCK = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)? ?(?:Z|[+-]\d{2}:?\d{2})?"
_USUAL_YEAR = rf"(?:1[6-9]|2[01])\d{{2}}(?P<sep>[-/])\d{{2}}(?:(?P=sep)\d{{2}}(?:{_CLOCK})?)?"
_ISO = re.compile(rf"{_USUAL_YEAR}|\d{{4}}-\d{{2}}-\d{{2}}(?:{_CLOCK})?")
_DATE_LIKE = re.compile(r"\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?: .*)?")
_CODE = re.compile(r"[+-]?0\d")
_IDENTIFIER_NAME = re.compile(r"(?:^|[\W_])(?:id|uuid|guid|index|row ?id)$|^unnamed: \d+$", re.IGNORECASE)
_YEAR_NAME = re.compile(r"year|jahr|ann[ée]e|(?:^|[\W_])(?:yr|yrs|año|ano|anno)(?:$|[\W_\d])", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z0-9]I[dD]$")


@dataclass(frozen=True)
class Column:
    """One column: its kind, whether it is a feature, and why, in a sentence."""

    name: str
    kind: ColumnKind
    used: bool
    why: str


def infer(
    frame: pd.DataFrame,
    *,
    exclude: Iterable[str],
    kinds: Mapping[str, Kind],
    rules: Mapping[str, CellRule] = MappingProxyType({}),
) -> list[Column]:
    """Infer what every column of a table is, in its order, without those excluded; the module's docstring has the rules.

    `rules` are those by which the table was read.

    >>> infer(pd.DataFrame({"paid": ["yes", None, "no"]}), exclude=[], kinds={})[0].kind
    'boolean'
    """
    left_out = set(exclude)
    return [
        describe(frame[name], kinds.get(name), rules.get(str(name))) for name in frame.columns if name not in left_out
    ]


def describe(column: pd.Series, named: Kind | None = None, rule: CellRule | None = None) -> Column:
    """Say what one column is, whatever its dtype; one that was read by a rule of numbers or dates is never an identifier."""
    name = str(column.name)
    if named is not None:
        return Column(name, named, True, "The use case says so (data.kinds).")
    filled = int(column.count())
    if not filled:
        return Column(name, "empty", False, "It has no value in any row.")
    foreign = unreadable(column)
    if foreign:
        return Column(name, "text", False, f"It holds {foreign}, which no model here can read.")
    kind, used, why = _kind(column, filled)
    if rule is not None and rule.kind and kind not in ("constant", "empty"):
        what = "numbers" if rule.has_numbers else "dates or times"
        return Column(name, rule.kind, True, f"It holds {what} {in_words(rule)} (data.read.columns).")
    return Column(name, kind, used, why)


def unreadable(column: pd.Series) -> str | None:
    """Name what a column holds where that is no single value: lists, mappings, bytes, complex numbers; None elsewhere."""
    dtype: Any = column.dtype
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is not None:
        import pyarrow.types as pat

        has_bytes = any(holds(arrow) for holds in (pat.is_binary, pat.is_large_binary, pat.is_fixed_size_binary))
        return "lists or structures" if pat.is_nested(arrow) else "bytes" if has_bytes else None
    if dtype.kind == "c":
        return "complex numbers"
    if dtype.kind != "O" or isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return None
    types = set(map(type, column.to_numpy()))
    if any(kind.__hash__ is None for kind in types):
        return "lists or structures"
    return "bytes" if types & {bytes, bytearray, memoryview} else None


Verdict = tuple[ColumnKind, bool, str]
_CONSTANT: Verdict = ("constant", False, "It has the same value in every row.")


def _kind(column: pd.Series, filled: int) -> Verdict:
    complete = filled == len(column)
    family = _family(column.dtype)
    if family == "boolean":
        return _CONSTANT if complete and column.nunique() == 1 else ("boolean", True, "It holds true and false.")
    if family in ("moments", "durations"):
        if complete and column.min() == column.max():
            return _CONSTANT
        moments: Verdict = ("datetime", True, "It holds dates or times.")
        return moments if family == "moments" else ("numeric", True, "It holds durations, taken in seconds.")
    if family is None and pd.api.types.is_numeric_dtype(column.dtype):
        return _number_kind(column, filled)
    return _value_kind(column, filled, declared=family == "categories")


def _family(dtype: Any) -> Literal["boolean", "moments", "durations", "categories"] | None:
    """Read what the dtype says by itself, whatever library it comes from."""
    arrow = str(getattr(dtype, "pyarrow_dtype", ""))
    if isinstance(dtype, pd.CategoricalDtype) or arrow.startswith("dictionary"):
        return "categories"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(dtype) or arrow.startswith(("timestamp", "date")):
        return "moments"
    if pd.api.types.is_timedelta64_dtype(dtype) or arrow.startswith("duration"):
        return "durations"
    return None


def _number_kind(column: pd.Series, filled: int) -> Verdict:
    complete = filled == len(column)
    if complete and column.min() == column.max():
        return _CONSTANT
    dtype: Any = column.dtype
    if dtype.kind in "iu" or not complete:  # pandas turns whole numbers with gaps into floats
        counted = _row_numbers(column.dropna().to_numpy(dtype=np.float64), len(column), str(column.name))
        if counted:
            return counted
    return "numeric", True, "It holds numbers."


def _row_numbers(numbers: NDArray[np.float64], rows: int, name: str) -> Verdict | None:
    """Give the verdict on whole numbers that only tell rows apart, and none on all others."""
    if len(numbers) < 2 or not np.isfinite(numbers).all() or (numbers[:SAMPLE] % 1 != 0).any():
        return None
    dense = numbers.max() - numbers.min() < (2 * rows if rows >= MANY_ROWS else rows)
    if not (dense or is_identifier_name(name)):
        return None
    if (numbers % 1 != 0).any() or not pd.Series(numbers).is_unique:
        return None
    if dense:
        if _are_years(numbers, name):
            return "numeric", True, "It holds years."
        return "identifier", False, "Its whole numbers count the rows."
    return "identifier", False, "By its name it is an identifier, and each of its whole numbers is there once."


def _are_years(numbers: NDArray[np.float64], name: str) -> bool:
    """Whether whole numbers, each there once, are years of the world, which a new row has too, and do not count the rows.

    What counts rows has no gap of its own making: years that lie two or four apart do, and those of every year have a name.
    """
    if numbers.min() < YEARS[0] or numbers.max() > YEARS[1] or is_identifier_name(name):
        return False
    apart = np.gcd.reduce(np.diff(np.sort(numbers)).astype(np.int64))
    return bool(apart > 1 or _YEAR_NAME.search(name))


def is_identifier_name(name: str) -> bool:
    """Whether a name says that a column names rows: id, user_id, PassengerId, uuid, index, "Unnamed: 0"."""
    return bool(_IDENTIFIER_NAME.search(name) or _CAMEL_ID.search(name))


def _value_kind(column: pd.Series, filled: int, declared: bool) -> Verdict:
    """Give the verdict on a column of texts or Python objects, by its distinct values."""
    values = pd.Series(column.unique()).dropna().to_numpy(dtype=object)
    if len(values) == 1 and filled == len(column):
        return _CONSTANT
    types = set(map(type, values))
    if declared:
        return _category_kind([str(value) for value in values], filled, note="")
    if types <= {bool, np.bool_}:
        return "boolean", True, "It holds true and false."
    if all(issubclass(kind, date | datetime | np.datetime64) for kind in types):
        return "datetime", True, "It holds dates or times."
    if all(issubclass(kind, int | float | Decimal | np.number) for kind in types):
        numbers = values.astype(np.float64)
        counted = _row_numbers(numbers, len(column), str(column.name)) if len(numbers) == filled else None
        return counted or ("numeric", True, "It holds numbers.")
    texts = [str(value).strip() for value in values]
    if all(issubclass(kind, str | int | float | Decimal | np.number) for kind in types):
        return _text_kind(texts, filled, column)
    return _category_kind(texts, filled, note="")


def _text_kind(texts: list[str], filled: int, column: pd.Series) -> Verdict:
    if any(all(text.casefold() in pair for text in texts) for pair in _TRUTH_WORDS):
        return "boolean", True, f"It says {' and '.join(sorted({text.casefold() for text in texts}))}."
    some = texts[:: 1 + len(texts) // SAMPLE]
    note = ""
    if _numbers(some)[1] <= FEW_ODD:
        numbers, odd = _numbers(texts)
        if not odd:
            counted = _row_numbers(numbers, len(column), str(column.name)) if len(texts) == filled else None
            return counted or ("numeric", True, "All its texts are numbers.")
        wrong = round(odd * len(texts))
        note = f" Most of its texts are numbers, {wrong:,} of {len(texts):,} distinct ones are not: mend or empty them."
    elif all(_ISO.fullmatch(text) for text in some) and are_iso(texts):
        return "datetime", True, "All its texts are ISO 8601 dates or times."
    elif all(_DATE_LIKE.fullmatch(text) for text in some):
        note = " It seems to hold dates: write them as 2026-01-31, so that day and month cannot be confused."
    if any(_CODE.match(text) for text in texts) and not text_numbers(pa.array(texts, pa.string())).null_count:
        note = " Some begin with a zero, so they are codes; where they are numbers, `numeric` in data.kinds says so."
    if _is_prose(some, len(texts), filled):
        return "text", True, f"It is free text, of which the words are weighed.{note}"
    return _category_kind(texts, filled, note)


def _numbers(texts: list[str]) -> tuple[NDArray[np.float64], float]:
    """Texts as numbers, and the share of those that are none."""
    numbers = text_numbers(pa.array(texts, pa.string())).to_numpy(zero_copy_only=False)
    codes = np.fromiter((bool(_CODE.match(text)) for text in texts), dtype=np.bool_, count=len(texts))
    return numbers, float((codes | ~np.isfinite(numbers)).mean())


def _is_prose(some: list[str], distinct: int, filled: int) -> bool:
    if distinct < PROSE_FEWEST or distinct / filled < PROSE_DISTINCT:
        return False
    words = sum(len(text.split()) for text in some) / len(some)
    letters = sum(map(len, some)) / len(some)
    return words >= PROSE_WORDS and letters >= PROSE_LENGTH


def _category_kind(texts: list[str], filled: int, note: str) -> Verdict:
    distinct = len(texts)
    if distinct > 1 and distinct == filled:
        return "identifier", False, f"Every row has a text of its own.{note}"
    if distinct >= NEARLY_ALL * filled and distinct > 1:
        return "identifier", False, f"Nearly every row has a text of its own ({distinct:,} in {filled:,}).{note}"
    if distinct > MANY_CATEGORIES:
        return (
            "categorical",
            True,
            f"It has {distinct:,} categories, so many that the target's mean and the letters tell of them.{note}",
        )
    return "categorical", True, f"It has {distinct} categor{'y' if distinct == 1 else 'ies'}.{note}"
