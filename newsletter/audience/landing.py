"""What the public URLs lead to: the support behind a printed code, the button behind a link of a letter."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.clock import paris_day
from newsletter.i18n import SOURCE, language
from newsletter.store import Store
from newsletter.store.catalogue import Partner, Scan, Sector, Support
from newsletter.store.columns import key
from newsletter.store.issues import Link
from newsletter.store.ledger import Mail
from newsletter.store.people import Subscriber
from newsletter.store.portable import upsert
from newsletter.text import fold, typed_code
from newsletter.words import Horizon, LinkKind

_ASKING = (LinkKind.poll, LinkKind.callback)


@dataclass(frozen=True, slots=True)
class Origin:
    """The print run whose code was scanned."""

    support_id: int
    partner_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button of a letter that asks something: which one, and what pressing it says."""

    kind: LinkKind
    label: str
    answer: Horizon
    first_name: str
    phone: str


def origin(session: Session, code: str) -> Origin | None:
    """The support of this printed code, in any case and with any spaces; None when there is none."""
    found = session.exec(
        select(Support.id, Partner.name)
        .join(Partner, col(Partner.id) == col(Support.partner_id))
        .where(col(Support.code) == typed_code(code))
    ).one_or_none()
    return Origin(key(found[0]), found[1]) if found is not None else None


def visit(store: Store, code: str, *, counts: bool, now: datetime) -> Origin | None:
    """The support of this printed code, and one more visit by it when this one counts; None when there is none.

    It is read first, so that a wrong code never waits for the one who writes.
    """
    with store.reading() as session:
        found = origin(session, code)
    if found is not None and counts:
        with store.transaction() as session:
            count_scan(session, found.support_id, now=now)
    return found


def count_scan(session: Session, support_id: int, *, now: datetime) -> None:
    """One more visit by this support's code today, in Paris. Nobody is known by it."""
    row = {"support_id": support_id, "day": paris_day(now), "count": 1}
    upsert(session, Scan, [row], key=["support_id", "day"], add=["count"])


def button(session: Session, *, edition_id: int, mail_id: int, number: int) -> Button | None:
    """The poll answer or the call-back button with this number in the edition a reader got; None for anything else."""
    found = session.exec(
        select(Link, Subscriber)
        .join(Mail, col(Mail.edition_id) == col(Link.edition_id))
        .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id))
        .where(col(Link.edition_id) == edition_id, col(Link.number) == number, col(Mail.id) == mail_id)
        .where(col(Link.kind).in_(_ASKING))
    ).one_or_none()
    if found is None:
        return None
    link, reader = found
    return Button(
        kind=link.kind,
        label=link.label,
        answer=Horizon(link.answer or Horizon.unknown),
        first_name=reader.first_name,
        phone=reader.phone,
    )


def sector_choices(session: Session) -> list[tuple[str, str]]:
    """Code and name of every sector in the reader's language, by name, for a form."""
    name = Sector.name_fr if language() == SOURCE else Sector.name_en
    return sorted(session.exec(select(Sector.code, name)).all(), key=lambda sector: fold(sector[1]))
