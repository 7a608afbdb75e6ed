"""What is read and checked of a table before any step runs: what is reached from here is all that its result depends on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.modeling.split import SplitRule
from champion.tabular.as_written import as_written
from champion.tabular.stream import left_out
from champion.tabular.tables import notes_of, open_table, read_table
from champion.tabular.words import count_words
from champion.use_case.whole import UseCase

if TYPE_CHECKING:
    import pandas as pd

    from champion.modeling.features import Feature

_MOST_WORDS = 8  # named where the use case does not say which are missing


def checked_table(
    path: Path,
    name: str,
    use_case: UseCase,
    recorded: SplitRule | None,
    signature: Sequence[Feature] = (),
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read and check a table, and decide by the champion's recorded rule which of its rows are the holdout.

    With the champion's signature, how the table differs from it is among the warnings. Returns the table, and of the check what
    JSON can hold: `warnings`, and the `rule` of the split. Raises ProjectError when table or use case cannot be used.
    """
    from champion.modeling.checks.contract_check import check_contract
    from champion.modeling.checks.wrong_cells import mended
    from champion.modeling.preparation import labelled
    from champion.modeling.split import rule_for
    from champion.modeling.table import check

    data = use_case.data
    unused = [column for column in data.drop if column != use_case.split.column]
    frame = whole_table(path, name, use_case, unused)
    right, wrong = mended(frame, data, use_case.split.column)
    with_label, without = labelled(right, data)
    warnings = [
        *notes_of(path, data.read),
        *left_out(open_table(path, data.read).repeated),
        *_unsaid_words(path, frame, use_case),
        *wrong,
        *without,
    ]
    warnings += check(with_label, use_case)
    if use_case.features:
        from champion.modeling.own.columns import require_columns  # imports scikit-learn, 80 MB

        require_columns(with_label, data, use_case.split.column, use_case.features)
    if signature:
        about = data.model_copy(update={"drop": (*data.drop, *filter(None, [use_case.split.column]))})
        warnings += check_contract(right, signature, about)
    rule = rule_for(with_label, data, use_case.split, recorded)
    if rule.version < SplitRule.TODAY:
        warnings.append(
            "Rows are still set aside by the rule of version 0.1, as the champion's were: fewer than "
            f"split.min_overlap = {use_case.split.min_overlap} would be holdout under today's rule too."
        )
    return frame, {"warnings": list(warnings), "rule": rule.model_dump(mode="json")}


def whole_table(path: Path, name: str, use_case: UseCase, unused: Sequence[str]) -> pd.DataFrame:
    """A table as the store keeps it: cells of a rule (`data.read.columns`) as they are written, but read where no feature is."""
    from champion.modeling.cells.ruled import as_ruled

    read, apart = use_case.data.read, (use_case.data.target, use_case.split.column)
    frame = as_written(read_table(path, name, unused, read.words, read), path, read)
    return as_ruled(frame, {column: rule for column, rule in read.columns.items() if column in apart})


def _unsaid_words(path: Path, frame: pd.DataFrame, use_case: UseCase) -> list[str]:
    """Which words of columns of texts were read as missing, where the use case does not say that they are."""
    data = use_case.data
    if "missing" in data.read.model_fields_set:
        return []
    texts = frame.select_dtypes(["str", "object", "category"]).columns.difference([*data.drop])
    gaps = [str(name) for name in texts if frame[name].hasnans]
    counts = count_words(path, data.read.missing, gaps, data.read) if gaps else {}
    each = [f"{word!r} in {name!r} ({rows:,} rows)" for name in counts for word, rows in counts[name].most_common()]
    if not each:
        return []
    said = f"{', '.join(each[:_MOST_WORDS])}{f' and {len(each) - _MOST_WORDS} more' if len(each) > _MOST_WORDS else ''}"
    return [f"Read as missing: {said}. Where a word is a value, say in data.read.missing which words are not."]


def require_candidates(use_case: UseCase, shown_config: str) -> None:
    """Raises ConfigurationError when an estimator or a transformer does not exist, or does not have a parameter."""
    from champion.modeling.estimators import check_candidates
    from champion.modeling.own.columns import check_steps

    check_candidates(use_case, shown_config)
    check_steps(use_case.features, shown_config)
