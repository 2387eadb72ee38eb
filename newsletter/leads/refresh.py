"""From events to warmth, and from warmth to leads. Repeating it changes nothing; scanners never count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from newsletter.clock import paris_day
from newsletter.leads.rules import ActKind
from newsletter.leads.warmth import Act, because, score, warm_since
from newsletter.store.activity import Event
from newsletter.store.catalogue import Commune, Employer, Opening, Partner, Sector
from newsletter.store.issues import Link
from newsletter.store.leads import Handover, Lead, Outcome, Warmth
from newsletter.store.people import Subscriber, stands, suppressed
from newsletter.store.portable import insert_new, upsert
from newsletter.words import Axis, EventKind, Horizon, LeadState, LinkKind, Verdict

PEOPLE_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsUpdated:
    """What one refresh found."""

    people: int = 0  # with at least one act
    new_leads: int = 0
    withdrawn: int = 0  # leads whose person may no longer be called


def update_leads(session: Session, *, now: datetime, since: datetime | None = None) -> LeadsUpdated:
    """Bring warmth and leads to what the judged events say.

    Leads are those who may be called (`callable_by_adviser`) and are warm enough, or asked for it. A person who takes
    their yes back is a lead no more. With `since`, only people who did something after it are looked at again.
    """
    active = select(col(Event.subscriber_id)).where(col(Event.verdict) == Verdict.human).distinct()
    if since is not None:
        active = active.where(col(Event.at) >= since)
    people = sorted(session.exec(active).all())
    if since is None:
        session.execute(sa.delete(Warmth).where(col(Warmth.subscriber_id).not_in(active)))
    withdrawn = _withdraw(session)
    new = sum(_refresh_some(session, part, now=now) for part in _parts(people))
    return LeadsUpdated(people=len(people), new_leads=new, withdrawn=withdrawn)


def callable_by_adviser() -> sa.ColumnElement[bool]:
    """Condition on Subscriber: they agreed to be called, and have not left us."""
    return sa.and_(stands(Axis.adviser), ~suppressed())


def _parts(people: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(people)
    while part := list(islice(rest, PEOPLE_AT_A_TIME)):
        yield part


def _withdraw(session: Session) -> int:
    """Forget the leads nobody has yet whose person may no longer be called, and close those an adviser has."""
    gone = sa.select(col(Subscriber.id)).where(~callable_by_adviser())
    theirs = col(Lead.subscriber_id).in_(gone)
    open_ = col(Lead.state) == LeadState.handed_over
    count = session.execute(
        sa.select(sa.func.count()).select_from(Lead).where(theirs, col(Lead.state) != LeadState.closed)
    ).scalar_one()
    session.execute(sa.delete(Lead).where(theirs, col(Lead.state) == LeadState.new))
    session.execute(sa.update(Lead).where(theirs, open_).values(state=LeadState.closed))
    return int(count)


def _refresh_some(session: Session, people: Sequence[int], *, now: datetime) -> int:
    """Warmth and leads of these people; how many leads are new."""
    acts = _acts(session, people)
    warmth = [
        {
            "subscriber_id": person,
            "score": score(theirs),
            "because": because(theirs, now),
            "last_act_at": max(act.at for act in theirs),
        }
        for person, theirs in acts.items()
    ]
    upsert(session, Warmth, warmth, key=["subscriber_id"], replace=["score", "because", "last_act_at"])
    warm = {person: since for person, theirs in acts.items() if (since := warm_since(theirs, now=now))}
    asked = {person: _last_asked(theirs) for person, theirs in acts.items()}
    rows = [
        {
            "subscriber_id": person,
            "state": LeadState.new,
            "since": warm[person],
            "because": because(acts[person], now),
            "asked": asked[person] is not None,
            "epci_siren": epci,
        }
        for person, epci in _callable(session, list(warm))
    ]
    new = insert_new(session, Lead, rows)
    _update_existing(session, rows, asked=asked)
    return new


def _last_asked(acts: Sequence[Act]) -> datetime | None:
    return max((act.at for act in acts if act.kind == ActKind.asked), default=None)


def _callable(session: Session, people: Sequence[int]) -> list[tuple[int, str | None]]:
    """Those of these people who may be called, each with the EPCI of where they wish to live, else of where we met."""
    wished, met = aliased(Commune), aliased(Commune)
    rows = session.execute(
        sa.select(col(Subscriber.id), sa.func.coalesce(col(wished.epci_siren), col(met.epci_siren)))
        .outerjoin(wished, col(wished.insee_code) == col(Subscriber.wished_commune))
        .outerjoin(Partner, col(Partner.id) == col(Subscriber.partner_id))
        .outerjoin(met, col(met.insee_code) == col(Partner.commune_code))
        .where(col(Subscriber.id).in_(people), callable_by_adviser())
        .order_by(col(Subscriber.id))
    )
    return [(person, epci) for person, epci in rows]


def _update_existing(session: Session, rows: Sequence[dict[str, Any]], *, asked: dict[int, datetime | None]) -> None:
    """Update the leads that exist: why, whether they asked, and, while they are not handed over, the territory.

    A closed lead opens again, with the same adviser, when the person asks to be called after the last outcome.
    """
    now_known = {row["subscriber_id"]: row for row in rows}
    leads = session.execute(
        sa.select(Lead, sa.func.max(col(Outcome.at)).label("heard"), sa.func.max(col(Handover.at)).label("handed_over"))
        .outerjoin(Handover, col(Handover.lead_id) == col(Lead.id))
        .outerjoin(Outcome, col(Outcome.handover_id) == col(Handover.id))
        .where(col(Lead.subscriber_id).in_(list(now_known)))
        .group_by(col(Lead.id))
    ).all()
    for lead, heard, handed_over in leads:
        row = now_known[lead.subscriber_id]
        wish = asked[lead.subscriber_id]
        lead.because, lead.asked = row["because"], row["asked"]
        if lead.state == LeadState.new:
            lead.epci_siren = row["epci_siren"]
        if lead.state == LeadState.closed and wish and handed_over and wish > (heard or handed_over):
            lead.state = LeadState.handed_over
        session.add(lead)
    session.flush()


def _acts(session: Session, people: Sequence[int]) -> dict[int, list[Act]]:
    """What these people did that counts.

    A link counts once per mail and day however often it was clicked, and of a mail's poll only the last answer.
    """
    found: dict[int, dict[tuple[Any, ...], Act]] = defaultdict(dict)
    for event in _human_events(session, people):
        kind = _kind_of(event.kind, event.link_kind)
        if kind is not None:
            horizon = Horizon(event.answer) if event.answer in set(Horizon) else Horizon.unknown
            once = () if kind == ActKind.answered else (event.link_id, paris_day(event.at))
            act = Act(kind=kind, at=event.at, horizon=horizon, sector=event.trade or "")
            found[event.subscriber_id][kind, event.mail_id, *once] = act
    return {person: list(theirs.values()) for person, theirs in found.items()}


def _kind_of(event: EventKind, link: LinkKind | None) -> ActKind | None:
    match event:
        case EventKind.opened:
            return ActKind.opened
        case EventKind.clicked:
            return ActKind.opening if link == LinkKind.opening else ActKind.read
        case EventKind.answered:
            return ActKind.answered
        case EventKind.callback:
            return ActKind.asked
        case EventKind.unsubscribed:
            return None


def _human_events(session: Session, people: Sequence[int]) -> Iterable[Any]:
    """Their events that a person meant, oldest first, with the link's kind and the trade it speaks of."""
    offering = aliased(Employer)
    trade = sa.func.coalesce(col(Link.sector_code), col(Employer.sector_code), col(offering.sector_code))
    return session.execute(
        sa.select(
            col(Event.subscriber_id),
            col(Event.mail_id),
            col(Event.link_id),
            col(Event.kind),
            col(Event.at),
            col(Event.answer),
            col(Link.kind).label("link_kind"),
            col(Sector.name_fr).label("trade"),
        )
        .outerjoin(Link, col(Link.id) == col(Event.link_id))
        .outerjoin(Employer, col(Employer.id) == col(Link.employer_id))
        .outerjoin(Opening, col(Opening.id) == col(Link.opening_id))
        .outerjoin(offering, col(offering.id) == col(Opening.employer_id))
        .outerjoin(Sector, col(Sector.code) == trade)
        .where(col(Event.subscriber_id).in_(people), col(Event.verdict) == Verdict.human)
        .order_by(col(Event.at), col(Event.id))
    )
