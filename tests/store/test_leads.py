"""Warm readers become leads when they may be called; scanners never do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import Result
from sqlmodel import Session, select

from newsletter.leads.refresh import LeadsUpdated, update_leads
from newsletter.store import Store
from newsletter.store.activity import Engagement, Event
from newsletter.store.issues import Edition, Link
from newsletter.store.leads import Handover, Lead, Outcome, Warmth
from newsletter.store.people import Subscriber, Suppression
from newsletter.words import (
    Axis,
    ConsentState,
    EventKind,
    Horizon,
    LeadState,
    LinkKind,
    OutcomeKind,
    SuppressionReason,
    Verdict,
)
from tests.conftest import A_MONDAY as NOW
from tests.kit.makers import (
    a_commune,
    a_link,
    a_mail,
    a_partner,
    a_subscriber,
    an_adviser,
    an_edition,
    an_employer,
    say,
)

LONG_AGO = datetime(2020, 6, 1, 10, 0, tzinfo=UTC)
CALLABLE = (Axis.newsletter, Axis.adviser)


def it_happened(session: Session, reader: Subscriber, kind: EventKind, link: Link | None = None, **fields: Any) -> None:
    """An event of this reader, human and judged, an hour ago."""
    assert reader.id is not None
    given: dict[str, Any] = {"at": NOW - timedelta(hours=1), "verdict": Verdict.human, "rules": 1} | fields
    session.add(Event(subscriber_id=reader.id, kind=kind, link_id=link.id if link else None, **given))
    session.flush()


def refreshed(store: Store, *, now: datetime = NOW, since: datetime | None = None) -> LeadsUpdated:
    with store.transaction() as session:
        return update_leads(session, now=now, since=since)


def leads(store: Store) -> dict[int, Lead]:
    with store.reading() as session:
        return {lead.subscriber_id: lead for lead in session.exec(select(Lead)).all()}


def jobs(session: Session, edition: Edition, count: int = 3) -> list[Link]:
    employer = an_employer(session)
    return [a_link(session, edition, n, LinkKind.opening, employer_id=employer.id) for n in range(1, count + 1)]


def test_people_who_act_are_leads_and_scanners_and_openers_are_not(store: Store) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        offered = jobs(session, edition)
        clicker, scanner, opener, caller, dreamer = (a_subscriber(session, *CALLABLE) for _n in range(5))
        for link in offered:
            it_happened(session, clicker, EventKind.clicked, link)
            it_happened(session, scanner, EventKind.clicked, link, verdict=Verdict.scanner)
        for n in range(60):
            it_happened(session, opener, EventKind.opened, at=NOW - timedelta(days=n))
        it_happened(session, caller, EventKind.callback)
        it_happened(session, dreamer, EventKind.answered, answer=Horizon.dreaming)
    assert refreshed(store) == LeadsUpdated(people=4, new_leads=2, withdrawn=0)
    assert refreshed(store) == LeadsUpdated(people=4, new_leads=0, withdrawn=0)
    found = leads(store)
    assert set(found) == {clicker.id, caller.id}
    assert (found[clicker.id or 0].because, found[clicker.id or 0].asked) == (
        "Chaude depuis le 23 novembre : trois clics sur des offres d’emploi (industrie).", False,
    )  # fmt: skip
    assert found[caller.id or 0].asked
    with store.reading() as session:
        assert scanner.id not in session.exec(select(Warmth.subscriber_id)).all()


def test_clicking_one_link_ten_times_is_one_act_and_a_poll_counts_its_last_answer(store: Store) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        job = jobs(session, edition)[0]
        eager, changed = a_subscriber(session, *CALLABLE), a_subscriber(session, *CALLABLE)
        mail = a_mail(session, changed, edition)
        for n in range(10):
            it_happened(session, eager, EventKind.clicked, job, at=NOW - timedelta(minutes=60 + n))
        for minutes, answer in ((90, Horizon.this_year), (80, Horizon.dreaming)):
            it_happened(
                session,
                changed,
                EventKind.answered,
                answer=answer,
                mail_id=mail.id,
                at=NOW - timedelta(minutes=minutes),
            )
    refreshed(store)
    assert leads(store) == {}
    with store.reading() as session:
        assert [row.because for row in session.exec(select(Warmth).order_by(Warmth.score)).all()] == [  # type: ignore[arg-type]
            "Tiède : rêve encore du Lot.", "Tiède : un clic sur une offre d’emploi (industrie).",
        ]  # fmt: skip


def test_only_those_who_may_be_called_are_leads_and_a_no_ends_it(store: Store) -> None:
    with store.transaction() as session:
        not_asked = a_subscriber(session, Axis.newsletter)
        gone = a_subscriber(session, *CALLABLE)
        session.add(Suppression(address_hash=gone.address_hash, reason=SuppressionReason.unsubscribed, at=NOW))
        one, other = a_subscriber(session, *CALLABLE), a_subscriber(session, *CALLABLE)
        for reader in (not_asked, gone, one, other):
            it_happened(session, reader, EventKind.callback)
    refreshed(store)
    assert set(leads(store)) == {one.id, other.id}
    with store.transaction() as session:
        handed_over = session.exec(select(Lead).where(Lead.subscriber_id == other.id)).one()
        handed_over.state = LeadState.handed_over
        session.add(handed_over)
        for reader in (one, other):
            say(session, reader, Axis.adviser, ConsentState.denied, at=NOW)
    assert refreshed(store).withdrawn == 2
    assert {person: lead.state for person, lead in leads(store).items()} == {other.id: LeadState.closed}


def test_a_lead_belongs_where_they_wish_to_live_else_where_we_met(store: Store) -> None:
    with store.transaction() as session:
        a_commune(session)
        a_commune(session, "46042", "Cahors", epci="200023737")
        partner = a_partner(session, commune_code="46042")
        wishing = a_subscriber(session, *CALLABLE, partner_id=partner.id, wished_commune="46102")
        met = a_subscriber(session, *CALLABLE, partner_id=partner.id)
        nowhere = a_subscriber(session, *CALLABLE)
        for reader in (wishing, met, nowhere):
            it_happened(session, reader, EventKind.callback)
    refreshed(store)
    assert {person: lead.epci_siren for person, lead in leads(store).items()} == {
        wishing.id: "200067361", met.id: "200023737", nowhere.id: None,
    }  # fmt: skip


def test_a_closed_lead_opens_again_only_when_they_ask_again(store: Store) -> None:
    with store.transaction() as session:
        reader = a_subscriber(session, *CALLABLE)
        it_happened(session, reader, EventKind.callback)
        adviser = an_adviser(session)
    refreshed(store)
    with store.transaction() as session:
        lead = session.exec(select(Lead)).one()
        lead.state = LeadState.closed
        handover = Handover(lead_id=lead.id or 0, adviser_id=adviser.id or 0, at=NOW, why="Territoire")
        session.add_all([lead, handover])
        session.flush()
        session.add(Outcome(handover_id=handover.id or 0, kind=OutcomeKind.not_now, at=NOW))
    refreshed(store)
    assert leads(store)[reader.id or 0].state == LeadState.closed
    later = NOW + timedelta(days=30)
    with store.transaction() as session:
        it_happened(session, reader, EventKind.callback, at=later)
    refreshed(store, now=later, since=later)
    assert leads(store)[reader.id or 0].state == LeadState.handed_over


def test_the_whole_past_is_judged_again_by_a_command_and_leads_follow(
    store: Store, command: Callable[..., Result]
) -> None:
    with store.transaction() as session:
        edition = an_edition(session)
        link = a_link(session, edition, 1)
        reader, scanned = a_subscriber(session, *CALLABLE), a_subscriber(session, *CALLABLE)
        for who, agent in ((reader, "browser"), (scanned, "scanner")):
            mail = a_mail(session, who, edition, accepted_at=LONG_AGO)
            clicked = {"mail_id": mail.id, "method": "GET", "agent": agent, "at": LONG_AGO + timedelta(hours=1)}
            it_happened(session, who, EventKind.clicked, link, **clicked, rules=-1)
        it_happened(session, reader, EventKind.callback, at=LONG_AGO)
    told = [json.loads(command("lead", "rejudge", "--json").stdout) for _repeated in range(2)]
    assert [(one["events"], one["human"], one["changed"], one["new_leads"]) for one in told] == [
        (2, 1, 1, 1),
        (2, 1, 0, 0),
    ]
    with store.reading() as session:
        assert [(row.subscriber_id, row.clicks) for row in session.exec(select(Engagement))] == [(reader.id, 1)]
        assert session.exec(select(Warmth.subscriber_id)).all() == [reader.id]
    said = command("lead", "rejudge")
    assert "2 événements rejugés, dont 1 d’une personne ; 0 ont changé de verdict." in said.stdout
