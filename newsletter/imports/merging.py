"""The people of a file: its rows brought together by address, with what may be written of each. Pure.

A person's first source (partner, day, file and row) is kept for ever; what was empty is filled from later rows; their
sectors are united. A clear no beats a clear yes within one file, whatever their order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.i18n import _
from newsletter.imports.columns import Column
from newsletter.imports.judging import JudgedRow, RowDoubt, RowStatus
from newsletter.store.columns import fold_names
from newsletter.store.consent_chain import ConsentChain, ConsentStanding
from newsletter.store.people import Subscriber
from newsletter.words import Axis, Channel, ConsentState, Horizon

_NAMES = ("first_name", "last_name")
_FILLED = (*_NAMES, "phone", "country", "postcode", "horizon")

RowDoubts = dict[int, list[RowDoubt]]
"""New doubts by row number."""


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """A clear yes or no on an axis, and the row that says it."""

    axis: Axis
    state: ConsentState
    row: JudgedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPerson:
    """Everything a file brings for one address; `subscriber_id` is None for somebody new."""

    address: str
    subscriber_id: int | None
    first: JudgedRow
    fields: Mapping[str, Any]  # of a new person all of FILLED, of a known one only what was empty
    sectors: frozenset[str]
    words: tuple[ConsentWord, ...]


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """A subscriber of the store, and what they said so far."""

    subscriber: Subscriber
    chain: ConsentChain


def by_address(judged: Iterable[JudgedRow]) -> dict[str, list[JudgedRow]]:
    """The taken rows of each address, in the order of the file."""
    groups: dict[str, list[JudgedRow]] = defaultdict(list)
    for row in judged:
        if row.status == RowStatus.taken:
            groups[row.address].append(row)
    return dict(groups)


def merge(
    groups: Mapping[str, Sequence[JudgedRow]],
    stored: Mapping[str, StoredPerson],
) -> tuple[list[ImportedPerson], RowDoubts]:
    """One person per address, in the order they first appear, and what there is to doubt beyond each row itself.

    `stored` has those of them who are subscribers already, by address.
    """
    doubts: RowDoubts = defaultdict(list)
    people = []
    for address, rows in groups.items():
        people.append(_person(rows, stored.get(address), doubts))
    _point_out_other_capitals(groups, doubts)
    return people, doubts


def _person(rows: Sequence[JudgedRow], stored: StoredPerson | None, doubts: RowDoubts) -> ImportedPerson:
    fields = {name: _first_filled(rows, name) for name in _FILLED}
    chain = stored.chain if stored else ConsentChain()
    return ImportedPerson(
        address=rows[0].address,
        subscriber_id=stored.subscriber.id if stored else None,
        first=rows[0],
        fields=_filling(stored.subscriber, fields) if stored else fields,
        sectors=frozenset().union(*(row.sectors for row in rows)),
        words=tuple(_words(rows, chain, doubts)),
    )


def _filling(subscriber: Subscriber, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of these values, those that fill what is empty; with a name, its folded form."""
    filling = {name: value for name, value in fields.items() if _empty(getattr(subscriber, name)) and not _empty(value)}
    if filling.keys() & set(_NAMES):
        names = {name: getattr(subscriber, name) for name in _NAMES} | filling
        filling["name_folded"] = fold_names(names, _NAMES)
    return filling


def _first_filled(rows: Sequence[JudgedRow], name: str) -> Any:
    values = [getattr(row, name) for row in rows]
    return next((value for value in values if not _empty(value)), values[0])


def _empty(value: Any) -> bool:
    return value in ("", Horizon.unknown)


def _words(rows: Sequence[JudgedRow], chain: ConsentChain, doubts: RowDoubts) -> Iterator[ConsentWord]:
    """What may be written of the consents these rows speak of, at most one word per axis."""
    for axis in Axis:
        speaking = [row for row in rows if axis in row.axes]
        if not speaking:
            continue
        refusing = [row for row in speaking if row.axes[axis] == ConsentState.denied]
        row = (refusing or speaking)[0]
        state = row.axes[axis]
        objection = _objection(state, row.met_on, chain.stands.get(axis))
        if objection is None:
            yield ConsentWord(axis, state, row)
        elif axis == Axis.newsletter:
            doubts[row.number].append(RowDoubt(Column.newsletter, objection))
        if axis == Axis.newsletter and refusing:
            _point_out_overruled(speaking, doubts)


def _objection(state: ConsentState, met_on: datetime | None, stand: ConsentStanding | None) -> str | None:
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


def _point_out_overruled(speaking: Sequence[JudgedRow], doubts: RowDoubts) -> None:
    sentence = _("Une autre ligne dit non pour la même adresse : c’est le non qui compte.")
    for row in speaking:
        if row.axes[Axis.newsletter] == ConsentState.granted:
            doubts[row.number].append(RowDoubt(Column.newsletter, sentence))


def _point_out_other_capitals(groups: Mapping[str, Sequence[JudgedRow]], doubts: RowDoubts) -> None:
    """Addresses that differ by capitals alone may be two people (RFC 5321 §2.4), and are most often one."""
    sentence = _("La même adresse existe avec d’autres majuscules. Si c’est la même, gardez-en une.")
    alike: dict[str, list[str]] = defaultdict(list)
    for address in groups:
        alike[address.casefold()].append(address)
    for address in (address for same in alike.values() for address in same[1:]):
        doubts[groups[address][0].number].append(RowDoubt(Column.address, sentence))
