"""Whom a segment reaches: how many people, and a sample of them."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.addresses import masked_address
from newsletter.store.catalogue import Partner
from newsletter.store.columns import key
from newsletter.store.people import Subscriber, mailable, stands, suppressed
from newsletter.words import Axis, Horizon
from segments.sql import condition
from segments.tree import Clicked, Tree, leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """`matching = mailable + without_consent + suppressed`, always."""

    matching: int
    mailable: int
    without_consent: int  # they did not say yes to the newsletter
    suppressed: int  # they said yes, and their address is on the suppression list
    unmeasured: (
        int  # of all who may be mailed, those whose clicks are not measured; 0 unless the segment asks for clicks
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A person of a sample; of their address only the first letter and the domain."""

    id: int
    first_name: str
    masked_address: str
    country: str
    partner: str
    horizon: Horizon


def reach(session: Session, tree: Tree, *, today: date) -> Reach:
    """How many people the segment holds, how many of them may be mailed, and why not the others."""
    agreed = stands(Axis.newsletter)
    counted = (
        sa.select(sa.func.count(), _how_many(mailable()), _how_many(~agreed), _how_many(agreed & suppressed()))
        .select_from(Subscriber)
        .where(condition(tree, today=today))
    )
    matching, may_be_mailed, without_consent, off_the_list = session.connection().execute(counted).one()
    return Reach(
        matching=matching,
        mailable=may_be_mailed,
        without_consent=without_consent,
        suppressed=off_the_list,
        unmeasured=_unmeasured(session) if _asks_for_clicks(tree) else 0,
    )


def _how_many(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((which, 1), else_=0)), 0)


def _asks_for_clicks(tree: Tree) -> bool:
    return any(isinstance(leaf, Clicked) for leaf in leaves(tree))


def _unmeasured(session: Session) -> int:
    counted = sa.select(sa.func.count()).select_from(Subscriber).where(mailable(), ~stands(Axis.clicks))
    return int(session.connection().scalar(counted) or 0)


def sample(session: Session, tree: Tree, *, today: date, limit: int = 10) -> tuple[Sampled, ...]:
    """Some people of the segment who may be mailed, in a random order that is the same each time."""
    found = (
        sa.select(
            col(Subscriber.id), col(Subscriber.first_name), col(Subscriber.address), col(Subscriber.country),
            sa.func.coalesce(col(Partner.name), ""), col(Subscriber.horizon),
        )
        .select_from(Subscriber)
        .outerjoin(Partner, col(Partner.id) == col(Subscriber.partner_id))
        .where(condition(tree, today=today), mailable())
        .order_by(col(Subscriber.address_hash))  # a keyed hash: an order that means nothing
        .limit(limit)
    )  # fmt: skip
    return tuple(
        Sampled(
            id=key(number),
            first_name=first_name,
            masked_address=masked_address(address),
            country=country,
            partner=partner,
            horizon=horizon,
        )
        for number, first_name, address, country, partner, horizon in session.connection().execute(found)
    )
