"""Openings and pictures of the catalogue, which several kinds of block show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.compose import markdown
from newsletter.compose.content import Values
from newsletter.compose.findings import Finding, blocking, wrong_link
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Employer, Opening
from newsletter.words import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of the catalogue, at its public address."""

    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningCard:
    """A job, as an issue shows it."""

    id: int
    title: str
    employer: str
    employer_id: int
    sector_code: str
    place: str
    contract: str
    about: str
    url: str
    expires_on: date


def opening_cards(session: Session, wanted: sa.ColumnElement[bool]) -> Sequence[OpeningCard]:
    """The openings under this condition, the soonest to end first. One query."""
    found: sa.CursorResult[Any] = session.connection().execute(
        sa.select(
            col(Opening.id),
            col(Opening.title),
            col(Opening.contract),
            col(Opening.about),
            col(Opening.url),
            col(Opening.expires_on),
            col(Employer.id).label("employer_id"),
            col(Employer.name).label("employer"),
            col(Employer.sector_code),
            col(Commune.name).label("place"),
        )
        .join_from(Opening, Employer, col(Opening.employer_id) == col(Employer.id))
        .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
        .where(wanted)
        .order_by(col(Opening.expires_on), col(Opening.id))
    )
    return [OpeningCard(**row._mapping) for row in found]  # noqa: SLF001  SQLAlchemy's public name for it


def opening_values(card: OpeningCard, links: LinkNumbering) -> Values:
    """A job, as templates see it."""
    href = links.register(
        LinkKind.opening,
        card.url,
        card.title,
        opening_id=card.id,
        employer_id=card.employer_id,
        sector_code=card.sector_code,
    )
    return {
        "title": card.title,
        "employer": card.employer,
        "place": card.place,
        "contract": card.contract,
        "about": card.about,
        "until": _("jusqu’au {day}").format(day=card.expires_on.strftime("%d/%m/%Y")),
        "href": href,
    }


def opening_findings(card: OpeningCard, *, today: date) -> Iterator[Finding]:
    """A job that has expired, or a link of it that leads nowhere."""
    if card.expires_on < today:
        yield blocking(
            _("L’offre « {title} » ({employer}) a expiré le {day} : retirez-la ou prolongez-la.").format(
                title=card.title, employer=card.employer, day=card.expires_on.strftime("%d/%m/%Y")
            )
        )
    yield from website_findings(card.url, card.title)


def picture_at(file: str, alt: str, media_url: str) -> Picture | None:
    """The picture of this file below `media_url`; None for a row without one."""
    return Picture(url=f"{media_url}/{quote(file)}", alt=alt) if file else None


def picture_values(picture: Picture | None) -> Values:
    """A picture, as templates see it: `src` is empty where there is none."""
    return {"src": picture.url, "alt": picture.alt} if picture else {"src": "", "alt": ""}


def picture_findings(picture: Picture | None, name: str) -> Iterator[Finding]:
    """A picture that says nothing to those who do not see it."""
    if picture and not picture.alt.strip():
        yield blocking(
            _(
                "La photo de « {name} » n’a pas de texte de remplacement : dites en une phrase ce qu’elle montre."
            ).format(name=name)
        )


def website_findings(url: str, name: str) -> Iterator[Finding]:
    """An address of the catalogue that may not stand in a mail."""
    if url and not markdown.allowed(url):
        yield wrong_link(url, name)
