"""The ledger, end to end over a real SMTP server: who got what, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.clock import StoppedClock
from newsletter.delivery.ledger import doubt
from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.ledger.claim import ClaimedMail, claim_batch
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.leases import LEASE
from newsletter.delivery.ledger.listing import notes
from newsletter.delivery.ledger.outcome import Step
from newsletter.delivery.ledger.plan import EditionPlan, cancel_unsent, plan_edition
from newsletter.delivery.sender.drain import Drained, Sender
from newsletter.delivery.sender.group_commit import RENEWED_AFTER, Attempt, GroupCommit, Permission
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable
from newsletter.errors import RefusedError
from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, Reply
from newsletter.smtp.options import SmtpOptions, SmtpServer, Timeouts
from newsletter.smtp.relay import RelayTransport
from newsletter.store import Store
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail
from newsletter.store.people import Subscriber, Suppression
from newsletter.words import Axis, ConsentState, DoubtPolicy, EventKind, IssueState, MailState, SuppressionReason
from tests.kit.makers import a_subscriber, an_edition, plan_for_everyone, say
from tests.kit.smtp import MailServer, smtp_server
from tests.kit.timeouts import SECONDS


@dataclass
class Desk:
    """A store with a planned edition, a mail server, and a sender between them."""

    store: Store
    clock: StoppedClock
    mail_server: MailServer
    edition_id: int

    def send(self) -> Drained:
        return asyncio.run(self.sender().drain())

    def sender(self) -> Sender:
        relay = RelayTransport(
            server=SmtpServer(host="127.0.0.1", port=self.mail_server.port),
            options=SmtpOptions(timeouts=Timeouts(end_of_data=5)),
        )
        return Sender(self.store, self.clock, relay, lambda _edition: plain_letter, owner="test")

    def balance(self) -> Balance:
        with self.store.reading() as session:
            return balance_of(session, self.edition_id)


def plain_letter(mail: ClaimedMail) -> Envelope:
    message = f"To: {mail.address}\r\nMessage-ID: <{mail.mail_id}@example.org>\r\n\r\nBonjour\r\n"
    return Envelope(key=mail.mail_id, sender="retours@example.org", recipient=mail.address, message=message.encode())


@pytest.fixture
def desk(store: Store, clock: StoppedClock) -> Iterator[Desk]:
    """Five readers, reader-0 to reader-4, planned and due."""
    with store.transaction() as session:
        for number in range(5):
            a_subscriber(session, address=f"reader-{number}@example.org")
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with smtp_server() as mail_server:
        yield Desk(store, clock, mail_server, edition_id)


def everyone() -> list[str]:
    return [f"reader-{number}@example.org" for number in range(5)]


def test_everyone_who_may_be_mailed_gets_one_mail_and_nobody_else(store: Store, clock: StoppedClock) -> None:
    with store.transaction() as session:
        granted = a_subscriber(session)
        a_subscriber(session, Axis.clicks)  # never said yes to the newsletter
        denied, left = a_subscriber(session), a_subscriber(session)
        say(session, denied, Axis.newsletter, ConsentState.denied)
        session.add(Suppression(address_hash=left.address_hash, reason=SuppressionReason.complained, at=clock.now()))
        edition_id = key(an_edition(session).id)
    assert plan_for_everyone(store, edition_id, now=clock.now()).mails == 1
    with store.reading() as session:
        assert session.exec(select(Mail.subscriber_id)).all() == [granted.id]


def test_planning_twice_mails_nobody_twice(desk: Desk) -> None:
    with desk.store.transaction() as session:
        a_subscriber(session)  # came after the audience was frozen
    again = plan_for_everyone(desk.store, desk.edition_id, now=desk.clock.now())
    assert again == EditionPlan(edition_id=desk.edition_id, mails=5)


def test_every_mail_leaves_once_and_the_balance_says_so(desk: Desk) -> None:
    assert desk.send().attempts == 5
    assert desk.send().attempts == 0
    assert desk.mail_server.recipients == everyone()
    assert desk.balance() == Balance(planned=5, accepted=5)
    assert desk.balance().finished


def test_many_batches_and_connections_still_reach_everyone_once(store: Store, clock: StoppedClock) -> None:
    with store.transaction() as session:
        for number in range(510):  # of twelve providers, so that no provider's own limit is what takes the time
            a_subscriber(session, address=f"reader-{number}@domain-{number % 12}.example")
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with store.transaction() as session:
        session.get_one(Lane, "default").per_minute = 1_000_000
        assert session.exec(select(sa.func.count()).select_from(Batch)).one() == 2
    with smtp_server() as mail_server:
        desk = Desk(store, clock, mail_server, edition_id)
        assert desk.send().attempts == 510
    assert len(set(mail_server.recipients)) == len(mail_server.recipients) == 510
    assert desk.balance() == Balance(planned=510, accepted=510)


def test_a_refused_address_stops_nobody_else_and_keeps_the_words(desk: Desk) -> None:
    desk.mail_server.at_rcpt["reader-1@example.org"] = "550 5.1.1 <reader-1@example.org> inconnu"
    desk.send()
    assert desk.balance() == Balance(planned=5, accepted=4, refused=1)
    with desk.store.reading() as session:
        (note,) = notes(session, desk.edition_id)
    assert (note.code, note.enhanced) == (550, "5.1.1")
    assert "@" not in note.words


def test_a_deferred_mail_is_tried_again_when_it_is_due_and_not_before(desk: Desk) -> None:
    desk.mail_server.at_rcpt["reader-1@example.org"] = "451 4.7.1 greylisted"
    desk.send()
    assert desk.balance() == Balance(planned=5, accepted=4, waiting=1, deferred=1)
    del desk.mail_server.at_rcpt["reader-1@example.org"]
    desk.clock.advance(timedelta(minutes=3))
    assert desk.send().attempts == 0
    desk.clock.advance(timedelta(minutes=4))
    assert desk.send().attempts == 1
    assert desk.balance() == Balance(planned=5, accepted=5)


def test_a_line_that_breaks_after_the_dot_is_in_doubt_and_never_sent_again_by_itself(desk: Desk) -> None:
    desk.mail_server.drop_after_dot.add("reader-2@example.org")
    desk.send()
    desk.clock.advance(timedelta(days=1))
    desk.send()
    assert desk.mail_server.recipients == everyone()
    assert desk.balance() == Balance(planned=5, accepted=4, in_doubt=1)


def test_a_doubt_is_settled_by_a_person_or_sent_again(desk: Desk) -> None:
    desk.mail_server.drop_after_dot |= {"reader-1@example.org", "reader-2@example.org", "reader-3@example.org"}
    desk.send()
    desk.mail_server.drop_after_dot.clear()
    with desk.store.transaction() as session:
        one, two, three = (listed.mail_id for listed in doubt.mails_in_doubt(session))
        now = desk.clock.now()
        assert doubt.apply_ruling(session, [one], doubt.Ruling.arrived, now=now, why="the relay's log has it") == 1
        assert doubt.apply_ruling(session, [two], doubt.Ruling.resend, now=now, why="asked by marketing") == 1
        assert doubt.apply_ruling(session, [three], doubt.Ruling.drop, now=now, why="asked by marketing") == 1
        assert doubt.apply_ruling(session, [one, two, three], doubt.Ruling.drop, now=now, why="too late") == 0
    assert desk.send().attempts == 1
    assert desk.balance() == Balance(planned=5, accepted=4, cancelled=1)
    assert len(desk.mail_server.received) == 6


def test_the_resend_policy_waits_for_evidence_first(desk: Desk) -> None:
    desk.mail_server.drop_after_dot.add("reader-2@example.org")
    desk.send()
    with desk.store.transaction() as session:
        session.get_one(Edition, desk.edition_id).doubt_policy = DoubtPolicy.resend
    for minutes, settled in ((1, 0), (20, 1)):
        desk.clock.advance(timedelta(minutes=minutes))
        with desk.store.transaction() as session:
            assert doubt.settle_by_policy(session, now=desk.clock.now()) == settled


@pytest.mark.parametrize(
    ("policy", "opened", "unseen"),
    [
        (DoubtPolicy.reconcile, MailState.settled, MailState.in_doubt),
        (DoubtPolicy.hold, MailState.in_doubt, MailState.in_doubt),
        (DoubtPolicy.resend, MailState.settled, MailState.deferred),
        (DoubtPolicy.drop, MailState.settled, MailState.cancelled),
    ],
)
def test_each_policy_does_what_it_says_to_the_doubts_that_are_there(
    desk: Desk, policy: DoubtPolicy, opened: MailState, unseen: MailState
) -> None:
    desk.mail_server.drop_after_dot |= {"reader-2@example.org", "reader-3@example.org"}
    desk.send()
    with desk.store.transaction() as session:
        assert doubt.choose_policy(session, session.get_one(Edition, desk.edition_id).issue_id, policy) == 2
        first, second = (session.get_one(Mail, listed.mail_id) for listed in doubt.mails_in_doubt(session))
        assert first.subscriber_id
        session.add(
            Event(kind=EventKind.opened, at=desk.clock.now(), mail_id=first.id, subscriber_id=first.subscriber_id)
        )
    desk.clock.advance(timedelta(minutes=20))
    with desk.store.transaction() as session:
        doubt.settle_by_evidence(session, now=desk.clock.now())
        doubt.settle_by_policy(session, now=desk.clock.now())
    with desk.store.reading() as session:
        assert session.get_one(Mail, key(first.id)).state is opened
        assert session.get_one(Mail, key(second.id)).state is unseen


def test_a_policy_is_chosen_once_an_issue_is_approved_and_until_it_is_cancelled(desk: Desk) -> None:
    with desk.store.transaction() as session:
        draft = Issue(title="Brouillon", created_at=desk.clock.now())
        session.add(draft)
        session.flush()
        with pytest.raises(RefusedError, match="Approuvez d’abord"):
            doubt.choose_policy(session, key(draft.id), DoubtPolicy.resend)
        issue = session.get_one(Issue, session.get_one(Edition, desk.edition_id).issue_id)
        assert doubt.choose_policy(session, key(issue.id), DoubtPolicy.resend) == 0
        issue.state = IssueState.cancelled
        with pytest.raises(RefusedError, match="une à une"):
            doubt.choose_policy(session, key(issue.id), DoubtPolicy.drop)


def test_what_a_dead_sender_had_armed_is_in_doubt_and_the_rest_goes_on(desk: Desk) -> None:
    with desk.store.transaction() as session:
        claim = claim_batch(session, lane="default", owner="dead", now=desk.clock.now())
        assert claim is not None
        session.get_one(Mail, claim.mails[0].mail_id).state = MailState.armed
    assert desk.send().attempts == 0  # the lease still runs
    desk.clock.advance(LEASE + timedelta(seconds=1))
    assert desk.send().attempts == 4
    assert desk.balance() == Balance(planned=5, accepted=4, in_doubt=1)


def test_who_leaves_after_planning_gets_nothing(desk: Desk) -> None:
    with desk.store.transaction() as session:
        mail = session.exec(select(Mail).order_by(col(Mail.seq))).first()
        assert mail is not None
    with desk.store.transaction() as session:
        leaver = session.get_one(Subscriber, mail.subscriber_id)
        session.add(
            Suppression(address_hash=leaver.address_hash, reason=SuppressionReason.unsubscribed, at=desk.clock.now())
        )
    desk.send()
    assert desk.mail_server.recipients == everyone()[1:]
    assert desk.balance() == Balance(planned=5, accepted=4, suppressed=1)


@pytest.mark.parametrize("state", [IssueState.paused, IssueState.cancelled])
def test_a_paused_or_cancelled_issue_sends_nothing(desk: Desk, state: IssueState) -> None:
    set_state(desk, state)
    assert desk.send().attempts == 0
    assert desk.mail_server.received == []
    if state is IssueState.paused:
        set_state(desk, IssueState.sending)
        assert desk.send().attempts == 5
    else:
        with desk.store.transaction() as session:
            assert cancel_unsent(session, desk.edition_id) == 5
        assert desk.balance() == Balance(planned=5, cancelled=5)


def test_a_server_that_is_down_loses_nothing_and_is_said(desk: Desk) -> None:
    port, desk.mail_server.port = desk.mail_server.port, 9
    drained = desk.send()
    assert "ne répond pas" in drained.trouble
    assert desk.balance() == Balance(planned=5, waiting=5)
    with desk.store.reading() as session:
        assert troubles(session) == [drained.trouble]
    desk.mail_server.port = port
    desk.clock.advance(timedelta(minutes=6))
    assert desk.send().attempts == 5
    with desk.store.reading() as session:
        assert troubles(session) == []


def test_two_senders_at_once_mail_nobody_twice(desk: Desk) -> None:
    async def both() -> None:
        await asyncio.gather(desk.sender().drain(), desk.sender().drain())

    asyncio.run(both())
    assert desk.mail_server.recipients == everyone()
    assert desk.balance() == Balance(planned=5, accepted=5)


def set_state(desk: Desk, state: IssueState) -> None:
    with desk.store.transaction() as session:
        edition = session.get_one(Edition, desk.edition_id)
        session.get_one(Issue, edition.issue_id).state = state


# With several batches in hand ----------------------------------------------------------------------------------------

UNLIMITED = RateLimitTable(default=RateLimits(), providers={}, lanes={}, domains={})


@dataclass
class FarSide:
    """A transport that does what `act` says with each envelope once its body has left."""

    act: Callable[[Envelope], Reply] = lambda _envelope: Reply(status=DeliveryStatus.accepted, code=250)
    before: Callable[[Envelope], object] = lambda _envelope: None  # when the envelope is drawn
    hold: str = ""  # this recipient's answer comes last of all
    others: int = 0  # … after so many others
    got: list[str] = field(default_factory=list)
    all_others: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["FarSide"]:
        yield self

    async def deliver(self, outbox: Outbox) -> None:
        while (envelope := await outbox.next()) is not None:
            self.before(envelope)
            if not await outbox.may_send(envelope):
                outbox.record(envelope, Reply(status=DeliveryStatus.withheld))
                continue
            self.got.append(envelope.recipient)
            if envelope.recipient == self.hold:
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


def through(store: Store, clock: StoppedClock, far_side: FarSide) -> Drained:
    sender = Sender(store, clock, far_side, lambda _edition: plain_letter, owner="test", pace=lambda: UNLIMITED)
    return asyncio.run(sender.drain())


def test_the_next_batch_leaves_while_one_slow_answer_holds_the_last(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 510, connections=2)
    far_side = FarSide(hold="reader-0@example.org", others=509)
    assert through(store, clock, far_side).attempts == 510
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=510, accepted=510)


def test_all_connections_share_one_commit(store: Store, clock: StoppedClock) -> None:
    planned(store, clock, 400, connections=20)
    drained = through(store, clock, FarSide())
    assert drained.attempts == 400
    assert drained.commits <= 400 / 20 * 2 + 5


def test_who_leaves_while_their_mail_waits_in_hand_gets_nothing(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 5, connections=1)

    def leave(envelope: Envelope) -> None:
        if envelope.recipient == "reader-0@example.org":
            with store.transaction() as session:
                leaver = session.exec(select(Subscriber).where(Subscriber.address == "reader-3@example.org")).one()
                say(session, leaver, Axis.newsletter, ConsentState.denied)

    far_side = FarSide(before=leave)
    through(store, clock, far_side)
    assert sorted(far_side.got) == [address for address in everyone() if address != "reader-3@example.org"]
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=5, accepted=4, suppressed=1)


def test_a_pause_stops_the_very_next_mail(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 50, connections=1)

    def pause(_envelope: Envelope) -> Reply:
        with store.transaction() as session:
            issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
            issue.state = IssueState.paused
        return Reply(status=DeliveryStatus.accepted, code=250)

    far_side = FarSide(act=pause)
    through(store, clock, far_side)
    assert len(far_side.got) == 1
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
    clock.advance(timedelta(seconds=1))
    ledger.flush()
    assert not ledger.is_live(claim.lease)
    ledger.close()


def test_what_comes_back_to_a_cancelled_issue_is_cancelled(store: Store, clock: StoppedClock) -> None:
    edition_id = planned(store, clock, 3, connections=1)

    def cancel(_envelope: Envelope) -> Reply:
        with store.transaction() as session:
            issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
            issue.state = IssueState.cancelled
            cancel_unsent(session, edition_id)
        return Reply(status=DeliveryStatus.try_later, code=451)

    through(store, clock, FarSide(act=cancel))
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, cancelled=3)


def test_each_put_off_waits_longer_even_before_the_body(desk: Desk) -> None:
    desk.mail_server.at_rcpt["reader-1@example.org"] = "451 4.7.1 greylisted"
    waits = []
    for _ in range(3):
        desk.send()
        with desk.store.reading() as session:
            due = session.exec(select(Mail.due_at).where(col(Mail.due_at).is_not(None))).one()
        assert due is not None
        waits.append((due - desk.clock.now()).total_seconds() / 60)
        desk.clock.moment = due
    assert waits == [pytest.approx(minutes, rel=0.21) for minutes in (5, 15, 30)]


# When the server, or the sender, is at fault ----------------------------------------------------------------------


def test_a_server_that_refuses_everything_stops_the_lane_and_costs_nobody_their_letter(
    store: Store, clock: StoppedClock
) -> None:
    edition_id = planned(store, clock, 300, connections=4)
    blocked = FarSide(
        act=lambda _envelope: Reply(status=DeliveryStatus.refused, code=550, enhanced="5.7.1", words="block list")
    )
    assert "block list" in through(store, clock, blocked).trouble
    assert len(blocked.got) < 20
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=300, waiting=300, deferred=len(blocked.got))
        assert "refuse toutes nos lettres" in troubles(session)[0]
    assert through(store, clock, FarSide()).attempts == 0  # the lane rests
    clock.advance(timedelta(minutes=6))
    assert through(store, clock, FarSide()).attempts == 300
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
        assert not ledger.is_live(claim.lease)
        ledger.close()

    asyncio.run(sleeper())
    with store.reading() as session:
        assert balance_of(session, edition_id) == Balance(planned=3, in_doubt=1, waiting=2)


def test_planning_that_is_killed_goes_on_where_it_was(store: Store, clock: StoppedClock) -> None:
    with store.transaction() as session:
        for _ in range(25):
            a_subscriber(session)
        edition = an_edition(session)
        edition_id = edition.id
        assert edition_id is not None
    steps: list[datetime] = []

    def dying(began: datetime) -> sa.ColumnElement[bool]:
        steps.append(began)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return sa.true()

    with pytest.raises(KeyboardInterrupt):
        plan_edition(store, edition_id, audience=dying, now=clock.now(), step=10)
    with store.reading() as session:
        assert session.exec(select(sa.func.count()).select_from(Mail)).one() == 20
        assert session.exec(select(Batch)).all() == []  # nothing of it may leave yet
    clock.advance(timedelta(hours=1))
    again = plan_edition(store, edition_id, audience=dying, now=clock.now(), step=10)
    assert again == EditionPlan(edition_id=edition_id, mails=25)
    assert len(set(steps)) == 1  # whoever goes on plans as of the moment it began
    with store.reading() as session:
        assert sorted(session.exec(select(Mail.seq)).all()) == list(range(25))
        assert len(set(session.exec(select(Mail.subscriber_id)).all())) == 25


def test_a_mail_forgets_a_reader_who_is_erased(desk: Desk) -> None:
    with desk.store.transaction() as session:
        session.connection().execute(sa.delete(Subscriber).where(col(Subscriber.address) == "reader-1@example.org"))
    assert desk.send().attempts == 4
    assert desk.balance() == Balance(planned=5, accepted=4, suppressed=1)
    with desk.store.reading() as session:
        assert session.exec(select(sa.func.count()).where(col(Mail.subscriber_id).is_(None))).one() == 1
