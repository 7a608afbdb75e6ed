"""Which texts are numbers, and which: what infers kinds, trains and predicts asks here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBER = r"(?i)^-?(?:inf|infinity|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$"


def text_numbers(texts: pa.Array) -> pa.Array:
    """Texts as float64, nothing where a text is no number.

    Blanks of any kind around a number (a no-break space too) and a plus do not count, and U+2212 is a minus.

    >>> text_numbers(pa.array([" +1.5", "\u22122e3", "1,5"])).to_pylist()
    [1.5, -2000.0, None]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    bare = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), r"^\+", "")
    bare = pc.replace_substring_regex(bare, "^\u2212", "-")
    return pc.if_else(pc.match_substring_regex(bare, _NUMBER), bare, None).cast(pa.float64())
