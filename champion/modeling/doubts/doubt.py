"""What was found, as a value; `champion.comparison.doubts` has the words."""

from typing import Literal

from pydantic import Field

from champion.modeling.evaluation import Frozen


class Doubt(Frozen):
    """One thing that may be amiss with a table: names of columns, and numbers.

    - ``group``: the values of `columns` (one, or two together) repeat, with one label each. `others` do the same. `count`
      is the number of these groups, `share` that of the holdout's rows whose group has a row in the train set; None before
      a split.
    - ``renamed``: `columns` are one-to-one with the target. `share` is 1.
    - ``decides``: a short rule of each of the `columns` alone gives `share` of the labels; the best of the other columns
      gives `next_best`.
    - ``order``: `columns` are identifiers whose order tells the label; neighbours agree by `share` more than by chance.
    """

    what: Literal["group", "renamed", "decides", "order"]
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()
    count: int = 0
    share: float | None = None
    next_best: float | None = Field(default=None, exclude_if=lambda score: score is None)
