"""Which adviser gets a lead: the most exact territory rule, somebody who is there and has room, and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from babel.dates import format_date
from sqlmodel import Session, col, select

from newsletter.advisers.people import open_leads
from newsletter.clock import paris_day
from newsletter.i18n import _
from newsletter.store.catalogue import Epci, Sector
from newsletter.store.leads import Adviser, Handover, Lead, TerritoryRule
from newsletter.store.people import Interest
from newsletter.store.portable import insert_new, skip_locked
from newsletter.words import LeadState


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What routing looks at in a lead."""

    epci: str | None = None  # its SIREN
    epci_name: str = ""
    sectors: Mapping[str, str] = field(default_factory=dict)  # code → French name, of the trades they named


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An adviser for a lead, and the sentence that says by which rule."""

    adviser_id: int
    why: str


def choose(
    lead: Place,
    rules: Sequence[TerritoryRule],
    advisers: Sequence[Adviser],
    loads: Mapping[int, int],
    today: date,
) -> Choice | None:
    """The adviser for this lead; None when nobody fits.

    Territory and trade win over territory, territory over trade, trade over a rule for everything. Within one such
    step the one with the fewest open leads, then the one who came first, takes it; whoever is away is replaced by their
    stand-in, and whoever is full is passed over, if need be down to the next step.
    """
    known = {adviser.id: adviser for adviser in advisers if adviser.id is not None}
    for exact_epci, exact_sector in ((True, True), (True, False), (False, True), (False, False)):
        fits = [rule for rule in rules if _fits(rule, lead, epci=exact_epci, sector=exact_sector)]
        found = [(taker, rule) for rule in fits if (taker := _present(known, rule.adviser_id, today)) is not None]
        free = [(t, rule) for t, rule in found if loads.get(_id(t), 0) < t.capacity]
        if free:
            taker, rule = min(free, key=lambda pair: (loads.get(_id(pair[0]), 0), _id(pair[0]), pair[1].id or 0))
            return Choice(adviser_id=_id(taker), why=_why(lead, rule, named=known[rule.adviser_id], taker=taker))
    return None


def _fits(rule: TerritoryRule, lead: Place, *, epci: bool, sector: bool) -> bool:
    """The rule is of this exactness, and covers this lead."""
    return (
        (rule.epci_siren is not None) == epci
        and (rule.sector_code is not None) == sector
        and (not epci or rule.epci_siren == lead.epci)
        and (not sector or rule.sector_code in lead.sectors)
    )


def _present(advisers: Mapping[int, Adviser], wanted: int, today: date) -> Adviser | None:
    """This adviser, or whoever stands in for them today; None when all of them are away."""
    asked: set[int] = set()
    adviser = advisers.get(wanted)
    while adviser is not None and is_away(adviser, today):
        if _id(adviser) in asked:
            return None
        asked.add(_id(adviser))
        adviser = advisers.get(adviser.stand_in_id or 0)
    return adviser


def is_away(adviser: Adviser, today: date) -> bool:
    """Away today; without a last day, until someone writes that they are back."""
    return (
        adviser.absent_from is not None
        and adviser.absent_from <= today
        and (adviser.absent_until is None or today <= adviser.absent_until)
    )


def _id(adviser: Adviser) -> int:
    assert adviser.id is not None
    return adviser.id


def _why(lead: Place, rule: TerritoryRule, *, named: Adviser, taker: Adviser) -> str:
    sector = lead.sectors.get(rule.sector_code or "", "")
    if rule.epci_siren and rule.sector_code:
        words = _("Territoire : {epci} ; métier : {sector}").format(epci=lead.epci_name, sector=sector)
    elif rule.epci_siren:
        words = _("Territoire : {epci}").format(epci=lead.epci_name)
    elif rule.sector_code:
        words = _("Métier : {sector}").format(sector=sector)
    else:
        words = _("Règle générale : aucun référent plus proche")
    if taker.id == named.id:
        return words
    if named.absent_until is None:
        return _("{rule}. Remplace {name}, en congé").format(rule=words, name=named.name)
    until = format_date(named.absent_until, "d MMMM", locale="fr")
    return _("{rule}. Remplace {name}, en congé jusqu’au {day}").format(rule=words, name=named.name, day=until)


def hand_over(session: Session, *, now: datetime) -> list[Handover]:
    """Give each new lead to an adviser, those who asked first; the handovers made.

    A lead is handed over once for ever: the table holds one row per lead. A lead that fits nobody stays new, and the
    next call looks again.
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
    loads, places = open_leads(session), _places(session, leads)
    chosen: dict[int, Choice] = {}
    for lead in leads:
        assert lead.id is not None
        choice = choose(places[lead.id], rules, advisers, loads, paris_day(now))
        if choice is not None:
            chosen[lead.id] = choice
            loads[choice.adviser_id] += 1
    return _write(session, chosen, now=now)


def _places(session: Session, leads: Sequence[Lead]) -> dict[int, Place]:
    """What routing looks at, by lead."""
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
        lead.id: Place(
            epci=lead.epci_siren, epci_name=names.get(lead.epci_siren or "", ""), sectors=trades[lead.subscriber_id]
        )
        for lead in leads
        if lead.id is not None
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
