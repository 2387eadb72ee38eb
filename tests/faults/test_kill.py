"""A sender killed with SIGKILL at any moment: nobody is lost or mailed twice without being listed (engine.md §2.8)."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.clock import SystemClock
from newsletter.delivery.claim import LEASE
from newsletter.delivery.doubt import Ruling, doubts, settle
from newsletter.delivery.plan import plan
from newsletter.delivery.report import balance
from newsletter.store import Store
from newsletter.store.ledger import Batch, Lane, Mail, MailNote
from newsletter.store.people import Subscriber
from newsletter.words import MailState, NoteKind
from tests.makers import a_subscriber, an_edition
from tests.smtp import Postbox, smtp_server

READERS = 200
KILLS = 3
CONNECTIONS = 4


@pytest.mark.parametrize("resend", [False, True], ids=["hold", "resend"])
def test_after_kills_every_mail_is_accounted_for(store: Store, database: str, *, resend: bool) -> None:
    edition_id = planned(store)
    with smtp_server() as postbox:
        for _ in range(KILLS):
            kill_a_sender(database, postbox)
            let_the_lease_run_out(store)
            if resend:
                send_doubts_again(store)
        finish(store, database, postbox, resend=resend)
        got = Counter(message.recipient for message in postbox.received)
    with store.reading() as session:
        state = dict(
            session.exec(
                select(Subscriber.address, Mail.state).join(Mail, col(Mail.subscriber_id) == col(Subscriber.id))
            ).all()
        )
        doubted = set(doubted_addresses(store))
        figures = balance(session, edition_id)
    assert figures.adds_up
    assert figures.waiting == 0
    assert {who for who, how in state.items() if how is MailState.accepted} <= got.keys()  # I1
    assert {who for who, times in got.items() if times > 1} <= doubted  # I2, I3: a double is always listed
    assert len(doubted) <= KILLS * CONNECTIONS  # I4
    if resend:
        assert got.keys() == state.keys()  # I3: nobody is missing
    else:
        assert max(got.values()) == 1  # I2: nobody is doubled
        assert state.keys() - got.keys() <= {who for who, how in state.items() if how is MailState.in_doubt}


def planned(store: Store) -> int:
    with store.transaction() as session:
        for _ in range(READERS):
            a_subscriber(session)
        edition = an_edition(session)
        plan(session, edition, audience=sa.true(), now=SystemClock().now())
        session.get_one(Lane, "default").per_minute = 30_000
        assert edition.id is not None
        return edition.id


def start(database: str, postbox: Postbox) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.faults.sender", database, str(postbox.port)])  # noqa: S603


def kill_a_sender(database: str, postbox: Postbox) -> None:
    before = len(postbox.received)
    sender = start(database, postbox)
    while len(postbox.received) == before and sender.poll() is None:
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.15))  # noqa: S311  when to kill, nothing secret
    sender.send_signal(signal.SIGKILL)
    sender.wait()


def let_the_lease_run_out(store: Store) -> None:
    """As if a minute had passed: the dead sender's lease ends."""
    with store.transaction() as session:
        gone = SystemClock().now() - LEASE
        session.connection().execute(sa.update(Batch).where(col(Batch.owner) == "victim").values(lease_until=gone))


def send_doubts_again(store: Store) -> None:
    with store.transaction() as session:
        ids = [doubt.mail_id for doubt in doubts(session)]
        settle(session, ids, Ruling.resend, now=SystemClock().now(), why="policy: resend")


def finish(store: Store, database: str, postbox: Postbox, *, resend: bool) -> None:
    """Senders that nobody kills, until nothing waits."""
    for _ in range(2):
        assert start(database, postbox).wait(timeout=60) == 0
        if resend:
            send_doubts_again(store)


def doubted_addresses(store: Store) -> list[str]:
    """Everybody whose mail was ever in doubt: the ledger keeps a note of it."""

    with store.reading() as session:
        return list(
            session.exec(
                select(Subscriber.address)
                .join(Mail, col(Mail.subscriber_id) == col(Subscriber.id))
                .join(MailNote, col(MailNote.mail_id) == col(Mail.id))
                .where(col(MailNote.kind) == NoteKind.doubt)
            ).all()
        )
