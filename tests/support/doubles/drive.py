"""A double of Google Drive's API, version 2, as far as DVC's client uses it, with faults on demand.

It knows identities, folders of shared drives and of My Drive, access tokens that expire, quotas and resumable uploads.
An unmodified client reaches it by HTTPS_PROXY: it answers CONNECT itself, ends TLS with a certificate of its own, refuses
every host that it does not play, and opens no connection.
"""

import datetime
import hashlib
import itertools
import json
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HOSTS = ("www.googleapis.com", "oauth2.googleapis.com")
TOKEN_URI = "https://oauth2.googleapis.com/token"
FOLDER = "application/vnd.google-apps.folder"
PATIENCE = 0.3  # seconds


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """A private key as a file holds it."""
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()


def certificate(folder: Path, hosts: tuple[str, ...]) -> Path:
    """Make a certificate for hosts that is its own authority; the file of it and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_text(signed.decode() + pem_of(key))
    return folder / "server.pem"


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
    double: ClassVar["GoogleDrive"]
    host = ""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0]
        if host not in HOSTS:
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
        call = f"{self.command} {self.host}{self.path}"
        self.double.calls.append(call)
        answer = self.double.answer(call, self)
        if answer.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
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
        content = self.rfile.read(size if most is None else min(size, most))
        self.connection.settimeout(None)
        return content

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""


@dataclass
class Item:
    """A file or a folder."""

    id: str
    title: str
    parent: str | None
    kind: str = "application/octet-stream"
    content: bytes = b""
    drive: str | None = None
    readers: set[str] = field(default_factory=set)

    def facts(self) -> dict[str, Any]:
        """As the API tells them."""
        facts: dict[str, Any] = {"kind": "drive#file", "id": self.id, "title": self.title, "mimeType": self.kind}
        facts |= {"parents": [{"id": self.parent}], **({"driveId": self.drive} if self.drive else {})}
        if self.kind != FOLDER:
            facts |= {"fileSize": str(len(self.content)), "md5Checksum": hashlib.md5(self.content).hexdigest()}
        return facts


@dataclass
class Fault:
    """What goes wrong, for the calls that match, so many times."""

    matches: re.Pattern[str]
    times: int
    status: int = 0
    reason: str = ""
    message: str = ""
    cut_after: int | None = None
    hang: float = 0.0


class GoogleDrive:
    """Drive with its token server, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.authority = certificate(folder, HOSTS)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.authority)
        self.calls: list[str] = []  # METHOD host/path
        self.refused: list[str] = []
        self.lock = threading.RLock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"double": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.items: dict[str, Item] = {}
        self.keys: dict[str, rsa.RSAPublicKey] = {}  # by a service account's address
        self.refresh_tokens: dict[str, tuple[str, str, str]] = {}  # client id, its secret, the user's address
        self.codes: dict[str, str] = {}  # what a browser brings back, and the refresh token it is exchanged for
        self.bearers: dict[str, str] = {}  # access token, and whose it is
        self.sessions: dict[str, Item] = {}
        self.faults: list[Fault] = []
        self.released = threading.Event()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    # Who is there, and what they may see.

    def service_account(self, name: str = "robot") -> dict[str, str]:
        """Make a service account; its JSON key. Made again under the same name, the former key is gone."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email = f"{name}@project.iam.gserviceaccount.com"
        self.keys[email] = key.public_key()
        return {
            "type": "service_account", "project_id": "project", "private_key_id": f"key{next(self._numbers)}",
            "private_key": pem_of(key), "client_email": email, "client_id": "1234567890", "token_uri": TOKEN_URI,
        }  # fmt: skip

    def user(self, email: str = "ada@gmail.com", client: str = "own.apps.googleusercontent.com") -> dict[str, Any]:
        """Make a user who has let an OAuth client in; the credentials that its library leaves on a desktop."""
        token = f"refresh-{next(self._numbers)}"
        self.refresh_tokens[token] = (client, "client-secret", email)
        return {
            "access_token": "long-gone", "client_id": client, "client_secret": "client-secret", "refresh_token": token,
            "token_expiry": "2020-01-01T00:00:00Z", "token_uri": TOKEN_URI, "user_agent": None,
            "revoke_uri": "https://oauth2.googleapis.com/revoke", "id_token": None, "id_token_jwt": None,
            "token_response": {"access_token": "long-gone", "expires_in": 3599, "token_type": "Bearer"},
            "scopes": ["https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/drive.appdata"],
            "token_info_uri": "https://oauth2.googleapis.com/tokeninfo", "invalid": False,
            "_class": "OAuth2Credentials", "_module": "oauth2client.client",
        }  # fmt: skip

    def folder(self, *readers: dict[str, str] | str, shared_drive: bool = True) -> str:
        """Make a folder that identities may read and write; its id."""
        item = self._add("champion", None, FOLDER, f"drive-{next(self._numbers)}" if shared_drive else None)
        item.readers = {reader if isinstance(reader, str) else reader["client_email"] for reader in readers}
        return item.id

    def fail(self, matches: str, times: int = 1, **what: Any) -> None:
        """Let the next calls that match `METHOD host/path` go wrong."""
        self.faults.append(Fault(re.compile(matches), times, **what))

    def count(self, pattern: str) -> int:
        """How many calls match."""
        return sum(bool(re.search(pattern, call)) for call in self.calls)

    def _add(self, title: str, parent: str | None, kind: str, drive: str | None) -> Item:
        item = Item(f"id{next(self._numbers):06d}", title, parent, kind, drive=drive)
        self.items[item.id] = item
        return item

    # The calls.

    def answer(self, call: str, request: Handler) -> Answer:  # noqa: C901 - a case per fault and per route
        """Reply to a request; the body is to be read from it."""
        with self.lock:
            fault = next((each for each in self.faults if each.times > 0 and each.matches.search(call)), None)
            if fault:
                fault.times -= 1
        if fault and fault.cut_after is not None:
            request.body(fault.cut_after)
            return Answer(cut=True)
        body = request.body()
        if fault and fault.hang:
            self.released.wait(fault.hang)
            return Answer(cut=True)
        if fault:
            return refusal(fault.status, fault.reason, fault.message or fault.reason)
        url = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        with self.lock:
            if request.host == "oauth2.googleapis.com":
                return self._token({key: values[0] for key, values in parse_qs(body.decode()).items()})
            who = self.bearers.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
            if who is None:
                return refusal(401, "authError", "Invalid Credentials")
            match request.command, url.path.strip("/").split("/")[-2:]:
                case "GET", ["v2", "files"]:
                    return self._list(query, who)
                case "GET", ["files", item]:
                    return self._get(item, query, who, request)
                case "POST", ["v2", "files"]:
                    return self._insert(json.loads(body), query, who, upload="upload" in url.path)
                case "PUT", ["upload", session]:
                    return self._receive(session, body, request)
        return refusal(501, "notImplemented", f"The double does not play {call}")

    def _token(self, form: dict[str, str]) -> Answer:
        grant = form.get("grant_type", "")
        if grant == "authorization_code":
            refresh = self.codes.pop(form.get("code", ""), None)
            if refresh is None:
                return invalid_grant("Malformed auth code.")
            return self._granted(self.refresh_tokens[refresh][2], refresh_token=refresh)
        if grant == "refresh_token":
            client = self.refresh_tokens.get(form.get("refresh_token", ""))
            if client is None:
                return invalid_grant("Token has been expired or revoked.")
            if client[:2] != (form.get("client_id"), form.get("client_secret")):
                return as_json({"error": "invalid_client", "error_description": "Unauthorized"}, 401)
            return self._granted(client[2])
        assertion = form.get("assertion", "")
        account = jwt.decode(assertion, options={"verify_signature": False})["iss"]
        try:
            jwt.decode(assertion, self.keys[account], algorithms=["RS256"], audience=TOKEN_URI)
        except (KeyError, jwt.InvalidSignatureError):
            return invalid_grant("Invalid JWT Signature.")
        return self._granted(account)

    def _granted(self, who: str, **more: str) -> Answer:
        token = f"bearer-{next(self._numbers)}"
        self.bearers[token] = who
        return as_json({"access_token": token, "expires_in": 3599, "token_type": "Bearer", **more})

    def _seen(self, item_id: str, query: dict[str, str], who: str) -> Item | None:
        """The item, where this identity may see it and the client says that it knows shared drives."""
        item = self.items.get(item_id)
        root = item
        while root and root.parent:
            root = self.items[root.parent]
        if item is None or who not in root.readers:
            return None
        asks_well = query.get("supportsAllDrives") == "true" or query.get("alt") == "media"  # downloads need not say it
        return item if asks_well or not item.drive else None

    def _list(self, query: dict[str, str], who: str) -> Answer:
        asked = query["q"]
        parents = re.findall(r"'([^']+)' in parents", asked)
        title = re.search(r"title='((?:[^'\\]|\\.)*)'", asked)
        if unseen := [parent for parent in parents if self._seen(parent, query, who) is None]:
            return refusal(404, "notFound", f"File not found: {unseen[0]}")
        drives = {self.items[parent].drive for parent in parents}
        if drives - {None} - {query.get("driveId")}:
            return as_json({"items": []})
        wanted = title[1].replace("\\'", "'").casefold() if title else None
        inside = [item for item in self.items.values() if item.parent in parents]
        items = [item.facts() for item in inside if wanted in (None, item.title.casefold())]
        return as_json({"kind": "drive#fileList", "items": items})

    def _get(self, item_id: str, query: dict[str, str], who: str, request: Handler) -> Answer:
        item = self._seen(item_id, query, who)
        if item is None:
            return refusal(404, "notFound", f"File not found: {item_id}")
        if query.get("alt") != "media":
            facts = item.facts()
            wanted = query["fields"].split(",") if "fields" in query else list(facts)
            return as_json({key: value for key, value in facts.items() if key in wanted})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range") or "")
        if not asked:
            return Answer(200, item.content, {"Content-Type": item.kind})
        start, size = int(asked[1]), len(item.content)
        if start >= size:
            return Answer(416, b"", {"Content-Range": f"bytes */{size}"})
        end = min(int(asked[2] or size - 1), size - 1)
        return Answer(206, item.content[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{size}"})

    def _insert(self, facts: dict[str, Any], query: dict[str, str], who: str, upload: bool) -> Answer:
        """Make a folder, or begin to receive a file."""
        parent = self._seen(facts["parents"][0]["id"], query, who)
        if parent is None:
            return refusal(404, "notFound", f"File not found: {facts['parents'][0]['id']}")
        if not upload:
            return as_json(self._add(facts["title"], parent.id, facts["mimeType"], parent.drive).facts())
        if parent.drive is None and who in self.keys:
            said = (
                "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead."
            )
            return refusal(403, "storageQuotaExceeded", said)
        session = f"session-{next(self._numbers)}"
        self.sessions[session] = Item("", facts["title"], parent.id, drive=parent.drive)
        return Answer(200, b"", {"Location": f"https://www.googleapis.com/upload/{session}"})

    def _receive(self, session: str, body: bytes, request: Handler) -> Answer:
        total = (request.headers.get("Content-Range") or "").rpartition("/")[2]
        begun = self.sessions[session]
        begun.content += body
        size = len(begun.content)
        if total.isdigit() and size < int(total):
            return Answer(308, b"", {"Range": f"bytes=0-{size - 1}"} if size else {})
        item = self._add(begun.title, begun.parent, begun.kind, begun.drive)
        item.content = self.sessions.pop(session).content
        return as_json(item.facts())


def as_json(value: Any, status: int = 200) -> Answer:
    """A reply in JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def invalid_grant(description: str) -> Answer:
    """The token server refuses."""
    return as_json({"error": "invalid_grant", "error_description": description}, 400)


def refusal(status: int, reason: str, message: str) -> Answer:
    """Drive refuses."""
    error = {"errors": [{"domain": "global", "reason": reason, "message": message}], "code": status, "message": message}
    return as_json({"error": error}, status)
