"""What the readers of one edition did. Every share says of whom it is, and robots are left out and counted apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.reports.issues import SentIssue, sent_issues
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.issues import Link
from newsletter.store.ledger import ARRIVED_STATES, Mail
from newsletter.store.people import Subscriber, stands
from newsletter.words import Axis, EventKind, Horizon, LinkKind, Verdict, label

_ROBOTS = (Verdict.scanner, Verdict.prefetch)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredShare:
    """Some of those who accepted to be measured."""

    count: int
    base: int

    @property
    def percent(self) -> int:
        return round(100 * self.count / self.base) if self.base else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readership:
    """What readers of one edition did. Shares count people, once each; robots are left out and counted apart."""

    arrived: int
    clicks: MeasuredShare
    opens: MeasuredShare
    answered: int
    called: int
    left: int
    robots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCount:
    """How many people followed a link, or chose an answer."""

    label: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """What became of an issue that left."""

    sent: SentIssue
    readers: Readership
    links: Sequence[PeopleCount]
    answers: Sequence[PeopleCount]


def issue_report(instance: Instance, issue_id: int) -> IssueReport:
    """What became of this issue. Raises NotFoundError before its audience is chosen."""
    with instance.store.reading() as session:
        found = sent_issues(session, only=issue_id)
        if not found:
            raise NotFoundError(_("Ce numéro n’est pas encore parti : il n’a pas de bilan."))
        edition_id = key(found[0].edition.id)
        return IssueReport(
            sent=found[0],
            readers=readership(session, edition_id),
            links=followed_links(session, edition_id),
            answers=poll_answers(session, edition_id),
        )


def readership(session: Session, edition_id: int) -> Readership:
    """What the readers of this edition did."""
    return Readership(
        arrived=_count(session, _arrived(edition_id)),
        clicks=_share(session, edition_id, EventKind.clicked, Axis.clicks),
        opens=_share(session, edition_id, EventKind.opened, Axis.opens),
        answered=_count(session, _people_who(edition_id, EventKind.answered)),
        called=_count(session, _people_who(edition_id, EventKind.callback)),
        left=_count(session, _people_who(edition_id, EventKind.unsubscribed)),
        robots=_count(session, _hits_of_robots(edition_id)),
    )


def followed_links(session: Session, edition_id: int) -> Sequence[PeopleCount]:
    """The links of an edition with the people who followed each, most followed first."""
    people = sa.func.count(sa.distinct(col(Event.subscriber_id)))
    human = sa.and_(
        col(Event.link_id) == col(Link.id),
        col(Event.kind) == EventKind.clicked,
        col(Event.verdict) == Verdict.human,
    )
    rows = session.execute(
        sa.select(col(Link.label), col(Link.url), people)
        .select_from(Link)
        .outerjoin(Event, human)
        .where(col(Link.edition_id) == edition_id, col(Link.kind).not_in((LinkKind.poll, LinkKind.callback)))
        .group_by(col(Link.label), col(Link.url))
        .order_by(people.desc(), col(Link.label))
    ).all()
    return [PeopleCount(label=text or url, people=count) for text, url, count in rows]


def poll_answers(session: Session, edition_id: int) -> Sequence[PeopleCount]:
    """How many people gave each answer of the poll."""
    people = sa.func.count(sa.distinct(col(Event.subscriber_id)))
    rows = session.execute(
        sa.select(col(Event.answer), people)
        .join(Mail, col(Mail.id) == col(Event.mail_id))
        .where(col(Mail.edition_id) == edition_id, col(Event.kind) == EventKind.answered)
        .group_by(col(Event.answer))
    ).all()
    counts = {row[0]: row[1] for row in rows}
    return [PeopleCount(label=label(word), people=counts[word]) for word in Horizon if word in counts]


def _share(session: Session, edition_id: int, kind: EventKind, axis: Axis) -> MeasuredShare:
    measured = _arrived(edition_id).join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id)).where(stands(axis))
    return MeasuredShare(
        count=_count(session, measured.where(_did(kind, col(Event.verdict) == Verdict.human))),
        base=_count(session, measured),
    )


def _arrived(edition_id: int) -> sa.Select[int]:
    return (
        sa.select(sa.func.count())
        .select_from(Mail)
        .where(col(Mail.edition_id) == edition_id, col(Mail.state).in_(ARRIVED_STATES))
    )


def _people_who(edition_id: int, kind: EventKind) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(Mail).where(col(Mail.edition_id) == edition_id, _did(kind))


def _did(kind: EventKind, *more: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Condition on Mail: its reader did this."""
    return sa.exists().where(col(Event.mail_id) == col(Mail.id), col(Event.kind) == kind, *more)


def _hits_of_robots(edition_id: int) -> sa.Select[int]:
    return (
        sa.select(sa.func.count())
        .select_from(Event)
        .join(Mail, col(Mail.id) == col(Event.mail_id))
        .where(col(Mail.edition_id) == edition_id, col(Event.verdict).in_(_ROBOTS))
    )


def _count(session: Session, counting: sa.Select[int]) -> int:
    count: int = session.execute(counting).scalar_one()
    return count
