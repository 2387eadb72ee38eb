"""Jobs of the catalogue, chosen one by one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import ClassVar, Self

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.blocks.block import Block, Choices
from newsletter.blocks.catalogue import OpeningCard, opening_cards, opening_findings, opening_values
from newsletter.compose.content import Values
from newsletter.compose.findings import Finding, blocking
from newsletter.compose.links import LinkNumbering
from newsletter.formats import day
from newsletter.i18n import _, lazy
from newsletter.store.catalogue import Opening


class OpeningsBlock(Block):
    """Some jobs, in the order chosen. One that has expired stays, for preflight to name it."""

    kind: ClassVar[str] = "openings"
    label: ClassVar[str] = lazy("offres d’emploi")
    position: ClassVar[int] = 30

    title: str = lazy("Les offres du moment")
    openings: tuple[int, ...] = ()

    @classmethod
    def load(
        cls, session: Session, blocks: Sequence[Self], *, today: date, media_url: str
    ) -> Mapping[int, OpeningCard]:
        wanted = {id_ for block in blocks for id_ in block.openings}
        return {card.id: card for card in opening_cards(session, col(Opening.id).in_(wanted))}

    @property
    def row_ids(self) -> tuple[int, ...]:
        return self.openings

    def values(self, rows: Sequence[OpeningCard], links: LinkNumbering) -> Values:
        return {"title": str(self.title), "openings": [opening_values(card, links) for card in rows]}

    def findings(self, rows: Sequence[OpeningCard], *, today: date) -> Iterator[Finding]:
        if not rows:
            yield blocking(_("Un bloc d’offres est vide : choisissez des offres, ou retirez-le."))
        for card in rows:
            yield from opening_findings(card, today=today)

    @classmethod
    def choices(cls, session: Session, *, today: date) -> Choices:
        """Every job: those that run first, the soonest to end at the top; then the expired, newest first."""
        cards = opening_cards(session, sa.true())
        running = [card for card in cards if card.expires_on >= today]
        expired = [card for card in cards if card.expires_on < today]
        return {
            "openings": [
                *((str(card.id), _said(card, _("jusqu’au {day}"))) for card in running),
                *((str(card.id), _said(card, _("finie le {day}"))) for card in reversed(expired)),
            ]
        }


def _said(card: OpeningCard, ends: str) -> str:
    return f"{card.title} · {card.employer} ({ends.format(day=day(card.expires_on))})"
