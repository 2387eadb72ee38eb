"""Employers of the catalogue, each with the jobs they offer at this moment."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.blocks.block import Block, Choices
from newsletter.blocks.catalogue import (
    OpeningCard,
    Picture,
    opening_cards,
    opening_findings,
    opening_values,
    picture_at,
    picture_findings,
    picture_values,
    website_findings,
)
from newsletter.compose.content import Values
from newsletter.compose.findings import Finding, blocking, warning
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import _, lazy
from newsletter.store.catalogue import Commune, Employer, Opening, Sector
from newsletter.store.columns import key
from newsletter.words import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployerCard:
    """An employer, as an issue shows them, with the openings that still run."""

    id: int
    name: str
    sector: str
    sector_code: str
    place: str
    about: str
    url: str
    picture: Picture | None
    openings: tuple[OpeningCard, ...]


class EmployersBlock(Block):
    """Some employers, in the order chosen."""

    kind: ClassVar[str] = "employers"
    label: ClassVar[str] = lazy("employeurs")
    position: ClassVar[int] = 20

    title: str = lazy("Ils recrutent dans le Lot")
    employers: tuple[int, ...] = ()

    @classmethod
    def load(
        cls, session: Session, blocks: Sequence[Self], *, today: date, media_url: str
    ) -> Mapping[int, EmployerCard]:
        wanted = {id_ for block in blocks for id_ in block.employers}
        running = sa.and_(col(Opening.employer_id).in_(wanted), col(Opening.expires_on) >= today)
        openings: dict[int, list[OpeningCard]] = defaultdict(list)
        for opening in opening_cards(session, running):
            openings[opening.employer_id].append(opening)
        found = session.exec(
            select(Employer, col(Sector.name_fr), col(Commune.name))
            .join(Sector, col(Sector.code) == col(Employer.sector_code))
            .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
            .where(col(Employer.id).in_(wanted))
        )
        return {
            key(row.id): EmployerCard(
                id=key(row.id),
                name=row.name,
                sector=sector,
                sector_code=row.sector_code,
                place=place,
                about=row.about,
                url=row.website,
                picture=picture_at(row.picture, row.picture_alt, media_url),
                openings=tuple(openings[key(row.id)]),
            )
            for row, sector, place in found
        }

    @property
    def row_ids(self) -> tuple[int, ...]:
        return self.employers

    def values(self, rows: Sequence[EmployerCard], links: LinkNumbering) -> Values:
        return {"title": str(self.title), "employers": [_card_values(card, links) for card in rows]}

    def findings(self, rows: Sequence[EmployerCard], *, today: date) -> Iterator[Finding]:
        if not rows:
            yield blocking(_("Un bloc d’employeurs est vide : choisissez des employeurs, ou retirez-le."))
        for card in rows:
            if not card.openings:
                yield warning(_("{name} n’a aucune offre d’emploi en cours.").format(name=card.name))
            yield from website_findings(card.url, card.name)
            yield from picture_findings(card.picture, card.name)
            for opening in card.openings:
                yield from opening_findings(opening, today=today)

    @classmethod
    def choices(cls, session: Session, *, today: date) -> Choices:
        """Every employer, by name."""
        found = session.exec(
            select(col(Employer.id), col(Employer.name), col(Commune.name))
            .join(Commune, col(Commune.insee_code) == col(Employer.commune_code))
            .order_by(sa.func.lower(Employer.name))
        )
        return {"employers": [(str(id_), f"{name} · {commune}") for id_, name, commune in found]}


def _card_values(card: EmployerCard, links: LinkNumbering) -> Values:
    href = links.register(LinkKind.employer, card.url, card.name, employer_id=card.id, sector_code=card.sector_code)
    return {
        "name": card.name,
        "sector": card.sector,
        "place": card.place,
        "about": card.about,
        "href": href,
        "picture": picture_values(card.picture),
        "openings": [opening_values(opening, links) for opening in card.openings],
    }
