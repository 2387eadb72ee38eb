"""Handing over a few single letters, one after the other, for callers that are not asynchronous."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from newsletter.smtp.contract import Envelope, Reply, Transport


def post(transport: Transport, envelopes: Iterable[Envelope]) -> list[Reply]:
    """One reply per envelope, in their order. Raises RelayError when the way out is shut; what had left has left."""
    waiting = [replace(envelope, key=number) for number, envelope in enumerate(envelopes)]
    return asyncio.run(_post(transport, waiting)) if waiting else []


async def _post(transport: Transport, envelopes: list[Envelope]) -> list[Reply]:
    mails = _SingleMails(deque(envelopes))
    while mails.waiting:
        async with transport.connect() as connection:
            await connection.deliver(mails)
    return [mails.replies[envelope.key] for envelope in envelopes]


@dataclass(slots=True)
class _SingleMails:
    """The Outbox of single letters: no ledger, no pace, every permit given."""

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
