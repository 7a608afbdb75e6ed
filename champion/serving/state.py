"""What all parts of a running service share, and the watcher that keeps it up to date.

Hot reload: a new package in its place becomes the champion of a running service. A look costs a handful of `stat` calls.
What changed is read and verified, and loaded and proved in a thread while the old champion answers, one replica after another;
then one reference is swapped. In a container with a limit of memory it is weighed before, and loaded in a child process first.
A package that is refused changes nothing but what `/readyz` says. A disk may keep a look waiting for ever: no other look and no
stop waits for it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import hmac
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from champion.bundle.folder import Package, read
from champion.bundle.needs import trim
from champion.bundle.sizes import limit, weighed
from champion.errors import PackageError, ProjectError
from champion.failures import of_a_warning
from champion.serving.loaded import Champion
from champion.serving.options import NONE, Options
from champion.serving.rows import RequestError
from champion.serving.trial import TrialLoader, weigh
from champion.serving.turn import FREE, Turns, give_back

if TYPE_CHECKING:
    from champion.serving.log import PredictionLog

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DEADLINE = 10.0  # seconds after which a look is late: that is said, and the next ones begin beside it
_MOST_LATE = 3  # looks that may be late at a time
_AGAIN = 30.0  # seconds until a refused package is tried again, though nothing changed: memory may have been short
_LATEST = 960.0  # seconds that they become, doubled each time: trying costs as much as loading

_logger = logging.getLogger(__name__)

Tell = Callable[[str, str | None], None]
Result = TypeVar("Result")


class Metrics(Collector):
    """What one service counts, for Prometheus; docs/serving.md lists every metric."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the client's has no types
        self.registry = CollectorRegistry()
        self.requests = self._counter("champion_requests", "Answered requests.", "path", "status")
        text = "From the first byte of a request's body to its answer."
        self.seconds = Histogram("champion_request_seconds", text, ["path"], buckets=_SECONDS, registry=self.registry)
        self.rows = self._counter("champion_rows", "Rows that were answered.")
        self.predictions = self._counter("champion_predictions", "Rows by the label they were given.", "label")
        self.version = self._gauge("champion_model_version", "The model version that answers; 0 while there is none.")
        facts = ("use_case", "model_version", "data_version", "way")
        self.info = self._gauge("champion_model_info", "What answers; always 1.", *facts)
        text = (
            "Values out of the training range, unseen categories, and values of another kind that were read as missing."
        )
        warnings = self._counter("champion_warnings", text, "kind")
        self.range_warnings, self.category_warnings = warnings.labels("range"), warnings.labels("category")
        self.wrong_warnings = warnings.labels("wrong")
        self.ignored = self._counter(
            "champion_ignored_fields", "Rows with a field that a former version took.", "field"
        )
        self.warned_rows = self._counter("champion_warned_rows", "Answered rows with at least one warning.")
        self.refused = self._gauge("champion_package_refused", "1 while the package in its place is refused.")
        self.reloads = self._counter("champion_reloads", "Packages that were looked at, by what came of it.", "result")
        for result in ("loaded", "refused", "back"):
            self.reloads.labels(result)

    def tell_of(self, log: PredictionLog) -> None:
        """Have the prediction log's own counts among the metrics."""
        self._log = log
        self.registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The prediction log's own counts, read when somebody asks."""
        yield CounterMetricFamily("champion_log_rows", "Rows that stand in the prediction log.", value=self._log.rows)
        text = "Rows that the prediction log had to leave out."
        dropped = CounterMetricFamily("champion_log_rows_dropped", text, labels=["reason"])
        for reason, count in self._log.dropped.items():
            dropped.add_metric([reason], count)
        yield dropped

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def serves(self, champion: Champion) -> None:
        """Note which champion answers from now on."""
        use_case, version = champion.manifest.use_case, champion.model_version
        self.version.set(version)
        self.info.clear()
        self.info.labels(use_case, str(version), champion.data_version, champion.backend).set(1)

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


class State:
    """The state of one service: the champion, why a package was refused, the settings, the counters and the log.

    `refused`: why the package in its place is not served. `trial`: loads packages first; None where nothing does.
    """

    def __init__(self, options: Options, log: PredictionLog | None = None, trial: TrialLoader | None = None) -> None:
        self.options, self.log, self.trial = options, log, trial
        self.metrics = Metrics()
        self.champion: Champion | None = None
        self.refused: str | None = None
        self._key = None if options.key in (None, NONE) else options.key.encode()
        self.asks_for_key = self._key is not None  # for predictions and the model's card
        if log is not None:
            self.metrics.tell_of(log)

    @property
    def missing(self) -> Sequence[str]:
        """What is needed before a prediction can be answered."""
        return () if self.champion else (f"There is no package at {self.options.shown} that can be served.",)

    def adopt(self, champion: Champion) -> None:
        """Answer with this champion from now on; what was refused before no longer matters."""
        self.champion = champion
        self.looked("loaded")
        self.metrics.serves(champion)

    def looked(self, result: str, refused: str | None = None) -> None:
        """Note what came of a look at the package in its place, and why it is not served."""
        self.refused = refused
        self.metrics.refused.set(refused is not None)
        self.metrics.reloads.labels(result).inc()

    def present(self) -> Champion:
        """Who answers now. Raises RequestError: 503 while there is nobody."""
        if self.champion is None:
            message = "No champion is served yet; GET /readyz says what is missing. Try again soon."
            raise RequestError(503, "no_champion", message, headers=((b"retry-after", b"2"),))
        return self.champion

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request may ask: no key is needed, or its headers show it; compared in constant time."""
        if self._key is None:
            return True
        given = headers.get(b"x-api-key")
        if given is None:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer":
                return False
        return hmac.compare_digest(given.strip(), self._key)

    def require_key(self, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a request that does not show the key. Raises RequestError: 401."""
        if not self.knows(headers):
            message = (
                "This service asks for an API key, as `Authorization: Bearer KEY` or `X-API-Key: KEY`; none that fits "
                "was sent."
            )
            raise RequestError(401, "unauthorized", message, headers=((b"www-authenticate", b"Bearer"),))


