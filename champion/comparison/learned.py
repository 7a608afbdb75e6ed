"""Which of the rows that judge trained the champion: by the sketch in its package, whatever the split rule says.

The split sets rows aside by what they mean, and there will be a spelling that nobody thought of. So what judges is held
against the champion's train rows: those that it learned are left out, and where more stand among the rest than can be told
apart, nothing is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc

from champion.comparison.evaluation import LearnedRows
from champion.errors import NotEnoughDataError, listed
from champion.modeling.contract import Contract
from champion.modeling.rows.train_rows import TrainRows, columns_of, respelled, row_parts
from champion.modeling.split import SplitRule, missing_columns, row_hashes_of

MOST_LEARNED = (
    0.05  # share of the judging rows that may be learned ones in another spelling: corrected cells are such rows
)
_SURE = 1e-3  # the chance at which a share beyond `MOST_LEARNED` is taken for one


@dataclass(frozen=True)
class Sketches:
    """What the champion learned from, what the challenger did, and the champion's split rule and contract."""

    champion: TrainRows
    today: TrainRows | None
    rule: SplitRule
    contract: Contract


def rows_not_learned(
    holdout: pd.DataFrame, judged: NDArray[np.bool_], sketches: Sketches, today: SplitRule
) -> tuple[NDArray[np.bool_], LearnedRows | None]:
    """Those of the judged rows, shape (rows,), that did not train the champion, and what the sketch told.

    Raises NotEnoughDataError where learned rows are among the rest.
    """
    sketch, rule = sketches.champion, sketches.rule
    if not rule.of_a_row or missing_columns(holdout, [*rule.of_a_row, *([rule.label] if rule.label else [])]):
        return judged, None
    if (rule.label, rule.columns) != (today.label, today.columns) and rule.label is not None:
        return judged, None  # which repeat a row is, is counted over other columns
    hashes = row_hashes_of(holdout, rule)
    learned, known = sketch.learned(hashes) & judged, sketch.known(hashes) & judged
    found = int(learned.sum())
    told = LearnedRows(
        learned=found, known=int(known.sum()), sketched=len(sketch.hashes), train=sketch.rows, judged=int(judged.sum())
    )
    if not sketch.is_complete and found and bdtrc(found - 1, told.known, MOST_LEARNED) < _SURE:
        raise _cannot(f"about {found / told.known:.0%} of the {told.judged:,} rows that judge trained the champion", [])
    if sketches.today is not None and today.of_a_row == rule.of_a_row:
        told = _of_another_spelling(holdout[judged], hashes, sketches, told, today)
    return judged & ~learned, told


def _of_another_spelling(
    holdout: pd.DataFrame, hashes: NDArray[np.uint64], sketches: Sketches, told: LearnedRows, today: SplitRule
) -> LearnedRows:
    """Look for learned rows of which some column is written in another way. Raises NotEnoughDataError where they are many."""
    sketch, present = sketches.champion, sketches.today
    assert present is not None
    gone = sketch.gone(present, hashes)
    if not gone.any():
        return told
    told = told.model_copy(update={"gone": float(gone.mean())})
    found = respelled(sketch, present, row_parts(holdout, today.of_a_row), gone)
    if found is None:
        return told
    columns = columns_of(found.parts, today.of_a_row)
    share = (found.rows / found.asked - found.chance) * float(gone.mean()) * sketch.rows / max(len(holdout), 1)
    if share > MOST_LEARNED:
        changed = [_change(name, holdout, sketches.contract) for name in columns]
        raise _cannot(
            f"about {min(share, 1.0):.0%} of the {len(holdout):,} rows that judge trained the champion, and are written "
            f"otherwise now, in {listed(columns)}",
            changed,
        )
    return told.model_copy(update={"respelled": tuple(columns), "respelled_share": share})


def _change(name: str, holdout: pd.DataFrame, contract: Contract) -> str:
    """What a column was when the champion was trained, and what it is; quotes no value."""
    feature = next((feature for feature in contract.features if feature.name == name), None)
    if feature and feature.dtype == str(holdout[name].dtype):
        return f"{name!r} has other values in them"
    was = f"{feature.kind}, as {feature.dtype}" if feature else "no feature"
    return f"{name!r} was {was}, and comes as {holdout[name].dtype}"


def _cannot(what: str, changed: Sequence[str]) -> NotEnoughDataError:
    details = f" ({'; '.join(changed[:5])})" if changed else ""
    return NotEnoughDataError(
        f"Nothing is decided, because the champion would be judged on rows that it learned: {what}{details}. Write the table as "
        "it was, or set promotion.replace_unjudged to have a challenger take its place without a comparison."
    )
