"""A promotion reaches a running service without a dropped request; a broken package does not, and it says so."""

import asyncio
import http.client
import itertools
import json
import os
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from champion.bundle.build import build, with_state
from champion.bundle.folder import CARD, MANIFEST, MODEL, write
from champion.bundle.predictions import read
from champion.serving import app
from champion.serving import state as service_state
from champion.serving.options import Options
from champion.serving.state import State, Watcher
from tests.support.packages import about, old_package, profile
from tests.support.serving.models import IRIS, answers_of, made
from tests.support.serving.service import JSON, PATIENCE, answered, inside, over, request, running

ROWS = [IRIS, {**IRIS, "petal_length": 4.9, "petal_width": 1.7}, {**IRIS, "petal_length": 5.1, "petal_width": 1.5}] * 8


def ask(port: int, expected: Any, done: threading.Event, seen: Counter[tuple[int, bool]], seconds: list[float]) -> None:
    """Ask until it is over, one row and many in turn; count which version answered, and whether as it should."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for count in itertools.takewhile(lambda _: not done.is_set(), itertools.cycle((1, len(ROWS)))):
        began = time.perf_counter()
        connection.request("POST", "/predict", json.dumps(ROWS[:count]), JSON)
        answer = json.loads(connection.getresponse().read())
        seconds.append(time.perf_counter() - began)
        version = answer["model_version"]
        seen[version, answer["predictions"] == expected[version][:count]] += 1
    connection.close()


@pytest.mark.parametrize(("connections", "least"), [(4, 0), pytest.param(8, 60, marks=pytest.mark.long)])
@pytest.mark.parametrize("model", ["FOREST", "BOOSTING"])
def test_packages_are_swapped_under_load_and_no_request_fails_or_mixes_two_versions(
    folder: Path, model: str, connections: int, least: int
) -> None:
    packages = {number: made("iris", model, number, seed=number) for number in (1, 2)}
    expected = {number: answers_of(package, ROWS) for number, package in packages.items()}
    assert model == "BOOSTING" or expected[1] != expected[2], "the versions must be told apart by their answers"
    write(packages[1], folder)
    done, seen, seconds, memory = threading.Event(), Counter[tuple[int, bool]](), [], []
    with running(folder, "--log", str(folder.parent / "log")) as service, ThreadPoolExecutor(connections) as pool:
        asking = [pool.submit(ask, service.port, expected, done, seen, seconds) for _ in range(connections)]
        try:
            ends = time.monotonic() + least
            while len(memory) < 5 or time.monotonic() < ends:
                number = 2 - len(memory) % 2
                write(packages[number], folder)
                service.serves(number)
                enough = seen[number, True] + (50 if least else 5)
                service.until(lambda number=number, enough=enough: seen[number, True] > enough, "its answers")
                memory.append(service.memory() // 1_000_000)
        finally:
            done.set()
        assert not any(each.result() for each in asking), "one that failed raises"
        assert service.metric("champion_reloads_total", result="loaded") == 1 + len(memory)
        assert [service.metric("champion_model_info", model_version=str(each)) for each in (3 - number, number)] == [
            0,
            1,
        ]
        assert service.metric("champion_log_rows_dropped_total", reason="queue") == 0
    warm = memory[len(memory) // 10]
    print(f"{seen.total()} requests, {len(memory)} swaps, slowest {max(seconds):.3f} s, {warm} to {memory[-1]} MB")
    assert {right for _, right in seen} == {True}, "answers are mixed"
    assert memory[-1] < warm + 100


def of_another_signature(folder: Path) -> None:
    """A package whose hashes are right, with a model that was made for other features."""
    facts = {name: getattr(made().manifest, name) for name in ("signature", "classes")}
    write(build(made("mixed", "FOREST").files[MODEL], profile(), **about(2, **facts)), folder)


BREAK: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a changed model": (lambda folder: (folder / MODEL).write_bytes(b"x"), "does not match its hash"),
    "a foreign file": (lambda folder: (folder / "note.txt").write_text("x"), "iris"),
    "another format": (lambda folder: (folder / MANIFEST).write_text('{"format": 99}'), "iris"),
    "no package any more": (shutil.rmtree, "iris"),
    "a model that cannot answer": (of_another_signature, "does not answer its own example"),
    "another use case": (
        lambda folder: write(made("mixed", "REGRESSION", 2), folder), "a package of the use case 'mixed', not of 'iris'",
    ),
}  # fmt: skip


def test_a_champion_of_other_libraries_is_served_where_it_answers_and_else_refused_with_what_moved(
    folder: Path,
) -> None:
    root = folder.parent.parent
    old_package("boosting", root)
    with running(folder) as service:
        assert "scikit-learn 1.8.0, which is 1.9" in service.facts("listening")["made_with"]
        assert service.predict(IRIS).status == 200
        old_package("imputing", root)
        reason = service.until(lambda: service.get("/readyz").json["refused"], "a refusal")
        assert "cannot answer here: it was made with " in reason
        assert "scikit-learn 1.7.2, which is 1.9" in reason
        assert service.predict(IRIS).status == 200


@pytest.mark.parametrize(("spoil", "words"), BREAK.values(), ids=BREAK)
def test_a_broken_package_is_refused_and_the_old_one_goes_on_until_it_is_mended(
    folder: Path, spoil: Callable[[Path], Any], words: str
) -> None:
    with over(folder) as service:
        spoil(folder)
        reason = service.until(lambda: service.get("/readyz").json["refused"], "a refusal")
        ready = service.get("/readyz")
        assert (ready.status, ready.json["ready"]) == (200, True)
        assert words in reason
        assert service.metric("champion_package_refused") == 1
        assert service.facts("refused")["reason"] == reason
        assert service.predict(IRIS).json["model_version"] == 1

        shutil.rmtree(folder, ignore_errors=True)
        write(made(), folder)
        service.until(lambda: service.get("/readyz").json["refused"] is None, "no refusal")
        assert service.metric("champion_package_refused") == 0
        assert service.metric("champion_reloads_total", result="loaded") == 1, "the same package is not loaded again"
        assert service.metric("champion_reloads_total", result="back") == 1


def test_without_a_package_the_service_is_alive_and_not_ready_until_a_whole_one_comes(folder: Path) -> None:
    with running(folder) as service:
        assert service.get("/healthz").status == 200
        ready = service.get("/readyz")
        assert ready.status == 503
        assert ready.json == {
            "ready": False, "missing": [f"There is no package at {folder} that can be served."], "refused": None,
        }  # fmt: skip
        for answer in (service.predict(IRIS), service.get("/model")):
            assert (answer.status, answer.code) == (503, "no_champion")
        assert service.get("/openapi.json").status == service.get("/").status == 200
        assert service.metric("champion_model_version") == 0
        write(made(), folder.with_name("broken"))
        BREAK["a changed model"][0](folder.with_name("broken"))
        folder.with_name("broken").rename(folder)
        refused = service.until(lambda: service.get("/readyz").json["refused"], "a refusal")
        assert (service.get("/readyz").status, "does not match its hash" in refused) == (503, True)
        write(made(number=2), folder)
        service.until(lambda: service.get("/readyz").status == 200, "a champion")
        assert service.predict(IRIS).json["model_version"] == 2


def test_a_package_behind_a_link_is_followed_when_the_link_is_turned(tmp_path: Path) -> None:
    for number in (1, 2):
        write(made(number=number), tmp_path / f"v{number}")
    link, turned = tmp_path / "current", tmp_path / "turned"
    link.symlink_to("v1")
    with running(link) as service:
        service.serves(1)
        turned.symlink_to("v2")
        turned.rename(link)
        service.serves(2)


def test_the_use_case_that_was_asked_for_is_the_only_one_that_is_served(folder: Path) -> None:
    write(made(), folder)
    state = State(Options(folder, "models/iris", use_case="penguins"))
    asyncio.run(Watcher(state, lambda *_: None).look())
    assert state.champion is None
    assert "not of 'penguins'" in str(state.refused)


def test_another_signature_brings_its_own_fields_also_after_the_service_was_killed(folder: Path) -> None:
    with over(folder) as service:
        grown = made("mixed", "REGRESSION", 2)
        write(replace(grown, manifest=grown.manifest.model_copy(update={"use_case": "iris"})), folder)
        service.serves(2)
        assert service.predict(IRIS).json["error"]["code"] in ("missing_field", "unknown_field")
        assert service.predict(service.example).status == 200
        assert "colour" in service.get("/openapi.json").body.decode()
        service.process.kill()
        service.process.wait()
    with running(folder) as service:
        assert service.predict(service.example).json["model_version"] == 2


def test_what_a_former_champion_took_of_the_memory_is_given_back(folder: Path) -> None:
    large = made("noise", "DEEP", 2)
    large = replace(large, manifest=large.manifest.model_copy(update={"use_case": "iris"}))
    with over(folder) as service:
        before, held = service.memory(), []
        for _ in range(2):
            write(large, folder)
            service.serves(2)
            held.append(service.memory() - before)
            write(made(), folder)
            service.serves(1)
        assert min(held) > 20_000_000, "else there is nothing to give back"
        service.until(lambda: service.memory() < before + 12_000_000, "the memory of before")


def test_fields_that_a_former_champion_took_are_ignored_counted_and_told_once_and_foreign_ones_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    package = made("grown", "REGRESSION")
    state = package.manifest.champion_state.model_copy(update={"former_fields": ("smoker", "größe, cm")})
    with inside(with_state(package, state)) as service:

        def answer(*rows: dict[str, Any]) -> Any:
            body, head = json.dumps(rows).encode(), {"Content-Type": "application/json"}
            return urllib.request.urlopen(urllib.request.Request(f"{service.address}/predict", body, head))

        def counted() -> dict[str, float]:
            (family,) = service.state.metrics.ignored.collect()
            return {each.labels["field"]: each.value for each in family.samples if each.name.endswith("_total")}

        example = service.state.champion.example
        plain = answer(example)
        assert (plain.headers["x-ignored-fields"], counted()) == (None, {})
        predictions = json.load(plain)["predictions"]
        former = answer({**example, "smoker": True}, {**example, "smoker": None, "größe, cm": [1]}, example)
        assert json.load(former)["predictions"] == predictions * 3
        assert [unquote(name) for name in former.headers["x-ignored-fields"].split(", ")] == ["smoker", "größe, cm"]
        assert counted() == {"smoker": 2, "größe, cm": 1}
        answer({**example, "smoker": 7})
        told = [each.getMessage() for each in caplog.records if "former model version" in each.getMessage()]
        assert told == [
            "Requests have 'smoker', 'größe, cm', which a former model version took and version 1 does not: ignored."
        ]
        for row, field in (({"nobody": 1}, "nobody"), ({"smoker": 1, "nobody": 1}, "nobody")):
            with pytest.raises(urllib.error.HTTPError) as refused:
                answer({**example, **row})
            assert (refused.value.code, json.load(refused.value)["error"]["field"]) == (422, field)
        assert counted() == {"smoker": 3, "größe, cm": 1}
        rows = json.load(urllib.request.urlopen(f"{service.address}/openapi.json"))["components"]["schemas"]["Row"]
        assert rows["properties"]["smoker"]["deprecated"]
        assert "smoker" not in rows["required"]
        assert next(set(row) for row in service.asked) == set(example), "the log knows the signature's fields alone"


def test_the_description_of_the_api_is_made_once_for_each_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    made_with, real = list[bool](), app.described

    def counted(*given: Any) -> Any:
        made_with.append(given[-1])
        return real(*given)

    monkeypatch.setattr(app, "described", counted)
    with inside(made(), key="correct-horse-battery-staple") as service:

        def descriptions() -> list[bytes]:
            keys: list[dict[str, str]] = [{}, {"X-API-Key": "correct-horse-battery-staple"}]
            asked = [urllib.request.Request(f"{service.address}/openapi.json", headers=key) for key in keys * 2]
            return [urllib.request.urlopen(each).read() for each in asked]

        bare, whole, *again = descriptions()
        assert (again, b"sepal" in bare, b"sepal" in whole) == ([bare, whole], False, True)
        service.adopt(made("mixed", "REGRESSION", 2))
        assert [b"colour" in each for each in descriptions()] == [False, True] * 2
    assert made_with == [False, True, True]


def test_a_fifo_beside_package_and_log_is_named_and_neither_watcher_nor_stop_waits_for_it(folder: Path) -> None:
    log = folder.parent / "log"
    log.mkdir(parents=True)
    os.mkfifo(log / "predictions-v1-20261129T000000Z-0a-1.parquet")
    with over(folder, "--log", str(log)) as service:
        service.predict(IRIS)
        (folder / CARD).unlink()
        os.mkfifo(folder / CARD)
        reason = service.until(lambda: service.get("/readyz").json["refused"], "a refusal")
        assert f"{CARD} cannot be read (it is no regular file)" in reason
        write(made(number=2), folder)
        service.serves(2)
        service.process.terminate()
        assert service.process.wait(PATIENCE) == 0
    assert [each.table.num_rows for each in read(log, "log")] == [1]


def test_a_look_that_a_disk_keeps_waiting_is_told_and_holds_up_neither_the_next_package_nor_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading waits here for an event, as it would for a file server that is gone; what comes of it comes too late."""
    stalled, real = threading.Event(), service_state.read
    monkeypatch.setattr(service_state, "_DEADLINE", 0.3)
    monkeypatch.setattr(service_state, "read", lambda *_: stalled.wait(PATIENCE) and None)
    write(made(), folder)
    state = State(Options(folder, "models/iris"))
    watcher = Watcher(state, lambda *_: None)

    async def looks() -> None:
        await watcher.look()
        assert "models/iris could not be read and loaded within 0.3 s: its disk does not answer" in str(state.refused)
        monkeypatch.setattr(service_state, "read", real)
        monkeypatch.setattr(service_state, "_DEADLINE", PATIENCE)
        write(made(number=2), folder)
        while state.champion is None:
            await watcher.look()

    asyncio.run(looks())  # waits for the threads of asyncio, but not for this one
    assert not stalled.is_set()
    assert (state.champion and state.champion.model_version, state.refused) == (2, None)
    stalled.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_start_is_one_line_and_what_has_begun_is_finished_and_logged_at_the_end(folder: Path, number: int) -> None:
    log, asked = folder.parent / "log of the day", request(json.dumps([IRIS, IRIS]).encode())
    with over(folder, "--log", str(log)) as service, service.raw() as line:
        facts = service.facts("listening")
        assert facts.pop("address").startswith("http://127.0.0.1:")
        assert facts == {
            "champion": "iris", "model_version": "1", "data_version": f"{1:032x}", "way": "packed", "key": "none",
            "package": str(folder), "log": str(log),
        }  # fmt: skip
        line.sendall(asked[:-5])
        names = [service.predict([IRIS, IRIS]).json["request_id"] for _ in range(5)]
        service.process.send_signal(number)
        service.facts("stopping")
        line.sendall(asked[-5:])
        answer = answered(line)
        assert (answer.status, answer.json["predictions"][0]["label"]) == (200, "setosa")
        assert service.process.wait(PATIENCE) == 0
    names.append(answer.json["request_id"])
    found = [each for logged in read(log, "log") for each in logged.table["request_id"].to_pylist()]
    assert Counter(found) == dict.fromkeys(names, 2)


def test_a_request_that_does_not_end_is_left_when_the_time_to_stop_is_over(folder: Path) -> None:
    limits = ("--shutdown-seconds", "1", "--body-seconds", "60")
    with over(folder, *limits) as service, service.raw() as line:
        line.sendall(request(b"{", length=9))
        service.until(lambda: service.predict(IRIS).status == 200, "an answer")
        service.process.terminate()
        assert service.process.wait(30) == 0
