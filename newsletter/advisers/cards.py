"""What an adviser reads before a call: one card per lead. Nobody's card is shown who may no longer be called."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store.catalogue import Commune, Epci, Partner, Sector
from newsletter.store.leads import Adviser, Handover, Lead, Outcome, Warmth
from newsletter.store.people import Interest, Subscriber, stands, suppressed
from newsletter.words import Axis, Horizon, LeadState, OutcomeKind

_FRENCH_PHONE = re.compile(r"(?:\+33|0033|0)([1-9]\d{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One outcome, as it is shown in a card's history."""

    kind: OutcomeKind
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A lead in twenty seconds."""

    lead_id: int
    first_name: str
    last_name: str
    phone: str
    address: str
    country: str
    postcode: str
    state: LeadState
    asked: bool
    because: str
    since: datetime
    score: float  # orders people, at any time; leads.warmth.now_value reads it
    horizon: Horizon
    sectors: tuple[str, ...]  # in French
    wished: str  # the commune where they would like to live
    epci: str
    met_at: str  # the partner
    met_on: datetime | None
    adviser: str
    handed_over_at: datetime | None
    why_this_adviser: str
    history: tuple[Heard, ...]  # newest first

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or _("Sans nom")

    @property
    def dial(self) -> str:
        """The telephone number as a telephone wants it."""
        return re.sub(r"[^\d+]", "", self.phone)

    @property
    def phone_shown(self) -> str:
        """The telephone number as people read it: a French one in pairs, another as it was given."""
        french = _FRENCH_PHONE.fullmatch(re.sub(r"[\s.\-()]", "", self.phone))
        digits = f"0{french[1]}" if french else ""
        return " ".join(re.findall("..", digits)) if french else self.phone

    @property
    def opening_line(self) -> str:
        """A first sentence for the call, that starts from what the person themselves did."""
        return " ".join((_("Bonjour {name},").format(name=self.first_name).replace(" ,", ","), _opener(self)))


def cards(session: Session, *, adviser_id: int | None = None, state: LeadState | None = None) -> list[Card]:
    """The leads of an adviser, or everybody's: those who asked first, then the warmest."""
    wanted = [] if adviser_id is None else [col(Handover.adviser_id) == adviser_id]
    wanted += [] if state is None else [col(Lead.state) == state]
    return _cards(session, wanted)


def card(session: Session, lead_id: int, *, adviser_id: int | None = None) -> Card:
    """One lead. Raises NotFoundError when it is not there, or not this adviser's: both look the same from outside."""
    wanted = [col(Lead.id) == lead_id]
    wanted += [] if adviser_id is None else [col(Handover.adviser_id) == adviser_id]
    found = _cards(session, wanted)
    if not found:
        raise NotFoundError(_("Cette piste n’est pas dans votre liste. Revenez à vos pistes."))
    return found[0]


def _cards(session: Session, wanted: Sequence[sa.ColumnElement[bool]]) -> list[Card]:
    rows = session.execute(_statement(wanted)).all()
    people = [row.person.id for row in rows]
    trades = _trades(session, people)
    history = _history(session, people)
    return [_card(row, trades[row.person.id], history[row.person.id]) for row in rows]


def _statement(wanted: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Leads with all that a card shows of them, first those who asked, then the warmest."""
    person, wish = aliased(Subscriber, name="person"), aliased(Commune, name="wish")
    may_be_called = sa.select(col(Subscriber.id)).where(stands(Axis.adviser), ~suppressed())
    columns: tuple[Any, ...] = (
        Lead.__table__.c.id.label("lead_id"),  # type: ignore[attr-defined]
        person,
        col(Lead.state),
        col(Lead.asked),
        col(Lead.because),
        col(Lead.since),
        sa.func.coalesce(col(Warmth.score), 0.0).label("score"),
        col(wish.name).label("wished"),
        col(Epci.name).label("epci"),
        col(Partner.name).label("met_at"),
        col(Adviser.name).label("adviser"),
        col(Handover.at).label("handed_over_at"),
        col(Handover.why),
    )
    return (
        sa.select(*columns)
        .select_from(Lead)
        .join(person, col(person.id) == col(Lead.subscriber_id))
        .outerjoin(Warmth, col(Warmth.subscriber_id) == col(Lead.subscriber_id))
        .outerjoin(wish, col(wish.insee_code) == col(person.wished_commune))
        .outerjoin(Epci, col(Epci.siren) == col(Lead.epci_siren))
        .outerjoin(Partner, col(Partner.id) == col(person.partner_id))
        .outerjoin(Handover, col(Handover.lead_id) == col(Lead.id))
        .outerjoin(Adviser, col(Adviser.id) == col(Handover.adviser_id))
        .where(*wanted, col(Lead.subscriber_id).in_(may_be_called))
        .order_by(col(Lead.asked).desc(), sa.desc("score"), col(Lead.id))
    )


def _trades(session: Session, people: Sequence[int]) -> defaultdict[int, list[str]]:
    """The trades each person named, in French."""
    rows = session.execute(
        sa.select(col(Interest.subscriber_id), col(Sector.name_fr))
        .join(Sector, col(Sector.code) == col(Interest.sector_code))
        .where(col(Interest.subscriber_id).in_(people))
        .order_by(col(Sector.name_fr))
    )
    found = defaultdict(list)
    for person, name in rows:
        found[person].append(name)
    return found


def _history(session: Session, people: Sequence[int]) -> defaultdict[int, list[Heard]]:
    """What came of the calls, newest first."""
    rows = session.execute(
        sa.select(col(Lead.subscriber_id), col(Outcome.kind), col(Outcome.note), col(Outcome.at))
        .join(Handover, col(Handover.id) == col(Outcome.handover_id))
        .join(Lead, col(Lead.id) == col(Handover.lead_id))
        .where(col(Lead.subscriber_id).in_(people))
        .order_by(col(Outcome.at).desc(), col(Outcome.id).desc())
    )
    found = defaultdict(list)
    for person, kind, note, at in rows:
        found[person].append(Heard(kind=kind, note=note, at=at))
    return found


def _card(row: Any, trades: Sequence[str], history: Sequence[Heard]) -> Card:
    person: Subscriber = row.person
    return Card(
        lead_id=row.lead_id,
        first_name=person.first_name,
        last_name=person.last_name,
        phone=person.phone,
        address=person.address,
        country=person.country,
        postcode=person.postcode,
        state=row.state,
        asked=row.asked,
        because=row.because,
        since=row.since,
        score=row.score,
        horizon=person.horizon,
        sectors=tuple(trades),
        wished=row.wished or "",
        epci=row.epci or "",
        met_at=row.met_at or "",
        met_on=person.met_on,
        adviser=row.adviser or "",
        handed_over_at=row.handed_over_at,
        why_this_adviser=row.why or "",
        history=tuple(history),
    )


def _opener(card: Card) -> str:
    """What to say after the greeting, from the strongest thing they told us."""
    if card.asked:
        return _("vous avez demandé un appel du réseau accueil du Lot : est-ce un bon moment ?")
    if card.met_at:
        return _("vous avez connu Oh my Lot ! pendant vos vacances ({place}) : pensez-vous toujours au Lot ?").format(
            place=card.met_at
        )
    if card.wished:
        return _("vous nous avez parlé de {place} : où en est votre projet ?").format(place=card.wished)
    return _("vous suivez nos nouvelles du Lot : avez-vous des questions auxquelles je peux répondre ?")
