"""What readers did. Facts are kept as they came; a verdict on them may change with the rules."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import EventKind, Verdict


class Event(Row, table=True):
    """A recorded fact about one mail. No network address and no full user agent is ever kept (TRK-11)."""

    __table_args__ = (
        sa.Index("ix_event_subscriber", "subscriber_id", "at"),
        sa.Index("ix_event_mail", "mail_id", "at"),
        sa.UniqueConstraint("journal", "position", name="one_event_per_hit"),
    )
    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: int = Field(foreign_key="subscriber.id", ondelete="CASCADE")
    mail_id: int | None = Field(default=None, foreign_key="mail.id", ondelete="SET NULL")
    link_id: int | None = Field(default=None, foreign_key="link.id", ondelete="SET NULL")
    kind: EventKind = Field(sa_type=word(EventKind))
    at: datetime = Field(sa_type=UtcMoment)
    answer: str = ""  # a poll answer's Horizon word
    method: str = ""  # GET, HEAD, POST
    agent: str = ""  # the family of the user agent, never the whole of it
    hints: str = ""  # raw signals the rules read: "prefetch", "rewritten-host" …
    verdict: Verdict = Field(default=Verdict.unknown, sa_type=word(Verdict))
    reasons: str = ""
    rules: int = 0  # the version of the rule set that judged
    journal: str | None = None  # the file and position it was loaded from; None for a POST, written directly
    position: int | None = None


class Engagement(Row, table=True):
    """A subscriber's human clicks on one topic: small, and all that segments need to read."""

    subscriber_id: int = Field(foreign_key="subscriber.id", primary_key=True, ondelete="CASCADE")
    topic: str = Field(primary_key=True)  # "any", "sector:<code>", "employer:<id>", "portrait:<id>"
    last_click_day: date
    clicks: int = 0


class JournalOffset(Row, table=True):
    """How far a journal file was loaded; moved in the same transaction as its events, so a hit counts once."""

    journal: str = Field(primary_key=True)
    position: int = 0
