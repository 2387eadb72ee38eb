"""Several `newsletter work` processes on one ledger: they share the work, and nobody is mailed twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from click.testing import Result
from sqlmodel import Session, col, select

from newsletter.clock import SystemClock
from newsletter.delivery.ledger.balance import balance_of
from newsletter.delivery.workers.hints import prepare_hints
from newsletter.delivery.workers.registry import Heartbeat, list_workers
from newsletter.instance import Instance
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.ledger import Batch, Lane
from newsletter.store.people import Consent, Subscriber
from newsletter.store.portable import postgresql_address
from tests.kit.makers import a_subscriber, an_edition, plan_for_everyone
from tests.kit.smtp import MailServer, smtp_server
from tests.kit.timeouts import SECONDS, wait_until

pytestmark = pytest.mark.xdist_group("processes")  # several at once: never two of these beside each other
READERS = 520  # two batches


@dataclass
class SendingInstance:
    """An instance on disk with an edition to send, and the server it leaves through."""

    instance: Instance
    mail_server: MailServer
    edition_id: int

    @contextmanager
    def working(self, *words: str, times: int = 1) -> Iterator[list[subprocess.Popen[str]]]:
        """So many `newsletter work` processes, ended with the block if they have not by themselves."""
        settings = {
            "NEWSLETTER_HOME": str(self.instance.settings.home),
            "DATABASE_URL": self.instance.settings.database_url,
            "NEWSLETTER_SMTP_PORT": str(self.mail_server.port),
        }
        command = [sys.executable, "-m", "newsletter", "work", *words]
        environment = os.environ | settings  # noqa: TID251  the child's settings
        with ExitStack() as started:
            processes = [
                started.enter_context(
                    subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603
                )
                for _ in range(times)
            ]
            try:
                yield processes
            finally:
                for process in processes:
                    process.kill()

    @property
    def store(self) -> Store:
        return self.instance.store


@pytest.fixture
def sending(instance: Instance) -> Iterator[SendingInstance]:
    instance.settings.home.mkdir(parents=True, exist_ok=True)
    if not instance.settings.keys_file.exists():
        instance.keys.save(instance.settings.keys_file)
    prepare_hints(instance.store)
    with instance.store.transaction() as session:
        many_readers(session)
        edition_id = key(an_edition(session).id)
    plan_for_everyone(instance.store, edition_id, now=SystemClock().now())
    with instance.store.transaction() as session:
        lane = session.get_one(Lane, "default")
        lane.per_minute, lane.connections = 20_000, 2  # slow enough for all to have a share
    with smtp_server() as mail_server:
        yield SendingInstance(instance, mail_server, edition_id)


def many_readers(session: Session) -> None:
    someone = a_subscriber(session)
    fields = someone.model_dump(exclude={"id", "address", "address_hash"})
    session.add_all(
        Subscriber(**fields, address=f"reader-{n}@domain-{n % 12}.example", address_hash=n.to_bytes(32, "little"))
        for n in range(1, READERS)
    )
    session.flush()
    said = session.exec(select(Consent).where(col(Consent.subscriber_id) == someone.id)).one()
    session.add_all(
        Consent(
            **said.model_dump(exclude={"id", "subscriber_id", "hash"}), subscriber_id=key(reader), hash=f"h{reader}"
        )
        for reader in session.exec(select(Subscriber.id).where(col(Subscriber.id) != someone.id)).all()
    )
    session.flush()


def test_processes_share_the_work_and_mail_nobody_twice(sending: SendingInstance) -> None:
    several = 3 if postgresql_address(sending.store.engine) else 2
    owners: set[str] = set()
    hold_the_lane(sending.store)
    with sending.working("--until-done", times=several) as processes:
        release_when_all_have_started(sending.store, several)

        def all_ended() -> bool:
            owners.update(owners_of_batches(sending.store))
            return all(process.poll() is not None for process in processes)

        wait_until(all_ended, lambda: what_holds_them_up(sending.store), step=0.02)
        assert [process.returncode for process in processes] == [0] * several
        assert all(
            f"{READERS} lettres sur {READERS}" in process.stdout.read() for process in processes if process.stdout
        )
    with sending.store.reading() as session:
        where = balance_of(session, sending.edition_id)
        assert list_workers(session, now=SystemClock().now()) == []
    assert (where.planned, where.accepted) == (READERS, READERS)
    assert len(sending.mail_server.received) == len(set(sending.mail_server.recipients)) == READERS
    assert len(owners) > 1


def test_a_process_that_is_told_to_stop_ends_what_is_on_the_wire_and_leaves_the_rest_free(
    sending: SendingInstance,
) -> None:
    with sending.working("--no-hints") as (process,):
        wait_until(lambda: sending.mail_server.received, "the first mail")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SECONDS) == 0
    assert owners_of_batches(sending.store) == set()
    with sending.store.reading() as session:
        where = balance_of(session, sending.edition_id)
    assert where.accepted == len(sending.mail_server.received)
    assert (where.in_doubt, where.accepted + where.waiting) == (0, READERS)


def hold_the_lane(store: Store) -> None:
    """Nothing leaves, and once it does it takes seconds: long enough for every process to claim a batch."""
    with store.transaction() as session:
        lane = session.get_one(Lane, "default")
        lane.paused_at, lane.per_minute = SystemClock().now(), 6_000


def release_when_all_have_started(store: Store, processes: int) -> None:
    def all_started() -> bool:
        with store.reading() as session:
            return len(list_workers(session, now=SystemClock().now())) == processes

    wait_until(all_started, "a sign of life from every process")
    with store.transaction() as session:
        session.get_one(Lane, "default").paused_at = None


def owners_of_batches(store: Store) -> set[str]:
    with store.reading() as session:
        return {
            owner for owner in session.exec(select(Batch.owner).where(col(Batch.owner).is_not(None))).all() if owner
        }


def what_holds_them_up(store: Store) -> list[str]:
    """The rows that senders who do not end are waiting for: leases, hours, a lane that rests."""
    with store.reading() as session:
        return [repr(row) for row in (*session.exec(select(Lane)), *session.exec(select(Batch)))]


def test_what_is_due_is_sent_once_and_a_shut_way_out_is_said(
    command: Callable[..., Result], sending: SendingInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Aucun programme" in command("work", "--list").output
    monkeypatch.setenv("NEWSLETTER_SMTP_PORT", "9")
    shut = command("work", "--once")
    assert "ne répond pas" in shut.output
    assert shut.exit_code == 1
    with sending.store.transaction() as session:  # as if the lane had rested
        session.get_one(Lane, "default").rests_until = None
        session.execute(sa.update(Batch).values(not_before=SystemClock().now()))
    monkeypatch.setenv("NEWSLETTER_SMTP_PORT", str(sending.mail_server.port))
    assert command("work", "--once", "--lane", "another").output == "Envois tentés : 0.\n"
    assert command("work", "--once").output == f"Envois tentés : {READERS}.\n"
    assert f"{READERS} lettres sur {READERS} ont leur sort" in command("issue", "follow", 1).output
    assert command("work", "--once", "--until-done").exit_code == 2
    Heartbeat(sending.store, SystemClock(), host="cahors").beat()
    assert "cahors" in command("work", "--list").output
    assert '"silent": false' in command("work", "--list", "--json").output


def test_an_issue_that_has_not_left_cannot_be_followed(instance: Instance, command: Callable[..., Result]) -> None:
    with instance.store.transaction() as session:
        an_edition(session)
    assert "pas encore parti" in command("issue", "follow", 1).output
