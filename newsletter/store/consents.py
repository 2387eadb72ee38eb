"""The consents of the store: appended, never changed (LAW-12). The chain they form is in `consent_chain`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store.consent_chain import ConsentChain, ConsentStanding, ConsentStatement, is_intact, next_row
from newsletter.store.people import Consent, Subscriber
from newsletter.words import Axis, ConsentState

_CHUNK = 500  # subscribers per look-up: below every database's limit on bound values


def record_all(session: Session, said: Sequence[ConsentStatement], *, now: datetime) -> int:
    """Append what subscribers said, in this order, a few statements for all; how many were new.

    Saying what already stands writes nothing.

    The subscribers' rows stay locked until the transaction ends, so two processes never fork a chain.
    """
    known = chains(session, sorted({one.subscriber_id for one in said}), lock=True)
    rows = []
    for one in said:
        chain = known[one.subscriber_id]
        if one.axis in chain.stands and chain.stands[one.axis].state == one.state:
            continue
        rows.append(next_row(chain, one, now=now))
    if rows:
        session.connection().execute(sa.insert(Consent), rows)
    return len(rows)


def current(session: Session, subscriber_id: int) -> dict[Axis, ConsentState]:
    """Where a subscriber stands on every axis; unknown where they never spoke."""
    stands = chains(session, [subscriber_id])[subscriber_id].stands
    return {axis: stands[axis].state if axis in stands else ConsentState.unknown for axis in Axis}


def chains(session: Session, subscriber_ids: Sequence[int], *, lock: bool = False) -> dict[int, ConsentChain]:
    """The chain of each of these subscribers, empty for one who never spoke."""
    found = {number: ConsentChain() for number in subscriber_ids}
    for start in range(0, len(subscriber_ids), _CHUNK):
        some = subscriber_ids[start : start + _CHUNK]
        if lock:
            session.exec(
                select(Subscriber.id).where(col(Subscriber.id).in_(some)).order_by(col(Subscriber.id)).with_for_update()
            ).all()
        for row in session.exec(_said_by(some)):
            chain = found[row.subscriber_id]
            chain.tip = row.hash
            chain.stands[row.axis] = ConsentStanding(row.state, row.at, row.channel)
    return found


def verify_chain(session: Session, subscriber_id: int) -> bool:
    """True while every row of this subscriber is as it was written, and none in between is missing."""
    return is_intact(row.model_dump() for row in session.exec(_said_by([subscriber_id])))


def _said_by(subscriber_ids: Sequence[int]) -> Any:
    return select(Consent).where(col(Consent.subscriber_id).in_(subscriber_ids)).order_by(col(Consent.id))
