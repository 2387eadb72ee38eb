"""A person of the catalogue who tells their life in the Lot, shown only while their image right runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.blocks.block import Block, Choices
from newsletter.blocks.catalogue import Picture, picture_at, picture_findings, picture_values, website_findings
from newsletter.compose.content import Values
from newsletter.compose.findings import Finding, blocking
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import _, lazy
from newsletter.store.catalogue import Commune, Employer, Portrait
from newsletter.store.columns import key
from newsletter.words import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitCard:
    """A person, with what preflight must know of their image right."""

    id: int
    person: str
    role: str
    employer: str
    employer_id: int | None
    sector_code: str | None
    place: str
    quote: str
    story: str
    url: str
    picture: Picture | None
    image_right_until: date
    withdrawn: bool


class PortraitBlock(Block):
    """One person."""

    kind: ClassVar[str] = "portrait"
    label: ClassVar[str] = lazy("portrait")
    position: ClassVar[int] = 40
    mistakes: ClassVar[Mapping[str, str]] = {"portrait": lazy("Choisissez un portrait, ou retirez ce bloc.")}

    portrait: int

    @classmethod
    def load(
        cls, session: Session, blocks: Sequence[Self], *, today: date, media_url: str
    ) -> Mapping[int, PortraitCard]:
        found = session.exec(
            select(Portrait, col(Employer.name), col(Employer.sector_code), col(Commune.name))
            .join(Employer, col(Employer.id) == col(Portrait.employer_id), isouter=True)
            .join(Commune, col(Commune.insee_code) == col(Portrait.commune_code), isouter=True)
            .where(col(Portrait.id).in_({block.portrait for block in blocks}))
        )
        return {
            key(row.id): PortraitCard(
                id=key(row.id),
                person=row.person,
                role=row.role,
                employer=employer or "",
                employer_id=row.employer_id,
                sector_code=sector_code,
                place=place or "",
                quote=row.quote,
                story=row.story,
                url=row.url,
                picture=picture_at(row.picture, row.picture_alt, media_url),
                image_right_until=row.image_right_until,
                withdrawn=row.withdrawn_at is not None,
            )
            for row, employer, sector_code, place in found
        }

    @property
    def row_ids(self) -> tuple[int, ...]:
        return (self.portrait,)

    def values(self, rows: Sequence[PortraitCard], links: LinkNumbering) -> Values:
        (card,) = rows
        href = links.register(
            LinkKind.portrait,
            card.url,
            card.person,
            portrait_id=card.id,
            employer_id=card.employer_id,
            sector_code=card.sector_code,
        )
        return {
            "person": card.person,
            "role": card.role,
            "employer": card.employer,
            "place": card.place,
            "quote": card.quote.strip(' «»\u00a0\u202f"“”'),
            "story": [part for part in (" ".join(part.split()) for part in card.story.split("\n\n")) if part],
            "href": href,
            "picture": picture_values(card.picture),
        }

    def findings(self, rows: Sequence[PortraitCard], *, today: date) -> Iterator[Finding]:
        (card,) = rows
        if card.withdrawn:
            yield blocking(_("{name} a retiré son portrait : choisissez quelqu’un d’autre.").format(name=card.person))
        elif card.image_right_until < today:
            yield blocking(
                _("Le droit à l’image de {name} a pris fin le {day} : renouvelez-le ou retirez le portrait.").format(
                    name=card.person, day=card.image_right_until.strftime("%d/%m/%Y")
                )
            )
        yield from website_findings(card.url, card.person)
        yield from picture_findings(card.picture, card.person)

    @classmethod
    def choices(cls, session: Session, *, today: date) -> Choices:
        """Every person, by name; those who may not be shown are marked."""
        people = session.exec(select(Portrait).order_by(sa.func.lower(Portrait.person)))
        return {"portrait": [(str(key(row.id)), _said(row, today=today)) for row in people]}


def _said(row: Portrait, *, today: date) -> str:
    if row.withdrawn_at is None and row.image_right_until >= today:
        return row.person
    return _("{person} (droit à l’image fini : ne peut pas partir)").format(person=row.person)
