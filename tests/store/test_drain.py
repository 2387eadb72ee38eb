"""One drain over a scripted transport: batches, leases, group commits, limits, and what happens when they fail."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.ledger.claim import Claim, ClaimedMail, claim_batch
from newsletter.delivery.ledger.doubt import mails_in_doubt
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.leases import LEASE
from newsletter.delivery.ledger.listing import notes
from newsletter.delivery.ledger.outcome import Step
from newsletter.delivery.ledger.plan import cancel_unsent
from newsletter.delivery.sender import drain
from newsletter.delivery.sender.drain import Drained, Sender
from newsletter.delivery.sender.group_commit import RENEWED_AFTER, Attempt, GroupCommit, Permission
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable
from newsletter.errors import NewsletterError
from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, Reply, Transport
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import BATCH, Batch, Lane, Mail
from newsletter.store.people import Subscriber
from newsletter.words import Axis, ConsentState, IssueState, MailState
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_edition, plain_letter, plan_for_everyone, say
from tests.kit.planned_editions import these_readers
from tests.kit.timeouts import SECONDS


def everyone() -> list[str]:
    return [f"reader-{number}@example.org" for number in range(5)]


ANY_DATABASE_ERROR = (sa.exc.DBAPIError, sqlite3.Error, psycopg.Error)
"""The statements of a group commit raise the driver's own errors."""
UNLIMITED = RateLimitTable(default=RateLimits(), providers={}, lanes={}, domains={})


@dataclass
class ScriptedTransport:
    """A transport that answers each envelope as `act` says, once it may be sent."""

    act: Callable[[Envelope], Reply] = lambda _envelope: Reply(status=DeliveryStatus.accepted, code=250)
    before: Callable[[Envelope], object] = lambda _envelope: None  # called when the envelope is taken
    connected: Callable[[], object] = lambda: None
    last: str = ""  # this recipient is answered last
    others: int = 0  # after so many others
    got: list[str] = field(default_factory=list)
    all_others: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["ScriptedTransport"]:
        self.connected()
        yield self

    async def deliver(self, outbox: Outbox) -> None:
        while (envelope := await outbox.next()) is not None:
            self.before(envelope)
            if not await outbox.may_send(envelope):
                outbox.record(envelope, Reply(status=DeliveryStatus.withheld))
                continue
            self.got.append(envelope.recipient)
            if envelope.recipient == self.last:
                await asyncio.wait_for(self.all_others.wait(), SECONDS)
            outbox.record(envelope, self.act(envelope))
            if len(self.got) > self.others:
                self.all_others.set()


def planned(store: Store, clock: StoppedClock, readers: int, *, connections: int) -> int:
    """An edition for reader-0, reader-1 …, on a lane without limits but its connections."""
    with store.transaction() as session:
        for number in range(readers):
            a_subscriber(session, address=f"reader-{number}@example.org")
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with store.transaction() as session:
        lane = session.get_one(Lane, "default")
        lane.per_minute, lane.connections = 0, connections
    return edition_id


def drain_over(
    store: Store, clock: StoppedClock, transport: Transport, *, pace: RateLimitTable = UNLIMITED, **more: Any
) -> Drained:
    given: dict[str, Any] = {"envelopes": lambda _edition: plain_letter, "owner": "test"} | more
    return asyncio.run(Sender(store, clock, transport, pace=lambda: pace, **given).drain())


def claimed_by(store: Store, clock: StoppedClock, owner: str) -> Claim:
    with store.transaction() as session:
        claim = claim_batch(session, lane="default", owner=owner, now=clock.now())
    assert claim is not None
    return claim


def batches(store: Store) -> Sequence[Batch]:
    with store.reading() as session:
        return session.exec(select(Batch).order_by(col(Batch.number))).all()


def test_the_next_batch_leaves_while_one_slow_answer_holds_the_last(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 510, connections=2)
    transport = ScriptedTransport(last="reader-0@example.org", others=509)
    assert drain_over(store, clock, transport).attempts == 510
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=510, accepted=510)


