"""Subscribers, what they agreed to, who is mailable, and who must never be mailed."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, col

from newsletter.store.columns import Row, UtcMoment, folded, word
from newsletter.words import Axis, Channel, ConsentState, Horizon, SuppressionReason


class Subscriber(Row, table=True):
    """A person who gave us an address. Whether we may write to them is never here: it is their newest consent."""

    id: int | None = Field(default=None, primary_key=True)
    address: str = Field(unique=True)  # normalised: domain as A-label in lower case, local part kept (FMT-14)
    address_hash: bytes = Field(unique=True)  # the key under which the suppression list knows them
    first_name: str = ""
    last_name: str = ""
    name_folded: str = folded("first_name", "last_name")
    phone: str = ""
    country: str = Field(default="", index=True)  # ISO 3166-1 alpha-2, or empty
    postcode: str = ""
    horizon: Horizon = Field(default=Horizon.unknown, sa_type=word(Horizon))
    wished_commune: str | None = Field(default=None, foreign_key="commune.insee_code")  # where they would like to live
    partner_id: int | None = Field(default=None, foreign_key="partner.id", index=True)  # the first source, for ever
    support_id: int | None = Field(default=None, foreign_key="support.id")
    source: str = ""  # in words: the file and line, or the form
    met_on: datetime | None = Field(default=None, sa_type=UtcMoment)  # as the file says; None where it does not
    joined_at: datetime = Field(sa_type=UtcMoment)


class Interest(Row, table=True):
    """A sector that a subscriber named."""

    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True, ondelete="CASCADE")
    sector_code: str = Field(foreign_key="sector.code", primary_key=True)


class Consent(Row, table=True):
    """Append-only: one thing a person said on one axis, with its proof (LAW-12). The newest row of an axis holds.

    Rows of one subscriber form a chain: `hash` covers the row and `previous_hash`, so a changed or missing row shows.
    """

    __table_args__ = (sa.Index("ix_consent_newest", "subscriber_id", "axis", "id", "state"),)
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE")
    axis: Axis = Field(sa_type=word(Axis))
    state: ConsentState = Field(sa_type=word(ConsentState))
    at: datetime = Field(sa_type=UtcMoment)  # when they said it
    recorded_at: datetime = Field(sa_type=UtcMoment)
    channel: Channel = Field(sa_type=word(Channel))
    wording: str  # the exact words they said yes or no to
    wording_version: str
    proof: str  # where to look: file, line and fingerprint; form and confirmation time
    previous_hash: str = ""
    hash: str


class Suppression(Row, table=True):
    """An address that is never mailed again. Kept by keyed hash, so that it outlives an erasure (SUP-03)."""

    address_hash: bytes = Field(primary_key=True)
    reason: SuppressionReason = Field(sa_type=word(SuppressionReason))
    at: datetime = Field(sa_type=UtcMoment)


class SignUp(Row, table=True):
    """A form that was sent and is not confirmed yet. Nothing of it counts before the confirmation (LAW-11)."""

    id: int | None = Field(default=None, primary_key=True)
    address: str
    address_hash: bytes = Field(index=True)
    first_name: str = ""
    phone: str = ""
    country: str = ""
    postcode: str = ""
    horizon: Horizon = Field(default=Horizon.unknown, sa_type=word(Horizon))
    wished_commune: str | None = None
    sectors: list[str] = Field(default_factory=list, sa_type=sa.JSON)
    axes: list[str] = Field(default_factory=list, sa_type=sa.JSON)  # the boxes they ticked
    support_id: int | None = Field(default=None, foreign_key="support.id")
    wording_version: str
    asked_at: datetime = Field(sa_type=UtcMoment)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # the confirmation letter left
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    try_after: datetime | None = Field(default=None, sa_type=UtcMoment)  # the server said later: not before this
    welcomed_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # the welcome letter left


class ImportedFile(Row, table=True):
    """A sign-up file that was imported; its fingerprint makes a second import change nothing."""

    fingerprint: str = Field(primary_key=True)  # SHA-256 of its bytes
    name: str
    lines: int
    imported: int
    merged: int
    quarantined: int
    refused: int
    at: datetime = Field(sa_type=UtcMoment)


class Quarantine(Row, table=True):
    """A row of a file whose consent is not a clear yes or no: kept in quarantine, never mailed (LAW-13)."""

    __table_args__ = (sa.UniqueConstraint("fingerprint", "line", name="one_quarantine_per_line"),)
    id: int | None = Field(default=None, primary_key=True)
    fingerprint: str = Field(foreign_key="imported_file.fingerprint")
    line: int
    address: str
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    why: str
    at: datetime = Field(sa_type=UtcMoment)
    settled_at: datetime | None = Field(default=None, sa_type=UtcMoment)


def stands(axis: Axis, state: ConsentState = ConsentState.granted) -> sa.ColumnElement[bool]:
    """Condition on Subscriber: their newest consent on this axis has this state. Unknown is: nothing was ever said."""
    newest = (
        sa.select(col(Consent.state))
        .where(col(Consent.subscriber_id) == col(Subscriber.id), col(Consent.axis) == axis)
        .order_by(col(Consent.id).desc())
        .limit(1)
        .correlate(Subscriber)
        .scalar_subquery()
    )
    return sa.func.coalesce(newest, sa.literal(ConsentState.unknown, word(ConsentState))) == state


def suppressed() -> sa.ColumnElement[bool]:
    """Condition on Subscriber: their address is on the suppression list."""
    return sa.exists().where(col(Suppression.address_hash) == col(Subscriber.address_hash))


def mailable() -> sa.ColumnElement[bool]:
    """Condition on Subscriber: they said yes to the newsletter, and are not suppressed. Who we may write to at all."""
    return sa.and_(stands(Axis.newsletter), ~suppressed())
