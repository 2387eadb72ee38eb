"""From the journal to the store: each hit that was answered becomes one event, whatever crashes between.

Events and the offset up to which their segment was read are written in one transaction; a hit is known by its segment
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
from newsletter.tracking.journal import Hit, Segment, segments
from newsletter.words import Axis, ConsentState, EventKind, Verdict

HITS_AT_A_TIME = 5_000
CROWD = 20
CROWD_SPAN = timedelta(minutes=1)
_AXIS = {EventKind.clicked: Axis.clicks, EventKind.opened: Axis.opens}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedHits:
    """What one run of `load` did."""

    hits: int = 0  # read from the journal
    events: int = 0  # that became events; the others were not ours to count
    more: bool = False  # the journal holds more: load again


@dataclass(frozen=True, slots=True, kw_only=True)
class _JournalHit:
    journal: str
    position: int
    hit: Hit


def load(session: Session, journal_folder: Path, *, now: datetime, limit: int = HITS_AT_A_TIME) -> LoadedHits:
    """Turn up to `limit` new hits into events without a verdict yet. Again, or after a crash, counts none twice."""
    known = _offsets(session)
    hits, ends = _read(segments(journal_folder), known, limit=limit)
    events = _events(session, hits, now=now)
    insert_in_parts(session, events)
    offsets = [{"journal": journal, "position": end} for journal, end in ends.items()]
    upsert(session, JournalOffset, offsets, key=["journal"], largest=["position"])
    return LoadedHits(hits=len(hits), events=len(events), more=len(hits) >= limit)


def delete_loaded_segments(session: Session, journal_folder: Path) -> int:
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


def _read(
    found: Iterable[Segment], known: Mapping[str, int], *, limit: int
) -> tuple[list[_JournalHit], dict[str, int]]:
    """Up to `limit` hits after the known places, and where reading stopped in each segment."""
    hits: list[_JournalHit] = []
    ends: dict[str, int] = {}
    for segment in found:
        for start, end, hit in segment.hits(start=known.get(segment.name, 0)):
            if len(hits) >= limit:
                return hits, ends
            ends[segment.name] = end
            if hit:
                hits.append(_JournalHit(journal=segment.name, position=start, hit=hit))
    return hits, ends


def _events(session: Session, hits: Sequence[_JournalHit], *, now: datetime) -> list[dict[str, Any]]:
    """The rows of the hits that count: a mail of ours, a reader who is still here and agrees."""
    readers = _readers(session, {one.hit.mail for one in hits})
    links = _links(session, {one.hit.edition for one in hits})
    consents = _consents(session, {reader for _edition, reader in readers.values()})
    crowded = _crowded(hits)
    rows = []
    for one in hits:
        edition, reader = readers.get(one.hit.mail, (0, 0))
        said = consents[reader, _AXIS[one.hit.event_kind]]
        if edition == one.hit.edition and agrees(said, at=one.hit.moment, now=now):
            link = links.get((edition, one.hit.link))
            rows.append(_row(one, reader, link, crowd=one.journal + str(one.position) in crowded))
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


def _crowded(hits: Sequence[_JournalHit]) -> set[str]:
    """The hits of networks that took the links of many readers of one edition within a minute."""
    by_network: dict[tuple[int, str], list[_JournalHit]] = defaultdict(list)
    for one in hits:
        if one.hit.network and one.hit.kind == EventKind.clicked:
            by_network[one.hit.edition, one.hit.network].append(one)
    found: set[str] = set()
    for group in by_network.values():
        if len(group) >= CROWD:
            found |= _crowded_in(sorted(group, key=lambda one: one.hit.at))
    return found


def _crowded_in(group: Sequence[_JournalHit]) -> set[str]:
    found: set[str] = set()
    first = 0
    for last, one in enumerate(group):
        while one.hit.moment - group[first].hit.moment > CROWD_SPAN:
            first += 1
        window = group[first : last + 1]
        if len(window) >= CROWD and len({other.hit.mail for other in window}) >= CROWD:
            found |= {other.journal + str(other.position) for other in window}
    return found


def _row(loaded: _JournalHit, reader: int, link: int | None, *, crowd: bool) -> dict[str, Any]:
    """The event of a hit, without the name of its network."""
    hit = loaded.hit
    return {
        "subscriber_id": reader,
        "mail_id": hit.mail,
        "link_id": link,
        "kind": hit.event_kind,
        "at": hit.moment,
        "answer": "",
        "method": hit.method,
        "agent": hit.agent,
        "hints": " ".join([hit.hints, Hint.crowd] if crowd else [hit.hints]).strip(),
        "verdict": Verdict.unknown,
        "reasons": "",
        "rules": 0,
        "journal": loaded.journal,
        "position": loaded.position,
    }
