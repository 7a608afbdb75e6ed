"""HTTP as rude clients speak it: what is no request, what never ends, and what asks for another protocol."""

import contextlib
import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from champion.bundle.folder import write
from champion.serving.protocol import BoundedProtocol, bounded
from tests.support.serving.models import IRIS, made
from tests.support.serving.service import Service, answered, over, request

ROW = json.dumps(IRIS).encode()


NO_HTTP = {
    "two lengths": request(ROW, b"content-length: 3"),
    "a length and chunks": request(ROW, b"transfer-encoding: chunked"),
    "a negative length": request(ROW, b"content-length: -1", length=0),
    "a chunk of no size": request(b"zz\r\n \r\n", b"transfer-encoding: chunked", length=0),
    "another version": b"GET / HTTP/9.9\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a tunnel": b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("said", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_is_refused_in_the_one_form_of_errors(iris_service: Service, said: bytes) -> None:
    with iris_service.raw() as line:
        line.sendall(said)
        answer = answered(line)
    assert (answer.status, answer.code) == (400, "malformed_request")


@pytest.mark.parametrize(
    "wish",
    [
        (b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAEAAEAAAAIAAAAA"),
        (b"connection: upgrade", b"upgrade: websocket"),
    ],
)
def test_a_client_that_offers_another_protocol_gets_this_one(iris_service: Service, wish: tuple[bytes, ...]) -> None:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW)
    with iris_service.raw() as line:
        for said in (request(ROW, *wish), request(chunked, *wish, b"transfer-encoding: chunked", length=0)):
            line.sendall(said[:150])
            line.sendall(said[150:])
            answer = answered(line)
            assert answer.status == 200, answer.body
            assert answer.json["predictions"][0]["label"]


def test_requests_that_follow_each_other_without_a_pause_are_all_answered_in_order(iris_service: Service) -> None:
    long = b" " * 100_000 + ROW
    said = [request(long if number % 3 else ROW, b"x-request-id: n%d" % number) for number in range(12)]
    with iris_service.raw() as line:
        line.sendall(b"".join(said[:-1]) + said[-1][:20])
        found = line.recv(1)
        line.sendall(said[-1][20:])
        while (found.count(b"HTTP/1.1 ") < 12 or not found.endswith(b"}")) and (more := line.recv(65_536)):
            found += more
    assert re.findall(rb"x-request-id: (n\d+)", found) == [b"n%d" % number for number in range(12)]
    assert found.count(b"HTTP/1.1 200 OK") == 12


def test_what_is_sent_ahead_waits_until_it_can_be_answered_and_all_of_it_is(iris_service: Service) -> None:
    ask, kept = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", 2000
    with iris_service.raw() as line:
        for said in (ask * kept, request(b" " * 300_000 + ROW), b"\r\n\r\n" + ask):
            line.sendall(said)
        found = b""
        while found.count(b'{"status":"alive"}') <= kept:
            found += line.recv(65_536)
    assert found.count(b"HTTP/1.1 200 OK") == kept + 2
    assert found.index(b"predictions") > found.rindex(b"alive", 0, -20), "in the order in which it was asked"


BUNDLE = b"/docs/swagger-ui-bundle.js"  # long, so that few answers are more than the system takes


def deaf(service: Service, said: bytes) -> socket.socket:
    """A connection that says as much as is taken, and reads nothing."""
    line = service.raw()
    line.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        line.send(said)
    return line


def ended(line: socket.socket) -> bool:
    return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01"  # ESTABLISHED, man 7 tcp


def test_those_who_ask_and_read_nothing_cost_little_keep_nobody_out_and_are_cut_off(folder: Path) -> None:
    with over(folder, "--body-seconds", "1", open_files=96) as service, contextlib.ExitStack() as silent:
        said = b"".join(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path for path in (*[BUNDLE] * 9, *[b"/"] * 1000))
        before = service.memory()
        lines = [silent.enter_context(deaf(service, said)) for _ in range(40)]
        assert service.predict(IRIS).status == 200
        service.until(lambda: all(map(ended, lines)), "the end of all that read nothing")
        assert service.memory() < before + 64_000_000
        assert service.predict(IRIS).status == 200


BEHIND = request(b"%x\r\n%s\r\n0\r\nx-behind: " % (len(ROW), ROW), b"transfer-encoding: chunked", length=0)
ENDLESS = {
    "a header": (b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ", b"x" * 4096),
    "headers": (b"GET /healthz HTTP/1.1\r\nhost: x\r\n", b"x-one: more\r\n" * 400),
    "an address": (b"GET /", b"x" * 4096),
    "a header behind a body": (BEHIND, b"x" * 4096),
    "headers behind a body": (BEHIND, b"x-more: y\r\n" * 400),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS)
def test_a_head_without_an_end_is_cut_off(iris_service: Service, start: bytes, more: bytes) -> None:
    with iris_service.raw() as line:
        line.sendall(start)
        with pytest.raises((ConnectionError, BrokenPipeError)):  # noqa: PT012 - any of them may be cut off
            for _ in range(10_000):
                line.sendall(more)
    assert iris_service.predict(IRIS).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/model", "/metrics", "/openapi.json", "/", "/docs"])
def test_head_is_answered_as_get_is_without_the_body(iris_service: Service, path: str) -> None:
    head, kind = iris_service.ask("HEAD", path), iris_service.get(path).headers["content-type"]
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", kind)


def test_connections_that_rest_make_room_for_those_that_ask(folder: Path) -> None:
    with over(folder, open_files=160) as service, contextlib.ExitStack() as resting:
        os.kill(
            service.process.pid, signal.SIGSTOP
        )  # so that all come at once, more in a round than there are files left
        for _ in range(400):
            line = resting.enter_context(service.raw())
        os.kill(service.process.pid, signal.SIGCONT)
        assert service.predict(IRIS).status == 200
        line.sendall(request(ROW))
        assert answered(line).status == 200, "the last that came is not the one that goes"
        write(made(number=2), folder)
        service.serves(2)
        assert service.get("/readyz").json["refused"] is None
        assert service.metric("champion_reloads_total", result="refused") == 0


def test_where_uvicorn_is_not_what_it_was_or_patches_are_off_its_own_protocol_serves_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert issubclass(bounded(1.0, 1), BoundedProtocol)
    assert not caplog.records
    with monkeypatch.context() as changed:
        changed.setattr(HttpToolsProtocol, "on_header", lambda: None)
        assert bounded(1.0, 1) is HttpToolsProtocol
        changed.setattr(FlowControl, "resume_reading", lambda: None)
        assert bounded(1.0, 1) is HttpToolsProtocol
    said = [record.message.partition(" is not")[0] for record in caplog.records]
    assert said == ["uvicorn's on_header", "uvicorn's resume_reading, on_header"]
    monkeypatch.setenv("CHAMPION_PATCHES", "off")
    assert bounded(1.0, 1) is HttpToolsProtocol
