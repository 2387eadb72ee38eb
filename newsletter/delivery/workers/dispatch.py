"""Waking senders: a hint says "this lane may have work", and nothing else.

The ledger alone decides who sends what (ledger/leases.py). A hint that is lost, doubled, late or stuck changes who
sends when, never who gets what: every dispatcher also sweeps the ledger for lanes with a batch that may be claimed.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.errors import NewsletterError
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch
from newsletter.words import IssueState

SWEEP_SECONDS = 2.0
STOP_POLL_SECONDS = 0.2
"""How long an idle process takes to see that it is to stop."""
_MOST_LANES = 16

DrainLane = Callable[[str], object]
"""Sends what is due on the lane of this name, until nothing is."""

_log = logging.getLogger(__name__)


class Dispatcher(Protocol):
    """Brings lanes that may have work to processes that can send."""

    def hint(self, lane: str) -> None:
        """Say that this lane may have work; many hints that wait are one. Never raises, promises nothing."""
        ...

    def run(self, drain: DrainLane, *, claimable: Callable[[], Iterable[str]], stopping: Callable[[], bool]) -> None:
        """Drain each lane that is hinted at, or that a sweep finds `claimable`, until `stopping`.

        Lanes do not wait for each other; a lane is drained once at a time by this process. A drain or a sweep that
        raises is logged, and tried again. What is being drained when it stops ends first.
        """
        ...


@dataclass(slots=True)
class LocalDispatcher:
    """Hints within one process, for SQLite and for `--no-hints`: other processes find work by sweeping."""

    sweep_seconds: float = SWEEP_SECONDS
    _hints: set[str] = field(default_factory=set)
    _woken: threading.Event = field(default_factory=threading.Event)

    def hint(self, lane: str) -> None:
        self._hints.add(lane)
        self._woken.set()

    def run(self, drain: DrainLane, *, claimable: Callable[[], Iterable[str]], stopping: Callable[[], bool]) -> None:
        running: dict[str, Future[None]] = {}
        next_sweep = 0.0
        with ThreadPoolExecutor(_MOST_LANES, thread_name_prefix="lane") as lanes:
            while not stopping():
                if time.monotonic() >= next_sweep:
                    self._hints.update(sweep_lanes(claimable))
                    next_sweep = time.monotonic() + self.sweep_seconds
                for lane in [lane for lane in self._hints if lane not in running or running[lane].done()]:
                    self._hints.discard(lane)
                    running[lane] = lanes.submit(drain_or_log, drain, lane)
                self._woken.wait(STOP_POLL_SECONDS)
                self._woken.clear()


def drain_or_log(drain: DrainLane, lane: str) -> None:
    """Drain, and log what goes wrong: the lane is drained again with the next hint or sweep."""
    try:
        drain(lane)
    except NewsletterError as error:
        _log.warning("lane %s: %s", lane, error)
    except Exception:  # noqa: BLE001  a fault of ours on one lane holds no other lane up
        _log.exception("lane %s could not be drained", lane)


def sweep_lanes(claimable: Callable[[], Iterable[str]]) -> set[str]:
    """The lanes that a sweep finds; none when the store does not answer, which is logged."""
    try:
        return set(claimable())
    except Exception as error:  # noqa: BLE001  the store may be away for a while
        _log.warning("the lanes could not be looked at: %s", type(error).__name__)
        return set()


def claimable_lanes(session: Session, *, now: datetime) -> list[str]:
    """The lanes with a batch that is due and not leased. May name a lane too many, never one too few."""
    free = sa.or_(col(Batch.lease_until).is_(None), col(Batch.lease_until) < now)
    return list(session.scalars(_open_batches().where(col(Batch.not_before) <= now, free)))


def unfinished_lanes(session: Session) -> list[str]:
    """The lanes with a batch that is not done: it waits, is to be tried again, or is leased."""
    return list(session.scalars(_open_batches()))


def _open_batches() -> sa.Select[str]:
    return (
        sa.select(col(Batch.lane))
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.sending, col(Batch.not_before).is_not(None))
        .distinct()
        .order_by(col(Batch.lane))
    )
