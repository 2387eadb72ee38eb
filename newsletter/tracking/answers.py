"""What a reader says by a button of a mail: a poll answer, or "call me back". Only ever by POST (LST-07)."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import paris_day
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.issues import Link
from newsletter.store.ledger import Mail
from newsletter.store.people import Subscriber
from newsletter.tracking.robots import RULES_VERSION
from newsletter.words import EventKind, Horizon, LinkKind, Verdict

_KIND = {LinkKind.poll: EventKind.answered, LinkKind.callback: EventKind.callback}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerGiven:
    """An answer that now stands."""

    subscriber_id: int
    kind: EventKind  # answered or callback
    horizon: Horizon  # what a poll answer says; unknown for a call-back
    new: bool  # False when they had said just this before, by this mail


def record_answer(session: Session, *, mail_id: int, link_number: int, now: datetime) -> AnswerGiven | None:
    """Record an answer; a poll's also becomes the reader's horizon.

    Saying the same again adds nothing (a call-back: on the same day), another answer takes the place of the first.
    None when the mail, its reader or such a button does not exist.
    """
    found = session.exec(
        select(Subscriber, Link)
        .join(Mail, col(Mail.subscriber_id) == col(Subscriber.id))
        .join(Link, col(Link.edition_id) == col(Mail.edition_id))
        .where(col(Mail.id) == mail_id, col(Link.number) == link_number, col(Link.kind).in_(list(_KIND)))
    ).first()
    if found is None:
        return None
    reader, link = found
    horizon = _horizon(link)
    if link.kind == LinkKind.poll:
        reader.horizon = horizon
        session.add(reader)
    new = not _said(session, mail_id, link, now=now)
    if new:
        session.add(_event(reader, link, mail_id=mail_id, horizon=horizon, now=now))
    session.flush()
    return AnswerGiven(subscriber_id=key(reader.id), kind=_KIND[link.kind], horizon=horizon, new=new)


def _horizon(link: Link) -> Horizon:
    return Horizon(link.answer) if link.kind == LinkKind.poll and link.answer in set(Horizon) else Horizon.unknown


def _said(session: Session, mail_id: int, link: Link, *, now: datetime) -> bool:
    """It repeats their last answer by this mail; a call-back repeats only within the same day."""
    last = session.execute(
        sa.select(col(Event.link_id), col(Event.at))
        .where(col(Event.mail_id) == mail_id, col(Event.kind) == _KIND[link.kind])
        .order_by(col(Event.id).desc())
        .limit(1)
    ).first()
    if last is None or last.link_id != link.id:
        return False
    return link.kind == LinkKind.poll or paris_day(last.at) == paris_day(now)


def _event(reader: Subscriber, link: Link, *, mail_id: int, horizon: Horizon, now: datetime) -> Event:
    return Event(
        subscriber_id=key(reader.id),
        mail_id=mail_id,
        link_id=link.id,
        kind=_KIND[link.kind],
        at=now,
        answer=horizon.value if link.kind == LinkKind.poll else "",
        method="POST",
        agent="",
        verdict=Verdict.human,  # a scanner sends no POST with a form's token
        reasons="posted",
        rules=RULES_VERSION,
    )
