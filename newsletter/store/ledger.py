"""The ledger: who got what. One row per mail, and every figure shown is a count over these rows."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import MailState, NoteKind


class Mail(Row, table=True):
    """At most one mail per edition and subscriber, for ever."""

    __table_args__ = (
        sa.UniqueConstraint("edition_id", "subscriber_id", name="one_mail_per_reader"),
        sa.UniqueConstraint("edition_id", "seq", name="one_mail_per_seq"),
        sa.Index("ix_mail_batch_state", "batch_id", "state"),
        sa.Index("ix_mail_subscriber", "subscriber_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    seq: int  # dense from 0 within the edition
    subscriber_id: int | None = Field(default=None, foreign_key="subscriber.id", ondelete="SET NULL")
    batch_id: int | None = Field(default=None, foreign_key="batch.id")
    variant: int = 0
    state: MailState = Field(default=MailState.planned, sa_type=word(MailState))
    tries: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # when a deferred mail is tried again
    armed_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    answered_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # the server's final word


class Batch(Row, table=True):
    """Up to 500 mails of one edition that one sender works on at a time."""

    __table_args__ = (
        sa.UniqueConstraint("edition_id", "number", name="one_batch_per_number"),
        sa.Index("ix_batch_claim", "lane", "not_before"),
    )
    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id")
    number: int
    lane: str = Field(foreign_key="lane.name")
    owner: str | None = None
    fence: int = 0  # grows with each claim: an owner that lost its lease can write nothing more
    lease_until: datetime | None = Field(default=None, sa_type=UtcMoment)
    not_before: datetime | None = Field(default=None, sa_type=UtcMoment)  # None: nothing left to do here


class MailNote(Row, table=True):
    """Only exceptions: what went otherwise than planned, with the server's words."""

    id: int | None = Field(default=None, primary_key=True)
    mail_id: int = Field(foreign_key="mail.id", index=True, ondelete="CASCADE")
    at: datetime = Field(sa_type=UtcMoment)
    kind: NoteKind = Field(sa_type=word(NoteKind))
    code: int | None = None  # the SMTP reply code
    enhanced: str = ""  # the RFC 3463 code
    words: str = ""  # at most 2 KB, addresses blotted out


class Lane(Row, table=True):
    """A way out, with its pace."""

    name: str = Field(primary_key=True)
    per_minute: int = 6000
    connections: int = 4
    paused_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    why: str = ""
