"""A loopback stand-in for hosts of the internet: it answers CONNECT itself and ends TLS with an authority of its own.

An unmodified client reaches it by HTTPS_PROXY. Every host that it does not play is refused; it opens no connection.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


def authority(folder: Path, hosts: tuple[str, ...]) -> tuple[Path, Path]:
    """Make an authority and a certificate for hosts; the authority's file, and the file of certificate and key."""
    folder.mkdir(parents=True, exist_ok=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey, is_ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )

    root = begun(name, ca_key.public_key(), True).sign(ca_key, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    leaf = begun(subject, key.public_key(), False).add_extension(names, critical=False).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "authority.pem").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem) + private)
    return folder / "authority.pem", folder / "server.pem"


PATIENCE = 0.3  # seconds


@dataclass
class Call:
    """A request that reached the double."""

    method: str
    host: str
    path: str
    status: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path}"


@dataclass
class Answer:
    """What a double replies; `cut` closes the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class Handler(BaseHTTPRequestHandler):
    """One connection: CONNECT, then the requests inside TLS."""

    protocol_version = "HTTP/1.1"
    double: ClassVar[Double]
    host = ""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host not in self.double.hosts:
            self.double.refused.append(host)
            self.send_error(403, f"{host} is not played here")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.connection = self.double.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.host, self.close_connection = host, False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ssl.SSLError):
            self.close_connection = True

    def _answer(self) -> None:
        if not self.host:
            self.send_error(405, "only CONNECT is answered outside TLS")
            return
        call = Call(self.command, self.host, self.path)
        self.double.calls.append(call)
        answer = self.double.answer(call, self)
        if answer.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        call.status = answer.status
        self.send_response(answer.status)
        for key, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

    def body(self, most: int | None = None) -> bytes:
        """The body of the request, or its beginning; a client that promises more than it sends is cut off, as Google does."""
        self.connection.settimeout(PATIENCE)
        size = int(self.headers.get("Content-Length") or 0)
        found = self.rfile.read(size if most is None else min(size, most))
        self.connection.settimeout(None)
        return found

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""


class Double:
    """A server on 127.0.0.1 that plays hosts; a subclass answers their requests."""

    hosts: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.authority, server = authority(folder, self.hosts)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(server)
        self.calls: list[Call] = []
        self.refused: list[str] = []
        self.lock = threading.RLock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"double": self}))
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Any:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, call: Call, request: Handler) -> Answer:
        """Reply to a request; the body is to be read from it."""
        raise NotImplementedError
