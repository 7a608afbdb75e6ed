"""What the service does without, though it may be installed: it is not found until a package needs it."""

from importlib.abc import MetaPathFinder
from typing import Any


class Hidden(MetaPathFinder):
    """Hides what scikit-learn imports where it finds it, and what is never asked here: 0.3 s and 70 MB.

    The image has none of it; a developer's environment has. Steps before a model take frames of pandas, and need it.
    """

    def __init__(self) -> None:
        self._names = {"pandas", "pytest", "rich", "matplotlib"}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Refuse what is hidden, and know nothing of any other module."""
        del path, target
        if fullname in self._names:
            raise ModuleNotFoundError(f"The service does without {fullname}.", name=fullname)

    def show(self, name: str) -> None:
        """Let a library be found from now on, where it is installed."""
        self._names.discard(name)


HIDDEN = Hidden()
"""The one of this process, which is in the way of imports where a service runs."""
