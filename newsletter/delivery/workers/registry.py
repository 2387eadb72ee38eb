"""The registry of workers: each process that sends writes a heartbeat, each scheduler tick a mark when it last ran.

Only for people to see. No promise of the ledger rests on these rows: a lease is what says whose batch it is.
"""

import logging
import os
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import Clock
from newsletter.store import Store
from newsletter.store.portable import upsert
from newsletter.store.work import TickMark, Worker
from newsletter.words import WorkerState

HEARTBEAT_INTERVAL = timedelta(seconds=10)
SILENT_AFTER = 3 * HEARTBEAT_INTERVAL
FORGOTTEN_AFTER = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWorker:
    """A process as it is listed."""

    worker: Worker
    silent: bool  # three heartbeats are missing


@dataclass(slots=True)
class Heartbeat:
    """What one process is doing, and the row of the registry that says so."""

    store: Store
    clock: Clock
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    started: datetime = field(init=False)
    id: str = field(init=False)
    _drained: Counter[str] = field(default_factory=Counter)
    _ticking: dict[str, timedelta] = field(default_factory=dict)
    _ticked: dict[str, TickMark] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.started = self.clock.now()
        self.id = f"{self.host}:{self.pid}:{secrets.token_hex(3)}"

    @contextmanager
    def draining(self, lane: str) -> Iterator[None]:
        """Say that this process sends on this lane while the block runs."""
        with self._lock:
            self._drained[lane] += 1
        try:
            yield
        finally:
            with self._lock:
                self._drained[lane] -= 1

    @contextmanager
    def ticking(self, name: str, every: timedelta) -> Iterator[None]:
        """Say that this tick runs while the block does; one that takes hours is not late while its process lives."""
        with self._lock:
            self._ticking[name] = every
        try:
            yield
        finally:
            with self._lock:
                self._ticking.pop(name, None)
                self._ticked[name] = self._mark(name, every)

    def beat(self) -> None:
        """Write that this process runs and what it does, and delete the processes that were silent for a day."""
        now = self.clock.now()
        with self._lock:
            lanes = [lane for lane, drains in self._drained.items() if drains]
            running = {name: self._mark(name, every) for name, every in self._ticking.items()}
            ticked, self._ticked = self._ticked | running, {}
        row = {
            "id": self.id,
            "host": self.host,
            "pid": self.pid,
            "started": self.started,
            "seen": now,
            "lane": ", ".join(sorted(lanes)),
            "state": WorkerState.sending if lanes else WorkerState.idle,
        }
        marks = [mark.model_dump() for mark in ticked.values()]
        with self.store.transaction() as session:
            upsert(session, Worker, [row], key=["id"], replace=["seen", "lane", "state"])
            upsert(session, TickMark, marks, key=["name"], replace=["every", "at"])
            session.execute(sa.delete(Worker).where(col(Worker.seen) < now - FORGOTTEN_AFTER))

    def stop(self) -> None:
        """Delete the row: this process ends as it should."""
        with self.store.transaction() as session:
            session.execute(sa.delete(Worker).where(col(Worker.id) == self.id))

    def _mark(self, name: str, every: timedelta) -> TickMark:
        return TickMark(name=name, every=int(every.total_seconds()), at=self.clock.now())


@contextmanager
def registered(store: Store, clock: Clock, *, interval: timedelta = HEARTBEAT_INTERVAL) -> Iterator[Heartbeat]:
    """Register this process while the block runs; a thread writes its heartbeat, and only logs a failure."""
    heartbeat, ending = Heartbeat(store, clock), threading.Event()

    def keep_beating() -> None:
        _log_failure(heartbeat.beat)
        while not ending.wait(interval.total_seconds()):
            _log_failure(heartbeat.beat)

    thread = threading.Thread(target=keep_beating, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield heartbeat
    finally:
        ending.set()
        thread.join()
        _log_failure(heartbeat.stop)


def list_workers(session: Session, *, now: datetime) -> list[ListedWorker]:
    """The processes that had a heartbeat within a day: host by host, the oldest first."""
    found = session.exec(select(Worker).order_by(col(Worker.host), col(Worker.started), col(Worker.id))).all()
    return [ListedWorker(worker=worker, silent=worker.seen < now - SILENT_AFTER) for worker in found]


def tick_marks(session: Session) -> Sequence[TickMark]:
    """When each tick last ran, by name."""
    return session.exec(select(TickMark).order_by(col(TickMark.name))).all()


def late_ticks(marks: Sequence[TickMark], *, now: datetime) -> list[str]:
    """The ticks that should have run again by now: three times their interval, and three heartbeats, have gone by."""
    return [mark.name for mark in marks if now - mark.at > 3 * timedelta(seconds=mark.every) + SILENT_AFTER]


def _log_failure(act: Callable[[], None]) -> None:
    try:
        act()
    except sa.exc.SQLAlchemyError as error:
        _log.warning("no heartbeat could be written: %s", type(error).__name__)
