"""The ledger: who got what. One row per mail, and every figure shown is a count over these rows."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, col

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import MailState, NoteKind

UNSENT_STATES = (MailState.planned, MailState.deferred)
"""A sender may still claim these mails; a cancelled issue ends them, and a reader who leaves is taken out."""
OPEN_STATES = (*UNSENT_STATES, MailState.armed)
"""The final outcome of these mails is still to come: unsent, or in flight at this moment."""
ARRIVED_STATES = (MailState.accepted, MailState.settled)
"""The receiving server is known to have these mails."""


class Mail(Row, table=True):
    """At most one mail per edition and subscriber, for ever."""

    # No index holds a state, and pages keep some room: PostgreSQL then changes a state within its page (HOT), and a
    # million mails leave no million dead entries behind. No foreign keys either: their checks would cost the planning
    # of a million mails 3 s each. A trigger on subscriber (migration 0003) empties `subscriber_id` at an erasure.
    __table_args__ = (
        sa.UniqueConstraint("subscriber_id", "edition_id", name="one_mail_per_reader"),
        sa.UniqueConstraint("edition_id", "seq", name="one_mail_per_seq"),
        {"postgresql_with": {"fillfactor": 80}},
    )
    id: int | None = Field(default=None, primary_key=True)
    edition_id: int
    seq: int  # dense from 0 within the edition; its batch is number seq // BATCH
    subscriber_id: int | None = None
    variant: int = 0
    state: MailState = Field(default=MailState.planned, sa_type=word(MailState))
    tries: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # when a deferred mail is tried again
    armed_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    answered_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # the server's final word


BATCH = 500


class Batch(Row, table=True):
    """Up to BATCH mails of one edition that one sender works on at a time."""

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

    __table_args__ = (sa.Index("ix_mail_note_kind", "kind", "mail_id"),)
    id: int | None = Field(default=None, primary_key=True)
    mail_id: int = Field(foreign_key="mail.id", index=True, ondelete="CASCADE")
    at: datetime = Field(sa_type=UtcMoment)
    kind: NoteKind = Field(sa_type=word(NoteKind))
    code: int | None = None  # the SMTP reply code
    enhanced: str = ""  # the RFC 3463 code
    words: str = ""  # at most 2 KB, addresses blotted out


class Lane(Row, table=True):
    """A named way for mails to leave, with its limits (docs/words.md)."""

    name: str = Field(primary_key=True)
    per_minute: int = 6000
    connections: int = 4
    paused_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    why: str = ""
    rests_until: datetime | None = Field(default=None, sa_type=UtcMoment)  # its server refused everything: not before


class ProviderBackoff(Row, table=True):
    """A mailbox provider that asked for less by what it answered (THR-03): its limits on a lane until then."""

    lane: str = Field(primary_key=True, foreign_key="lane.name")
    provider: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UtcMoment)
    began_at: datetime = Field(sa_type=UtcMoment)
    suspended: bool = False  # nothing leaves to it at all
    per_minute: int = 0  # 0: no less than usual
    connections: int = 0
    words: str = ""  # the answer that tipped it, addresses blotted out


class Installation(Row, table=True):
    """A home folder that may send from this database; delivery/lock has the whole of it."""

    mark: str = Field(primary_key=True)  # stands in the folder's mark file as well
    changed_ns: int = Field(sa_type=sa.BigInteger)  # when that file was made: no copy of it can say the same
    confirmed_at: datetime = Field(sa_type=UtcMoment)
    raised: int = 0  # claims that a restored database had forgotten when a person opened the way again


def of_batch(edition_id: int, number: int) -> sa.ColumnElement[bool]:
    """Condition on Mail: it belongs to this batch."""
    first = number * BATCH
    return sa.and_(col(Mail.edition_id) == edition_id, col(Mail.seq) >= first, col(Mail.seq) < first + BATCH)


def in_states(states: Sequence[MailState]) -> sa.ColumnElement[bool]:
    """Condition on Mail, as IN would be, but with a fixed text: it is compiled once, and fits a statement for many."""
    return sa.or_(*(col(Mail.state) == state for state in states))
