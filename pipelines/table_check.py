"""What is read and checked of a table before any step runs: what is reached from here is all that its result depends on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.modeling.split import SplitRule
from champion.tabular.stream import left_out
from champion.tabular.tables import open_table, read_table
from champion.use_case.whole import UseCase

if TYPE_CHECKING:
    import pandas as pd


def checked_table(
    path: Path, name: str, use_case: UseCase, recorded: SplitRule | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read and check a table, and decide by the champion's recorded rule which of its rows are the holdout.

    Returns the table, and of the check what JSON can hold: `warnings`, and the `rule` of the split. Raises ProjectError
    when table or use case cannot be used.
    """
    from champion.modeling.split import rule_for
    from champion.modeling.table import check

    unused = [column for column in use_case.data.drop if column != use_case.split.column]
    frame = read_table(path, name, unused)
    warnings = [*left_out(open_table(path).repeated), *check(frame, use_case)]
    rule = rule_for(frame, use_case.data, use_case.split, recorded)
    return frame, {"warnings": list(warnings), "rule": rule.model_dump(mode="json")}


def require_candidates(use_case: UseCase, shown_config: str) -> None:
    """Raises ConfigurationError when an estimator does not exist, or does not have a parameter."""
    from champion.modeling.estimators import check_candidates

    check_candidates(use_case, shown_config)
