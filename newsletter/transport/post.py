"""Handing over a few single letters, one after the other, for callers that are not asynchronous."""

import asyncio
from collections.abc import Iterable

from newsletter.transport.contract import Envelope, Reply, Transport, always


def post(transport: Transport, envelopes: Iterable[Envelope]) -> list[Reply]:
    """One reply per envelope, in their order. Raises RelayError when the way out is shut; what had left has left."""
    waiting = list(envelopes)
    return asyncio.run(_post(transport, waiting)) if waiting else []


async def _post(transport: Transport, envelopes: list[Envelope]) -> list[Reply]:
    async with transport.connect() as connection:
        return [await connection.deliver(envelope, permit=always) for envelope in envelopes]
