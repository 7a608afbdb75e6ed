"""Bad input and too much of it: always a 4xx with the field and what was expected, never a value, never a 5xx."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.serving.models import IRIS, made
from tests.support.serving.service import JSON, PATIENCE, Service, answered, inside, over, request

SECRET = "hunter2-hunter2"


def with_literal(literal: str) -> bytes:
    """One row of the sample whose first value is written so."""
    return json.dumps({**IRIS, "sepal_length": "@"}).replace('"@"', literal).encode()


ROW = json.dumps(IRIS).encode()
TWICE = ROW.replace(b"{", b'{"petal_width": 1, ')
UNFIT: dict[str, tuple[bytes, int, str, str | None]] = {
    "nothing": (b"", 400, "malformed_json", None),
    "half": (b'{"sepal_length": 5.1', 400, "malformed_json", None),
    **{word: (with_literal(word), 400, "malformed_json", None) for word in ("NaN", "Infinity", "-Infinity")},
    "no UTF-8": (b'{"\xff\xfe": 1}', 400, "malformed_json", None),
    "two values": (ROW * 2, 400, "malformed_json", None),
    "a lone surrogate as a key": (b'{"\\ud800": 1}', 400, "malformed_json", None),
    "a number": (b"1", 422, "wrong_type", None),
    "a list of numbers": (b"[1, 2]", 422, "wrong_type", None),
    "nested lists": (b"[" * 100_000, 422, "wrong_type", None),
    "nested objects": (b'{"sepal_length":' * 10_000, 422, "wrong_value", "sepal_length"),
    **{
        literal[:6]: (with_literal(literal), 422, "wrong_value", "sepal_length")
        for literal in (f'"{SECRET}"', "true", "null", "[1]", "1e400", "1" + "0" * 400, "3.5e38")  # beyond float32
    },
    "a missing field": (b'{"sepal_length": 1}', 422, "missing_field", "sepal_width"),
    "no field": (b"{}", 422, "missing_field", "sepal_length"),
    "an unknown field": (json.dumps({**IRIS, "petal_lenght": SECRET}).encode(), 422, "unknown_field", "petal_lenght"),
    "a field that is there twice": (TWICE, 422, "repeated_field", "petal_width"),
    "the same, hidden": (TWICE.replace(b"petal_w", b"petal\\u005fw", 1), 422, "repeated_field", "petal_width"),
}


@pytest.mark.parametrize(("body", "status", "code", "field"), UNFIT.values(), ids=UNFIT)
def test_what_is_no_json_or_does_not_fit_the_signature_is_refused_by_field(
    iris_service: Service, body: bytes, status: int, code: str, field: str | None
) -> None:
    answer = iris_service.predict(body)
    assert (answer.status, answer.code, answer.json["error"]["field"]) == (status, code, field)
    assert SECRET not in answer.body.decode()


def test_a_refusal_says_what_was_found_what_is_expected_and_in_which_row(iris_service: Service) -> None:
    for rows, message in (
        ([IRIS, {**IRIS, "petal_width": "wide"}], "Row 2: found a text, expected a number from -3.402823e+38 to 3.402823e+38."),
        ({**IRIS, "petal_lenght": 1}, "The model knows no such field. Did you mean 'petal_length'?"),
    ):  # fmt: skip
        assert iris_service.predict(rows).json["error"]["message"] == message


NO_MOMENTS = ["tomorrow", "2026-13-01", "", "2026-01-01T25:00:00Z", "0001-01-01T00:00:00+14:00"]
HARD = 'the "weight" %s'  # to write in JSON


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        *(("since", text, "wrong_value") for text in NO_MOMENTS),
        (HARD, "much", "wrong_value"),
        ('the "wait" %s', 1, "unknown_field"),
    ],
)
def test_a_text_that_is_no_moment_is_refused_and_a_field_is_named_as_it_is(
    mixed_service: Service, field: str, value: str | int, code: str
) -> None:
    answer = mixed_service.predict({**mixed_service.example, field: value})
    assert (answer.status, answer.code, answer.json["error"]["field"]) == (422, code, field)
    assert not value or str(value) not in answer.json["error"]["message"].replace("2026-01-31", "")


def test_a_field_twice_beside_one_left_out_and_deep_nesting_are_refused_with_hard_names(mixed_service: Service) -> None:
    row = {**mixed_service.example, "colour": "red", "since": "2026-01-31", "until": "2026-01-31"}
    del row[HARD]  # so that there are as many colons as there are fields
    for value in ("1", "null"):
        twice = json.dumps(row, ensure_ascii=False).replace('"asked"', f'"asked": {value}, "asked"')
        answer = mixed_service.predict(twice.encode())
        assert (answer.status, answer.code, answer.json["error"]["field"]) == (422, "repeated_field", "asked")
    for body in (b'{"a":' * 50_000, b"[" * 100_000, b'[{"a":' + b"[" * 100_000):
        assert mixed_service.predict(body).status in (400, 422)


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        *(("Type", kind, 415, "not_json") for kind in ("text/plain", "application/x-www-form-urlencoded", "")),
        ("Type", "application/jsonp", 415, "not_json"),
        ("Type", "Application/JSON; charset=utf-8", 200, None),
        ("Encoding", "gzip", 415, "compressed"),
    ],
)
def test_another_content_type_or_encoding_is_refused_and_a_charset_is_json_all_the_same(
    iris_service: Service, header: str, value: str, status: int, code: str | None
) -> None:
    answer = iris_service.predict(IRIS, **{f"Content-{header}": value})
    assert (answer.status, answer.code if code else None) == (status, code)


def test_another_method_or_place_is_refused(iris_service: Service) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = iris_service.ask(method, "/predict")
        assert (answer.status, answer.headers["allow"], answer.code) == (405, "POST", "method_not_allowed")
    assert iris_service.ask("POST", "/model").code == "method_not_allowed"
    assert iris_service.get("/predict/").code == "not_found"


def test_a_body_is_refused_before_it_is_read_or_cut_off_where_it_becomes_too_long(iris_service: Service) -> None:
    answer = iris_service.predict(b'{"sepal_length": "' + b"x" * 10_000_000 + b'"}')
    assert (answer.status, answer.code) == (413, "body_too_long")
    with iris_service.raw() as line:
        line.sendall(request(b"", b"transfer-encoding: chunked", length=0))
        for _ in range(40):
            line.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        answer = answered(line)
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_a_million_rows_are_refused(folder: Path) -> None:
    with over(folder, "--max-body", "100000000", "--max-rows", "1000") as service:
        assert service.predict([IRIS] * 1000).status == 200
        answer = service.predict(b"[" + b",".join([ROW] * 1_000_000) + b"]")
        assert (answer.status, answer.code) == (413, "too_many_rows")


def test_what_does_not_come_is_given_up_and_a_connection_may_rest_between_two_requests(folder: Path) -> None:
    with over(folder, "--body-seconds", "0.2") as service:
        with service.raw() as silent, service.raw() as slow, service.raw() as half:
            slow.sendall(b"POST /predict HTT")
            half.sendall(request(b"{", length=80))
            assert silent.recv(1) == b""
            for line in (slow, half):
                answer = answered(line)
                assert (answer.status, answer.code) == (408, "too_slow")
                assert line.recv(1) == b"", "the connection is closed"
        assert service.metric("champion_requests_total", path="/predict", status="408") == 1
        with service.raw() as line:
            for _ in range(2):
                line.sendall(request(ROW))
                assert answered(line).status == 200
                time.sleep(0.4)


def test_a_request_takes_a_place_when_it_is_whole_and_a_client_that_left_takes_none(folder: Path) -> None:
    with over(folder, "--max-concurrency", "1") as service:
        for _ in range(2):
            with service.raw() as line:
                line.sendall(request(b"{", length=80))
        service.until(lambda: service.metric("champion_requests_total", path="/predict", status="499") == 2, "499")
        waiting = [service.raw() for _ in range(4)]
        for line in waiting:
            line.sendall(request(ROW)[:-1])
        assert service.predict(IRIS).status == 200
        for line in waiting:
            line.sendall(ROW[-1:])
            assert answered(line).status == 200
            line.close()


def test_long_requests_leave_time_for_others_and_more_than_allowed_are_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with inside(made(), max_concurrency=2) as service, ThreadPoolExecutor(2) as pool:
        begun, may_go_on = [], threading.Event()
        rows = service.state.champion.rows

        def slow(*given: Any) -> Any:
            begun.append(given)
            assert may_go_on.wait(PATIENCE)
            return rows(*given)

        monkeypatch.setattr(service.state.champion, "rows", slow)
        port: Any = SimpleNamespace(port=int(service.address.rpartition(":")[2]))
        ask = partial(Service.ask, port)
        long = [pool.submit(ask, "POST", "/predict", json.dumps([IRIS] * 100).encode(), JSON) for _ in range(2)]
        try:
            while len(begun) < 2:
                assert not long[0].done()
                time.sleep(0.01)
            assert ask("GET", "/healthz").status == 200
            refused = ask("POST", "/predict", ROW, JSON)
            assert (refused.status, refused.code) == (429, "too_many_requests")
            assert refused.headers["retry-after"] == "1"
        finally:
            may_go_on.set()
        assert [len(each.result().json["predictions"]) for each in long] == [100, 100]


def test_a_service_that_only_waits_is_small_and_does_not_grow_under_a_flood_of_bad_input(folder: Path) -> None:
    bodies = [body for body, *_ in UNFIT.values()]
    bodies += [b'{"%s": 1}' % (b"k" * 500_000), b"[" + b'"x",' * 100_000 + b"1]", b" " * 2_000_000]
    with over(folder, forked=False) as service:
        assert service.memory() < 200_000_000

        def flood(times: int) -> None:
            for body in bodies * times:
                assert 400 <= service.predict(body).status < 500

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(flood, [3] * 4))
            warm = service.memory()
            list(pool.map(flood, [8] * 4))
        assert service.memory() < warm + 24_000_000
