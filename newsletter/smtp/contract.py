"""What a transport promises: one shared test runs every one of them (tests/contract)."""

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from newsletter.errors import NewsletterError


class DeliveryStatus(StrEnum):
    """What became of one attempt to hand over a message."""

    accepted = "accepted"  # the other side took it, and is answerable for it from now on
    try_later = "try_later"  # 4xx, or the line broke before the body may have left
    refused = "refused"  # 5xx: trying again would change nothing
    unknown = "unknown"  # the line broke after the body may have left: nobody knows (RFC 1047)
    withheld = "withheld"  # our side withdrew the permission: nothing was handed over


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A fate with the other side's own words, in which addresses are blotted out."""

    status: DeliveryStatus
    code: int | None = None  # RFC 5321
    enhanced: str = ""  # RFC 3463, such as 5.1.1
    words: str = ""  # at most 2,000 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message for one recipient. The bytes have CRLF line ends and are handed over unchanged.

    `plain`: its writer promises that no line begins with a dot, and that nothing but an address is not 7-bit, so that
    nobody has to look through it.
    """

    key: int = 0  # the mail's number in the ledger; 0 for a single letter
    sender: str  # MAIL FROM
    recipient: str  # RCPT TO
    message: bytes
    plain: bool = False


class RelayError(NewsletterError):
    """No message can leave by this way at present: nobody answers there, or our login is refused."""


class Outbox(Protocol):
    """Where a connection draws its messages from, and where it says what became of each.

    Every envelope that was drawn is either recorded, or given back when its permit was never asked for.
    """

    def poll(self) -> Envelope | None:
        """The next message if one may start this very moment; None when none may yet, or none is left."""
        ...

    async def next(self) -> Envelope | None:
        """The next message, waiting for the pace if need be; None when this connection is to stop."""
        ...

    async def may_send(self, envelope: Envelope) -> bool:
        """Asked after the recipient was taken and before the first byte of the body may leave. False: withdraw.

        Should it raise or be cancelled, nothing leaves, and the envelope is recorded as `held` too.
        """
        ...

    def record(self, envelope: Envelope, reply: Reply) -> None:
        """What became of it. A message whose permit was refused is recorded as `held`."""
        ...

    def give_back(self, envelope: Envelope) -> None:
        """It was drawn, and its permit was never asked for: it was not tried, and another connection may have it."""
        ...


class Connection(Protocol):
    """An open way out."""

    async def deliver(self, outbox: Outbox) -> None:
        """Hand over messages until the outbox gives none, or the line is of no more use (a new one is then opened).

        Raises nothing for what the other side did or did not do to a message, but RelayError when the line broke before
        any permit of this call was asked for: this way may be shut.
        """
        ...


class Transport(Protocol):
    """A way out that can be opened several times at once."""

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """An open connection. Raises RelayError when there is none to be had."""
        ...


_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
LONGEST_WORDS = 2000


def reply_of(code: int, words: str) -> Reply:
    """A server's answer as a Reply: 2xx accepted, 4xx try later, all else refused; addresses blotted out (LAW-16)."""
    status = {2: DeliveryStatus.accepted, 4: DeliveryStatus.try_later}.get(code // 100, DeliveryStatus.refused)
    found = _ENHANCED.search(words)
    return Reply(status=status, code=code, enhanced=found.group(1) if found else "", words=without_addresses(words))


def without_addresses(words: str) -> str:
    """A server's words, fit to be kept and shown."""
    return (_ADDRESS.sub("<…>", words) if "@" in words else words)[:LONGEST_WORDS]
