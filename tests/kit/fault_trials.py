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

from newsletter.clock import SystemClock
from newsletter.delivery.ledger import doubt
from newsletter.delivery.ledger.leases import LEASE
from newsletter.store import Store
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.ledger import Batch, Lane, Mail
from newsletter.store.people import Subscriber
from newsletter.words import DoubtPolicy, EventKind, MailState, Verdict
from tests.kit import ledger_invariants
from tests.kit.counting_smtp import CountingServer, counting_server
from tests.kit.counting_smtp_server import TAKEN
from tests.kit.forked_senders import ForkedProcess, ForkedSenders, forked_senders
from tests.kit.planned_editions import an_edition, plan_edition
from tests.kit.sender_process import SenderOptions
from tests.kit.timeouts import SECONDS

ROUNDS = 60
"""More than any trial needs: a mail that comes and goes for so long is a fault of ours."""


@dataclass(slots=True)
class FaultTrial:
    """What a trial works with, and what it found."""

    url: str
    store: Store
    server: CountingServer
    senders: ForkedSenders
    edition_id: int
    policy: DoubtPolicy
    connections: int
    kills: int = 0
    most_armed: int = 0  # at any kill
    wrong: list[str] = field(default_factory=list)
    end_of_data_seconds: float = 5.0
    transport: str = "wire"
    pace: str = ""  # as in Orders

    def start(self, *, file_bytes: int = 0) -> ForkedProcess:
        """One more sender; `file_bytes` as in Orders."""
        return self.senders.send(
            SenderOptions(
                url=self.url,
                port=self.server.port,
                owner="sender",
                transport=self.transport,
                end_of_data_seconds=self.end_of_data_seconds,
                pace=self.pace,
                file_bytes=file_bytes,
            )
        )

    def wait_for_mail(self, *, count: int = 1) -> bool:
        """Until the server takes so many more messages, or no sender is left; whether they came."""
        size, until = self.server.log.stat().st_size, time.monotonic() + SECONDS
        with self.server.log.open("rb") as log:
            log.seek(size)
            while count > 0 and time.monotonic() < until and self.senders.still_alive():
                count -= sum(line.startswith(TAKEN) for line in log.readlines())
                time.sleep(0.002)
        return count <= 0

    def kill_one(self, *, within: float) -> bool:
        """SIGKILL to a sender at a random moment; False when all had ended by then."""
        self.wait_for_mail()
        time.sleep(random.uniform(0, within))  # noqa: S311  when to kill, nothing secret
        alive = self.senders.still_alive()
        if not alive:
            return False
        process = random.choice(alive)  # noqa: S311
        self.senders.kill(process)
        self.kills += 1
        self.expire_leases(process.owner)
        return True

    def expire_leases(self, owner: str) -> None:
        """As if a minute had passed: the lease of a sender that is certainly dead ends now instead of in 60 seconds."""
        with self.store.transaction() as session:
            batches = session.exec(select(Batch).where(col(Batch.owner) == owner)).all()
            armed = sum(ledger_invariants.armed(session, batch) for batch in batches)
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
            return ledger_invariants.waiting(session, self.edition_id)

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
            for process in list(self.senders.alive):
                self.senders.wait(process)
            if self.policy is DoubtPolicy.reconcile:
                self.readers_open_some()
            if not self.let_time_pass():
                break
            self.start()
        self.wrong += ledger_invariants.unbalanced(self.store, self.edition_id, finished=True)

    def judge(self, *, count_doubts: bool = True) -> "TrialResult":
        """What the ledger and the server say, side by side."""
        told, received = ledger_invariants.recorded_states(self.store, self.edition_id), self.server.received()
        self.wrong += ledger_invariants.violations(
            told, received, policy=self.policy, kills=self.kills if count_doubts else 0, connections=self.connections
        )
        return TrialResult(
            mails=len(told),
            kills=self.kills,
            doubts=sum(recorded.doubted for recorded in told.values()),
            doubles=sum(times - 1 for times in received.times.values()),
            missing=len(told.keys() - received.times.keys()),
            most_armed=self.most_armed,
            wrong=self.wrong,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """The outcome of a trial."""

    mails: int
    kills: int
    doubts: int
    doubles: int
    missing: int
    most_armed: int
    wrong: list[str]


@contextmanager
def fault_trial(
    url: str,
    folder: Path,
    *,
    policy: DoubtPolicy,
    connections: int,
    server_options: tuple[str, ...] = (),
    senders: ForkedSenders | None = None,
) -> Iterator[FaultTrial]:
    """A trial over a store that has readers: a planned edition, a server that listens, nobody who sends yet.

    `senders`: a parent to fork from, shared by several trials.
    """
    store = Store(url)
    try:
        edition_id = an_edition(store, policy=policy)
        plan_edition(store, edition_id, connections=connections)
        from_where = nullcontext(senders) if senders else forked_senders(folder)
        with counting_server(folder, *server_options) as server, from_where as started:
            server.log.touch()
            yield FaultTrial(url, store, server, started, edition_id, policy, connections)
    finally:
        store.close()
