"""An outbox that keeps a list, and watches that the contract is kept."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from newsletter.smtp.contract import Envelope, RelayError, Reply, Transport

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Bonjour\r\n\r\n.Une ligne qui commence par un point.\r\n"
)


def an_envelope(recipient: str = "b@example.org", *, message: bytes = MESSAGE) -> Envelope:
    return Envelope(sender="retours@example.org", recipient=recipient, message=message)


async def always(_envelope: Envelope) -> bool:
    return True


@dataclass
class ListOutbox:
    """Gives its envelopes in turn; asserts that each draw is settled once, and nothing leaves unasked."""

    waiting: deque[Envelope]
    permission: Callable[[Envelope], Awaitable[bool]] = always
    may_poll: Callable[[], bool] = lambda: True
    replies: dict[int, Reply] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    given_back: Counter[int] = field(default_factory=Counter)
    held: set[int] = field(default_factory=set)  # keys drawn and not settled yet

    @classmethod
    def of(
        cls, envelopes: Iterable[Envelope], *, permission: Callable[[Envelope], Awaitable[bool]] = always
    ) -> "ListOutbox":
        return cls(deque(replace(each, key=number) for number, each in enumerate(envelopes)), permission)

    def poll(self) -> Envelope | None:
        return self._draw() if self.may_poll() else None

    async def next(self) -> Envelope | None:
        return self._draw()

    def _draw(self) -> Envelope | None:
        if not self.waiting:
            return None
        envelope = self.waiting.popleft()
        self.held.add(envelope.key)
        return envelope

    async def may_send(self, envelope: Envelope) -> bool:
        assert envelope.key in self.held
        assert envelope.key not in self.asked
        assert not set(self.asked) & self.held, "one armed message per connection"
        self.asked.append(envelope.key)
        return await self.permission(envelope)

    def record(self, envelope: Envelope, reply: Reply) -> None:
        self.held.remove(envelope.key)
        assert envelope.key not in self.replies
        self.replies[envelope.key] = reply

    def give_back(self, envelope: Envelope) -> None:
        assert envelope.key not in self.asked
        self.held.remove(envelope.key)
        self.given_back[envelope.key] += 1
        self.waiting.appendleft(envelope)

    @property
    def fates(self) -> list[str]:
        return [self.replies[key].status.value for key in sorted(self.replies)]


async def deliver_all(transport: Transport, outbox: ListOutbox, *, connections: int = 20) -> int:
    """As the sender does: one connection after the other. Gives the number of shut ways; three in a row end it."""
    shut = in_a_row = 0
    for _ in range(connections):
        if not outbox.waiting or in_a_row == 3:
            break
        try:
            async with transport.connect() as connection:
                await connection.deliver(outbox)
            in_a_row = 0
        except RelayError:
            shut, in_a_row = shut + 1, in_a_row + 1
        assert not outbox.held, "everything drawn is recorded or given back"
    return shut
