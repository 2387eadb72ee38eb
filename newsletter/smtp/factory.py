"""Which transport a mail leaves by, and sending a few single mails at once."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from newsletter.config import Settings
from newsletter.smtp.contract import Connection, Envelope, Reply, Transport
from newsletter.smtp.options import SmtpClient, SmtpOptions, smtp_options_of, smtp_server_of
from newsletter.smtp.pipelined import PipelinedTransport
from newsletter.smtp.relay import RelayTransport


@dataclass(frozen=True, slots=True)
class TransportFactory:
    """Opens each connection under the options of that moment, so that a lane's change needs no restart."""

    settings: Settings
    options: Callable[[], SmtpOptions]

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        return transport_for(self.settings, options=self.options()).connect()


def transport_for(settings: Settings, *, options: SmtpOptions | None = None) -> Transport:
    """The transport to the server of the settings, by the client that the options name. Opens nothing yet."""
    server, options = smtp_server_of(settings), options or smtp_options_of(settings)
    if options.client is SmtpClient.pipelined:
        return PipelinedTransport(server=server, options=options)
    return RelayTransport(server=server, options=options)


def send_single_mails(settings: Settings, envelopes: Iterable[Envelope]) -> list[Reply]:
    """Hand over single mails one after the other and wait for their replies, for callers that are not asynchronous.

    One reply per envelope, in their order. Raises RelayError when the server is out of reach; what had left has left.
    No ledger and no rate limit: this is for a confirmation or a sign-in link, not for an edition.
    """
    transport = transport_for(settings, options=replace(smtp_options_of(settings), client=SmtpClient.aiosmtplib))
    waiting = [replace(envelope, key=number) for number, envelope in enumerate(envelopes)]
    return asyncio.run(_send_all(transport, waiting)) if waiting else []


async def _send_all(transport: Transport, envelopes: list[Envelope]) -> list[Reply]:
    outbox = _UnlimitedOutbox(deque(envelopes))
    while outbox.waiting:
        async with transport.connect() as connection:
            await connection.deliver(outbox)
    return [outbox.replies[envelope.key] for envelope in envelopes]


@dataclass(slots=True)
class _UnlimitedOutbox:
    """The Outbox of single mails: no ledger, no rate limit, each may leave."""

    waiting: deque[Envelope]
    replies: dict[int, Reply] = field(default_factory=dict)

    def poll(self) -> Envelope | None:
        return self.waiting.popleft() if self.waiting else None

    async def next(self) -> Envelope | None:
        return self.poll()

    async def may_send(self, envelope: Envelope) -> bool:
        return True

    def record(self, envelope: Envelope, reply: Reply) -> None:
        self.replies[envelope.key] = reply

    def give_back(self, envelope: Envelope) -> None:
        self.waiting.appendleft(envelope)
