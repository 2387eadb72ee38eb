"""What a person agreed to: appended, never changed, each row chained to the one before (LAW-12).

The hash of a row is SHA-256 over the previous row's hash and the row in a canonical form, so that a row that was
changed, removed or slipped in shows when the chain is verified.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store.people import Consent, Subscriber
from newsletter.wordings import Wording
from newsletter.words import Axis, Channel, ConsentState

CHUNK = 500  # subscribers per look-up: below every database's limit on bound values


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing one subscriber said on one axis, at `at`."""

    subscriber_id: int
    axis: Axis
    state: ConsentState
    at: datetime
    channel: Channel
    wording: Wording
    proof: str


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a person stands on an axis, since when, and how we know."""

    state: ConsentState
    at: datetime
    channel: Channel


@dataclass(slots=True)
class Chain:
    """A subscriber's chain as far as it was read: the newest hash, and where they stand on each axis they spoke of."""

    tip: str = ""
    stands: dict[Axis, Stand] = field(default_factory=dict)


def record_all(session: Session, said: Sequence[Said], *, now: datetime) -> int:
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
        rows.append(_next_row(chain, one, now=now))
    if rows:
        session.connection().execute(sa.insert(Consent), rows)
    return len(rows)


def current(session: Session, subscriber_id: int) -> dict[Axis, ConsentState]:
    """Where a subscriber stands on every axis; unknown where they never spoke."""
    stands = chains(session, [subscriber_id])[subscriber_id].stands
    return {axis: stands[axis].state if axis in stands else ConsentState.unknown for axis in Axis}


def chains(session: Session, subscriber_ids: Sequence[int], *, lock: bool = False) -> dict[int, Chain]:
    """The chain of each of these subscribers, empty for one who never spoke."""
    found = {number: Chain() for number in subscriber_ids}
    for start in range(0, len(subscriber_ids), CHUNK):
        some = subscriber_ids[start : start + CHUNK]
        if lock:
            session.exec(
                select(Subscriber.id).where(col(Subscriber.id).in_(some)).order_by(col(Subscriber.id)).with_for_update()
            ).all()
        for row in session.exec(_said_by(some)):
            chain = found[row.subscriber_id]
            chain.tip = row.hash
            chain.stands[row.axis] = Stand(row.state, row.at, row.channel)
    return found


def verify_chain(session: Session, subscriber_id: int) -> bool:
    """True while every row of this subscriber is as it was written, and none in between is missing."""
    tip = ""
    for row in session.exec(_said_by([subscriber_id])):
        if row.previous_hash != tip or row.hash != _hash(tip, row.model_dump()):
            return False
        tip = row.hash
    return True


def _said_by(subscriber_ids: Sequence[int]) -> Any:
    return select(Consent).where(col(Consent.subscriber_id).in_(subscriber_ids)).order_by(col(Consent.id))


def _next_row(chain: Chain, said: Said, *, now: datetime) -> dict[str, Any]:
    """The row that continues the chain, which moves on to it."""
    row: dict[str, Any] = {
        "subscriber_id": said.subscriber_id,
        "axis": said.axis,
        "state": said.state,
        "at": said.at,
        "recorded_at": now,
        "channel": said.channel,
        "wording": said.wording.text,
        "wording_version": said.wording.version,
        "proof": said.proof,
    }
    row |= {"previous_hash": chain.tip, "hash": _hash(chain.tip, row)}
    chain.tip = row["hash"]
    chain.stands[said.axis] = Stand(said.state, said.at, said.channel)
    return row


_COVERED = ("subscriber_id", "axis", "state", "at", "recorded_at", "channel", "wording", "wording_version", "proof")


def _hash(previous: str, row: dict[str, Any]) -> str:
    canonical = json.dumps([previous, *(_plain(row[name]) for name in _COVERED)], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> str | int:
    """A value as text that reads the same from every database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if isinstance(value, int) else str(value)
