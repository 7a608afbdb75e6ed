"""The YAML of a new use case, as a person would have written it: with the reasons beside it."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from champion.errors import listed
from champion.modeling.columns import Column
from champion.modeling.evaluation import Label

MANY_ROWS = 50_000  # from here on histograms are faster than sorting, and three folds tell enough
COMMON, RARE = 0.8, 0.1  # share of the largest class, and of the smallest in the largest, of unbalanced classes

_HISTOGRAMS = """\
  hist_gradient_boosting:  # the trees for a table of this size
    estimator: sklearn.ensemble.HistGradientBoostingClassifier
    params: {max_iter: 200}"""
_FOREST = """\
  random_forest:
    estimator: sklearn.ensemble.RandomForestClassifier
    params: {n_estimators: 200}"""
_REGRESSION = """\
  logistic_regression:
    estimator: sklearn.linear_model.LogisticRegression
    params: {max_iter: 1000}
    search: {C: [0.1, 1.0, 10.0]}  # cross-validated on the train set alone"""
_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ./-]\w+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}


def use_case_text(
    name: str, path: str, target: str, columns: Sequence[Column], labels: Sequence[Label], numbers: Collection[str]
) -> str:
    """Write a use case for a table.

    Unused columns are dropped by name. Kinds that are read from texts are pinned, so that a stray value in new data
    is an error that names it, and no silent change of kind; plain numbers need no pin.
    """
    used, unused = ([column for column in columns if column.used is wanted] for wanted in (True, False))
    lines = [
        "# Written by `python run.py init`, and yours to change; docs/use-case.md tells every key.",
        f"name: {quoted(name)}",
        "data:",
        f"  path: {quoted(path)}",
        f"  target: {quoted(target)}",
        *(["  drop:"] if unused else []),
        *(f"    - {quoted(column.name)}  # {column.why}" for column in unused),
        *_kinds(used, numbers),
        *_split(name, used),
        "candidates:",
        _HISTOGRAMS if len(labels) >= MANY_ROWS else _FOREST,
        _REGRESSION,
        *(["training:", "  folds: 3  # enough with this many rows"] if len(labels) >= MANY_ROWS else []),
        *_promotion(labels),
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Write a text as a YAML scalar that every version of YAML reads as that text.

    Examples
    --------
    >>> quoted("bill length"), quoted("no"), quoted("a: b")
    ('bill length', '"no"', '"a: b"')
    """
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'


def _kinds(used: Sequence[Column], numbers: Collection[str]) -> list[str]:
    plain = [column.name for column in used if column.kind == "numeric" and column.name in numbers]
    rest = [column for column in used if column.name not in plain]
    pinned = [f"    {quoted(column.name)}: {column.kind}  # {column.why}" for column in rest]
    lines = [f"  # Numbers, which need no word here: {listed(plain, most=4)}."] if plain else []
    return [*lines, "  kinds:", *pinned] if pinned else lines


def _split(name: str, used: Sequence[Column]) -> list[str]:
    moments = [column.name for column in used if column.kind == "datetime"]
    lines = ["split:", "  share: 0.2  # of the rows are set aside for judging, for ever", "  by: hash"]
    if moments:
        lines.append(f"  # To judge on the latest rows instead: by: time, column: {quoted(moments[0])}, and no salt.")
    return [*lines, f"  salt: {quoted(name)}"]


def _promotion(labels: Sequence[Label]) -> list[str]:
    smallest, *_, largest = sorted(Counter((type(label), label) for label in labels).values())
    share = largest / len(labels)
    unbalanced = share > COMMON or smallest < RARE * largest
    why = (
        f"  # Unbalanced classes ({smallest:,} to {largest:,} rows): a model that always says the largest would have an",
        f"  # accuracy of {share:.2f}. This is the mean share of each class that is found.",
    )
    return [
        "promotion:",
        *(why if unbalanced else ()),
        f"  metric: {'balanced_accuracy' if unbalanced else 'accuracy'}",
        "  min_gain: 0.0  # a challenger must gain strictly more than this",
        "  # min_score: 0.8  # and is never promoted below this",
    ]
