"""How fast editions leave, and how long the rest takes at that rate."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from babel.dates import format_timedelta
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.balance import balance_of
from newsletter.i18n import _
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Mail
from newsletter.words import IssueState

_LAST_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast an edition leaves, seen over the last minute."""

    per_second: float = 0.0
    seconds_left: float | None = None  # for what need not be tried again; None when nothing moves


def rate(session: Session, edition_id: int, now: datetime) -> Rate:
    """How many mails a second got their answer within the last minute, and how long the rest takes at that."""
    answered, first = session.execute(
        sa.select(sa.func.count(), sa.func.min(col(Mail.answered_at))).where(
            col(Mail.edition_id) == edition_id, col(Mail.answered_at) > now - _LAST_MINUTE
        )
    ).one()
    if not answered:
        return Rate()
    where = balance_of(session, edition_id)
    per_second = answered / max(1.0, (now - first).total_seconds())
    return Rate(per_second=per_second, seconds_left=(where.waiting - where.deferred) / per_second)


def time_left(seconds: float) -> str:
    """About how long that is, in words."""
    if seconds < 60:
        return _("moins d’une minute")
    words = format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale="fr_FR")
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def moving_editions(session: Session) -> list[Edition]:
    """The editions that have unsent mails and are being sent, or are paused; oldest first."""
    waiting = sa.exists().where(col(Batch.edition_id) == col(Edition.id), col(Batch.not_before).is_not(None))
    under_way = (IssueState.sending, IssueState.paused)
    return list(
        session.exec(
            select(Edition)
            .join(Issue, col(Issue.id) == col(Edition.issue_id))
            .where(waiting, col(Issue.state).in_(under_way))
            .order_by(col(Edition.planned_at), col(Edition.id))
        ).all()
    )
