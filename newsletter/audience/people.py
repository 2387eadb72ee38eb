"""Searching the people of the list, and the rows of files in quarantine."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.addresses import masked_address
from newsletter.store.catalogue import Partner
from newsletter.store.columns import key
from newsletter.store.people import ImportedFile, Quarantine, Subscriber, stands, suppressed
from newsletter.text import fold
from newsletter.words import Axis

_PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A row of the list. The whole address stands only on the person's own page."""

    id: int
    name: str
    masked_address: str
    country: str
    partner: str
    joined_at: datetime
    reads: bool  # they said yes to the newsletter
    suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Some of the people found, and how many there are."""

    people: tuple[PersonRow, ...]
    found: int
    number: int
    pages: int


def people_page(session: Session, *, number: int = 1, sought: str = "") -> PeoplePage:
    """The newest first, fifty to a page; `sought` keeps those whose name or address holds it, or whose number it is.

    A page beyond the last is the last. Two statements.
    """
    words = "".join(letter for letter in sought if letter.isprintable()).strip()
    which = _sought(words) if words else sa.true()
    found = session.connection().scalar(sa.select(sa.func.count()).select_from(Subscriber).where(which)) or 0
    pages = max(1, -(-found // _PER_PAGE))
    number = min(max(1, number), pages)
    rows = session.connection().execute(
        _rows().where(which).order_by(col(Subscriber.id).desc()).limit(_PER_PAGE).offset((number - 1) * _PER_PAGE)
    )
    return PeoplePage(people=tuple(_listed(row) for row in rows), found=found, number=number, pages=pages)


def newsletter_readers(session: Session) -> frozenset[str]:
    """The addresses of everybody whose last word on the newsletter is yes, suppressed or not."""
    return frozenset(
        session.connection().execute(sa.select(col(Subscriber.address)).where(stands(Axis.newsletter))).scalars()
    )


def _sought(words: str) -> sa.ColumnElement[bool]:
    parts = fold(words).split()[:5]
    same_name = sa.and_(*(col(Subscriber.name_folded).contains(part, autoescape=True) for part in parts))
    held = sa.or_(same_name, col(Subscriber.address).icontains(words, autoescape=True))
    return (
        sa.or_(held, col(Subscriber.id) == int(words))
        if words.isascii() and words.isdecimal() and len(words) < 10
        else held
    )


def _rows() -> Any:
    partner = sa.func.coalesce(col(Partner.name), "").label("partner")
    return (
        sa.select(
            col(Subscriber.id), col(Subscriber.first_name), col(Subscriber.last_name), col(Subscriber.address),
            col(Subscriber.country), col(Subscriber.joined_at), partner,
            stands(Axis.newsletter).label("reads"), suppressed().label("suppressed"),
        )
        .select_from(Subscriber)
        .outerjoin(Partner, col(Partner.id) == col(Subscriber.partner_id))
    )  # fmt: skip


def _listed(row: Any) -> PersonRow:
    return PersonRow(
        id=key(row.id),
        name=f"{row.first_name} {row.last_name}".strip(),
        masked_address=masked_address(row.address),
        country=row.country,
        partner=row.partner,
        joined_at=row.joined_at,
        reads=bool(row.reads),
        suppressed=bool(row.suppressed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """A row of a file whose consent was no clear yes or no, and whose person has not answered yet. Never mailed."""

    file: str
    line: int
    masked_address: str
    why: str


def quarantined_rows(session: Session) -> tuple[int, tuple[QuarantinedRow, ...]]:
    """How many rows are still in quarantine, and the first fifty in the order of their files. Two statements."""
    waits = col(Quarantine.settled_at).is_(None)
    found = session.connection().scalar(sa.select(sa.func.count()).select_from(Quarantine).where(waits)) or 0
    rows = session.connection().execute(
        sa.select(col(ImportedFile.name), col(Quarantine.line), col(Quarantine.address), col(Quarantine.why))
        .join(ImportedFile, col(ImportedFile.fingerprint) == col(Quarantine.fingerprint))
        .where(waits)
        .order_by(col(ImportedFile.at), col(Quarantine.line))
        .limit(_PER_PAGE)
    )
    lines = (
        QuarantinedRow(file=file, line=line, masked_address=masked_address(address), why=why)
        for file, line, address, why in rows
    )
    return found, tuple(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleOverview:
    """A page of the list; the first, when nobody is sought, comes with the rows of files that are in quarantine."""

    found: PeoplePage
    waiting: int
    aside: tuple[QuarantinedRow, ...]


def people_overview(session: Session, *, number: int = 1, sought: str = "") -> PeopleOverview:
    """What the list of people shows."""
    found = people_page(session, number=number, sought=sought)
    waiting, aside = quarantined_rows(session) if found.number == 1 and not sought else (0, ())
    return PeopleOverview(found=found, waiting=waiting, aside=aside)
