"""What all parts of a running service share: the champion, why a package was refused, the settings, the counters."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from champion.modeling.classifier import Predictions
from champion.serving.champion import Champion
from champion.serving.metrics import Metrics
from champion.serving.options import Options
from champion.serving.refusal import no_champion, wrong_key
from champion.serving.rows import Row


class Log(Protocol):
    """The prediction log; it neither waits nor raises."""

    rows: int
    dropped: dict[str, int]

    def add(self, champion: Champion, request_id: str, rows: Sequence[Row], predictions: Predictions) -> None:
        """Leave the answers of one request to the writer."""

    def close(self) -> None:
        """Write what waits, and stop."""


class State:
    """The state of one service.

    Attributes
    ----------
    refused : str, optional
        Why the package in its place is not served.
    log : Log, optional
        The prediction log, where one is kept.
    """

    def __init__(self, options: Options, log: Log | None = None) -> None:
        self.options, self.log = options, log
        self.metrics = Metrics()
        self.champion: Champion | None = None
        self.refused: str | None = None
        self._key = options.key.encode() if options.key is not None else None
        if log is not None:
            self.metrics.tell_of(log)

    @property
    def about(self) -> Mapping[str, Any] | None:
        """The answer of GET /model; None while no champion is served."""
        return self.champion.about if self.champion else None

    @property
    def missing(self) -> Sequence[str]:
        """What is needed before a prediction can be answered."""
        return () if self.champion else (f"There is no package at {self.options.shown} that can be served.",)

    @property
    def asks_for_key(self) -> bool:
        """Whether predictions and the model's card are for those who have the key."""
        return self._key is not None

    def adopt(self, champion: Champion) -> None:
        """Answer with this champion from now on; what was refused before no longer matters."""
        self.champion = champion
        self.accept("loaded")
        manifest = champion.manifest
        self.metrics.serves(manifest.use_case, champion.model_version, champion.data_version, champion.way)

    def accept(self, result: str) -> None:
        """Note that the package in its place is the one that is served."""
        self.refused = None
        self.metrics.refused.set(0)
        self.metrics.reloads.labels(result).inc()

    def refuse(self, reason: str) -> None:
        """Go on as before, and say why."""
        self.refused = reason
        self.metrics.refused.set(1)
        self.metrics.reloads.labels("refused").inc()

    def present(self) -> Champion:
        """Who answers now.

        Raises
        ------
        RequestError
            503 while there is nobody.
        """
        if self.champion is None:
            raise no_champion()
        return self.champion

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request may ask: no key is needed, or its headers show it; compared in constant time."""
        if self._key is None:
            return True
        shown = headers.get(b"x-api-key")
        if shown is None:
            scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return False
        return hmac.compare_digest(shown.strip(), self._key)

    def require_key(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a request that does not show the key.

        Raises
        ------
        RequestError
            401.
        """
        if not self.knows(headers):
            raise wrong_key()
