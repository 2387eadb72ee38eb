"""Handing new leads over to advisers: `routing.choose` decides, the table keeps one handover per lead."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.advisers.people import open_leads
from newsletter.advisers.routing import Choice, LeadToRoute, choose
from newsletter.clock import paris_day
from newsletter.store.catalogue import Epci, Sector
from newsletter.store.columns import key
from newsletter.store.leads import Adviser, Handover, Lead, TerritoryRule
from newsletter.store.people import Interest
from newsletter.store.portable import insert_new, skip_locked
from newsletter.words import LeadState


def hand_over(session: Session, *, now: datetime) -> list[Handover]:
    """Give each new lead to an adviser, those who asked first; the handovers made.

    A lead is handed over once for ever: the table is unique on the lead. A lead that no adviser fits stays new and is
    looked at again by the next call.
    """
    waiting = skip_locked(
        select(Lead)
        .where(col(Lead.state) == LeadState.new)
        .order_by(col(Lead.asked).desc(), col(Lead.since), col(Lead.id)),
        session,
        of=Lead,
    )
    leads = list(session.execute(waiting).scalars())
    if not leads:
        return []
    advisers = session.exec(select(Adviser).order_by(col(Adviser.id))).all()
    rules = session.exec(select(TerritoryRule).order_by(col(TerritoryRule.id))).all()
    loads, routed = open_leads(session), _leads_to_route(session, leads)
    chosen: dict[int, Choice] = {}
    for lead in leads:
        choice = choose(routed[key(lead.id)], rules, advisers, loads, paris_day(now))
        if choice is not None:
            chosen[key(lead.id)] = choice
            loads[choice.adviser_id] += 1
    return _write(session, chosen, now=now)


def _leads_to_route(session: Session, leads: Sequence[Lead]) -> dict[int, LeadToRoute]:
    """The inputs of `choose`, by lead id."""
    names = dict(session.execute(sa.select(col(Epci.siren), col(Epci.name))).all())
    trades: dict[int, dict[str, str]] = defaultdict(dict)
    rows = session.execute(
        sa.select(col(Interest.subscriber_id), col(Sector.code), col(Sector.name_fr))
        .join(Sector, col(Sector.code) == col(Interest.sector_code))
        .where(col(Interest.subscriber_id).in_([lead.subscriber_id for lead in leads]))
        .order_by(col(Sector.code))
    )
    for person, code, name in rows:
        trades[person][code] = name
    return {
        key(lead.id): LeadToRoute(
            epci=lead.epci_siren, epci_name=names.get(lead.epci_siren or "", ""), sectors=trades[lead.subscriber_id]
        )
        for lead in leads
    }


def _write(session: Session, chosen: Mapping[int, Choice], *, now: datetime) -> list[Handover]:
    rows = [
        {"lead_id": lead, "adviser_id": choice.adviser_id, "at": now, "why": choice.why}
        for lead, choice in chosen.items()
    ]
    insert_new(session, Handover, rows)
    session.execute(sa.update(Lead).where(col(Lead.id).in_(list(chosen))).values(state=LeadState.handed_over))
    made = select(Handover).where(col(Handover.lead_id).in_(list(chosen))).order_by(col(Handover.id))
    return list(session.exec(made).all())
