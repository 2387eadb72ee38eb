"""The connections of a drain: as many as the lane allows and the mails in hand need, each replaced when it is worn."""

import asyncio
import time
from dataclasses import dataclass, field

from newsletter.delivery.sender.outbox import Line, Outgoing
from newsletter.smtp.contract import RelayError, Transport

LOST_LINES = 3
"""So many in a row, none being open, and the way out counts as shut."""
LOOK = 0.25
"""Seconds between two looks at whether a connection is wanted."""
LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class Lines:
    """One task per connection. What no connection can be blamed for is kept in `failure`, and ends them all."""

    outgoing: Outgoing
    transport: Transport
    most: int = 1  # connections at once
    failure: Exception | None = None
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _begun: int = 0  # connections that are open, or being opened
    _open: int = 0
    _lost: int = 0  # in a row, without an attempt between them
    _attempts: int = 0

    def keep_up(self) -> None:
        """Have a task for every connection that the lane allows."""
        for number in range(self.most):
            if number not in self._tasks or self._tasks[number].done():
                self._tasks[number] = asyncio.create_task(self._run(number))

    async def ended(self, seconds: float) -> bool:
        """Whether all have ended, after waiting at most so long."""
        if not self._tasks:
            return True
        _done, still = await asyncio.wait(self._tasks.values(), timeout=seconds)
        return not still

    async def _run(self, number: int) -> None:
        """One connection after the other, as long as there is something for them."""
        try:
            while not self.outgoing.ends and number < self.most:
                if self._is_wanted():
                    await self._use_one(number)
                else:
                    await self.outgoing.news(LOOK)
        except Exception as error:  # noqa: BLE001  kept, and raised by `drain` once what is on the wire has ended
            self.failure = self.failure or error
            self.outgoing.close()

    def _is_wanted(self) -> bool:
        stock = self.outgoing.stock
        return self._begun < stock.waiting + self.outgoing.out and stock.wait(time.monotonic()) < LOOK

    async def _use_one(self, number: int) -> None:
        self._begun += 1
        try:
            async with self.transport.connect() as connection:
                self._count(1)
                try:
                    await connection.deliver(Line(number, self.outgoing))
                finally:
                    self._count(-1)
        except RelayError as error:
            await self._mourn(error)
        finally:
            self._begun -= 1

    def _count(self, more: int) -> None:
        self._open += more
        self.outgoing.arming.lines = self._open

    async def _mourn(self, error: RelayError) -> None:
        """A connection could not be had, or broke before it did anything: pause, or give the way out up as shut."""
        moved, self._attempts = self.outgoing.attempts != self._attempts, self.outgoing.attempts
        self._lost = 1 if moved else self._lost + 1
        if self._lost >= LOST_LINES * (self.most if self._open else 1):
            self.outgoing.close(str(error))
        elif not self.outgoing.ends:
            await self.outgoing.news(min(0.05 * 2**self._lost, LONGEST_PAUSE))
