"""From the journal to the store: each hit that was answered becomes one event, whatever crashes between.

Events and the place up to which their segment was read are written in one transaction; a hit is known by its segment
and position, which are unique. A hit counts only when its reader had said yes to being measured when it happened, and
has not taken it back since (LAW-05, LAW-06).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.store.activity import Event, JournalOffset
from newsletter.store.issues import Link
from newsletter.store.ledger import Mail
from newsletter.store.people import Consent
from newsletter.store.portable import insert_new, upsert
from newsletter.tracking.agents import Hint
from newsletter.tracking.journal import Record, Segment, segments
from newsletter.words import Axis, ConsentState, EventKind, Verdict

AT_A_TIME = 5_000
CROWD = 20
CROWD_SPAN = timedelta(minutes=1)
_AXIS = {EventKind.clicked: Axis.clicks, EventKind.opened: Axis.opens}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one loading did."""

    hits: int = 0  # read from the journal
    events: int = 0  # that became events; the others were not ours to count
    more: bool = False  # the journal holds more: load again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    journal: str
    position: int
    record: Record


def load(session: Session, journal_folder: Path, *, now: datetime, limit: int = AT_A_TIME) -> Loaded:
    """Turn up to `limit` new hits into events without a verdict yet. Again, or after a crash, counts none twice."""
    known = _offsets(session)
    hits, ends = _read(segments(journal_folder), known, limit=limit)
    events = _events(session, hits, now=now)
    insert_in_parts(session, events)
    offsets = [{"journal": journal, "position": end} for journal, end in ends.items()]
    upsert(session, JournalOffset, offsets, key=["journal"], largest=["position"])
    return Loaded(hits=len(hits), events=len(events), more=len(hits) >= limit)


def sweep(session: Session, journal_folder: Path) -> int:
    """Delete the finished segments that are wholly loaded; how many.

    Only in a transaction of its own, after that of `load`: what it reads must be committed before a file goes.
    """
    known = _offsets(session)
    gone = [
        segment
        for segment in segments(journal_folder)
        if segment.name in known and segment.finished() and segment.loaded_until_end(known[segment.name])
    ]
    for segment in gone:
        segment.path.unlink(missing_ok=True)
    session.execute(sa.delete(JournalOffset).where(col(JournalOffset.journal).in_([s.name for s in gone])))
    return len(gone)


def insert_in_parts(session: Session, rows: Sequence[dict[str, Any]], *, part: int = 1_000) -> None:
    """Insert new events, in statements that every database accepts."""
    for start in range(0, len(rows), part):
        insert_new(session, Event, rows[start : start + part])


def _offsets(session: Session) -> dict[str, int]:
    rows = session.execute(sa.select(col(JournalOffset.journal), col(JournalOffset.position)))
    return dict(rows.all())


def _read(found: Iterable[Segment], known: Mapping[str, int], *, limit: int) -> tuple[list[_Hit], dict[str, int]]:
    """Up to `limit` hits after the known places, and where reading stopped in each segment."""
    hits: list[_Hit] = []
    ends: dict[str, int] = {}
    for segment in found:
        for start, end, record in segment.records(start=known.get(segment.name, 0)):
            if len(hits) >= limit:
                return hits, ends
            ends[segment.name] = end
            if record:
                hits.append(_Hit(journal=segment.name, position=start, record=record))
    return hits, ends


def _events(session: Session, hits: Sequence[_Hit], *, now: datetime) -> list[dict[str, Any]]:
    """The rows of the hits that count: a mail of ours, a reader who is still here and agrees."""
    readers = _readers(session, {hit.record.mail for hit in hits})
    links = _links(session, {hit.record.edition for hit in hits})
    consents = _consents(session, {reader for _edition, reader in readers.values()})
    crowded = _crowded(hits)
    rows = []
    for hit in hits:
        edition, reader = readers.get(hit.record.mail, (0, 0))
        said = consents[reader, _AXIS[hit.record.event_kind]]
        if edition == hit.record.edition and agrees(said, at=hit.record.moment, now=now):
            link = links.get((edition, hit.record.link))
            rows.append(_row(hit, reader, link, crowd=hit.journal + str(hit.position) in crowded))
    return rows


def agrees(said: Sequence[tuple[datetime, ConsentState]], *, at: datetime, now: datetime) -> bool:
    """They had said yes when it happened, and their newest word is still yes. `said` is in the order it was said."""
    then = [state for when, state in said if when <= at]
    return bool(then) and then[-1] == ConsentState.granted == said[-1][1]


def _readers(session: Session, mails: set[int]) -> dict[int, tuple[int, int]]:
    """Mail → its edition and its reader, of those whose reader was not erased."""
    rows = session.execute(
        sa.select(col(Mail.id), col(Mail.edition_id), col(Mail.subscriber_id)).where(
            col(Mail.id).in_(mails), col(Mail.subscriber_id).is_not(None)
        )
    )
    return {mail: (edition, reader) for mail, edition, reader in rows}


def _links(session: Session, editions: set[int]) -> dict[tuple[int, int], int]:
    """(Edition, number) → the link's row."""
    rows = session.execute(
        sa.select(col(Link.edition_id), col(Link.number), col(Link.id)).where(col(Link.edition_id).in_(editions))
    )
    return {(edition, number): link for edition, number, link in rows}


def _consents(
    session: Session, readers: set[int]
) -> defaultdict[tuple[int, Axis], list[tuple[datetime, ConsentState]]]:
    """What each reader said on the two axes of measurement, oldest first."""
    rows = session.execute(
        sa.select(col(Consent.subscriber_id), col(Consent.axis), col(Consent.at), col(Consent.state))
        .where(col(Consent.subscriber_id).in_(readers), col(Consent.axis).in_(list(_AXIS.values())))
        .order_by(col(Consent.id))
    )
    said = defaultdict(list)
    for reader, axis, at, state in rows:
        said[reader, axis].append((at, state))
    return said


def _crowded(hits: Sequence[_Hit]) -> set[str]:
    """The hits of networks that took the links of many readers of one edition within a minute."""
    by_network: dict[tuple[int, str], list[_Hit]] = defaultdict(list)
    for hit in hits:
        if hit.record.network and hit.record.kind == EventKind.clicked:
            by_network[hit.record.edition, hit.record.network].append(hit)
    found: set[str] = set()
    for group in by_network.values():
        if len(group) >= CROWD:
            found |= _crowded_in(sorted(group, key=lambda hit: hit.record.at))
    return found


def _crowded_in(group: Sequence[_Hit]) -> set[str]:
    found: set[str] = set()
    first = 0
    for last, hit in enumerate(group):
        while hit.record.moment - group[first].record.moment > CROWD_SPAN:
            first += 1
        window = group[first : last + 1]
        if len(window) >= CROWD and len({other.record.mail for other in window}) >= CROWD:
            found |= {other.journal + str(other.position) for other in window}
    return found


def _row(hit: _Hit, reader: int, link: int | None, *, crowd: bool) -> dict[str, Any]:
    """The event of a hit. The network's name stays behind."""
    record = hit.record
    return {
        "subscriber_id": reader,
        "mail_id": record.mail,
        "link_id": link,
        "kind": record.event_kind,
        "at": record.moment,
        "answer": "",
        "method": record.method,
        "agent": record.agent,
        "hints": " ".join([record.hints, Hint.crowd] if crowd else [record.hints]).strip(),
        "verdict": Verdict.unknown,
        "reasons": "",
        "rules": 0,
        "journal": hit.journal,
        "position": hit.position,
    }
