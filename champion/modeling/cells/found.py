"""What is found of how a column's cells are written, and how well a rule fits them: the common part of what looks for rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from champion.modeling.cells.writing import reader_of
from champion.use_case.cells import CellRule

NEARLY_ALL = 0.99  # share of the cells that fit a rule
SAMPLE = 1000  # distinct texts by which a column is left alone at once
MOST_WORDS = 5  # different texts that stand for no value in one column
MOST_MISSING = 0.5  # share of the cells that they may be
FEWEST = 3  # distinct numbers in a column of them
_CODE_NAME = re.compile(
    r"(?:^|[\W_])(?:zip|zipcode|zip_code|plz|postal|postcode|post_code|phone|tel|telephone|telefon|fax|mobile|isbn|ean|iban|ssn"
    r"|account|konto|fips|msisdn|imei|area_?code)(?:$|[\W_]|code|no|nr|number|num)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Found:
    """What was found of one column: its rule, or that it holds codes; why, in a sentence; and what a person is to be asked.

    `asked` is a comment for the use case: what is ambiguous, and what to write there. `missing` counts the values of the rule
    that stand for none. `decimal` is what stands before the decimals of a column that leaves no doubt of it.
    """

    rule: CellRule | None = None
    kind: Literal["categorical"] | None = None
    why: str = ""
    asked: str = ""
    missing: Mapping[str, int] = field(default_factory=dict)
    decimal: str | None = None


def is_code_name(name: str) -> bool:
    """Whether a column is named as what is written in digits and is no number: ZIP codes, telephone and account numbers."""
    return bool(_CODE_NAME.search(words_of(name)))


def words_of(name: str) -> str:
    """A name with an underscore between its words, where it has none: `zipCode` as `zip_Code`."""
    return _CAMEL.sub("_", name)


def sample(texts: Mapping[str, int]) -> list[str]:
    """Some of different texts, from all places of the column."""
    every = [*texts]
    return every[:: 1 + len(every) // SAMPLE]


def fit(rule: CellRule, texts: Mapping[str, int]) -> tuple[float, Counter[str]]:
    """The share of cells that can be read by a rule, and those that cannot."""
    reader = reader_of(rule)
    wrong = Counter({text: count for text, count in texts.items() if reader.read(text).wrong})
    return 1 - wrong.total() / max(sum(texts.values()), 1), wrong


def with_words(
    rule: CellRule, rest: Mapping[str, int], markers: Mapping[str, int]
) -> tuple[CellRule | None, dict[str, int]]:
    """A rule with the few words that stand for no value in a column, where nearly all else fits it; None where it does not."""
    share, wrong = fit(rule, rest)
    odd = dict(markers)
    repeated = {text: count for text, count in wrong.items() if count > 1 and not re.search(r"\d", text)}
    if share < NEARLY_ALL and len(repeated) + len(odd) <= MOST_WORDS:
        odd |= repeated
        rest = {text: count for text, count in rest.items() if text not in repeated}
        share, wrong = fit(rule, rest)
    if share < NEARLY_ALL or sum(odd.values()) > MOST_MISSING * (sum(rest.values()) + sum(odd.values())):
        return None, {}
    return rule.model_copy(update={"missing": tuple(odd)}), odd


def no_value(words: Mapping[str, int]) -> str:
    """What is said of texts that stand for no value, with their rows."""
    return f"{', '.join(f'{text!r} ({count:,} rows)' for text, count in words.items())} stands for no value"


def and_no_value(why: str, odd: Mapping[str, int]) -> str:
    """The same behind a sentence."""
    return f"{why}; {no_value(odd)}" if odd else why
