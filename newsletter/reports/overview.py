"""The first page of the back office: what leaves next, what is on its way, who is warm, who signed up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.balance import Balance, balances
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.reports.issues import mailable_of
from newsletter.reports.waiting import ToDo, to_do
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.leads import Adviser, Handover, Lead
from newsletter.store.people import SignUp, Subscriber
from newsletter.words import IssueState, LeadState

_SHOWN = 5
_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """An issue that will leave, and how many it reaches; None where its segment cannot be understood."""

    issue: Issue
    reaches: int | None
    late: bool  # it waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheWay:
    """An issue that is being sent or held, or the newest that has left."""

    issue: Issue
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmReader:
    """An open lead as the first page names it."""

    lead_id: int
    first_name: str
    last_name: str
    because: str
    asked: bool
    since: datetime
    adviser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpCount:
    """How many forms of the last days are confirmed, and how many still wait for their confirmation."""

    confirmed: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the team needs to know first."""

    departures: Sequence[Departure]
    sent: Sequence[OnTheWay]
    leads: Sequence[WarmReader]
    sign_ups: SignUpCount
    to_do: Sequence[ToDo]


def overview(instance: Instance) -> Overview:
    """What the marketing team needs to know first."""
    now = instance.clock.now()
    with instance.store.reading() as session:
        return Overview(
            departures=[
                Departure(
                    issue=issue,
                    reaches=mailable_of(session, issue.segment, now=now),
                    late=calendar.is_late(issue, now, instance.settings.late_after),
                )
                for issue in _next_issues(session)
            ],
            sent=_on_the_way(session),
            leads=_newest_leads(session),
            sign_ups=_sign_ups_since(session, since=now - _RECENT),
            to_do=to_do(session, instance),
        )


def own_leads(instance: Instance, account_id: int) -> list[WarmReader]:
    """The newest open leads of the adviser who logs in with this account."""
    with instance.store.reading() as session:
        return _newest_leads(session, of_account=account_id)


def _next_issues(session: Session) -> Sequence[Issue]:
    """Scheduled issues in the order they leave, then those approved, then drafts."""
    order = sa.case({IssueState.scheduled: 0, IssueState.approved: 1}, value=col(Issue.state), else_=2)
    waiting = (IssueState.scheduled, IssueState.approved, IssueState.draft)
    return session.exec(
        select(Issue)
        .where(col(Issue.state).in_(waiting))
        .order_by(order, col(Issue.send_at), col(Issue.id).desc())
        .limit(_SHOWN)
    ).all()


def _on_the_way(session: Session) -> list[OnTheWay]:
    """What is being sent or held, and the newest that has left, each with its balance."""
    rows = session.exec(
        select(Issue, Edition)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(col(Issue.state).in_((IssueState.sending, IssueState.paused)))
        .order_by(col(Edition.planned_at).desc())
        .limit(_SHOWN)
    ).all()
    found = balances(session, [key(edition.id) for _issue, edition in rows])
    ways = [OnTheWay(issue=issue, balance=found.get(key(edition.id), Balance())) for issue, edition in rows]
    moving = [way for way in ways if not way.balance.finished]
    return moving + [way for way in ways if way.balance.finished][:1]


def _newest_leads(session: Session, *, of_account: int | None = None) -> list[WarmReader]:
    """Open leads, those who asked to be called first; only this account's own when one is named."""
    wanted = (
        select(Lead, Subscriber, Adviser.name)
        .join(Subscriber, col(Subscriber.id) == col(Lead.subscriber_id))
        .outerjoin(Handover, col(Handover.lead_id) == col(Lead.id))
        .outerjoin(Adviser, col(Adviser.id) == col(Handover.adviser_id))
        .where(col(Lead.state) != LeadState.closed)
        .order_by(col(Lead.asked).desc(), col(Lead.since).desc())
        .limit(_SHOWN)
    )
    if of_account is not None:
        wanted = wanted.where(col(Adviser.account_id) == of_account)
    return [
        WarmReader(
            lead_id=key(lead.id),
            first_name=reader.first_name,
            last_name=reader.last_name,
            because=lead.because,
            asked=lead.asked,
            since=lead.since,
            adviser=adviser or "",
        )
        for lead, reader, adviser in session.exec(wanted).all()
    ]


def _sign_ups_since(session: Session, *, since: datetime) -> SignUpCount:
    confirmed = sa.func.count(col(SignUp.confirmed_at))
    asked, done = session.execute(
        sa.select(sa.func.count(), confirmed).select_from(SignUp).where(col(SignUp.asked_at) >= since)
    ).one()
    return SignUpCount(confirmed=done, waiting=asked - done)
