"""The first page of the back office: what leaves next, who is warm, and what waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from newsletter import pipeline
from newsletter.clock import paris_day
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.balance import Balance, balances
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.throttle.providers import PaceFile
from newsletter.errors import NewsletterError
from newsletter.i18n import _, ngettext
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.store.catalogue import Portrait
from newsletter.store.issues import Edition, Issue
from newsletter.store.leads import Adviser, Handover, Lead
from newsletter.store.ledger import Mail
from newsletter.store.people import Quarantine, SignUp, Subscriber
from newsletter.web.pages import Staff, TheInstance, day, paris, render
from newsletter.words import IssueState, LeadState, MailState, Role

router = APIRouter()
SHOWN = 5
LAST_DAYS = timedelta(days=7)
RIGHT_ENDS_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """An issue that will leave, and how many it reaches; None where its segment cannot be understood."""

    issue: Issue
    reaches: int | None
    late: bool  # it waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheWay:
    issue: Issue
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmReader:
    lead_id: int
    first_name: str
    last_name: str
    because: str
    asked: bool
    since: datetime
    adviser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """Something that only a person can settle, and where."""

    sentence: str
    url: str


@router.get("/bureau")
def home(request: Request, instance: TheInstance, visitor: Staff) -> Response:
    if visitor.role is Role.adviser:
        with instance.store.reading() as session:
            leads = newest_leads(session, of_account=visitor.account_id)
        return render(request, "home/adviser.html", leads=leads)
    now = instance.clock.now()
    with instance.store.reading() as session:
        held = held_back(session, instance)
        coming = next_issues(session)
        values: dict[str, Any] = {
            "sent": issues_on_the_way(session),
            "leads": newest_leads(session),
            "sign_ups": sign_ups_since(session, since=now - LAST_DAYS),
            "to_do": [*held, *to_do(session, now=now)],
        }
    departures = [
        Departure(
            issue=issue,
            reaches=_reaches(instance, issue.segment),
            late=calendar.is_late(issue, now, instance.settings.late_after),
        )
        for issue in coming
    ]
    return render(request, "home/home.html", departures=departures, today=now, **values)


def next_issues(session: Session) -> Sequence[Issue]:
    """Scheduled issues in the order they leave, then those approved, then drafts."""
    order = sa.case({IssueState.scheduled: 0, IssueState.approved: 1}, value=col(Issue.state), else_=2)
    waiting = (IssueState.scheduled, IssueState.approved, IssueState.draft)
    return session.exec(
        select(Issue)
        .where(col(Issue.state).in_(waiting))
        .order_by(order, col(Issue.send_at), col(Issue.id).desc())
        .limit(SHOWN)
    ).all()


def issues_on_the_way(session: Session) -> list[OnTheWay]:
    """What is being sent or held, and the newest that has left, each with its balance."""
    rows = session.exec(
        select(Issue, Edition)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(col(Issue.state).in_((IssueState.sending, IssueState.paused)))
        .order_by(col(Edition.planned_at).desc())
        .limit(SHOWN)
    ).all()
    found = balances(session, [edition.id for _issue, edition in rows if edition.id is not None])
    ways = [OnTheWay(issue=issue, balance=found.get(edition.id or 0, Balance())) for issue, edition in rows]
    moving = [way for way in ways if not way.balance.finished]
    return moving + [way for way in ways if way.balance.finished][:1]


def newest_leads(session: Session, *, of_account: int | None = None) -> list[WarmReader]:
    """Open leads, those who asked to be called first; only this account's own when one is named."""
    wanted = (
        select(Lead, Subscriber, Adviser.name)
        .join(Subscriber, col(Subscriber.id) == col(Lead.subscriber_id))
        .outerjoin(Handover, col(Handover.lead_id) == col(Lead.id))
        .outerjoin(Adviser, col(Adviser.id) == col(Handover.adviser_id))
        .where(col(Lead.state) != LeadState.closed)
        .order_by(col(Lead.asked).desc(), col(Lead.since).desc())
        .limit(SHOWN)
    )
    if of_account is not None:
        wanted = wanted.where(col(Adviser.account_id) == of_account)
    return [
        WarmReader(
            lead_id=lead.id or 0,
            first_name=reader.first_name, last_name=reader.last_name, because=lead.because, asked=lead.asked,
            since=lead.since, adviser=adviser or "",
        )
        for lead, reader, adviser in session.exec(wanted).all()
    ]  # fmt: skip


