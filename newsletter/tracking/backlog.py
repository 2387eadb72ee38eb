"""How far loading is behind the journal of this machine."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.store.activity import JournalOffset
from newsletter.tracking.journal import Segment, segments


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalBacklog:
    """What the journal holds and the store does not."""

    bytes: int = 0
    seconds: float = 0.0  # the age of the oldest hit that is not loaded


def journal_backlog(session: Session, journal_folder: Path, *, now: datetime) -> JournalBacklog:
    """How much waits in this machine's journal, and for how long. Reads one line of each segment that is behind."""
    rows = session.execute(sa.select(col(JournalOffset.journal), col(JournalOffset.position)))
    known = dict(rows.all())
    behind = 0
    oldest = now
    for segment in segments(journal_folder):
        start = known.get(segment.name, 0)
        behind += max(0, _size(segment) - start)
        oldest = min(oldest, _first_hit(segment, start) or now)
    return JournalBacklog(bytes=behind, seconds=(now - oldest).total_seconds())


def _size(segment: Segment) -> int:
    try:
        return segment.path.stat().st_size
    except FileNotFoundError:  # wholly loaded, and deleted just now
        return 0


def _first_hit(segment: Segment, start: int) -> datetime | None:
    try:
        return next((hit.moment for _start, _end, hit in segment.hits(start=start) if hit), None)
    except FileNotFoundError:
        return None
