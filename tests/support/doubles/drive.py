"""A double of Google Drive's API, version 2, as far as DVC's client uses it, with faults on demand.

It knows identities, folders of shared drives and of My Drive, access tokens that expire, and resumable uploads.
An unmodified client reaches it by HTTPS_PROXY: it answers CONNECT itself, ends TLS with a certificate of its own, refuses
every host that it does not play, and opens no connection.
"""

import contextlib
import hashlib
import itertools
import json
import re
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.x509 import load_pem_x509_certificate
from werkzeug.serving import make_ssl_devcert

from tests.support import loopback

DOMAIN = "googleapis.com"
HOSTS = (f"www.{DOMAIN}", f"oauth2.{DOMAIN}")
TOKEN_URI = f"https://oauth2.{DOMAIN}/token"
FOLDER = "application/vnd.google-apps.folder"
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]  # status, content, headers


class Handler(loopback.Handler):
    """One connection: CONNECT, then the requests inside TLS."""

    host = ""

    def body(self) -> bytes:
        self.connection.settimeout(0.3)  # who promises more than it sends is cut off, as Google does
        content = super().body()
        self.connection.settimeout(None)
        return content

    def do_CONNECT(self) -> None:  # noqa: N802 - the name is http.server's
        self.host = self.path.partition(":")[0]
        if self.host not in HOSTS:
            self.server.refused.append(self.host)
            self.send_error(403, f"{self.host} is not played here")
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        with contextlib.suppress(OSError), self.server.tls.wrap_socket(self.request, server_side=True) as self.request:
            self.setup()
            self.close_connection = False
            while not self.close_connection:
                self.handle_one_request()
        self.close_connection = True


@dataclass
class Item:
    """A file, or a folder, which has no content."""

    id: str
    title: str
    readers: set[str]
    drive: str | None
    parent: str | None = None
    content: bytes | None = None

    def facts(self) -> dict[str, Any]:
        facts = {"id": self.id, "title": self.title, "mimeType": FOLDER, "parents": [{"id": self.parent}]}
        if self.drive:
            facts["driveId"] = self.drive
        if self.content is not None:
            facts |= {"mimeType": "application/octet-stream", "fileSize": str(len(self.content))}
            facts["md5Checksum"] = hashlib.md5(self.content).hexdigest()
        return facts


@dataclass
class Fault:
    """What goes wrong with so many of the calls that match; without a status the connection is cut, after a while."""

    matches: str  # METHOD host/path
    times: int = 1
    status: int = 0
    reason: str = ""
    message: str = ""
    hang: float = 0.0


