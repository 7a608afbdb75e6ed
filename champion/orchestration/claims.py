"""A claim on a ZenML server, by which one process at a time changes who is champion of a use case.

A claim is a tag: the server keeps its name unique, so of two that make it at once one does. Its holder writes to it again and
again, and gives it back by its id, which no other claim ever has. Who waits for it compares no clock with another: it takes it
over after it has looked at it for `LEASE_SECONDS` on end, by its own stopwatch, and nobody has written to it meanwhile. A holder
that was held up for so long (a laptop that slept) finds its claim gone, and is stopped before it changes production.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from champion import settings
from champion.errors import StoreError
from champion.terminal import echo

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client
    from zenml.models import TagResponse

RENEW_SECONDS = 10.0  # between two signs of life of a holder
LEASE_SECONDS = 45.0  # without one, after which a claim counts as left behind by a crash
LOOK_SECONDS = 0.5
_PAUSE_SECONDS = 5.0  # between two looks, after which who waits was held up himself, and begins to count anew
_QUIET_SECONDS = 3.0  # that somebody waits before he is told why

_held: dict[str, UUID] = {}
"""The claims of this process, by the use case."""


@contextlib.contextmanager
def claimed(client: Client, use_case: str, patience: float) -> Iterator[None]:
    """Hold the claim on a use case; a `StoreError` when another holder does not let go within `patience` seconds."""
    tag, ended = _claim(client, f"{settings.PROJECT}-{use_case}-claim", patience), threading.Event()
    renewal = threading.Thread(target=_renew, args=(client, tag, ended), daemon=True, name=tag.name)
    _held[use_case] = tag.id
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        _held.pop(use_case, None)
        _give_back(client, tag)


def require_held(client: Client, use_case: str) -> None:
    """Make sure, right before production changes, that this process still holds the claim that it has; a `StoreError` if not.

    Where it has none (a local store has a lock file, which no living process loses) there is nothing to lose.
    """
    tag = _held.get(use_case)
    if tag is None:
        return
    try:
        _sign_of_life(client, tag)
    except KeyError:
        raise StoreError(
            f"The claim on {use_case} was lost: another process took it over, because this one gave no sign of life for "
            f"{LEASE_SECONDS:g} s (a machine that slept, or no network). It did not change production. Run again."
        ) from None


def _claim(client: Client, name: str, patience: float) -> TagResponse:
    """Make the tag, once nobody has it."""
    from zenml.exceptions import EntityExistsError

    begun = looked = since = time.monotonic()
    seen, told = None, False
    while True:
        with contextlib.suppress(EntityExistsError):
            return client.create_tag(name)
        now = time.monotonic()
        with contextlib.suppress(KeyError):  # it is free
            tag = client.get_tag(name, allow_name_prefix_match=False)
            if (tag.id, tag.updated) != seen or now - looked > _PAUSE_SECONDS:
                seen, since = (tag.id, tag.updated), now
            looked = now
            if now - since > LEASE_SECONDS:
                client.zen_store.delete_tag(tag.id)
                echo(
                    f"  the claim {name} was left behind by a process that no longer lives, and is taken over", err=True
                )
                continue
        if now - begun > patience:
            raise StoreError(
                f"Another process has held the claim {name!r} on the server for {patience:g} s. Wait for it; a claim that "
                f"was left behind by a crash is taken over after {LEASE_SECONDS:g} s."
            )
        if not told and now - begun > _QUIET_SECONDS:
            told = True
            echo(f"  waiting for another process, which holds the claim {name}", err=True)
        time.sleep(LOOK_SECONDS)


def _renew(client: Client, tag: TagResponse, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        try:
            _sign_of_life(client, tag.id)
        except KeyError:  # it was taken over: `require_held` says so where it matters
            return
        except Exception:  # noqa: S112 - the server is away for a moment: the next sign may reach it
            continue


def _sign_of_life(client: Client, tag: UUID) -> None:
    """Have the server write its time on the tag; a `KeyError` where that is gone."""
    from zenml.enums import ColorVariants
    from zenml.models import TagUpdate

    client.zen_store.update_tag(tag, TagUpdate(color=ColorVariants.GREY))


def _give_back(client: Client, tag: TagResponse) -> None:
    try:
        client.zen_store.delete_tag(tag.id)
    except KeyError:  # it was taken over
        return
    except Exception as error:  # requests, urllib3 and ZenML each raise their own; what was done is done
        echo(
            f"  the claim {tag.name} could not be given back ({type(error).__name__}): others wait {LEASE_SECONDS:g} s for it",
            err=True,
        )
