"""What this room takes from scikit-learn's private parts, written for scikit-learn 1.9; nothing else may.

| what | why |
|---|---|
| `InvalidParameterError` | it alone tells a parameter that is wrong from a table that is; its public parents do not |
| `check_parameters` | a wrong parameter is refused before the table is read, and not when a candidate is fitted |
"""

from typing import Any

from sklearn.utils._param_validation import InvalidParameterError

__all__ = ["InvalidParameterError", "check_parameters"]


def check_parameters(estimator: Any) -> None:
    """Let an estimator refuse its parameters, as `fit` would; one that is not scikit-learn's own may not know how."""
    check = getattr(estimator, "_validate_params", None)
    if check is not None:
        check()
