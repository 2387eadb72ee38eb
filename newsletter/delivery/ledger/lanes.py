"""Lanes: the routes by which mails leave, each with its limits, its pause and the reason why it does not send."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from newsletter.store.ledger import Lane
from newsletter.store.portable import upsert

DEFAULT_LANE = "default"
PER_MINUTE = 6000


def open_lane(session: Session, *, connections: int) -> None:
    """Make the lane that editions leave by, or give it this many connections at once."""
    upsert(session, Lane, [new_lane() | {"connections": connections}], key=["name"], replace=["connections"])


def new_lane() -> dict[str, Any]:
    """The row of the default lane until somebody changes it."""
    return {"name": DEFAULT_LANE, "per_minute": PER_MINUTE, "connections": 4, "why": ""}


def lanes(session: Session) -> Sequence[Lane]:
    """All lanes, by name."""
    return session.exec(select(Lane).order_by(col(Lane.name))).all()


def troubles(session: Session) -> list[str]:
    """Why lanes do not send at present, in French sentences."""
    return [why for why in session.exec(select(Lane.why).where(col(Lane.why) != "")).all() if why]
