"""Who may see which lead, and what they see: leads, the advisers with their territories, and the form of one of them.

`own_account` is the account whose leads alone may be seen and written to, an adviser's own; None is the team, who sees
everybody's. Somebody else's lead is answered like one that does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from newsletter.advisers import cards, outcome, people
from newsletter.advisers.cards import Card
from newsletter.advisers.people import Territory
from newsletter.advisers.routing import is_away
from newsletter.store.catalogue import Epci, Sector
from newsletter.store.columns import key
from newsletter.store.leads import Adviser
from newsletter.store.staff import Account
from newsletter.words import LeadState, OutcomeKind

_NOBODY = 0  # the number of no adviser: whose leads an account sees before it is tied to an adviser


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadList:
    """Leads, and the advisers they can be narrowed to."""

    cards: Sequence[Card]
    advisers: Sequence[Adviser]
    chosen: int | None  # the adviser whose leads these are; None for everybody's
    unknown_adviser: bool  # this account is tied to no adviser yet


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserList:
    """The advisers with what each may take."""

    advisers: Sequence[Adviser]
    rules: Mapping[int, Sequence[Territory]]  # adviser → their territories
    away: frozenset[int]
    loads: Mapping[int, int]  # adviser → open leads

    @property
    def catch_all(self) -> bool:
        """Whether a territory takes what no other one does."""
        return any(not rule.epci and not rule.sector for rules in self.rules.values() for rule in rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviserChoices:
    """What the form of an adviser offers."""

    others: Sequence[Adviser]
    accounts: Sequence[Account]
    rules: Sequence[Territory]
    epcis: Sequence[Epci]
    sectors: Sequence[Sector]


def lead_list(session: Session, *, own_account: int | None, adviser_id: int | None = None) -> LeadList:
    """The leads of one adviser or, for the team, of the adviser asked for, or everybody's."""
    whose = _whose(session, own_account, adviser_id)
    return LeadList(
        cards=cards.cards(session, adviser_id=whose),
        advisers=people.advisers(session),
        chosen=adviser_id if whose else None,
        unknown_adviser=own_account is not None and whose == _NOBODY,
    )


def open_cards(session: Session, *, own_account: int | None, adviser_id: int | None = None) -> Sequence[Card]:
    """The leads that were handed over and are not closed, for a file."""
    whose = _whose(session, own_account, adviser_id)
    return cards.cards(session, adviser_id=whose, state=LeadState.handed_over)


def open_cards_of(session: Session, name: str) -> Sequence[Card]:
    """The open leads of the adviser with this name. Raises NotFoundError."""
    return cards.cards(session, adviser_id=people.adviser_named(session, name).id, state=LeadState.handed_over)


def lead_card(session: Session, lead_id: int, *, own_account: int | None) -> Card:
    """One lead. Raises NotFoundError when there is none, or when it is somebody else's."""
    return cards.card(session, lead_id, adviser_id=_whose(session, own_account, None))


def note_outcome(
    session: Session,
    lead_id: int,
    *,
    own_account: int | None,
    account_id: int,
    kind: OutcomeKind,
    note: str,
    now: datetime,
) -> None:
    """Note what came of a call. Raises NotFoundError as `lead_card` does."""
    outcome.record_outcome(
        session,
        adviser_id=_whose(session, own_account, None),
        lead_id=lead_id,
        kind=kind,
        note=note,
        account_id=account_id,
        now=now,
    )


def adviser_list(session: Session, *, today: date) -> AdviserList:
    """Every adviser, by name."""
    everyone, rules = people.advisers(session), people.territories(session)
    return AdviserList(
        advisers=everyone,
        rules={key(one.id): [rule for rule in rules if rule.adviser_id == one.id] for one in everyone},
        away=frozenset(key(one.id) for one in everyone if is_away(one, today)),
        loads=people.open_leads(session),
    )


def adviser_choices(session: Session, *, adviser_id: int | None) -> AdviserChoices:
    """What the form of this adviser offers; of a new one without a number."""
    return AdviserChoices(
        others=[one for one in people.advisers(session) if one.id != adviser_id],
        accounts=people.accounts(session),
        rules=[rule for rule in people.territories(session) if rule.adviser_id == adviser_id],
        epcis=session.exec(select(Epci).order_by(col(Epci.name))).all(),
        sectors=session.exec(select(Sector).order_by(col(Sector.name_fr))).all(),
    )


def _whose(session: Session, own_account: int | None, adviser_id: int | None) -> int | None:
    """Whose leads: an adviser's own whatever they ask for; for the team, those asked for, or everybody's (None)."""
    if own_account is None:
        return adviser_id
    own = people.adviser_of(session, own_account)
    return key(own.id) if own is not None else _NOBODY