def test_all_connections_share_one_commit(store: Store, clock: StoppedClock) -> None:
    planned(store, clock, 400, connections=20)
    drained = drain_over(store, clock, ScriptedTransport())
    assert drained.attempts == 400
    assert drained.commits <= 400 / 20 * 2 + 5


def test_who_leaves_while_their_mail_is_queued_gets_nothing(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 5, connections=1)

    def leave(envelope: Envelope) -> None:
        if envelope.recipient == "reader-0@example.org":
            with store.transaction() as session:
                leaver = session.exec(select(Subscriber).where(Subscriber.address == "reader-3@example.org")).one()
                say(session, leaver, Axis.newsletter, ConsentState.denied)

    transport = ScriptedTransport(before=leave)
    drain_over(store, clock, transport)
    assert sorted(transport.got) == [address for address in everyone() if address != "reader-3@example.org"]
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=5, accepted=4, suppressed=1)


def test_a_pause_stops_the_very_next_mail(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 50, connections=1)

    def pause(_envelope: Envelope) -> Reply:
        with store.transaction() as session:
            issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
            issue.state = IssueState.paused
        return Reply(status=DeliveryStatus.accepted, code=250)

    transport = ScriptedTransport(act=pause)
    drain_over(store, clock, transport)
    assert len(transport.got) == 1
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=50, accepted=1, waiting=49)


def test_a_lease_is_written_when_it_has_aged_and_lost_when_its_fence_is_passed(
    store: Store, clock: StoppedClock
) -> None:
    planned(store, clock, 3, connections=1)

    def flushed(ledger: GroupCommit) -> datetime | None:
        ledger.flush()
        with store.reading() as session:
            return session.exec(select(Batch.lease_until)).one()

    with store.transaction() as session:
        claim = claim_batch(session, lane="default", owner="ours", now=clock.now())
    assert claim is not None
    ledger = GroupCommit(store, clock, "default")
    ledger.add_lease(claim.lease)
    first = flushed(ledger)
    assert first == clock.now() + LEASE
    clock.advance(RENEWED_AFTER - timedelta(seconds=1))
    assert flushed(ledger) == first
    clock.advance(timedelta(seconds=1))
    assert flushed(ledger) == clock.now() + LEASE
    with store.transaction() as session:
        session.exec(select(Batch)).one().fence += 1
    renewed = clock.now() + LEASE
    clock.advance(RENEWED_AFTER)
    assert flushed(ledger) == renewed  # written by its new owner alone
    ledger.close()


def test_what_comes_back_to_a_cancelled_issue_is_cancelled(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)

    def cancel(_envelope: Envelope) -> Reply:
        with store.transaction() as session:
            issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
            issue.state = IssueState.cancelled
            cancel_unsent(session, edition_id)
        return Reply(status=DeliveryStatus.try_later, code=451)

    drain_over(store, clock, ScriptedTransport(act=cancel))
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, cancelled=3)


def test_a_server_that_refuses_everything_stops_the_lane_and_costs_nobody_their_mail(
    store: Store, clock: StoppedClock
) -> None:
    edition_id = planned(store, clock, 300, connections=4)
    blocked = ScriptedTransport(
        act=lambda _envelope: Reply(status=DeliveryStatus.refused, code=550, enhanced="5.7.1", words="block list")
    )
    assert "block list" in drain_over(store, clock, blocked).trouble
    assert len(blocked.got) < 20
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=300, waiting=300, deferred=len(blocked.got))
        assert "refuse toutes nos lettres" in troubles(session)[0]
    assert drain_over(store, clock, ScriptedTransport()).attempts == 0  # the lane is suspended
    clock.advance(timedelta(minutes=6))
    assert drain_over(store, clock, ScriptedTransport()).attempts == 300
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=300, accepted=300)
        assert troubles(session) == []


