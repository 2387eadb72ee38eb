"""Draining a lane: claim a batch, hand its mails over several connections, note each fate.

One of the two async rims of the house (DESIGN §3).
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass

from newsletter.clock import Clock
from newsletter.delivery.arming import HEARTBEAT, Arming, LeaseLostError
from newsletter.delivery.claim import Claim, ClaimedMail, claim_batch, hand_back
from newsletter.delivery.outcome import RETRIES, after_attempt
from newsletter.delivery.pace import Pace
from newsletter.errors import NewsletterError
from newsletter.store import Store
from newsletter.store.ledger import Lane
from newsletter.transport.contract import (
    Connection,
    Envelope,
    Fate,
    RelayError,
    Reply,
    Transport,
    without_addresses,
)

PER_CONNECTION = 100  # messages, then a fresh connection: receivers frown on longer ones (standards §2.3)
LOST_LINES = 3  # in a row, then the way out counts as shut


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one drain did."""

    attempts: int = 0
    trouble: str = ""  # a French sentence, when the way out was shut


EnvelopeFor = Callable[[ClaimedMail], Envelope]
"""Writes the message of one mail. Called with the same mail it gives the same bytes."""


@dataclass(slots=True)
class Sender:
    """One process's sender for one lane. Once `stopping`, what is on the wire ends and nothing more is started."""

    store: Store
    clock: Clock
    transport: Transport
    envelopes: Callable[[int], EnvelopeFor]  # the edition's id → how to write its mails
    owner: str
    lane: str = "default"
    stopping: Callable[[], bool] = lambda: False

    async def drain(self) -> Drained:
        """Send until nothing of this lane is due. Every mail tried ends with a fate in the ledger.

        When the way out is shut, the batch is handed back, the lane keeps the sentence that says why, and the mails
        wait: none is lost and none counts as tried.
        """
        attempts = 0
        while not self.stopping() and (claim := self._claim()):
            try:
                attempts += await self._send(claim)
            except RelayError as error:
                self._hand_back(claim, trouble=str(error))
                return Drained(attempts=attempts, trouble=str(error))
            except LeaseLostError:
                continue  # the new owner has the batch, and what we had armed stands in doubt there
            self._hand_back(claim)
        return Drained(attempts=attempts)

    def _claim(self) -> Claim | None:
        with self.store.transaction() as session:
            return claim_batch(session, lane=self.lane, owner=self.owner, now=self.clock.now())

    def _hand_back(self, claim: Claim, *, trouble: str = "") -> None:
        with self.store.transaction() as session:
            hand_back(session, claim, not_before=self.clock.now() + RETRIES[0] if trouble else None)
            session.get_one(Lane, self.lane).why = trouble

    async def _send(self, claim: Claim) -> int:
        with self.store.reading() as session:
            lane = session.get_one(Lane, self.lane)
        waiting = deque(claim.mails)
        work = _Work(
            arming=Arming(self.store, self.clock, claim),
            waiting=waiting,
            envelope_for=self.envelopes(claim.edition_id),
            pace=Pace(lane.per_minute),
        )
        connections = min(lane.connections, len(waiting))
        heartbeat = asyncio.create_task(self._keep_alive(work.arming))
        try:
            await _all(self._work(work) for _ in range(connections))
        finally:
            heartbeat.cancel()
            work.arming.flush()  # every fate that is known is written before the batch is given back
        return work.attempts

    async def _keep_alive(self, arming: Arming) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            arming.keep_lease()

    async def _work(self, work: "_Work") -> None:
        """One connection after the other, until no mail of the claim waits."""
        lost = 0
        while work.waiting and not self.stopping():
            before = work.attempts
            try:
                async with self.transport.connect() as connection:
                    await self._use(connection, work)
            except RelayError:
                lost = lost + 1 if work.attempts == before else 1
                if lost >= LOST_LINES:
                    raise

    async def _use(self, connection: Connection, work: "_Work") -> None:
        for _ in range(PER_CONNECTION):
            if not work.waiting or self.stopping():
                return
            mail = work.waiting.popleft()
            if wait := work.pace.wait(time.monotonic()):
                await asyncio.sleep(wait)
            try:
                done = await self._deliver(connection, work, mail)
            except RelayError:
                work.waiting.appendleft(mail)  # its permit was never asked for: it was not tried
                raise
            if not done:
                return

    async def _deliver(self, connection: Connection, work: "_Work", mail: ClaimedMail) -> bool:
        """Try one mail; False when the line is of no more use."""
        try:
            envelope = work.envelope_for(mail)
        except NewsletterError as error:  # a name or address that cannot stand in a message stops nobody else's mail
            reply = Reply(fate=Fate.refused, words=without_addresses(str(error)))
        else:
            reply = await connection.deliver(envelope, permit=lambda: work.arming.permit(mail.mail_id))
        if reply.fate is Fate.held:
            return True
        work.attempts += 1
        step = after_attempt(
            reply.fate,
            attempt=mail.tries + 1,
            planned_at=mail.planned_at,
            now=self.clock.now(),
            chance=random.random(),  # noqa: S311  spreads retries, guards nothing
        )
        work.arming.record(mail, step, reply)
        return reply.fate is not Fate.unknown and reply.code != 421  # 421: the server is closing this line (RFC 5321)


@dataclass(slots=True)
class _Work:
    """What the connections of one claim share."""

    arming: Arming
    waiting: deque[ClaimedMail]
    envelope_for: EnvelopeFor
    pace: Pace
    attempts: int = 0


async def _all(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """Run these together and wait for all of them, so that what is on the wire ends; then raise the first error."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    # A lost lease outweighs a shut way out: the batch must not be handed back.
    for error in sorted(errors, key=lambda error: not isinstance(error, LeaseLostError)):
        raise error
