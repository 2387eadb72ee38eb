"""What a transport promises: one shared test runs every one of them (tests/contract)."""

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from newsletter.errors import NewsletterError


class DeliveryStatus(StrEnum):
    """What became of one attempt to deliver a message."""

    accepted = "accepted"  # 2xx to the message: the server is responsible for it from now on (RFC 5321 §6.1)
    try_later = "try_later"  # 4xx, or the connection broke before the message may have left
    refused = "refused"  # 5xx: trying again would change nothing
    unknown = "unknown"  # the connection broke after the message may have left: nobody knows (RFC 1047)
    withheld = "withheld"  # our side did not let it leave: nothing was handed over


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The status of one attempt with the server's own words, in which addresses are blotted out.

    Where the server said nothing, the words are a reason of ours (`note_reasons.NoteReason`), which `note_text` shows.
    """

    status: DeliveryStatus
    code: int | None = None  # RFC 5321
    enhanced: str = ""  # RFC 3463, such as 5.1.1
    words: str = ""  # at most 2,000 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message for one recipient. The bytes have CRLF line ends and are handed over unchanged.

    `plain`: its writer promises that no line begins with a dot, and that nothing but an address is not 7-bit, so that
    the message need not be searched for either.
    """

    key: int = 0  # the mail's number in the ledger; 0 for a single letter
    sender: str  # MAIL FROM
    recipient: str  # RCPT TO
    message: bytes
    plain: bool = False


class RelayError(NewsletterError):
    """No message can leave through this server at present: it cannot be reached, or it refuses our login."""


class Outbox(Protocol):
    """Where a connection takes its messages from, and where it reports what became of each.

    Every envelope that was taken is either recorded, or given back if `may_send` was never asked for it.
    """

    def poll(self) -> Envelope | None:
        """The next message if one may start this very moment; None when none may yet, or none is left."""
        ...

    async def next(self) -> Envelope | None:
        """The next message, waiting for the rate limit if need be; None when this connection is to stop."""
        ...

    async def may_send(self, envelope: Envelope) -> bool:
        """Asked after the recipient was accepted and before the first byte of the message may leave.

        False, an exception or a cancellation: nothing leaves, and the envelope is recorded as `withheld`.
        """
        ...

    def record(self, envelope: Envelope, reply: Reply) -> None:
        """What became of it."""
        ...

    def give_back(self, envelope: Envelope) -> None:
        """It was taken and never asked for: it was not tried, and another connection may have it."""
        ...


class Connection(Protocol):
    """An open connection to a server."""

    async def deliver(self, outbox: Outbox) -> None:
        """Hand over messages until the outbox gives none, or the connection can carry no more (open a new one then).

        Raises nothing for what the server did or did not do to a message, but RelayError when the connection broke
        before `may_send` was asked for the first time in this call: the server may be out of reach.
        """
        ...


class Transport(Protocol):
    """A server that several connections can be opened to at once."""

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """An open connection. Raises RelayError when there is none to be had."""
        ...


_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LONGEST_WORDS = 2000


def reply_of(code: int, words: str) -> Reply:
    """A server's response as a Reply: 2xx accepted, 4xx try later, all else refused; addresses blotted out (LAW-16)."""
    status = {2: DeliveryStatus.accepted, 4: DeliveryStatus.try_later}.get(code // 100, DeliveryStatus.refused)
    found = _ENHANCED.search(words)
    return Reply(status=status, code=code, enhanced=found.group(1) if found else "", words=without_addresses(words))


def without_addresses(words: str) -> str:
    """A server's words, fit to be kept and shown."""
    return (_ADDRESS.sub("<…>", words) if "@" in words else words)[:_LONGEST_WORDS]
