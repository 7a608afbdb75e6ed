"""How a table stands in its file: its format, and of a text or a spreadsheet where the names and the rows are."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from champion.use_case.strict import Strict

FormatName = Literal["text", "parquet", "arrow", "json", "spreadsheet"]
BLANKS = "blanks"  # the separator of columns that stand below each other
_NO_SEPARATOR = re.compile(r"[\w\s\"'.+-]")


def _unsaid(default: Any) -> Any:
    """What makes a key that has its default stand in no manifest and no fingerprint, as before there was one."""
    return lambda value: value == default


class Dialect(Strict):
    """How a table stands in its file; what is left out is as CSV has it: UTF-8, commas, double quotes, names in line 1."""

    format: FormatName | None = Field(
        default=None,
        description="What kind of file it is, where its name does not say.",
        exclude_if=_unsaid(None),
    )
    encoding: str = Field(
        default="utf-8",
        description="How letters of a text are written, as Python names it.",
        exclude_if=_unsaid("utf-8"),
    )
    separator: str = Field(
        default=",",
        description="The character between two cells of a text; `blanks` is one or more blanks or tabs.",
        exclude_if=_unsaid(","),
    )
    quote: str = Field(
        default='"',
        description="The character around a cell that holds separators; an empty text where there is none.",
        exclude_if=_unsaid('"'),
    )
    escape: str = Field(
        default="",
        description="The character before a quote that belongs to a cell; left out, such a quote is doubled.",
        exclude_if=_unsaid(""),
    )
    header: Annotated[int, Field(ge=1)] | Literal["none"] = Field(
        default=1,
        description="The line of a text, or the row of a sheet, with the names of the columns; above it may be a title. With "
        "`none` each line is a row, and the columns are called c1, c2, ...",
        exclude_if=_unsaid(1),
    )
    first_row: int = Field(
        default=1,
        ge=1,
        description="Of a table without names (`header: none`) the line of a text, or the row of a sheet, with which it begins; "
        "above it may be a title.",
        exclude_if=_unsaid(1),
    )
    units: dict[str, str] = Field(
        default_factory=dict,
        description="The units of columns, where the row below the names holds these.",
        exclude_if=_unsaid({}),
    )
    footer: tuple[str, ...] = Field(
        default=(),
        description="Words with which a row below the table begins, such as Total: of the last 20 rows, those from the first "
        "such one on are left out.",
        exclude_if=_unsaid(()),
    )
    unnamed: Literal["first", "last"] | None = Field(
        default=None,
        description="The one cell of each row for which the header has no name: the `first`, or an empty `last` one.",
        exclude_if=_unsaid(None),
    )
    sheet: str | None = Field(
        default=None,
        description="The sheet of a spreadsheet; the first one that is shown if left out.",
        exclude_if=_unsaid(None),
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except (LookupError, UnicodeError, ValueError):
            raise ValueError(
                f"found {encoding!r}, expected a text encoding, such as utf-8, windows-1252 or utf-16"
            ) from None
        return encoding

    @field_validator("separator")
    @classmethod
    def _separates(cls, separator: str) -> str:
        if separator in (BLANKS, "\t", " ") or (len(separator) == 1 and not _NO_SEPARATOR.match(separator)):
            return separator
        raise ValueError(f'found {separator!r}, expected one character, such as ";" or "\\t", or {BLANKS}')

    @field_validator("quote", "escape")
    @classmethod
    def _is_one_character(cls, character: str) -> str:
        if len(character) > 1 or character.isspace() or character.isalnum():
            raise ValueError(
                f"found {character!r}, expected one character that is no letter, or an empty text for none"
            )
        return character

    @field_validator("header", mode="before")
    @classmethod
    def _is_a_line(cls, header: Any) -> Any:
        if header != "none" and (not isinstance(header, int) or isinstance(header, bool) or header < 1):
            raise ValueError(f"found {header!r}, expected the number of a line, from 1, or none")
        return header

    @field_validator("units")
    @classmethod
    def _are_units(cls, units: dict[str, str]) -> dict[str, str]:
        if not all(unit.strip() for unit in units.values()):
            raise ValueError("found an empty text, expected what stands below the name of the column")
        return units

    @field_validator("footer")
    @classmethod
    def _begin_rows(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if not all(word.strip() for word in words):
            raise ValueError("found an empty text, expected the first word of a row below the table")
        return words

    @model_validator(mode="after")
    def _differ(self) -> "Dialect":
        marks = [mark for mark in (self.separator, self.quote, self.escape) if mark]
        if len(set(marks)) < len(marks):
            raise ValueError("separator, quote and escape are the same character; each needs one of its own")
        if self.first_row > 1 and self.header != "none":
            raise ValueError("`first_row` goes with `header: none`; where there are names, `header` is their line")
        return self

    @property
    def first_line(self) -> int:
        """The line of a text, or the row of a sheet, with which the table begins."""
        return self.first_row if self.header == "none" else self.header

    @property
    def is_plain(self) -> bool:
        """Whether a text is CSV as everybody reads it."""
        fields = ("separator", "quote", "escape", "header", "units", "footer", "unnamed")
        as_usual = all(getattr(self, name) == getattr(_PLAIN, name) for name in fields)
        return as_usual and self.encoding.casefold().replace("_", "-") in (
            "utf-8",
            "utf8",
            "utf-8-sig",
            "ascii",
            "us-ascii",
        )


_PLAIN = Dialect()