class GoogleDrive(loopback.Loopback):
    """Drive with its token server, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Handler)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.authority, key = make_ssl_devcert(str(folder / "server"), cn=DOMAIN)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.authority, key)
        self.calls: list[str] = []  # METHOD host/path
        self.refused: list[str] = []
        self.items: dict[str, Item] = {}
        self.begun: dict[str, Item] = {}  # whose content is not there yet
        self.keys: dict[str, Any] = {}  # by a service account's address
        self.refresh_tokens: dict[str, tuple[str, str, str]] = {}  # client id, its secret, the user's address
        self.bearers: dict[str, str] = {}  # access token, and whose it is
        self.faults: list[Fault] = []
        self._numbers = itertools.count(1)

    # Who is there, and what they may see.

    def service_account(self) -> dict[str, str]:
        """Make the service account; its JSON key. Made again, the former key is gone."""
        certificate, key = make_ssl_devcert(str(self._folder / f"key{next(self._numbers)}"))
        email = "robot@project.iam.gserviceaccount.com"
        self.keys[email] = load_pem_x509_certificate(Path(certificate).read_bytes()).public_key()
        return {
            "type": "service_account", "project_id": "project", "private_key_id": Path(key).stem, "client_email": email,
            "private_key": Path(key).read_text(), "client_id": "1234567890", "token_uri": TOKEN_URI,
        }  # fmt: skip

    def user(self, email: str = "ada@gmail.com", client: str = "own.apps.googleusercontent.com") -> dict[str, Any]:
        """Make a user who has let an OAuth client in; the credentials that its library leaves on a desktop."""
        token = f"refresh-{next(self._numbers)}"
        self.refresh_tokens[token] = (client, "client-secret", email)
        return {
            "access_token": "long-gone", "client_id": client, "client_secret": "client-secret", "refresh_token": token,
            "token_expiry": "2020-01-01T00:00:00Z", "token_uri": TOKEN_URI, "user_agent": None,
            "revoke_uri": f"https://oauth2.{DOMAIN}/revoke", "id_token": None, "id_token_jwt": None,
            "token_response": {"access_token": "long-gone", "expires_in": 3599, "token_type": "Bearer"},
            "scopes": [f"https://www.{DOMAIN}/auth/drive", f"https://www.{DOMAIN}/auth/drive.appdata"],
            "token_info_uri": f"https://oauth2.{DOMAIN}/tokeninfo", "invalid": False,
            "_class": "OAuth2Credentials", "_module": "oauth2client.client",
        }  # fmt: skip

    def folder(self, *readers: dict[str, str] | str, shared_drive: bool = True) -> str:
        """Make a folder that identities may read and write; its id."""
        emails = {reader if isinstance(reader, str) else reader["client_email"] for reader in readers}
        return self._add("champion", emails, f"drive-{next(self._numbers)}" if shared_drive else None).id

    def fail(self, matches: str, **what: Any) -> None:
        self.faults.append(Fault(matches, **what))

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, call)) for call in self.calls)

    def _add(self, title: str, readers: set[str], drive: str | None, *more: Any) -> Item:
        number = f"id{next(self._numbers):06d}"
        return self.items.setdefault(number, Item(number, title, readers, drive, *more))

    # The calls.

    def answer(self, request: Handler) -> None:
        """Reply to a request, or end its connection."""
        call, body = f"{request.command} {request.host}{request.path}", request.body()
        self.calls.append(call)
        with self.lock:
            fault = next((each for each in self.faults if each.times > 0 and re.search(each.matches, call)), None)
            if fault:
                fault.times -= 1
        if fault and not fault.status:
            time.sleep(fault.hang)
            request.close_connection = True
            return
        with self.lock:
            found = refusal(fault.status, fault.reason, fault.message) if fault else self.found(request, body)
        request.reply(*found)

    def found(self, request: Handler, body: bytes) -> Answer:
        """What Google says, where nothing goes wrong."""
        if request.host.startswith("oauth2."):
            return self._token(dict(parse_qsl(body.decode())))
        who = self.bearers.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
        if who is None:
            return refusal(401, "authError", "Invalid Credentials")
        url = urlsplit(request.path)
        asked = dict(parse_qsl(url.query))
        try:
            match request.command, url.path.strip("/").split("/"):
                case "GET", [*_, "v2", "files"]:
                    return self._list(asked["q"], who)
                case "GET", [*_, "files", item]:
                    found = self._seen(item, who)
                    return 200, found.content if asked.get("alt") == "media" else found.facts()
                case "POST", ["upload", *_, "files"]:
                    return self._begin(json.loads(body), who)
                case "POST", [*_, "files"]:
                    facts = json.loads(body)
                    above = self._seen(facts["parents"][0]["id"], who)
                    return 200, self._add(facts["title"], above.readers, above.drive, above.id).facts()
                case "PUT", ["upload", item]:
                    self.items[item] = self.begun.pop(item)
                    self.items[item].content = body
                    return 200, self.items[item].facts()
        except PermissionError as error:
            return refusal(404, "notFound", f"File not found: {error}")
        return refusal(501, "notImplemented", f"The double does not play {request.command} {request.path}")

    def _token(self, form: dict[str, str]) -> Answer:
        refresh = form.get("refresh_token", "")
        if form["grant_type"] == "authorization_code":  # which a browser brings back: here the client's id
            refresh = next(token for token, client in self.refresh_tokens.items() if client[0] == form["code"])
        if "assertion" in form:
            who = jwt.decode(form["assertion"], options={"verify_signature": False})["iss"]
            try:
                jwt.decode(form["assertion"], self.keys[who], algorithms=["RS256"], audience=TOKEN_URI)
            except jwt.InvalidSignatureError:
                return 400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        elif refresh not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        else:
            *client, who = self.refresh_tokens[refresh]
            if client != [form.get("client_id"), form.get("client_secret")]:
                return 401, {"error": "invalid_client", "error_description": "Unauthorized"}
        token = f"bearer-{next(self._numbers)}"
        self.bearers[token] = who
        more = {"refresh_token": refresh} if refresh else {}
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer", **more}

    def _seen(self, item_id: str, who: str) -> Item:
        """The item, where this identity may see it."""
        item = self.items.get(item_id)
        if item is None or who not in item.readers:
            raise PermissionError(item_id)
        return item

    def _list(self, asked: str, who: str) -> Answer:
        parents = [self._seen(parent, who).id for parent in re.findall(r"'([^']+)' in parents", asked)]
        title = re.search(r"title='([^']*)'", asked)
        inside = [item for item in self.items.values() if item.parent in parents]
        return 200, {"items": [item.facts() for item in inside if title is None or item.title == title[1]]}

    def _begin(self, facts: dict[str, Any], who: str) -> Answer:
        above = self._seen(facts["parents"][0]["id"], who)
        if above.drive is None and who in self.keys:
            said = (
                "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead."
            )
            return refusal(403, "storageQuotaExceeded", said)
        item = self._add(facts["title"], above.readers, above.drive, above.id)
        self.begun[item.id] = self.items.pop(item.id)
        return 200, b"", {"Location": f"https://www.{DOMAIN}/upload/{item.id}"}


def refusal(status: int, reason: str, message: str) -> Answer:
    error = {"errors": [{"domain": "global", "reason": reason, "message": message}], "code": status, "message": message}
    return status, {"error": error}
