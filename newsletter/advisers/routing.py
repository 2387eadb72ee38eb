"""Which adviser gets a lead, and why: the most exact rule, then one who is present and below capacity. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date

from newsletter.i18n import _
from newsletter.store.columns import key
from newsletter.store.leads import Adviser, TerritoryRule


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadToRoute:
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
    lead: LeadToRoute,
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
    known = {key(adviser.id): adviser for adviser in advisers}
    for exact_epci, exact_sector in ((True, True), (True, False), (False, True), (False, False)):
        fits = [rule for rule in rules if _fits(rule, lead, epci=exact_epci, sector=exact_sector)]
        found = [(taker, rule) for rule in fits if (taker := _present(known, rule.adviser_id, today)) is not None]
        free = [(t, rule) for t, rule in found if loads.get(key(t.id), 0) < t.capacity]
        if free:
            taker, rule = min(free, key=lambda pair: (loads.get(key(pair[0].id), 0), key(pair[0].id), key(pair[1].id)))
            return Choice(adviser_id=key(taker.id), why=_why(lead, rule, named=known[rule.adviser_id], taker=taker))
    return None


def _fits(rule: TerritoryRule, lead: LeadToRoute, *, epci: bool, sector: bool) -> bool:
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
        if key(adviser.id) in asked:
            return None
        asked.add(key(adviser.id))
        adviser = advisers.get(adviser.stand_in_id) if adviser.stand_in_id is not None else None
    return adviser


def is_away(adviser: Adviser, today: date) -> bool:
    """Away today; without a last day, until someone writes that they are back."""
    return (
        adviser.absent_from is not None
        and adviser.absent_from <= today
        and (adviser.absent_until is None or today <= adviser.absent_until)
    )


def _why(lead: LeadToRoute, rule: TerritoryRule, *, named: Adviser, taker: Adviser) -> str:
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
