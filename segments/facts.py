"""What we know of one person, in the words of a segment: the second half of « dedans parce que … »."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.clock import paris_day
from newsletter.countries import country_names
from newsletter.i18n import _
from newsletter.store.activity import Engagement
from newsletter.store.catalogue import Commune, Epci, Partner, Sector
from newsletter.store.people import Consent, Interest, Subscriber
from newsletter.words import Axis, ConsentState, Horizon, label
from segments.fields import AXIS_WORDS, Field
from segments.sql import topics
from segments.tree import Agreed, Begins, Clicked, Dated, Leaf, OneOf, Plans, word_for


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownFacts:
    """What the store holds of a person that a segment may ask about. Empty: not known."""

    country: str
    postcode: str
    horizon: Horizon
    joined_on: date
    met_on: date | None
    partner: str
    commune: str
    epci: str
    sectors: tuple[str, ...]
    said: dict[Axis, ConsentState]


def known_facts(session: Session, subscriber_id: int, asked: Sequence[Leaf]) -> dict[Leaf, str]:
    """For each condition, the fact it looks at: « pays : Belgique »."""
    person = _known(session, subscriber_id)
    return {
        leaf: _clicks(session, subscriber_id, leaf, person) if isinstance(leaf, Clicked) else _fact(leaf, person)
        for leaf in asked
    }


def _known(session: Session, subscriber_id: int) -> _KnownFacts:
    row = session.connection().execute(_described(subscriber_id)).one()
    country, postcode, horizon, joined_at, met_on, partner, commune, epci = row
    return _KnownFacts(
        country=country,
        postcode=postcode,
        horizon=horizon,
        joined_on=paris_day(joined_at),
        met_on=_day(met_on),
        partner=partner or "",
        commune=commune or "",
        epci=epci or "",
        sectors=_sectors(session, subscriber_id),
        said=_said(session, subscriber_id),
    )


def _described(subscriber_id: int) -> Any:
    return (
        sa.select(
            col(Subscriber.country), col(Subscriber.postcode), col(Subscriber.horizon), col(Subscriber.joined_at),
            col(Subscriber.met_on), col(Partner.name), col(Commune.name), col(Epci.name),
        )
        .select_from(Subscriber)
        .outerjoin(Partner, col(Partner.id) == col(Subscriber.partner_id))
        .outerjoin(Commune, col(Commune.insee_code) == col(Subscriber.wished_commune))
        .outerjoin(Epci, col(Epci.siren) == col(Commune.epci_siren))
        .where(col(Subscriber.id) == subscriber_id)
    )  # fmt: skip


def _day(moment: datetime | None) -> date | None:
    return paris_day(moment) if moment else None


def _sectors(session: Session, subscriber_id: int) -> tuple[str, ...]:
    named = (
        sa.select(col(Sector.name_fr))
        .join(Interest, col(Interest.sector_code) == col(Sector.code))
        .where(col(Interest.subscriber_id) == subscriber_id)
        .order_by(col(Sector.name_fr))
    )
    return tuple(session.connection().scalars(named))


def _said(session: Session, subscriber_id: int) -> dict[Axis, ConsentState]:
    """The newest word on each axis; an axis nobody spoke of is absent."""
    history = (
        sa.select(col(Consent.axis), col(Consent.state))
        .where(col(Consent.subscriber_id) == subscriber_id)
        .order_by(col(Consent.id))
    )
    return dict(iter(session.connection().execute(history)))


def _clicks(session: Session, subscriber_id: int, leaf: Clicked, person: _KnownFacts) -> str:
    newest = session.connection().scalar(
        sa.select(sa.func.max(col(Engagement.last_click_day))).where(
            col(Engagement.subscriber_id) == subscriber_id, col(Engagement.topic).in_(topics(leaf.topic, leaf.name))
        )
    )
    if newest is not None:
        return _("dernier clic : {day}").format(day=f"{newest:%d/%m/%Y}")
    if person.said.get(Axis.clicks) is not ConsentState.granted:
        return _("aucun clic connu : la personne n’a pas accepté leur mesure")
    return _("aucun clic")


def _fact(leaf: OneOf | Begins | Plans | Agreed | Dated, person: _KnownFacts) -> str:
    match leaf:
        case OneOf(field, _names):
            return f"{field} : {_value(field, person) or _('inconnu')}"
        case Begins():
            return f"{Field.postcode} : {person.postcode or _('inconnu')}"
        case Plans():
            return f"{Field.horizon} : {label(person.horizon)}"
        case Agreed(axis, _states):
            return f"{word_for(AXIS_WORDS, axis)} : {label(person.said.get(axis, ConsentState.unknown))}"
        case Dated(Field.joined, _bound, _when):
            return _("inscription : {day}").format(day=f"{person.joined_on:%d/%m/%Y}")
        case Dated():
            return _("rencontre : {day}").format(day=f"{person.met_on:%d/%m/%Y}" if person.met_on else _("inconnue"))
        case _:
            assert_never(leaf)


def _value(field: Field, person: _KnownFacts) -> str:
    match field:
        case Field.country:
            return country_names().get(person.country, person.country)
        case Field.postcode:
            return person.postcode
        case Field.sector:
            return ", ".join(person.sectors)
        case Field.partner:
            return person.partner
        case Field.commune:
            return person.commune
        case _:
            return person.epci
