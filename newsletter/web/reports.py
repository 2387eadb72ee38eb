"""What became of the issues that left: every figure is a count over rows, and says of whom (never "38 %" alone)."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.balance import Balance, balances
from newsletter.errors import NotFoundError
from newsletter.i18n import _, ngettext
from newsletter.store.activity import Event
from newsletter.store.issues import Edition, Issue, Link
from newsletter.store.ledger import Mail
from newsletter.store.people import Subscriber, stands
from newsletter.web.pages import Marketing, TheInstance, number, render
from newsletter.words import Axis, EventKind, Horizon, LinkKind, MailState, Verdict, label

router = APIRouter()
ARRIVED = (MailState.accepted, MailState.settled)
ROBOTS = (Verdict.scanner, Verdict.prefetch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
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
    clicks: Share
    opens: Share
    answered: int
    called: int
    left: int
    robots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How many people followed a link, or chose an answer."""

    label: str
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentIssue:
    issue: Issue
    edition: Edition
    balance: Balance


@router.get("/bureau/bilans")
def list_reports(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    with instance.store.reading() as session:
        sent = sent_issues(session)
    return render(request, "reports/list.html", sent=sent)


@router.get("/bureau/bilans/{issue_id}")
def issue_report(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.reading() as session:
        found = sent_issues(session, only=issue_id)
        if not found:
            raise NotFoundError(_("Ce numéro n’est pas encore parti : il n’a pas de bilan."))
        edition_id = found[0].edition.id or 0
        readers = readership(session, edition_id)
        links = followed_links(session, edition_id)
        answers = poll_answers(session, edition_id)
    return render(
        request,
        "reports/issue.html",
        sent=found[0],
        readers=readers,
        links=links,
        answers=answers,
        clicks_said=share_said(readers.clicks, _("ont cliqué")),
        opens_said=share_said(readers.opens, _("ont ouvert")),
    )


def share_said(share: Share, did: str) -> str:
    """ "38 % des 212 personnes qui ont accepté la mesure ont cliqué (81)"; honest words where nobody accepted."""
    if not share.base:
        return _("Personne n’a accepté cette mesure : nous ne mesurons donc rien.")
    return ngettext(
        "Une seule personne a accepté la mesure : {count} sur 1.",
        "{percent} % des {base} personnes qui ont accepté la mesure {did} ({count}).",
        share.base,
    ).format(percent=share.percent, base=number(share.base), did=did, count=number(share.count))


def sent_issues(session: Session, *, only: int | None = None) -> list[SentIssue]:
    """Issues whose audience was frozen, newest first."""
    wanted = (
        select(Issue, Edition)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(col(Edition.planned_at).is_not(None))
        .order_by(col(Edition.planned_at).desc())
    )
    rows = session.exec(wanted if only is None else wanted.where(col(Issue.id) == only)).all()
    found = balances(session, [edition.id for _issue, edition in rows if edition.id is not None])
    return [
        SentIssue(issue=issue, edition=edition, balance=found.get(edition.id or 0, Balance()))
        for issue, edition in rows
    ]


def readership(session: Session, edition_id: int) -> Readership:
    return Readership(
        arrived=_count(session, _arrived(edition_id)),
        clicks=_share(session, edition_id, EventKind.clicked, Axis.clicks),
        opens=_share(session, edition_id, EventKind.opened, Axis.opens),
        answered=_count(session, _people_who(edition_id, EventKind.answered)),
        called=_count(session, _people_who(edition_id, EventKind.callback)),
        left=_count(session, _people_who(edition_id, EventKind.unsubscribed)),
        robots=_count(session, _hits_of_robots(edition_id)),
    )


def followed_links(session: Session, edition_id: int) -> Sequence[Followed]:
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
    return [Followed(label=text or url, people=count) for text, url, count in rows]


def poll_answers(session: Session, edition_id: int) -> Sequence[Followed]:
    """How many people gave each answer of the poll."""
    people = sa.func.count(sa.distinct(col(Event.subscriber_id)))
    rows = session.execute(
        sa.select(col(Event.answer), people)
        .join(Mail, col(Mail.id) == col(Event.mail_id))
        .where(col(Mail.edition_id) == edition_id, col(Event.kind) == EventKind.answered)
        .group_by(col(Event.answer))
    ).all()
    counts = {row[0]: row[1] for row in rows}
    return [Followed(label=label(word), people=counts[word]) for word in Horizon if word in counts]


def _share(session: Session, edition_id: int, kind: EventKind, axis: Axis) -> Share:
    measured = _arrived(edition_id).join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id)).where(stands(axis))
    return Share(
        count=_count(session, measured.where(_did(kind, col(Event.verdict) == Verdict.human))),
        base=_count(session, measured),
    )


def _arrived(edition_id: int) -> sa.Select[int]:
    return (
        sa.select(sa.func.count())
        .select_from(Mail)
        .where(col(Mail.edition_id) == edition_id, col(Mail.state).in_(ARRIVED))
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
        .where(col(Mail.edition_id) == edition_id, col(Event.verdict).in_(ROBOTS))
    )


def _count(session: Session, counting: sa.Select[int]) -> int:
    count: int = session.execute(counting).scalar_one()
    return count
