"""From judged lines to rows: one person per address, what they may be taken to have said, and the bulk writes.

A person's first source (partner, day, file and line) is kept for ever; what was empty is filled from later lines; their
sectors are united. No query is made per line.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter import wordings
from newsletter.clock import in_paris
from newsletter.i18n import _
from newsletter.imports.columns import AXES, Column
from newsletter.imports.judging import Doubt, Fate, Judged
from newsletter.imports.reading import Sheet
from newsletter.store import consents
from newsletter.store.columns import fold_names
from newsletter.store.consents import Chain, Said, Stand
from newsletter.store.people import Interest, Quarantine, Subscriber
from newsletter.store.portable import insert_new
from newsletter.tokens import Keyring
from newsletter.words import Axis, Channel, ConsentState, Horizon

CHUNK = 500
FILLED = ("first_name", "last_name", "phone", "country", "postcode", "horizon")

Doubts = dict[int, list[Doubt]]


@dataclass(frozen=True, slots=True)
class Word:
    """A clear yes or no on an axis, and the line that says it."""

    axis: Axis
    state: ConsentState
    line: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Everything a file brings for one address; `subscriber_id` is None for somebody new."""

    address: str
    subscriber_id: int | None
    first: Judged
    fields: Mapping[str, Any]  # of a new person all of FILLED, of a known one only what was empty
    sectors: frozenset[str]
    words: tuple[Word, ...]


def gather(
    session: Session, judged: Iterable[Judged], hashes: Mapping[str, bytes]
) -> tuple[list[Person], dict[int, list[Doubt]]]:
    """The people of the taken lines in the order they first appear, and new doubts by line number. Reads only."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for line in judged:
        if line.fate == Fate.taken:
            groups[line.address].append(line)
    stored = _stored(session, [hashes[address] for address in groups])
    known = consents.chains(session, sorted(row.id for row in stored.values() if row.id is not None))
    doubts: Doubts = defaultdict(list)
    people = []
    for address, lines in groups.items():
        row = stored.get(hashes[address])
        chain = known[row.id] if row is not None and row.id is not None else Chain()
        people.append(_person(lines, row, chain, doubts))
    _point_out_other_spellings(groups, doubts)
    return people, doubts


def _stored(session: Session, hashes: Sequence[bytes]) -> dict[bytes, Subscriber]:
    found: dict[bytes, Subscriber] = {}
    for start in range(0, len(hashes), CHUNK):
        some = hashes[start : start + CHUNK]
        for row in session.exec(select(Subscriber).where(col(Subscriber.address_hash).in_(some))):
            found[row.address_hash] = row
    return found


def _person(lines: list[Judged], row: Subscriber | None, chain: Chain, doubts: Doubts) -> Person:
    fields = {name: _first_filled(lines, name) for name in FILLED}
    if row is not None:
        fields = {name: value for name, value in fields.items() if _empty(getattr(row, name)) and not _empty(value)}
        if fields.keys() & {"first_name", "last_name"}:
            names = {"first_name": row.first_name, "last_name": row.last_name} | fields
            fields["name_folded"] = fold_names(names, ("first_name", "last_name"))
    return Person(
        address=lines[0].address,
        subscriber_id=row.id if row is not None else None,
        first=lines[0],
        fields=fields,
        sectors=frozenset().union(*(line.sectors for line in lines)),
        words=tuple(_words(lines, chain, doubts)),
    )


def _first_filled(lines: list[Judged], name: str) -> Any:
    values = [getattr(line, name) for line in lines]
    return next((value for value in values if not _empty(value)), values[0])


def _empty(value: Any) -> bool:
    return value in ("", Horizon.unknown)


def _words(lines: list[Judged], chain: Chain, doubts: Doubts) -> Iterator[Word]:
    """What may be written of the consents these lines speak of, at most one word per axis."""
    for axis in Axis:
        speaking = [line for line in lines if axis in line.axes]
        if not speaking:
            continue
        refusing = [line for line in speaking if line.axes[axis] == ConsentState.denied]
        line = (refusing or speaking)[0]
        state = line.axes[axis]
        objection = _objection(state, line.met_on, chain.stands.get(axis))
        if objection is None:
            yield Word(axis, state, line)
        elif axis == Axis.newsletter:
            doubts[line.number].append(Doubt(Column.newsletter, objection))
        if axis == Axis.newsletter and refusing:
            _point_out_overruled(speaking, doubts)


def _objection(state: ConsentState, met_on: datetime | None, stand: Stand | None) -> str | None:
    """Why a file's word must not be written over what stands; None when it may be.

    A file never makes a yes of a no. It makes a no of a yes, unless the person said that yes themselves, later.
    """
    if stand is None or stand.state == state:
        return None
    if state == ConsentState.granted and stand.state == ConsentState.denied:
        return _("Cette personne nous a déjà dit non : son non est gardé. Elle seule peut revenir, par le formulaire.")
    said_it_since = stand.channel != Channel.imported and met_on is not None and met_on < stand.at
    if state == ConsentState.denied and stand.state == ConsentState.granted and said_it_since:
        return _("Cette personne nous a dit oui elle-même depuis : son oui est gardé.")
    return None


def _point_out_overruled(speaking: list[Judged], doubts: Doubts) -> None:
    for line in speaking:
        if line.axes[Axis.newsletter] == ConsentState.granted:
            doubts[line.number].append(
                Doubt(Column.newsletter, _("Une autre ligne dit non pour la même adresse : c’est le non qui compte."))
            )


def _point_out_other_spellings(groups: Mapping[str, list[Judged]], doubts: Doubts) -> None:
    """Addresses that differ by capitals alone may be two people (RFC 5321 §2.4), and are most often one."""
    alike: dict[str, list[str]] = defaultdict(list)
    for address in groups:
        alike[address.casefold()].append(address)
    for address in (address for same in alike.values() for address in same[1:]):
        doubts[groups[address][0].number].append(
            Doubt(
                Column.address, _("La même adresse existe avec d’autres majuscules. Si c’est la même, gardez-en une.")
            )
        )


def write_people(session: Session, keys: Keyring, sheet: Sheet, people: Sequence[Person], *, now: datetime) -> None:
    """Write these people, their interests and their consents: a few statements for each 500 of them."""
    ids = _insert_new_people(session, keys, sheet, [one for one in people if one.subscriber_id is None], now=now)
    changes = [{"id": one.subscriber_id, **one.fields} for one in people if one.subscriber_id and one.fields]
    for alike in _by_columns(changes):
        session.execute(sa.update(Subscriber), alike)
    numbered = [(one.subscriber_id or ids[one.address], one) for one in people]
    interests = [
        {"subscriber_id": number, "sector_code": sector} for number, one in numbered for sector in sorted(one.sectors)
    ]
    for start in range(0, len(interests), CHUNK):
        insert_new(session, Interest, interests[start : start + CHUNK])
    consents.record_all(session, [said for number, one in numbered for said in _said(number, one, sheet, now)], now=now)


def _insert_new_people(
    session: Session, keys: Keyring, sheet: Sheet, people: Sequence[Person], *, now: datetime
) -> dict[str, int]:
    """Insert them; address → the number each got."""
    if not people:
        return {}
    rows = [
        {
            "address": one.address,
            "address_hash": keys.address_hash(one.address),
            **one.fields,
            "partner_id": one.first.partner_id,
            "met_on": one.first.met_on,
            "source": _("fichier « {name} », ligne {line}").format(name=sheet.name, line=one.first.number),
            "joined_at": now,
        }
        for one in people
    ]
    session.connection().execute(sa.insert(Subscriber), rows)
    return _numbers(session, [row["address"] for row in rows])


def _numbers(session: Session, addresses: Sequence[str]) -> dict[str, int]:
    """The number of each of these subscribers. Asked for, since SQLite returns numbers one row at a time."""
    found: dict[str, int] = {}
    for start in range(0, len(addresses), CHUNK):
        some = addresses[start : start + CHUNK]
        rows = session.exec(select(Subscriber.address, Subscriber.id).where(col(Subscriber.address).in_(some)))
        found |= {address: number for address, number in rows if number is not None}
    return found


def _by_columns(changes: Iterable[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    """The changes grouped by the columns they touch: each group is one statement."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        groups[tuple(change)].append(change)
    return groups.values()


