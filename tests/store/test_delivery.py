"""The ledger, end to end over a real SMTP server: who got what, and nothing twice."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.delivery.ledger import doubt
from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.ledger.claim import claim_batch
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.leases import LEASE
from newsletter.delivery.ledger.listing import notes
from newsletter.delivery.ledger.plan import EditionPlan, cancel_unsent, plan_edition
from newsletter.delivery.sender.drain import Drained, Sender
from newsletter.errors import RefusedError
from newsletter.smtp.options import SmtpOptions, SmtpServer, Timeouts
from newsletter.smtp.relay import RelayTransport
from newsletter.store import Store
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail
from newsletter.store.people import Subscriber, Suppression
from newsletter.words import Axis, ConsentState, DoubtPolicy, EventKind, IssueState, MailState, SuppressionReason
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_edition, plain_letter, plan_for_everyone, say
from tests.kit.smtp import MailServer, smtp_server


@dataclass
class PlannedEdition:
    """A store with a planned edition, and a mail server to send it to."""

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


@pytest.fixture
def planned(store: Store, clock: StoppedClock) -> Iterator[PlannedEdition]:
    """Five readers, reader-0 to reader-4, planned and due."""
    with store.transaction() as session:
        for number in range(5):
            a_subscriber(session, address=f"reader-{number}@example.org")
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with smtp_server() as mail_server:
        yield PlannedEdition(store, clock, mail_server, edition_id)


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


def test_planning_twice_mails_nobody_twice(planned: PlannedEdition) -> None:
    with planned.store.transaction() as session:
        a_subscriber(session)  # came after the audience was frozen
    again = plan_for_everyone(planned.store, planned.edition_id, now=planned.clock.now())
    assert again == EditionPlan(edition_id=planned.edition_id, mails=5)


def test_every_mail_leaves_once_and_the_balance_says_so(planned: PlannedEdition) -> None:
    assert planned.send().attempts == 5
    assert planned.send().attempts == 0
    assert planned.mail_server.recipients == everyone()
    assert planned.balance() == Balance(planned=5, accepted=5)
    assert planned.balance().finished


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
        planned = PlannedEdition(store, clock, mail_server, edition_id)
        assert planned.send().attempts == 510
    assert len(set(mail_server.recipients)) == len(mail_server.recipients) == 510
    assert planned.balance() == Balance(planned=510, accepted=510)


def test_a_refused_address_stops_nobody_else_and_keeps_the_words(planned: PlannedEdition) -> None:
    planned.mail_server.at_rcpt["reader-1@example.org"] = "550 5.1.1 <reader-1@example.org> inconnu"
    planned.send()
    assert planned.balance() == Balance(planned=5, accepted=4, refused=1)
    with planned.store.reading() as session:
        (note,) = notes(session, planned.edition_id)
    assert (note.code, note.enhanced) == (550, "5.1.1")
    assert "@" not in note.words


def test_a_deferred_mail_is_tried_again_when_it_is_due_and_not_before(planned: PlannedEdition) -> None:
    planned.mail_server.at_rcpt["reader-1@example.org"] = "451 4.7.1 greylisted"
    planned.send()
    assert planned.balance() == Balance(planned=5, accepted=4, waiting=1, deferred=1)
    del planned.mail_server.at_rcpt["reader-1@example.org"]
    planned.clock.advance(timedelta(minutes=3))
    assert planned.send().attempts == 0
    planned.clock.advance(timedelta(minutes=4))
    assert planned.send().attempts == 1
    assert planned.balance() == Balance(planned=5, accepted=5)


def test_a_connection_that_breaks_after_the_dot_is_in_doubt_and_never_sent_again_by_itself(
    planned: PlannedEdition,
) -> None:
    planned.mail_server.drop_after_dot.add("reader-2@example.org")
    planned.send()
    planned.clock.advance(timedelta(days=1))
    planned.send()
    assert planned.mail_server.recipients == everyone()
    assert planned.balance() == Balance(planned=5, accepted=4, in_doubt=1)


def test_a_doubt_is_settled_by_a_person_or_sent_again(planned: PlannedEdition) -> None:
    planned.mail_server.drop_after_dot |= {"reader-1@example.org", "reader-2@example.org", "reader-3@example.org"}
    planned.send()
    planned.mail_server.drop_after_dot.clear()
    with planned.store.transaction() as session:
        one, two, three = (listed.mail_id for listed in doubt.mails_in_doubt(session))
        now = planned.clock.now()
        assert doubt.apply_ruling(session, [one], doubt.Ruling.arrived, now=now, why="the relay's log has it") == 1
        assert doubt.apply_ruling(session, [two], doubt.Ruling.resend, now=now, why="asked by marketing") == 1
        assert doubt.apply_ruling(session, [three], doubt.Ruling.drop, now=now, why="asked by marketing") == 1
        assert doubt.apply_ruling(session, [one, two, three], doubt.Ruling.drop, now=now, why="too late") == 0
    assert planned.send().attempts == 1
    assert planned.balance() == Balance(planned=5, accepted=4, cancelled=1)
    assert len(planned.mail_server.received) == 6


def test_the_resend_policy_waits_for_evidence_first(planned: PlannedEdition) -> None:
    planned.mail_server.drop_after_dot.add("reader-2@example.org")
    planned.send()
    with planned.store.transaction() as session:
        session.get_one(Edition, planned.edition_id).doubt_policy = DoubtPolicy.resend
    for minutes, settled in ((1, 0), (20, 1)):
        planned.clock.advance(timedelta(minutes=minutes))
        with planned.store.transaction() as session:
            assert doubt.settle_by_policy(session, now=planned.clock.now()) == settled


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
    planned: PlannedEdition, policy: DoubtPolicy, opened: MailState, unseen: MailState
) -> None:
    planned.mail_server.drop_after_dot |= {"reader-2@example.org", "reader-3@example.org"}
    planned.send()
    with planned.store.transaction() as session:
        assert doubt.choose_policy(session, session.get_one(Edition, planned.edition_id).issue_id, policy) == 2
        first, second = (session.get_one(Mail, listed.mail_id) for listed in doubt.mails_in_doubt(session))
        assert first.subscriber_id
        session.add(
            Event(kind=EventKind.opened, at=planned.clock.now(), mail_id=first.id, subscriber_id=first.subscriber_id)
        )
    planned.clock.advance(timedelta(minutes=20))
    with planned.store.transaction() as session:
        doubt.settle_by_evidence(session, now=planned.clock.now())
        doubt.settle_by_policy(session, now=planned.clock.now())
    with planned.store.reading() as session:
        assert session.get_one(Mail, key(first.id)).state is opened
        assert session.get_one(Mail, key(second.id)).state is unseen


def test_a_policy_is_chosen_once_an_issue_is_approved_and_until_it_is_cancelled(planned: PlannedEdition) -> None:
    with planned.store.transaction() as session:
        draft = Issue(title="Brouillon", created_at=planned.clock.now())
        session.add(draft)
        session.flush()
        with pytest.raises(RefusedError, match="Approuvez d’abord"):
            doubt.choose_policy(session, key(draft.id), DoubtPolicy.resend)
        issue = session.get_one(Issue, session.get_one(Edition, planned.edition_id).issue_id)
        assert doubt.choose_policy(session, key(issue.id), DoubtPolicy.resend) == 0
        issue.state = IssueState.cancelled
        with pytest.raises(RefusedError, match="une à une"):
            doubt.choose_policy(session, key(issue.id), DoubtPolicy.drop)


def test_what_a_dead_sender_had_armed_is_in_doubt_and_the_rest_goes_on(planned: PlannedEdition) -> None:
    with planned.store.transaction() as session:
        claim = claim_batch(session, lane="default", owner="dead", now=planned.clock.now())
        assert claim is not None
        session.get_one(Mail, claim.mails[0].mail_id).state = MailState.armed
    assert planned.send().attempts == 0  # the lease still runs
    planned.clock.advance(LEASE + timedelta(seconds=1))
    assert planned.send().attempts == 4
    assert planned.balance() == Balance(planned=5, accepted=4, in_doubt=1)


def test_who_leaves_after_planning_gets_nothing(planned: PlannedEdition) -> None:
    with planned.store.transaction() as session:
        mail = session.exec(select(Mail).order_by(col(Mail.seq))).first()
        assert mail is not None
    with planned.store.transaction() as session:
        leaver = session.get_one(Subscriber, mail.subscriber_id)
        session.add(
            Suppression(address_hash=leaver.address_hash, reason=SuppressionReason.unsubscribed, at=planned.clock.now())
        )
    planned.send()
    assert planned.mail_server.recipients == everyone()[1:]
    assert planned.balance() == Balance(planned=5, accepted=4, suppressed=1)


@pytest.mark.parametrize("state", [IssueState.paused, IssueState.cancelled])
def test_a_paused_or_cancelled_issue_sends_nothing(planned: PlannedEdition, state: IssueState) -> None:
    set_state(planned, state)
    assert planned.send().attempts == 0
    assert planned.mail_server.received == []
    if state is IssueState.paused:
        set_state(planned, IssueState.sending)
        assert planned.send().attempts == 5
    else:
        with planned.store.transaction() as session:
            assert cancel_unsent(session, planned.edition_id) == 5
        assert planned.balance() == Balance(planned=5, cancelled=5)


def test_a_server_that_is_down_loses_nothing_and_is_reported(planned: PlannedEdition) -> None:
    port, planned.mail_server.port = planned.mail_server.port, 9
    drained = planned.send()
    assert "ne répond pas" in drained.trouble
    assert planned.balance() == Balance(planned=5, waiting=5)
    with planned.store.reading() as session:
        assert troubles(session) == [drained.trouble]
    planned.mail_server.port = port
    planned.clock.advance(timedelta(minutes=6))
    assert planned.send().attempts == 5
    with planned.store.reading() as session:
        assert troubles(session) == []


def test_two_senders_at_once_mail_nobody_twice(planned: PlannedEdition) -> None:
    async def both() -> None:
        await asyncio.gather(planned.sender().drain(), planned.sender().drain())

    asyncio.run(both())
    assert planned.mail_server.recipients == everyone()
    assert planned.balance() == Balance(planned=5, accepted=5)


def set_state(planned: PlannedEdition, state: IssueState) -> None:
    with planned.store.transaction() as session:
        edition = session.get_one(Edition, planned.edition_id)
        session.get_one(Issue, edition.issue_id).state = state


def test_each_deferral_waits_longer_even_before_the_body(planned: PlannedEdition) -> None:
    planned.mail_server.at_rcpt["reader-1@example.org"] = "451 4.7.1 greylisted"
    waits = []
    for _ in range(3):
        planned.send()
        with planned.store.reading() as session:
            due = session.exec(select(Mail.due_at).where(col(Mail.due_at).is_not(None))).one()
        assert due is not None
        waits.append((due - planned.clock.now()).total_seconds() / 60)
        planned.clock.moment = due
    assert waits == [pytest.approx(minutes, rel=0.21) for minutes in (5, 15, 30)]


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


def test_a_mail_forgets_a_reader_who_is_erased(planned: PlannedEdition) -> None:
    with planned.store.transaction() as session:
        session.connection().execute(sa.delete(Subscriber).where(col(Subscriber.address) == "reader-1@example.org"))
    assert planned.send().attempts == 4
    assert planned.balance() == Balance(planned=5, accepted=4, suppressed=1)
    with planned.store.reading() as session:
        assert session.exec(select(sa.func.count()).where(col(Mail.subscriber_id).is_(None))).one() == 1
