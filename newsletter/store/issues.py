"""What marketing writes, and what was frozen when it was approved."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import DoubtPolicy, IssueState, LinkKind


class Issue(Row, table=True):
    """A number of the newsletter while people work on it."""

    __table_args__ = (sa.Index("ix_issue_due", "state", "send_at"),)
    id: int | None = Field(default=None, primary_key=True)
    title: str  # what the team calls it
    subject: str = ""
    preheader: str = ""
    blocks: list[dict[str, Any]] = Field(default_factory=list, sa_type=sa.JSON)  # issues/draft gives them their types
    segment: str = ""  # the text of the segment language; empty: everyone who may be mailed
    template: str = "lettre"  # templates/issues/<template>.mjml
    state: IssueState = Field(default=IssueState.draft, sa_type=word(IssueState))
    send_at: datetime | None = Field(default=None, sa_type=UtcMoment)
    window_from: int | None = None  # minutes after midnight in Paris: its mails leave from here on …
    window_until: int | None = None  # … and no more from here on; both or neither
    created_at: datetime = Field(sa_type=UtcMoment)


class Edition(Row, table=True):
    """An approved issue, frozen and compiled; un-approving throws it away before planning.

    What readers get never changes. What becomes of mails in doubt may.
    """

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", unique=True)
    subject: str
    segment: str
    message_date: datetime | None = Field(
        default=None, sa_type=UtcMoment
    )  # the Date: of every message; set by planning
    doubt_policy: DoubtPolicy = Field(default=DoubtPolicy.reconcile, sa_type=word(DoubtPolicy))
    content_hash: str
    approved_at: datetime = Field(sa_type=UtcMoment)
    approved_by: int | None = Field(default=None, foreign_key="account.id")
    planned_upto: int = 0  # planning has looked at the subscribers up to this number
    planned_at: datetime | None = Field(default=None, sa_type=UtcMoment)  # the audience is frozen


class Variant(Row, table=True):
    """One compiled body of an edition: MJML and premailer are done, slots stand for what differs per reader."""

    edition_id: int = Field(foreign_key="edition.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)
    name: str = ""
    html: str
    text: str


class Link(Row, table=True):
    """A link of an edition, registered when it was approved (SEC-01): nothing else is ever redirected to."""

    __table_args__ = (sa.UniqueConstraint("edition_id", "number", name="one_link_per_number"),)
    id: int | None = Field(default=None, primary_key=True)
    edition_id: int = Field(foreign_key="edition.id", ondelete="CASCADE")
    number: int
    kind: LinkKind = Field(sa_type=word(LinkKind))
    url: str = ""  # empty for polls and call-backs, which lead to our own pages
    label: str = ""
    employer_id: int | None = Field(default=None, foreign_key="employer.id", ondelete="SET NULL")
    opening_id: int | None = Field(default=None, foreign_key="opening.id", ondelete="SET NULL")
    portrait_id: int | None = Field(default=None, foreign_key="portrait.id", ondelete="SET NULL")
    sector_code: str | None = Field(default=None, foreign_key="sector.code")  # the topic a click speaks of
    answer: str = ""  # a poll link's Horizon word


def edition_of(session: Session, issue_id: int) -> Edition | None:
    """The edition of an issue, once it is approved."""
    return session.exec(select(Edition).where(col(Edition.issue_id) == issue_id)).first()


def leaves_at(minute: sa.ColumnElement[int] | int) -> sa.ColumnElement[bool]:
    """Condition on Issue: its mails may leave at this minute of the day in Paris. A window may span midnight."""
    opens, closes = col(Issue.window_from), col(Issue.window_until)
    by_day = sa.and_(opens <= closes, opens <= minute, closes > minute)
    by_night = sa.and_(opens > closes, sa.or_(opens <= minute, closes > minute))
    return sa.or_(opens.is_(None), by_day, by_night)