def _said(number: int, person: Person, sheet: Sheet, now: datetime) -> Iterator[Said]:
    columns = {axis: column for column, axis in AXES.items()}
    for word in person.words:
        yield Said(
            subscriber_id=number,
            axis=word.axis,
            state=word.state,
            at=word.line.met_on or now,
            channel=Channel.imported,
            wording=wordings.from_file(sheet.title(columns[word.axis])),
            proof=_proof(sheet, word.line, now=now),
        )


def _proof(sheet: Sheet, line: Judged, *, now: datetime) -> str:
    """Where to look: the file, its fingerprint, the line, and the date or why it is the day of the import."""
    if line.met_on is not None:
        day = _("daté du {day}").format(day=in_paris(line.met_on).strftime("%d/%m/%Y"))
    else:
        day = _("sans date : jour de l’import, {day}").format(day=in_paris(now).strftime("%d/%m/%Y"))
    return _("fichier « {name} », empreinte {fingerprint}, ligne {line}, {day}").format(
        name=sheet.name, fingerprint=sheet.fingerprint[:12], line=line.number, day=day
    )


def set_aside(session: Session, sheet: Sheet, judged: Iterable[Judged], *, now: datetime) -> None:
    """Keep the quarantined lines, whole, where nothing is ever mailed from."""
    lines = {line.number: line for line in sheet.lines}
    rows = [
        {
            "fingerprint": sheet.fingerprint,
            "line": one.number,
            "address": one.address,
            "fields": {sheet.title(column): sheet.cell(lines[one.number], column) for column in sheet.found},
            "why": one.doubts[0].sentence,
            "at": now,
        }
        for one in judged
        if one.fate == Fate.quarantined
    ]
    if rows:
        session.connection().execute(sa.insert(Quarantine), rows)


def settle_the_quarantine(session: Session, *, now: datetime) -> None:
    """Lines set aside whose person has spoken clearly elsewhere, in this file or another, need nobody any more."""
    spoke = sa.exists().where(col(Subscriber.address) == col(Quarantine.address))
    waiting = sa.update(Quarantine).where(col(Quarantine.settled_at).is_(None), spoke)
    session.connection().execute(waiting.values(settled_at=now))
