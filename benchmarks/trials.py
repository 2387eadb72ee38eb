"""One trial: an edition, a counting server and senders, until nothing waits, whatever happened in between."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col, select

from benchmarks import invariants
from benchmarks.counted import Running, counting_server
from benchmarks.readers import an_edition, plan_edition
from benchmarks.sender import Orders
from benchmarks.sink import TAKEN
from benchmarks.victims import Gang, Victim, gang
from newsletter.clock import SystemClock
from newsletter.delivery.ledger import doubt
from newsletter.delivery.ledger.claim import LEASE
from newsletter.store import Store
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.ledger import Batch, Lane, Mail
from newsletter.store.people import Subscriber
from newsletter.words import DoubtPolicy, EventKind, MailState, Verdict

ROUNDS = 60
"""More than any trial needs: a mail that comes and goes for so long is a fault of ours."""


@dataclass(slots=True)
class Trial:
    """What a trial works with, and what it found."""

    url: str
    store: Store
    server: Running
    gang: Gang
    edition_id: int
    policy: DoubtPolicy
    connections: int
    kills: int = 0
    most_armed: int = 0  # at any kill
    wrong: list[str] = field(default_factory=list)
    end_of_data_seconds: float = 5.0
    transport: str = "wire"
    pace: str = ""  # as in Orders

    def start(self, *, file_bytes: int = 0) -> Victim:
        """One more sender; `file_bytes` as in Orders."""
        return self.gang.send(
            Orders(
                url=self.url,
                port=self.server.port,
                owner="victim",
                transport=self.transport,
                end_of_data_seconds=self.end_of_data_seconds,
                pace=self.pace,
                file_bytes=file_bytes,
            )
        )

    def wait_for_mail(self, *, count: int = 1, seconds: float = 10.0) -> bool:
        """Until the server takes so many more messages, or no sender is left; whether they came."""
        size, until = self.server.log.stat().st_size, time.monotonic() + seconds
        with self.server.log.open("rb") as log:
            log.seek(size)
            while count > 0 and time.monotonic() < until and self.gang.still_alive():
                count -= sum(line.startswith(TAKEN) for line in log.readlines())
                time.sleep(0.002)
        return count <= 0

    def kill_one(self, *, within: float) -> bool:
        """SIGKILL to a sender at a random moment; False when all had ended by then."""
        self.wait_for_mail()
        time.sleep(random.uniform(0, within))  # noqa: S311  when to kill, nothing secret
        alive = self.gang.still_alive()
        if not alive:
            return False
        victim = random.choice(alive)  # noqa: S311
        self.gang.kill(victim)
        self.kills += 1
        self.bury(victim.owner)
        return True

    def bury(self, owner: str) -> None:
        """As if a minute had passed: the lease of a sender that is certainly dead ends now instead of in 60 seconds."""
        with self.store.transaction() as session:
            batches = session.exec(select(Batch).where(col(Batch.owner) == owner)).all()
            armed = sum(invariants.armed(session, batch) for batch in batches)
            for batch in batches:
                batch.lease_until = SystemClock().now() - LEASE
                session.add(batch)
        self.most_armed = max(armed, self.most_armed)
        if armed > self.connections:
            self.wrong.append(f"I4: {owner} had {armed} armed over {self.connections} connections")

    def let_time_pass(self) -> int:
        """As if hours had passed: doubts are ripe, evidence is in, what was put off is due. How many mails wait."""
        later = SystemClock().now() + doubt.DOUBT_AFTER + timedelta(minutes=1)
        with self.store.transaction() as session:
            doubt.settle_by_evidence(session, now=later)
            doubt.settle_by_policy(session, now=later)
        now = SystemClock().now()
        with self.store.transaction() as session:
            session.connection().execute(sa.update(Mail).where(col(Mail.due_at) > now).values(due_at=now))
            session.connection().execute(sa.update(Batch).where(col(Batch.not_before) > now).values(not_before=now))
            session.connection().execute(sa.update(Lane).values(rests_until=None))
            return invariants.waiting(session, self.edition_id)

    def readers_open_some(self) -> None:
        """Every second doubt that did arrive is opened by its reader: the evidence that `reconcile` looks for."""
        got = self.server.received().times
        with self.store.transaction() as session:
            doubts = session.exec(
                select(Mail, Subscriber)
                .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id))
                .where(col(Mail.state) == MailState.in_doubt, col(Mail.edition_id) == self.edition_id)
            ).all()
            session.add_all(
                Event(
                    subscriber_id=key(reader.id), mail_id=mail.id, kind=EventKind.opened, at=SystemClock().now(),
                    verdict=Verdict.human,
                )
                for mail, reader in doubts
                if reader.address in got and key(mail.id) % 2
            )  # fmt: skip

    def finish(self) -> None:
        """Senders that nobody kills, until nothing waits; then every invariant is looked at."""
        for _ in range(ROUNDS):
            for victim in list(self.gang.alive):
                self.gang.wait(victim)
            if self.policy is DoubtPolicy.reconcile:
                self.readers_open_some()
            if not self.let_time_pass():
                break
            self.start()
        self.wrong += invariants.unbalanced(self.store, self.edition_id, finished=True)

    def judge(self, *, count_doubts: bool = True) -> "Verdicts":
        """What the ledger and the server say, side by side."""
        told, received = invariants.fates(self.store, self.edition_id), self.server.received()
        self.wrong += invariants.violations(
            told, received, policy=self.policy, kills=self.kills if count_doubts else 0, connections=self.connections
        )
        return Verdicts(
            mails=len(told),
            kills=self.kills,
            doubts=sum(fate.doubted for fate in told.values()),
            doubles=sum(times - 1 for times in received.times.values()),
            missing=len(told.keys() - received.times.keys()),
            most_armed=self.most_armed,
            wrong=self.wrong,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The outcome of a trial."""

    mails: int
    kills: int
    doubts: int
    doubles: int
    missing: int
    most_armed: int
    wrong: list[str]


@contextmanager
def trial(
    url: str,
    folder: Path,
    *,
    policy: DoubtPolicy,
    connections: int,
    server_options: tuple[str, ...] = (),
    crew: Gang | None = None,
) -> Iterator[Trial]:
    """A trial over a store that has readers: a planned edition, a server that listens, nobody who sends yet.

    Senders come from `crew`, if one is given.
    """
    store = Store(url)
    try:
        edition_id = an_edition(store, policy=policy)
        plan_edition(store, edition_id, connections=connections)
        from_where = nullcontext(crew) if crew else gang(folder)
        with counting_server(folder, *server_options) as server, from_where as started:
            server.log.touch()
            yield Trial(url, store, server, started, edition_id, policy, connections)
    finally:
        store.close()
