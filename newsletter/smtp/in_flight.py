"""What one connection holds at a time: envelopes come in and go out here alone, each exactly once."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, Reply


@dataclass(slots=True)
class InFlight:
    """At most one envelope whose permit was asked for; those that are drawn wait for their turn, in their order."""

    outbox: Outbox
    local_refusal: Callable[[Envelope], Reply | None]
    asked: bool = False  # a permit was asked for during this call of `deliver`
    leaving: bool = False  # the body was given to the line
    _granted: bool = False
    _asked_for: Envelope | None = None
    _waiting: deque[Envelope] = field(default_factory=deque)

    async def next(self) -> Envelope | None:
        """The next message that this server can be offered; the others are recorded as refused."""
        while (envelope := await self.outbox.next()) is not None:
            if self._fits(envelope):
                return envelope
        return None

    def poll(self) -> Envelope | None:
        """As `next`, without waiting."""
        while (envelope := self.outbox.poll()) is not None:
            if self._fits(envelope):
                return envelope
        return None

    def _fits(self, envelope: Envelope) -> bool:
        if refusal := self.local_refusal(envelope):
            self.outbox.record(envelope, refusal)
            return False
        self._waiting.append(envelope)
        return True

    def refused(self, reply: Reply) -> None:
        """The server said no to the first envelope that waits, before its body."""
        self.outbox.record(self._waiting.popleft(), reply)

    async def may_send(self) -> bool:
        """Ask for the first envelope that waits. Refused, it is recorded as held."""
        self._asked_for = self._waiting.popleft()
        self.asked, self.leaving, self._granted = True, False, False
        if not await self.outbox.may_send(self._asked_for):
            self.answered(Reply(status=DeliveryStatus.withheld))
            return False
        self._granted = True
        return True

    def answered(self, reply: Reply) -> None:
        """What became of the envelope whose permit was asked for."""
        envelope, self._asked_for = self._asked_for, None
        if envelope is not None:
            self.outbox.record(envelope, reply)

    def let_go(self, why: str, *, dot_unsent: bool) -> None:
        """Whatever is still held, when the line or the call ends. Twice is once.

        `dot_kept`: it is certain that the dot of the body that was leaving has not left.
        """
        while self._waiting:
            self.outbox.give_back(self._waiting.pop())
        self.answered(Reply(status=self._fate_of_a_broken_try(dot_unsent=dot_unsent), words=why))

    def _fate_of_a_broken_try(self, *, dot_unsent: bool) -> DeliveryStatus:
        if not self._granted:
            return DeliveryStatus.withheld
        return DeliveryStatus.unknown if self.leaving and not dot_unsent else DeliveryStatus.try_later