def test_a_sender_that_slept_past_its_lease_writes_nothing_more(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)

    async def sleeper() -> None:
        ledger = GroupCommit(store, clock, "default")
        with store.transaction() as session:
            claim = claim_batch(session, lane="default", owner="sleeper", now=clock.now())
        assert claim is not None
        ledger.add_lease(claim.lease)
        first, second, _third = claim.mails
        assert await ledger.authorise(claim.lease, first.mail_id) is Permission.granted
        clock.advance(LEASE + timedelta(seconds=1))
        with store.transaction() as session:
            taken_over = claim_batch(session, lane="default", owner="other", now=clock.now())
        assert taken_over is not None
        assert len(taken_over.mails) == 2
        accepted = Reply(status=DeliveryStatus.accepted, code=250)
        ledger.record(Attempt(claim.lease, first, Step(MailState.accepted), accepted))
        assert await ledger.authorise(claim.lease, second.mail_id) is Permission.revoked
        ledger.close()

    asyncio.run(sleeper())
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, in_doubt=1, waiting=2)


# Leases and limits ------------------------------------------------------------------------------------------------


def test_a_dead_sender_of_a_paused_issue_leaves_doubts_and_no_lease(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)
    claim = claimed_by(store, clock, "dead")
    with store.transaction() as session:
        session.get_one(Mail, claim.mails[0].mail_id).state = MailState.armed
        session.get_one(Issue, session.get_one(Edition, edition_id).issue_id).state = IssueState.paused
    clock.advance(LEASE + timedelta(seconds=1))
    assert drain_over(store, clock, ScriptedTransport()).attempts == 0
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, in_doubt=1, waiting=2)
        (batch,) = session.exec(select(Batch)).all()
        assert (batch.owner, batch.lease_until) == (None, None)
        assert batch.fence == claim.lease.fence + 1
        assert {listed.words for listed in mails_in_doubt(session)} == {
            "l’envoi s’est interrompu avant la réponse du serveur"
        }


