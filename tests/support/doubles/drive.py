"""A double of Google Drive's API, version 2, as far as DVC's client uses it, with faults on demand.

It knows identities, folders of shared drives and of My Drive, access tokens that expire, quotas and resumable uploads.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.doubles.proxy import Answer, Call, Double, Handler

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_URI = "https://oauth2.googleapis.com/token"
FOLDER = "application/vnd.google-apps.folder"


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
        found: dict[str, Any] = {"kind": "drive#file", "id": self.id, "title": self.title, "mimeType": self.kind}
        found["parents"] = [{"id": self.parent}]
        if self.drive:
            found["driveId"] = self.drive
        if self.kind != FOLDER:
            found |= {"fileSize": str(len(self.content)), "md5Checksum": hashlib.md5(self.content).hexdigest()}
        return found


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


class GoogleDrive(Double):
    """Drive with its token server."""

    hosts = ("www.googleapis.com", "oauth2.googleapis.com")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.items: dict[str, Item] = {}
        self.keys: dict[str, rsa.RSAPublicKey] = {}  # by a service account's address
        self.refresh_tokens: dict[str, tuple[str, str, str]] = {}  # client id, its secret, the user's address
        self.codes: dict[str, str] = {}  # what a browser brings back, and the refresh token it is exchanged for
        self.bearers: dict[str, str] = {}  # access token, and whose it is
        self.sessions: dict[str, Item] = {}
        self.received: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.released = threading.Event()
        self._numbers = itertools.count(1)

    def __exit__(self, *_: object) -> None:
        self.released.set()
        super().__exit__()

    # Who is there, and what they may see.

    def service_account(self, name: str = "robot") -> dict[str, str]:
        """Make a service account; its JSON key. Made again under the same name, the former key is gone."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email = f"{name}@project.iam.gserviceaccount.com"
        self.keys[email] = key.public_key()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "project_id": "project", "private_key_id": f"key{next(self._numbers)}",
            "private_key": private.decode(), "client_email": email, "client_id": "1234567890", "token_uri": TOKEN_URI,
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

    def expire_tokens(self) -> None:
        """Every access token given out so far is worth nothing."""
        self.bearers.clear()

    def files(self) -> dict[str, Item]:
        """Every file, by its path below its root folder."""
        return {self._path(item): item for item in self.items.values() if item.kind != FOLDER}

    def count(self, pattern: str) -> int:
        """How many calls match."""
        return sum(bool(re.search(pattern, str(call))) for call in self.calls)

    def _path(self, item: Item) -> str:
        parts = []
        while item.parent is not None:
            parts.append(item.title)
            item = self.items[item.parent]
        return "/".join(reversed(parts))

    def _root(self, item: Item) -> Item:
        while item.parent is not None:
            item = self.items[item.parent]
        return item

    def _add(self, title: str, parent: str | None, kind: str, drive: str | None) -> Item:
        item = Item(f"id{next(self._numbers):06d}", title, parent, kind, drive=drive)
        self.items[item.id] = item
        return item

    # The calls.

    def answer(self, call: Call, request: Handler) -> Answer:
        fault = self._fault(str(call))
        if fault and fault.cut_after is not None:
            request.body(fault.cut_after)
            return Answer(cut=True)
        body = request.body()
        if fault and fault.hang:
            self.released.wait(fault.hang)
            return Answer(cut=True)
        if fault:
            return refusal(fault.status, fault.reason, fault.message or fault.reason)
        url = urlsplit(call.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        with self.lock:
            if call.host == "oauth2.googleapis.com":
                return self._token({key: values[0] for key, values in parse_qs(body.decode()).items()})
            who = self.bearers.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
            if who is None:
                return refusal(401, "authError", "Invalid Credentials")
            return self._route(call.method, url.path, query, body, who, request)

    def _fault(self, call: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.matches.search(call):
                    fault.times -= 1
                    return fault
        return None

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes, who: str, request: Handler) -> Answer:
        routes: list[tuple[str, Callable[..., Answer]]] = [
            (r"GET /drive/v2/files", lambda: self._list(query, who)),
            (r"GET /drive/v2/files/([\w-]+)", lambda item: self._get(item, query, who, request)),
            (r"POST /drive/v2/files", lambda: self._insert(body, query, who)),
            (r"POST /upload/drive/v2/files|POST /resumable/upload/drive/v2/files", lambda: self._begin(body, query, who)),
            (r"PUT /upload/([\w-]+)", lambda session: self._receive(session, body, request)),
        ]  # fmt: skip
        for pattern, serve in routes:
            if found := re.fullmatch(pattern, f"{method} {path}"):
                return serve(*found.groups())
        return refusal(501, "notImplemented", f"The double does not play {method} {path}")

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
        claims = self._claims(form.get("assertion", ""))
        return self._granted(claims["iss"]) if claims else invalid_grant("Invalid JWT Signature.")

    def _claims(self, assertion: str) -> dict[str, Any] | None:
        """What a signed request for a token says, where the signature is its account's."""
        head, _, rest = assertion.partition(".")
        payload, _, signature = rest.partition(".")
        claims: dict[str, Any] = json.loads(decoded(payload))
        key = self.keys.get(claims["iss"])
        try:
            assert json.loads(decoded(head))["alg"] == "RS256"
            assert claims["aud"] == TOKEN_URI
            assert claims["exp"] > time.time()
            assert key is not None
            key.verify(decoded(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except (AssertionError, InvalidSignature):
            return None
        return claims

    def _granted(self, who: str, **more: str) -> Answer:
        token = f"bearer-{next(self._numbers)}"
        self.bearers[token] = who
        return as_json({"access_token": token, "expires_in": 3599, "token_type": "Bearer", **more})

    def _seen(self, item_id: str, query: dict[str, str], who: str) -> Item | None:
        """The item, where this identity may see it and the client says that it knows shared drives."""
        item = self.items.get(item_id)
        if item is None or who not in self._root(item).readers:
            return None
        asks_well = query.get("supportsAllDrives") == "true" or query.get("alt") == "media"  # downloads need not say it
        return item if asks_well or not item.drive else None

    def _list(self, query: dict[str, str], who: str) -> Answer:
        asked = query["q"]
        parents = re.findall(r"'([^']+)' in parents", asked)
        title = re.search(r"title='((?:[^'\\]|\\.)*)'", asked)
        unseen = [parent for parent in parents if self._seen(parent, query, who) is None]
        if unseen:
            return refusal(404, "notFound", f"File not found: {unseen[0]}")
        drives = {self.items[parent].drive for parent in parents}
        if drives - {None} - {query.get("driveId")}:
            return as_json({"items": []})
        wanted = title[1].replace("\\'", "'").casefold() if title else None
        found = [
            item.facts() for item in self.items.values()
            if item.parent in parents and wanted in (None, item.title.casefold())
        ]  # fmt: skip
        return as_json({"kind": "drive#fileList", "items": found})

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

    def _insert(self, body: bytes, query: dict[str, str], who: str) -> Answer:
        told = json.loads(body)
        parent = self._seen(told["parents"][0]["id"], query, who)
        if parent is None:
            return refusal(404, "notFound", f"File not found: {told['parents'][0]['id']}")
        return as_json(self._add(told["title"], parent.id, told["mimeType"], parent.drive).facts())

    def _begin(self, body: bytes, query: dict[str, str], who: str) -> Answer:
        told = json.loads(body)
        parent = self._seen(told["parents"][0]["id"], query, who)
        if parent is None:
            return refusal(404, "notFound", f"File not found: {told['parents'][0]['id']}")
        if parent.drive is None and who in self.keys:
            return refusal(403, "storageQuotaExceeded", "Service Accounts do not have storage quota. Leverage shared "
                           "drives, or use OAuth delegation instead.")  # fmt: skip
        session = f"session-{next(self._numbers)}"
        self.sessions[session] = Item("", told["title"], parent.id, drive=parent.drive)
        self.received[session] = b""
        return Answer(200, b"", {"Location": f"https://www.googleapis.com/upload/{session}"})

    def _receive(self, session: str, body: bytes, request: Handler) -> Answer:
        total = (request.headers.get("Content-Range") or "").rpartition("/")[2]
        self.received[session] += body
        have = len(self.received[session])
        if total != "*" and total and have < int(total):
            return Answer(308, b"", {"Range": f"bytes=0-{have - 1}"} if have else {})
        begun = self.sessions.pop(session)
        item = self._add(begun.title, begun.parent, begun.kind, begun.drive)
        item.content = self.received.pop(session)
        return as_json(item.facts())


def decoded(text: str) -> bytes:
    """Base64 of the kind that JWT uses."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def as_json(value: Any, status: int = 200) -> Answer:
    """A reply in JSON."""
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def invalid_grant(told: str) -> Answer:
    """The token server refuses."""
    return as_json({"error": "invalid_grant", "error_description": told}, 400)


def refusal(status: int, reason: str, message: str) -> Answer:
    """Drive refuses."""
    error = {"errors": [{"domain": "global", "reason": reason, "message": message}], "code": status, "message": message}
    return as_json({"error": error}, status)
