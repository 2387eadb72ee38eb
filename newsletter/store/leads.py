"""Warm readers, and the advisers who call them."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import LeadState, OutcomeKind


class Warmth(Row, table=True):
    """The sum of `weight · 2^((t − epoch)/half-life)` over a person's acts: orders people at any later time."""

    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True, ondelete="CASCADE")
    score: float = Field(index=True)
    because: str = ""  # one French sentence
    last_act_at: datetime = Field(sa_type=UtcMoment)


class Lead(Row, table=True):
    """A person warm enough to be called, who agreed to be."""

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", unique=True, ondelete="CASCADE")
    state: LeadState = Field(default=LeadState.new, sa_type=word(LeadState))
    since: datetime = Field(sa_type=UtcMoment)
    because: str
    asked: bool = False  # they asked to be called: first in every list
    epci_siren: str | None = Field(default=None, foreign_key="epci.siren")


class Adviser(Row, table=True):
    """A référent accueil."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    address: str
    account_id: int | None = Field(default=None, foreign_key="account.id", unique=True)
    capacity: int = 50  # open leads at a time
    absent_from: date | None = None
    absent_until: date | None = None  # the last day away
    stand_in_id: int | None = Field(default=None, foreign_key="adviser.id")


class TerritoryRule(Row, table=True):
    """This territory, and this trade, go to this adviser. An empty part fits all; the most exact rule wins."""

    __table_args__ = (sa.UniqueConstraint("epci_siren", "sector_code", "adviser_id", name="one_rule_per_territory"),)
    id: int | None = Field(default=None, primary_key=True)
    epci_siren: str | None = Field(default=None, foreign_key="epci.siren")
    sector_code: str | None = Field(default=None, foreign_key="sector.code")
    adviser_id: int = Field(foreign_key="adviser.id", ondelete="CASCADE")


class Handover(Row, table=True):
    """A lead was given to an adviser: once, and it says by which rule."""

    id: int | None = Field(default=None, primary_key=True)
    lead_id: int = Field(foreign_key="lead.id", unique=True, ondelete="CASCADE")
    adviser_id: int = Field(foreign_key="adviser.id", index=True)
    at: datetime = Field(sa_type=UtcMoment)
    why: str  # "Territoire : CC Grand-Figeac"


class Outcome(Row, table=True):
    """What an adviser says came of a call."""

    id: int | None = Field(default=None, primary_key=True)
    handover_id: int = Field(foreign_key="handover.id", index=True, ondelete="CASCADE")
    kind: OutcomeKind = Field(sa_type=word(OutcomeKind))
    note: str = ""
    at: datetime = Field(sa_type=UtcMoment)
    account_id: int | None = Field(default=None, foreign_key="account.id")
