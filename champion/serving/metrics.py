"""What the service counts, for Prometheus; docs/serving.md lists every metric.

The registry is our own, so that nothing else stands in it and several services may live in one process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from champion.serving.log import PredictionLog

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _OfTheLog(Collector):
    """The counts of the prediction log, read when somebody asks."""

    def __init__(self, log: PredictionLog) -> None:
        self._log = log

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give both counts."""
        yield CounterMetricFamily("champion_log_rows", "Rows that stand in the prediction log.", value=self._log.rows)
        text = "Rows that the prediction log had to leave out."
        dropped = CounterMetricFamily("champion_log_rows_dropped", text, labels=["reason"])
        for reason, count in self._log.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = self._counter("champion_requests", "Answered requests.", "path", "status")
        text = "From the first byte of a request's body to its answer."
        self.seconds = Histogram("champion_request_seconds", text, ["path"], buckets=_SECONDS, registry=self.registry)
        self.rows = self._counter("champion_rows", "Rows that were answered.")
        self.predictions = self._counter("champion_predictions", "Rows by the label they were given.", "label")
        self.version = self._gauge("champion_model_version", "The model version that answers; 0 while there is none.")
        self.info = self._gauge(
            "champion_model_info", "What answers; always 1.", "use_case", "model_version", "data_version", "way"
        )
        warnings = self._counter(
            "champion_warnings", "Values out of the training range, and unseen categories.", "kind"
        )
        self.range_warnings, self.category_warnings = warnings.labels("range"), warnings.labels("category")
        self.warned_rows = self._counter("champion_warned_rows", "Answered rows with at least one warning.")
        self.refused = self._gauge("champion_package_refused", "1 while the package in its place is refused.")
        self.reloads = self._counter("champion_reloads", "Packages that were looked at, by what came of it.", "result")
        for result in ("loaded", "refused", "back"):
            self.reloads.labels(result)

    def tell_of(self, log: PredictionLog) -> None:
        """Have the prediction log's own counts among the metrics."""
        self.registry.register(_OfTheLog(log))

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def serves(self, use_case: str, model_version: int, data_version: str, backend: str) -> None:
        """Note which champion answers from now on."""
        self.version.set(model_version)
        self.info.clear()
        self.info.labels(use_case, str(model_version), data_version, backend).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)


class Observed:
    """The count and the seconds of one path, without looking its labels up for every request."""

    def __init__(self, metrics: Metrics, path: str) -> None:
        self._requests, self._path = metrics.requests, path
        self._by_status: dict[int, Any] = {}
        self._seconds = metrics.seconds.labels(path)

    def answered(self, status: int, seconds: float) -> None:
        """Note one answer."""
        child = self._by_status.get(status)
        if child is None:
            child = self._by_status[status] = self._requests.labels(self._path, str(status))
        child.inc()
        self._seconds.observe(seconds)
