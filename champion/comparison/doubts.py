"""What is doubtful about a table or a candidate, in words: names of columns and shares, no value of a table."""

from champion.errors import listed
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.evaluation import CandidateResult

_MOST_NAMED = 4


def doubt_in_words(doubt: Doubt, target: str) -> str:
    """One doubt as a warning: what was found, why it matters, and what to do."""
    return {"group": _group, "renamed": _renamed, "decides": _decides, "order": _order}[doubt.what](doubt, target)


def _group(doubt: Doubt, target: str) -> str:
    one = len(doubt.columns) == 1
    names = " and ".join(map(repr, doubt.columns))
    others = f" (so do those of {listed(doubt.others, most=_MOST_NAMED)})" if doubt.others else ""
    told = f"The values of {names} repeat{'' if one else ' together'}, with one {target!r} each{others}: several rows of one "
    told += f"thing ({doubt.count:,} of them seen)."
    if doubt.share is not None:
        told += (
            f" {doubt.share:.0%} of the holdout's rows have a twin in the train set, and scores may be far too good."
        )
    if one:
        return (
            f"{told} Where new rows will be of new things, say `split: {{by: group, column: NAME}}` with that column."
        )
    return f"{told} Where new rows will be of new things, give the thing a column of its own, and split by: group."


def _renamed(doubt: Doubt, target: str) -> str:
    return (
        f"{listed(doubt.columns, most=_MOST_NAMED)}: one value for each {target!r}, and the other way round: the target under "
        "another name. Name it in data.drop, unless it is known before the target is."
    )


def _decides(doubt: Doubt, target: str) -> str:
    each = "Each of " if len(doubt.columns) > 1 else ""
    best = f"; the best of the others gives {doubt.next_best:.1%}" if doubt.next_best is not None else ""
    names = listed(doubt.columns, most=_MOST_NAMED)
    return (
        f"{each}{names} alone decides {target!r}, in {doubt.share:.1%} of the rows{best}. "
        "Make sure that it is known before the target is; else name it in data.drop."
    )


def _order(doubt: Doubt, target: str) -> str:
    return (
        f"The order of {listed(doubt.columns, most=_MOST_NAMED)} tells {target!r}: an identifier that was given after the target "
        "was known, or by it. Leave it in data.drop, or name it there."
    )


def cut_by_chance_in_words(candidate: CandidateResult, column: str) -> str:
    """What is to be said of a candidate that divides its rows inside `fit`, where they are split by a column."""
    return (
        f"The candidate {candidate.name!r}: {listed(candidate.cut_by_chance)} divides its rows by chance inside fit (early "
        f"stopping, or a cross-validation of its own), and not by {column!r}: it may stop too late, or trust itself too much."
    )