def test_a_batch_whose_mails_only_wait_for_their_limit_makes_room_for_others(
    store: Store, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_MOST_BATCHES", 1)
    these_readers(store, [f"reader-{number}@slow.example" for number in range(BATCH + 2)])
    with store.transaction() as session:
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    transport = ScriptedTransport()
    slow = replace(UNLIMITED, default=RateLimits(per_minute=60))
    drained = drain_over(store, clock, transport, pace=slow, stopping=lambda: len(transport.got) >= 2)
    assert drained.attempts == 2
    first, second = batches(store)
    assert first.owner is second.owner is None
    assert first.not_before == clock.now() + timedelta(minutes=1)  # after the mails of the others
    with store.reading() as session:
        sent = session.exec(select(Mail.seq).where(col(Mail.state) == MailState.accepted).order_by(col(Mail.seq))).all()
    assert [seq // BATCH for seq in sent] == [first.number, second.number]


def test_a_sender_that_joins_others_waits_until_they_have_seen_it(
    store: Store, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_SETTLING_SECONDS", 0.3)
    two_batches(store, clock)
    claimed_by(store, clock, "another")
    begun = time.monotonic()
    starts: list[float] = []
    transport = ScriptedTransport(before=lambda _envelope: starts.append(time.monotonic()))
    assert drain_over(store, clock, transport, pace=replace(UNLIMITED, default=RateLimits(connections=4))).attempts == 2
    assert min(starts) - begun >= 0.3


def test_a_sender_without_a_part_of_the_lanes_limit_returns_its_batch_for_a_minute(
    store: Store, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "_SETTLING_SECONDS", 0.0)
    two_batches(store, clock)
    claimed_by(store, clock, "another")  # the first by name: the one mail a minute is its own
    with store.transaction() as session:
        session.get_one(Lane, "default").per_minute = 1
    assert drain_over(store, clock, ScriptedTransport()).attempts == 0
    assert batches(store)[1].owner is None
    assert batches(store)[1].not_before == clock.now() + timedelta(minutes=1)


def two_batches(store: Store, clock: StoppedClock) -> None:
    """An edition with a full batch and another of two mails."""
    these_readers(store, [f"reader-{number}@example.org" for number in range(BATCH + 2)])
    with store.transaction() as session:
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with store.transaction() as session:
        session.get_one(Lane, "default").per_minute = 0


# Connections ------------------------------------------------------------------------------------------------------


def test_a_name_that_cannot_stand_in_a_message_is_refused_alone(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)

    def envelope_for(mail: ClaimedMail) -> Envelope:
        if mail.address == "reader-1@example.org":
            raise NewsletterError(f"{mail.address} n’entre dans aucun message")
        return replace(plain_letter(mail), key=0)  # whatever key its writer gives

    drain_over(store, clock, ScriptedTransport(), envelopes=lambda _edition: envelope_for)
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, accepted=2, refused=1)
        (note,) = notes(session, edition_id)
    assert note.words == "<…> n’entre dans aucun message"


@dataclass
class OneAtATime:
    """A transport whose connections give back what they took beyond one mail, and then close."""

    opened: int = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["OneAtATime"]:
        self.opened += 1
        yield self

    async def deliver(self, outbox: Outbox) -> None:
        first, second = await outbox.next(), outbox.poll()
        if second is not None:
            outbox.give_back(second)
        if first is not None:
            allowed = await outbox.may_send(first)
            outbox.record(first, Reply(status=DeliveryStatus.accepted if allowed else DeliveryStatus.withheld))


def test_what_a_connection_gives_back_leaves_by_another(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 5, connections=1)
    transport = OneAtATime()
    assert drain_over(store, clock, transport).attempts == 5
    assert transport.opened >= 5
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=5, accepted=5)


def test_a_connection_is_replaced_when_it_carried_as_many_mails_as_a_provider_takes(
    store: Store, clock: StoppedClock
) -> None:
    planned(store, clock, 4, connections=1)
    opened: list[str] = []
    transport = ScriptedTransport(connected=lambda: opened.append("open"))
    pace = replace(UNLIMITED, default=RateLimits(per_connection=2))
    assert drain_over(store, clock, transport, pace=pace).attempts == 4
    assert len(opened) >= 2


# When the store fails ---------------------------------------------------------------------------------------------


def test_a_commit_that_fails_lets_nothing_leave_and_loses_no_outcome(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)
    claim = claimed_by(store, clock, "ours")

    async def commit() -> None:
        ledger = GroupCommit(store, clock, "default")
        ledger.add_lease(claim.lease)
        first, second, _third = claim.mails
        assert await ledger.authorise(claim.lease, first.mail_id) is Permission.granted
        accepted = Reply(status=DeliveryStatus.accepted, code=250)
        with store.transaction() as session:
            session.connection().execute(sa.text("ALTER TABLE batch RENAME TO batch_away"))
        ledger.record(Attempt(claim.lease, first, Step(MailState.accepted), accepted))
        with pytest.raises(ANY_DATABASE_ERROR):
            await ledger.authorise(claim.lease, second.mail_id)
        with pytest.raises(ANY_DATABASE_ERROR):  # at once: nobody asks a store that failed
            await ledger.authorise(claim.lease, second.mail_id)
        with store.transaction() as session:
            session.connection().execute(sa.text("ALTER TABLE batch_away RENAME TO batch"))
        ledger.close()

    asyncio.run(commit())
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, accepted=1, waiting=2)


def test_a_drain_raises_what_the_store_raised_and_sends_nothing_more(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 50, connections=1)

    def lose_the_store(_envelope: Envelope) -> Reply:
        with store.transaction() as session:
            session.connection().execute(sa.text("ALTER TABLE batch RENAME TO batch_away"))
        return Reply(status=DeliveryStatus.accepted, code=250)

    transport = ScriptedTransport(act=lose_the_store)
    with pytest.raises(ANY_DATABASE_ERROR):
        drain_over(store, clock, transport)
    assert len(transport.got) == 1
    with store.transaction() as session:
        session.connection().execute(sa.text("ALTER TABLE batch_away RENAME TO batch"))
    clock.advance(LEASE + timedelta(seconds=1))
    assert drain_over(store, clock, ScriptedTransport()).attempts == 49
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=50, accepted=49, in_doubt=1)
