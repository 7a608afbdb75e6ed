"""A way to a server that can be shut: what a network does to a client."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit


class Door:
    """Passes connections on to a server while it is open. `address`: where it listens, on a free port of `host`.

    Shut, it closes what goes through it and takes nothing: who connects is refused.
    """

    def __init__(self, host: str, url: str) -> None:
        target = urlsplit(url)
        self._target = str(target.hostname), target.port or {"http": 80, "https": 443}[target.scheme]
        self._listening = socket.create_server((host, 0))
        self._place = self._listening.getsockname()
        self.url = f"{target.scheme}://{host}:{self._place[1]}"
        self._through: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._open(self._listening)
        return self

    def __exit__(self, *_: object) -> None:
        self._shut()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Nothing gets through while this is entered."""
        self._shut()
        try:
            yield
        finally:
            self._listening = socket.create_server(self._place)
            self._open(self._listening)

    def shut_for(self, seconds: float) -> None:
        """Nothing gets through for some seconds, which are waited for."""
        with self.shut():
            time.sleep(seconds)

    def _open(self, listening: socket.socket) -> None:
        threading.Thread(target=self._take, args=(listening,), daemon=True).start()

    def _shut(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            through, self._through = self._through, set()
        for each in through:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _take(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:  # it was shut
                return
            try:
                server = socket.create_connection(self._target, 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._through |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := one.recv(2**16):
                other.sendall(block)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        with self._lock:
            self._through -= {one, other}
