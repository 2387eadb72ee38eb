"""Everything we hold about one person: for their page, and to give them a copy (LAW-16, right of access)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from newsletter.clock import in_paris
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.note_reasons import note_text
from newsletter.store import consents
from newsletter.store.activity import Engagement, Event
from newsletter.store.catalogue import Commune, Epci, Partner, Sector, Support
from newsletter.store.issues import Edition, Issue, Link
from newsletter.store.leads import Adviser, Handover, Lead, Outcome, Warmth
from newsletter.store.ledger import Mail, MailNote
from newsletter.store.people import Consent, Interest, Quarantine, SignUp, Subscriber, Suppression
from newsletter.words import Axis, ConsentState, EventKind, MailState, Verdict

NEWEST = 200  # lines of mails and events on the page; the copy has all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLine:
    issue: str
    subject: str
    state: MailState
    at: datetime | None
    words: str  # what the server said last, where it was not a plain yes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    kind: EventKind
    at: datetime
    issue: str
    link: str
    answer: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """One person, as their page shows them."""

    person: Subscriber
    partner: str
    support: str
    commune: str
    epci: str
    sectors: tuple[str, ...]
    stands: Mapping[Axis, ConsentState]
    history: tuple[Consent, ...]  # the newest first
    chain_intact: bool  # nobody changed or removed a line of the history
    suppression: Suppression | None
    mails: tuple[MailLine, ...]
    events: tuple[EventLine, ...]
    lead: Lead | None
    adviser: str
    because: str


def record_of(session: Session, subscriber_id: int) -> PersonRecord:
    """What the page of a person shows; the newest 200 mails and events. Raises NotFoundError for an unknown number."""
    person = session.get(Subscriber, subscriber_id)
    if person is None:
        raise NotFoundError(_("Cette personne n’est pas (ou plus) dans la base."))
    partner, support, commune, epci = _where_from(session, subscriber_id)
    lead, adviser, because = _lead(session, subscriber_id)
    return PersonRecord(
        person=person,
        partner=partner,
        support=support,
        commune=commune,
        epci=epci,
        sectors=tuple(session.connection().scalars(_sectors(subscriber_id))),
        stands=consents.current(session, subscriber_id),
        history=_history(session, subscriber_id),
        chain_intact=consents.verify_chain(session, subscriber_id),
        suppression=session.get(Suppression, person.address_hash),
        mails=_mails(session, subscriber_id),
        events=_events(session, subscriber_id),
        lead=lead,
        adviser=adviser,
        because=because,
    )


def _where_from(session: Session, subscriber_id: int) -> tuple[str, str, str, str]:
    row = (
        session.connection()
        .execute(
            sa.select(col(Partner.name), col(Support.code), col(Commune.name), col(Epci.name))
            .select_from(Subscriber)
            .outerjoin(Partner, col(Partner.id) == col(Subscriber.partner_id))
            .outerjoin(Support, col(Support.id) == col(Subscriber.support_id))
            .outerjoin(Commune, col(Commune.insee_code) == col(Subscriber.wished_commune))
            .outerjoin(Epci, col(Epci.siren) == col(Commune.epci_siren))
            .where(col(Subscriber.id) == subscriber_id)
        )
        .one()
    )
    partner, support, commune, epci = (name or "" for name in row)
    return partner, support, commune, epci


def _lead(session: Session, subscriber_id: int) -> tuple[Lead | None, str, str]:
    row = session.exec(
        select(Lead, Adviser.name)
        .outerjoin(Handover, col(Handover.lead_id) == col(Lead.id))
        .outerjoin(Adviser, col(Adviser.id) == col(Handover.adviser_id))
        .where(col(Lead.subscriber_id) == subscriber_id)
    ).first()
    warmth = session.get(Warmth, subscriber_id)
    because = warmth.because if warmth else ""
    return (row[0], row[1] or "", row[0].because) if row else (None, "", because)


def _sectors(subscriber_id: int) -> sa.Select[Any]:
    return (
        sa.select(col(Sector.name_fr))
        .join(Interest, col(Interest.sector_code) == col(Sector.code))
        .where(col(Interest.subscriber_id) == subscriber_id)
        .order_by(col(Sector.name_fr))
    )


def _history(session: Session, subscriber_id: int) -> tuple[Consent, ...]:
    said = select(Consent).where(col(Consent.subscriber_id) == subscriber_id).order_by(col(Consent.id).desc())
    return tuple(session.exec(said).all())


def _mails(session: Session, subscriber_id: int) -> tuple[MailLine, ...]:
    newest_note = (
        sa.select(col(MailNote.words))
        .where(col(MailNote.mail_id) == col(Mail.id))
        .order_by(col(MailNote.id).desc())
        .limit(1)
        .correlate(Mail)
        .scalar_subquery()
    )
    rows = session.connection().execute(
        sa.select(
            col(Issue.title), col(Edition.subject), col(Mail.state), col(Mail.answered_at), col(Mail.armed_at),
            newest_note,
        )
        .select_from(Mail)
        .join(Edition, col(Edition.id) == col(Mail.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Mail.subscriber_id) == subscriber_id)
        .order_by(col(Mail.id).desc())
        .limit(NEWEST)
    )  # fmt: skip
    return tuple(
        MailLine(issue=issue, subject=subject, state=state, at=answered_at or armed_at, words=note_text(words or ""))
        for issue, subject, state, answered_at, armed_at, words in rows
    )


def _events(session: Session, subscriber_id: int) -> tuple[EventLine, ...]:
    rows = session.connection().execute(
        sa.select(
            col(Event.kind), col(Event.at), col(Issue.title), col(Link.label), col(Link.url), col(Event.answer),
            col(Event.verdict),
        )
        .select_from(Event)
        .outerjoin(Mail, col(Mail.id) == col(Event.mail_id))
        .outerjoin(Edition, col(Edition.id) == col(Mail.edition_id))
        .outerjoin(Issue, col(Issue.id) == col(Edition.issue_id))
        .outerjoin(Link, col(Link.id) == col(Event.link_id))
        .where(col(Event.subscriber_id) == subscriber_id)
        .order_by(col(Event.at).desc(), col(Event.id).desc())
        .limit(NEWEST)
    )  # fmt: skip
    return tuple(
        EventLine(kind=kind, at=at, issue=issue or "", link=label or url or "", answer=answer, verdict=verdict)
        for kind, at, issue, label, url, answer, verdict in rows
    )


OF_A_PERSON: dict[str, type[SQLModel]] = {
    "metiers": Interest,
    "accords": Consent,
    "lettres": Mail,
    "evenements": Event,
    "clics_par_sujet": Engagement,
    "chaleur": Warmth,
    "piste": Lead,
}
"""The tables with a line per person, by the word the copy calls them."""


def copy_of(session: Session, subscriber_id: int, *, now: datetime) -> str:
    """Everything we hold about a person, as JSON in UTF-8 text. Raises NotFoundError for an unknown number."""
    person = session.get(Subscriber, subscriber_id)
    if person is None:
        raise NotFoundError(_("Cette personne n’est pas (ou plus) dans la base."))
    held: dict[str, Any] = {"copie_du": now, "personne": person.model_dump()}
    for name, table in OF_A_PERSON.items():
        subject = sa.inspect(table).columns["subscriber_id"]
        held[name] = _dumped(session, select(table).where(subject == subscriber_id))
    held["suivi"] = _dumped(session, _handovers(subscriber_id))
    held["resultats"] = _dumped(session, _outcomes(subscriber_id))
    held["inscriptions"] = _dumped(session, select(SignUp).where(col(SignUp.address_hash) == person.address_hash))
    held["mises_de_cote"] = _dumped(session, select(Quarantine).where(col(Quarantine.address) == person.address))
    held["exclusion"] = _dumped(
        session, select(Suppression).where(col(Suppression.address_hash) == person.address_hash)
    )
    return json.dumps(held, ensure_ascii=False, indent=2, default=_plain)


def _handovers(subscriber_id: int) -> Any:
    return (
        select(Handover)
        .join(Lead, col(Lead.id) == col(Handover.lead_id))
        .where(col(Lead.subscriber_id) == subscriber_id)
    )


def _outcomes(subscriber_id: int) -> Any:
    return (
        select(Outcome)
        .join(Handover, col(Handover.id) == col(Outcome.handover_id))
        .join(Lead, col(Lead.id) == col(Handover.lead_id))
        .where(col(Lead.subscriber_id) == subscriber_id)
    )


def _dumped(session: Session, asked: Any) -> Sequence[dict[str, Any]]:
    return [row.model_dump() for row in session.exec(asked)]


def _plain(value: object) -> str:
    match value:
        case datetime():
            return in_paris(value).isoformat()
        case date():
            return value.isoformat()
        case bytes():
            return value.hex()
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a copy")
