"""Short ways to put rows into a store; a test says only what it is about."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from newsletter.delivery.ledger.claim import ClaimedMail
from newsletter.delivery.ledger.plan import EditionPlan, plan_edition
from newsletter.smtp.contract import Envelope
from newsletter.store import Store
from newsletter.store.catalogue import Commune, Employer, Epci, Partner, Sector
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, Link, Variant
from newsletter.store.leads import Adviser
from newsletter.store.ledger import Mail
from newsletter.store.people import Consent, Subscriber
from newsletter.words import Axis, Channel, ConsentState, IssueState, LinkKind, MailState, PartnerKind

_numbers = itertools.count(1)
LONG_AGO = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)


def a_subscriber(session: Session, *granted: Axis, **fields: Any) -> Subscriber:
    """A subscriber who said yes on these axes (by default: to the newsletter)."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "address": f"reader{number}@example.org",
        "address_hash": number.to_bytes(32, "big"),
        "first_name": "Camille",
        "joined_at": LONG_AGO,
    } | fields
    subscriber = Subscriber(**given)
    session.add(subscriber)
    session.flush()
    for axis in granted or (Axis.newsletter,):
        say(session, subscriber, axis, ConsentState.granted)
    return subscriber


def say(session: Session, subscriber: Subscriber, axis: Axis, state: ConsentState, *, at: datetime = LONG_AGO) -> None:
    """They said this on this axis. The hash chain is audience's affair, not this maker's."""
    assert subscriber.id is not None
    session.add(
        Consent(
            subscriber_id=subscriber.id, axis=axis, state=state, at=at, recorded_at=at, channel=Channel.staff,
            wording="oui", wording_version="test", proof="test", hash=f"test-{next(_numbers)}",
        )
    )  # fmt: skip
    session.flush()


def a_sector(session: Session, code: str = "industrie") -> Sector:
    return session.merge(Sector(code=code, name_fr=code.capitalize(), name_en=code.capitalize()))


def an_epci(session: Session, siren: str = "200067361", name: str = "CC Grand-Figeac") -> Epci:
    return session.merge(Epci(siren=siren, name=name))


def a_commune(session: Session, code: str = "46102", name: str = "Figeac", *, epci: str = "200067361") -> Commune:
    an_epci(session, epci)
    session.flush()
    return session.merge(Commune(insee_code=code, name=name, postcodes="46100", population=9800, epci_siren=epci))


def a_partner(session: Session, name: str = "Bois des elfes", **fields: Any) -> Partner:
    partner = Partner(**({"name": name, "kind": PartnerKind.site} | fields))
    session.add(partner)
    session.flush()
    return partner


def an_employer(
    session: Session, name: str = "Atelier du Célé", *, sector: str = "industrie", **fields: Any
) -> Employer:
    a_sector(session, sector)
    commune = a_commune(session)
    employer = Employer(**({"name": name, "sector_code": sector, "commune_code": commune.insee_code} | fields))
    session.add(employer)
    session.flush()
    return employer


def an_edition(session: Session, **fields: Any) -> Edition:
    """An approved issue with a body of one line, whose mails may leave once they are planned."""
    issue = Issue(title="Lettre d’automne", state=IssueState.sending, created_at=LONG_AGO)
    session.add(issue)
    session.flush()
    assert issue.id is not None
    given: dict[str, Any] = {
        "issue_id": issue.id,
        "subject": "Bonjour",
        "segment": "",
        "content_hash": "x",
        "approved_at": LONG_AGO,
        "message_date": fields.get("planned_at"),
    } | fields
    edition = Edition(**given)
    session.add(edition)
    session.flush()
    session.add(Variant(edition_id=key(edition.id), number=0, html="<p>Bonjour</p>", text="Bonjour"))
    session.flush()
    return edition


def plan_for_everyone(store: Store, edition_id: int, *, now: datetime) -> EditionPlan:
    """Plan an edition for everyone who may be mailed, as the pipeline does for a segment."""
    return plan_edition(store, edition_id, audience=lambda _began: sa.true(), now=now)


def plain_letter(mail: ClaimedMail) -> Envelope:
    """A short message to this reader, for tests that read none of it."""
    message = f"To: {mail.address}\r\nMessage-ID: <{mail.mail_id}@example.org>\r\n\r\nBonjour\r\n"
    return Envelope(key=mail.mail_id, sender="retours@example.org", recipient=mail.address, message=message.encode())


def a_link(session: Session, edition: Edition, number: int, kind: LinkKind = LinkKind.page, **fields: Any) -> Link:
    """A link of an edition; a poll answer is given as `answer`."""
    link = Link(edition_id=key(edition.id), number=number, kind=kind, url=f"https://lot.example/{number}", **fields)
    session.add(link)
    session.flush()
    return link


def a_mail(session: Session, reader: Subscriber, edition: Edition, *, accepted_at: datetime = LONG_AGO) -> Mail:
    """A mail that the receiver took."""
    seq = session.exec(select(func.count()).select_from(Mail).where(col(Mail.edition_id) == edition.id)).one()
    mail = Mail(
        edition_id=key(edition.id), seq=seq, subscriber_id=reader.id, state=MailState.accepted, answered_at=accepted_at
    )
    session.add(mail)
    session.flush()
    return mail


def an_adviser(session: Session, **fields: Any) -> Adviser:
    number = next(_numbers)
    adviser = Adviser(**({"name": f"Référent {number}", "address": f"referent{number}@lot.example"} | fields))
    session.add(adviser)
    session.flush()
    return adviser


TOMORROW = date(2026, 11, 24)