def sign_ups_since(session: Session, *, since: datetime) -> tuple[int, int]:
    """How many forms of the last days are confirmed, and how many still wait for their confirmation."""
    confirmed = sa.func.count(col(SignUp.confirmed_at))
    asked, done = session.execute(
        sa.select(sa.func.count(), confirmed).select_from(SignUp).where(col(SignUp.asked_at) >= since)
    ).one()
    return done, asked - done


def held_back(session: Session, instance: Instance) -> list[ToDo]:
    """What keeps mails from leaving until a person says so: the lock, an issue that is late, a pace that is broken."""
    home, now = instance.settings.home, instance.clock.now()
    locked = restore_lock.why_locked(session, home)
    pace = PaceFile(home)
    pace.table()
    late = calendar.late(session, now=now, late_after=instance.settings.late_after)
    asks = _("« {title} » devait partir {when} et attend votre accord")
    return [
        *([ToDo(sentence=locked, url="/bureau/verrou")] if locked else []),
        *(
            ToDo(sentence=asks.format(title=one.title, when=paris(one.send_at)), url=f"/bureau/numeros/{one.id}")
            for one in late
            if one.send_at
        ),
        *([ToDo(sentence=pace.trouble, url="/bureau/numeros")] if pace.trouble else []),
    ]


def to_do(session: Session, *, now: datetime) -> list[ToDo]:
    """What the machine will not settle by itself, the most pressing first."""
    return [
        *(ToDo(sentence=why, url="/bureau/numeros") for why in troubles(session)),
        *_counted(
            session, _in_doubt(), "/bureau/numeros",
            _("{n} lettre dans le doute"), _("{n} lettres dans le doute"),
        ),
        *_counted(
            session, _nobodys_leads(), "/bureau/pistes",
            _("{n} piste sans référent"), _("{n} pistes sans référent"),
        ),
        *_counted(
            session, _quarantined(), "/bureau/personnes",
            _("{n} ligne d’import mise de côté : son accord n’est pas clair"),
            _("{n} lignes d’import mises de côté : leur accord n’est pas clair"),
        ),
        *_portraits_to_renew(session, now=now),
    ]  # fmt: skip


def _counted(session: Session, condition: sa.Select[int], url: str, one: str, many: str) -> list[ToDo]:
    count = session.execute(condition).scalar_one()
    return [ToDo(sentence=ngettext(one, many, count).format(n=count), url=url)] if count else []


def _in_doubt() -> sa.Select[int]:
    return sa.select(sa.func.count()).where(col(Mail.state) == MailState.in_doubt)


def _nobodys_leads() -> sa.Select[int]:
    return sa.select(sa.func.count()).where(col(Lead.state) == LeadState.new)


def _quarantined() -> sa.Select[int]:
    return sa.select(sa.func.count(col(Quarantine.id))).where(col(Quarantine.settled_at).is_(None))


def _portraits_to_renew(session: Session, *, now: datetime) -> list[ToDo]:
    today = paris_day(now)
    ending = session.exec(
        select(Portrait)
        .where(col(Portrait.withdrawn_at).is_(None), col(Portrait.image_right_until) <= today + RIGHT_ENDS_SOON)
        .order_by(col(Portrait.image_right_until))
    ).all()
    return [
        ToDo(
            sentence=(
                _("Portrait « {person} » : le droit à l’image finit le {day}")
                if portrait.image_right_until >= today
                else _("Portrait « {person} » : le droit à l’image a fini le {day}")
            ).format(person=portrait.person, day=day(portrait.image_right_until)),
            url="/bureau/catalogue",
        )
        for portrait in ending
    ]


def _reaches(instance: Instance, segment: str) -> int | None:
    try:
        return pipeline.issue_reach(instance, segment).mailable
    except NewsletterError:
        return None
