"""A provider that asks for less gets less, from every sender, while the others get their mail (THR-03)."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from click.testing import Result

from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.sender.drain import Drained, Sender
from newsletter.delivery.throttle import backoff
from newsletter.delivery.throttle.providers import BackoffRule, RateLimits, RateLimitTable
from newsletter.instance import Instance
from newsletter.smtp.options import SmtpServer
from newsletter.smtp.pipelined import PipelinedTransport
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.ledger import Lane, ProviderBackoff
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_edition, plain_letter, plan_for_everyone
from tests.kit.old_databases import insert_old, rebuild_at
from tests.kit.smtp import MailServer, smtp_server

ORANGE, OTHERS = 12, 6
STOPS = BackoffRule(says=("service refuse",), times=2, suspend=True, for_minutes=60)
TABLE = RateLimitTable(
    default=RateLimits(),
    providers={"orange": RateLimits(connections=1)},
    lanes={},
    domains={"orange.fr": "orange"},
    rules={"orange": (STOPS,)},
)


@dataclasses.dataclass
class Send:
    """An edition on its way, over one connection, to a server that refuses Orange's readers for now."""

    store: Store
    clock: StoppedClock
    mail_server: MailServer
    edition_id: int

    def send(self) -> Drained:
        transport = PipelinedTransport(server=SmtpServer(host="127.0.0.1", port=self.mail_server.port))
        sender = Sender(self.store, self.clock, transport, lambda _e: plain_letter, owner="test", pace=lambda: TABLE)
        return asyncio.run(sender.drain())

    def balance(self) -> Balance:
        with self.store.reading() as session:
            return balance_of(session, self.edition_id)

    def backoffs(self) -> list[ProviderBackoff]:
        with self.store.reading() as session:
            return backoff.active_backoffs(session, now=self.clock.now())


@pytest.fixture
def underway(store: Store, clock: StoppedClock) -> Iterator[Send]:
    with store.transaction() as session:
        for number in range(ORANGE):
            a_subscriber(session, address=f"reader-{number}@orange.fr")
        for number in range(OTHERS):
            a_subscriber(session, address=f"reader-{number}@domain-{number}.example")
        edition_id = key(an_edition(session).id)
    plan_for_everyone(store, edition_id, now=clock.now())
    with store.transaction() as session:
        session.get_one(Lane, "default").connections = 1
    with smtp_server() as mail_server:
        for number in range(ORANGE):
            mail_server.at_rcpt[f"reader-{number}@orange.fr"] = "451 4.3.2 Service refuse. Veuillez essayer plus tard"
        yield Send(store, clock, mail_server, edition_id)


def test_a_provider_that_says_stop_is_left_alone_for_its_time_and_the_others_get_their_mail(underway: Send) -> None:
    underway.send()
    assert len(underway.mail_server.received) == OTHERS
    (found,) = underway.backoffs()
    assert (found.provider, found.suspended, found.until) == ("orange", True, A_MONDAY + timedelta(minutes=60))
    tried = underway.balance().deferred
    assert tried < ORANGE, "most of them were not even tried"
    underway.mail_server.at_rcpt.clear()
    underway.clock.advance(timedelta(minutes=50))
    underway.send()
    assert underway.balance().accepted == OTHERS
    underway.clock.advance(timedelta(minutes=20))
    underway.send()
    assert underway.backoffs() == []
    assert underway.balance() == Balance(planned=ORANGE + OTHERS, accepted=ORANGE + OTHERS)


def test_what_another_sender_was_told_holds_for_all(underway: Send) -> None:
    row = ProviderBackoff(
        lane="default", provider="orange", began_at=A_MONDAY, until=A_MONDAY + timedelta(hours=1), suspended=True,
        words="421 assez",
    )  # fmt: skip
    with underway.store.transaction() as session:
        backoff.start_backoff(session, [row])
    underway.send()
    assert (len(underway.mail_server.received), underway.balance().deferred) == (OTHERS, 0)
    with underway.store.transaction() as session:
        assert backoff.end_backoff(session, "orange") == 1
        assert backoff.end_backoff(session, "orange") == 0


def test_a_back_off_in_force_survives_the_upgrade(store: Store) -> None:
    row = ProviderBackoff(
        lane="default", provider="orange", began_at=A_MONDAY, until=A_MONDAY + timedelta(hours=1), suspended=True,
        per_minute=3, connections=2, words="421 assez",
    )  # fmt: skip
    rebuild_at(store, "0005")
    with store.engine.begin() as connection:
        insert_old(connection, "lane", name="default", connections=1, per_minute=0, why="")
        told = row.model_dump()
        insert_old(connection, "slowdown", family=told.pop("provider"), **told)
    assert store.upgrade()
    with store.reading() as session:
        assert [one.model_dump() for one in backoff.active_backoffs(session, now=A_MONDAY)] == [row.model_dump()]


def test_the_commands_show_a_back_off_and_lift_it(
    instance: Instance, command: Callable[..., Result], clock: StoppedClock
) -> None:
    with instance.store.transaction() as session:
        edition_id = key(an_edition(session).id)
    plan_for_everyone(instance.store, edition_id, now=clock.now())
    with instance.store.transaction() as session:
        later = A_MONDAY + timedelta(days=3650)
        row = ProviderBackoff(
            lane="default", provider="other:figeac.example", began_at=A_MONDAY, until=later, per_minute=1
        )
        row.words = "450 Server busy"
        backoff.start_backoff(session, [row])
    said = command("pace", "show").output
    assert "figeac.example nous a demandé de ralentir : 1 lettre par minute, jusqu’au" in said
    assert "« 450 Server busy »" in said
    assert '"per_minute": 1' in command("pace", "show", "--json").output
    assert "retrouve son rythme" in command("pace", "lift", "figeac.example").output
    again = command("pace", "lift", "figeac.example")
    assert again.exit_code == 1
    assert "n’est pas au ralenti" in again.output
