"""What an import reads from the store and writes into it: subscribers, interests, consents, quarantine.

No query is made per row of a file.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter import wordings
from newsletter.clock import in_paris
from newsletter.i18n import _
from newsletter.imports.columns import CONSENT_COLUMNS
from newsletter.imports.judging import JudgedRow, RowStatus
from newsletter.imports.merging import ImportedPerson, StoredPerson
from newsletter.imports.reading import Sheet
from newsletter.store import consents
from newsletter.store.columns import key
from newsletter.store.consent_chain import ConsentStatement
from newsletter.store.people import Interest, Quarantine, Subscriber, Suppression
from newsletter.store.portable import insert_new
from newsletter.tokens import Keyring
from newsletter.words import Channel, SuppressionReason

_CHUNK = 500
_Item = TypeVar("_Item")


def stored_people(session: Session, hashes: Mapping[str, bytes]) -> dict[str, StoredPerson]:
    """The subscribers of these addresses (address → its keyed hash) and what each of them said. Reads only."""
    addresses = {address_hash: address for address, address_hash in hashes.items()}
    found: dict[str, Subscriber] = {}
    for some in _chunks(list(addresses)):
        for row in session.exec(select(Subscriber).where(col(Subscriber.address_hash).in_(some))):
            found[addresses[row.address_hash]] = row
    chains = consents.chains(session, sorted(key(row.id) for row in found.values()))
    return {address: StoredPerson(row, chains[key(row.id)]) for address, row in found.items()}


def suppressed_addresses(session: Session, hashes: Mapping[str, bytes]) -> dict[str, SuppressionReason]:
    """Those of these addresses that must not be mailed, and why. Reads only."""
    addresses = {address_hash: address for address, address_hash in hashes.items()}
    found: dict[str, SuppressionReason] = {}
    for some in _chunks(list(addresses)):
        rows = session.exec(
            select(Suppression.address_hash, Suppression.reason).where(col(Suppression.address_hash).in_(some))
        )
        found |= {addresses[address_hash]: SuppressionReason(reason) for address_hash, reason in rows}
    return found


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The items in parts that fit into one statement of every database."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def write_people(
    session: Session, keys: Keyring, sheet: Sheet, people: Sequence[ImportedPerson], *, now: datetime
) -> None:
    """Write these people, their interests and their consents: a few statements for each 500 of them."""
    ids = _insert_new_people(session, keys, sheet, [one for one in people if one.subscriber_id is None], now=now)
    changes = [{"id": one.subscriber_id, **one.fields} for one in people if one.subscriber_id and one.fields]
    for alike in _by_columns(changes):
        session.execute(sa.update(Subscriber), alike)
    numbered = [(one.subscriber_id or ids[one.address], one) for one in people]
    interests = [
        {"subscriber_id": number, "sector_code": sector} for number, one in numbered for sector in sorted(one.sectors)
    ]
    for some in _chunks(interests):
        insert_new(session, Interest, some)
    consents.record_all(session, [said for number, one in numbered for said in _said(number, one, sheet, now)], now=now)


def _insert_new_people(
    session: Session, keys: Keyring, sheet: Sheet, people: Sequence[ImportedPerson], *, now: datetime
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
    for some in _chunks(addresses):
        rows = session.exec(select(Subscriber.address, Subscriber.id).where(col(Subscriber.address).in_(some)))
        found |= {address: number for address, number in rows if number is not None}
    return found


def _by_columns(changes: Iterable[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    """The changes grouped by the columns they touch: each group is one statement."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        groups[tuple(change)].append(change)
    return groups.values()


def _said(number: int, person: ImportedPerson, sheet: Sheet, now: datetime) -> Iterator[ConsentStatement]:
    columns = {axis: column for column, axis in CONSENT_COLUMNS.items()}
    for word in person.words:
        yield ConsentStatement(
            subscriber_id=number,
            axis=word.axis,
            state=word.state,
            at=word.row.met_on or now,
            channel=Channel.imported,
            wording=wordings.from_file(sheet.title(columns[word.axis])),
            proof=_proof(sheet, word.row, now=now),
        )


def _proof(sheet: Sheet, row: JudgedRow, *, now: datetime) -> str:
    """Where to look: the file, its fingerprint, the row, and the date or why it is the day of the import."""
    if row.met_on is not None:
        day = _("daté du {day}").format(day=in_paris(row.met_on).strftime("%d/%m/%Y"))
    else:
        day = _("sans date : jour de l’import, {day}").format(day=in_paris(now).strftime("%d/%m/%Y"))
    return _("fichier « {name} », empreinte {fingerprint}, ligne {line}, {day}").format(
        name=sheet.name, fingerprint=sheet.fingerprint[:12], line=row.number, day=day
    )


def write_quarantine(session: Session, sheet: Sheet, judged: Iterable[JudgedRow], *, now: datetime) -> None:
    """Keep the quarantined rows, whole, where nothing is ever mailed from."""
    cells = {row.number: row.cells for row in sheet.rows}
    rows = [
        {
            "fingerprint": sheet.fingerprint,
            "line": one.number,
            "address": one.address,
            "fields": {sheet.title(column): text for column, text in cells[one.number].items()},
            "why": one.doubts[0].sentence,
            "at": now,
        }
        for one in judged
        if one.status == RowStatus.quarantined
    ]
    if rows:
        session.connection().execute(sa.insert(Quarantine), rows)


def close_answered_quarantine(session: Session, *, now: datetime) -> None:
    """Close the quarantined rows whose person has spoken clearly since, in this file or another."""
    spoke = sa.exists().where(col(Subscriber.address) == col(Quarantine.address))
    waiting = sa.update(Quarantine).where(col(Quarantine.settled_at).is_(None), spoke)
    session.connection().execute(waiting.values(settled_at=now))
