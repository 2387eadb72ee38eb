"""What a person agreed to, as a chain of rows (LAW-12). Pure.

The hash of a row is SHA-256 over the previous row's hash and the row in a canonical form, so that a row that was
changed, removed or slipped in shows when the chain is verified.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from newsletter.wordings import Wording
from newsletter.words import Axis, Channel, ConsentState


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStatement:
    """One thing one subscriber said on one axis, at `at`."""

    subscriber_id: int
    axis: Axis
    state: ConsentState
    at: datetime
    channel: Channel
    wording: Wording
    proof: str


@dataclass(frozen=True, slots=True)
class ConsentStanding:
    """Where a person stands on an axis, since when, and how we know."""

    state: ConsentState
    at: datetime
    channel: Channel


@dataclass(slots=True)
class ConsentChain:
    """A subscriber's chain as far as it was read: the newest hash, and where they stand on each axis they spoke of."""

    tip: str = ""
    stands: dict[Axis, ConsentStanding] = field(default_factory=dict)


def next_row(chain: ConsentChain, said: ConsentStatement, *, now: datetime) -> dict[str, Any]:
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
    row |= {"previous_hash": chain.tip, "hash": _row_hash(chain.tip, row)}
    chain.tip = row["hash"]
    chain.stands[said.axis] = ConsentStanding(said.state, said.at, said.channel)
    return row


_COVERED = ("subscriber_id", "axis", "state", "at", "recorded_at", "channel", "wording", "wording_version", "proof")


def is_intact(rows: Iterable[Mapping[str, Any]]) -> bool:
    """True while every one of these rows, oldest first, is as it was written, and none in between is missing."""
    tip = ""
    for row in rows:
        if row["previous_hash"] != tip or row["hash"] != _row_hash(tip, row):
            return False
        tip = row["hash"]
    return True


def _row_hash(previous: str, row: Mapping[str, Any]) -> str:
    canonical = json.dumps([previous, *(_plain(row[name]) for name in _COVERED)], ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> str | int:
    """A value as text that reads the same from every database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if isinstance(value, int) else str(value)