class _AnotherCameError(Exception):
    """A package has taken the place of the one that was read."""


class Watcher:
    """Looks after the package of one service.

    `tell`: is told what happened (``loaded``, ``refused``, ``back`` or ``weighed``), and why it was refused, or by what it was
    weighed.
    """

    def __init__(self, state: State, tell: Tell) -> None:
        self._state, self._tell = state, tell
        self._folder, self._shown = state.options.package, state.options.shown
        self._seen: object = ()
        self._again, self._pause = 0.0, _AGAIN
        self._turns = Turns()
        self._looks: set[asyncio.Task[None]] = set()  # those under way; all but the last are late
        self._count = self._newest = 0

    async def watch(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(self._state.options.reload_seconds)
            try:
                await self.look()
            except Exception:  # a look that fails is not the last one
                _logger.exception("Looking at %s failed", self._shown)

    async def look(self) -> None:
        """Look once; take over what is new. Returns at the deadline; what is late may still take over, or never end."""
        if len(self._looks) < _MOST_LATE:
            self._count += 1
            self._looks.add(asyncio.create_task(self._look(self._count)))
        done, self._looks = await asyncio.wait(self._looks, timeout=_DEADLINE, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        if not done:
            self._refuse(
                f"{self._shown} could not be read and loaded within {_DEADLINE:g} s: its disk does not answer, or disk or "
                "machine are slow. It is taken over as soon as it is there."
            )

    async def _look(self, number: int) -> None:
        alone = len(self._looks) == 1
        stamp = await _in_a_thread(lambda: _stamp(self._folder))
        waits = self._state.refused is None or time.monotonic() < self._again or not alone
        if stamp == self._seen and waits:
            return
        turn = (
            FREE if self._state.champion is None else await _in_a_thread(lambda: self._turns.take(self._folder, stamp))
        )
        if turn is None:  # another replica loads
            return
        self._pause = min(self._pause * 2, _LATEST) if stamp == self._seen else _AGAIN
        self._seen, self._again = stamp, time.monotonic() + self._pause
        champion, refused = None, None
        try:
            champion = await _in_a_thread(self._load)
        except _AnotherCameError:
            self._seen = ()
            return
        except ProjectError as error:
            refused = str(of_a_warning(error) or error)
        except Exception as error:  # what a package does to the libraries that load it is not ours to foresee
            _logger.exception("%s could not be loaded", self._shown)
            refused = f"{self._shown} could not be loaded: {type(error).__name__}."
        finally:
            give_back(turn)
        if number < self._newest:  # it was late, and a later look has answered
            return
        self._newest = number
        if refused is None:
            former = self._state.champion
            self._take(champion)
            if former not in (None, self._state.champion):
                del former
                await _in_a_thread(_release_memory)
        else:
            self._refuse(refused)

    def _load(self) -> Champion | None:
        """The champion in the folder: a new one, the present one where nothing is new, or none."""
        package = read(self._folder, self._shown)
        if package is None:
            return None
        present = self._state.champion
        if present is not None and package.manifest == present.manifest:
            return present
        expected = self._state.options.use_case or (present.manifest.use_case if present else None)
        if expected not in (None, package.manifest.use_case):
            raise PackageError(
                f"{self._shown} is refused: it is a package of the use case {package.manifest.use_case!r}, not of "
                f"{expected!r}. Put the right one there; start a service of its own for another use case."
            )
        return self._loaded(package)

    def _loaded(self, package: Package) -> Champion:
        """The champion of a package; where the container has a limit, it is weighed, and loaded by a child process first."""
        _release_memory()
        trust, trial, here = self._state.options.trust_code, self._state.trial, limit()
        if here is not None and (said := weigh(package, self._shown, here)) is not None:
            self._tell("weighed", said)
        if trial is None:
            return Champion(package, self._shown, trust)
        if not trial.load(package, self._folder, self._shown, trust, here):
            raise _AnotherCameError
        with weighed() if here is not None else contextlib.nullcontext():
            return Champion(package, self._shown, trust)

    def _take(self, champion: Champion | None) -> None:
        present = self._state.champion
        if champion is None:
            if present is not None:
                self._refuse(f"{self._shown} is gone; the champion that was there goes on.")
            elif self._state.refused is not None:
                self._state.looked("back")
        elif champion is not present:
            self._state.adopt(champion)
            self._tell("loaded", None)
        elif self._state.refused is not None:
            self._state.looked("back")
            self._tell("back", None)

    def _refuse(self, reason: str) -> None:
        if reason != self._state.refused:
            self._tell("refused", reason)
        self._state.looked("refused", reason)


async def _in_a_thread(ask: Callable[[], Result]) -> Result:
    """What a function answers, asked in a thread of its own, which no stop of the process waits for."""
    answer: concurrent.futures.Future[Result] = concurrent.futures.Future()
    answer.set_running_or_notify_cancel()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # whoever waits is told
            answer.set_exception(error)

    threading.Thread(target=run, name="package", daemon=True).start()
    return await asyncio.wrap_future(answer)


def _release_memory() -> None:
    """Give back what a former champion, or loading this one, has left: the system keeps nothing of it for the next one."""
    gc.collect()
    trim()


def _stamp(folder: Path) -> object:
    """What tells one state of the folder from another, without reading a file."""
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return error.errno
    return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats))
