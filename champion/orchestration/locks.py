"""One process at a time changes who is champion: a lock file beside a local store, a claim on a server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from champion import settings
from champion.errors import StoreError
from champion.orchestration.store import is_local

if TYPE_CHECKING:
    from zenml.client import Client

LOCK_SECONDS = 120.0  # how long to wait for another promotion
CLAIM_SECONDS = 600.0  # after which a claim on a server counts as left behind by a crash


@contextlib.contextmanager
def locked(client: Client, name: str) -> Iterator[None]:
    """Hold a use case: one process at a time reads the champion and sets another.

    Beside a local store it is a lock file, which the system frees when its holder dies. On a server it is a claim: a
    tag with a unique name, which another one takes over when it is older than `CLAIM_SECONDS`. A `StoreError` when
    another holder does not let go in time.
    """
    if is_local(client):
        from filelock import FileLock, Timeout

        path = Path(str(client.zen_store.url).removeprefix("sqlite:///")).parent / f"{name}.lock"
        try:
            with FileLock(path, timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise StoreError(
                f"Another process has held {path} for {LOCK_SECONDS:g} s. Wait for it, or end it."
            ) from None
        return
    claim = f"{settings.PROJECT}-{name}-claim"
    _claim(client, claim)
    try:
        yield
    finally:
        with contextlib.suppress(KeyError):
            client.delete_tag(claim)


def _claim(client: Client, claim: str) -> None:
    from zenml.exceptions import EntityExistsError

    ends = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            client.create_tag(claim)
            return
        except EntityExistsError:
            with contextlib.suppress(KeyError):
                made = client.get_tag(claim).created.replace(tzinfo=UTC)
                if (datetime.now(UTC) - made).total_seconds() > CLAIM_SECONDS:
                    client.delete_tag(claim)
                    continue
        if time.monotonic() > ends:
            raise StoreError(
                f"Another process has held the claim {claim!r} on the server for {LOCK_SECONDS:g} s. Wait for it; a claim "
                f"left behind by a crash is taken over after {CLAIM_SECONDS:g} s."
            )
        time.sleep(0.5)
