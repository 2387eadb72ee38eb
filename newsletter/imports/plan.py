"""Taking in a file of sign-ups: judge each line, show what would come of it, and write it in one go.

`reading.read_file` comes first, outside any transaction: a file that cannot be read is said before anything is asked.

Every line ends as exactly one of imported, merged, quarantined or refused. A line whose address is suppressed counts
as *refused*: nothing of it is stored, since an erased person must not come back by a file (SUP-02, SUP-03). A clear no
is a subscriber whom we do not write to, so that a later file cannot make a yes of it. Within one file a clear no beats
a clear yes, whatever their order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.i18n import _
from newsletter.imports import rows
from newsletter.imports.columns import Column
from newsletter.imports.judging import Doubt, Fate, Judged, Lists, judge
from newsletter.imports.reading import Sheet
from newsletter.imports.rows import Person
from newsletter.imports.values import sector_names
from newsletter.store.catalogue import Partner, Sector
from newsletter.store.columns import key
from newsletter.store.people import ImportedFile, Suppression
from newsletter.tokens import Keyring
from newsletter.words import SuppressionReason, label

CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a file comes to: the fate of each line and the people it speaks of, not written yet."""

    imported: int
    merged: int
    quarantined: int
    refused: int
    judged: tuple[Judged, ...]
    people: tuple[Person, ...]
    already: datetime | None = None  # when this very file was taken in: nothing of it is to be written again

    @property
    def lines(self) -> int:
        return len(self.judged)


Watched = Callable[[Iterator[Judged]], Iterable[Judged]]
"""Passes on each line as it is judged, which is the long part: a door may show how far it is."""


def take_in(
    session: Session, keys: Keyring, sheet: Sheet, *, now: datetime, commit: bool, watched: Watched = iter
) -> Plan:
    """What the file comes to, and with `commit` it is written, in this one transaction. Else nothing is.

    A file that was taken in before is written no second time; the plan then says when that was.
    """
    judged = list(watched(_judge_lines(session, sheet, now=now)))
    plan = _plan(session, keys, sheet, judged)
    if commit and plan.already is None:
        _write(session, keys, sheet, plan, now=now)
    return plan


def known_lists(session: Session) -> Lists:
    """The sectors and partners of the store, by every name under which a file may speak of them."""
    sectors = session.exec(select(Sector.code, Sector.name_fr, Sector.name_en)).all()
    partners = session.exec(select(Partner.name_folded, Partner.id)).all()
    return Lists(sectors=sector_names(sectors), partners={name: key(number) for name, number in partners})


def _judge_lines(session: Session, sheet: Sheet, *, now: datetime) -> Iterator[Judged]:
    lists = known_lists(session)
    for line in sheet.lines:
        yield judge(line, sheet, lists, now=now)


def _plan(session: Session, keys: Keyring, sheet: Sheet, judged: Sequence[Judged]) -> Plan:
    """What these lines come to, given who is in the store. Reads only."""
    hashes = {line.address: keys.address_hash(line.address) for line in judged if line.address}
    gone = _suppressed(session, list(hashes.values()))
    judged = [_unless_suppressed(line, gone.get(hashes.get(line.address, b""))) for line in judged]
    people, passed_over = rows.gather(session, judged, hashes)
    taken = Counter(line.fate for line in judged)
    imported = sum(1 for person in people if person.subscriber_id is None)
    stored = session.get(ImportedFile, sheet.fingerprint)
    return Plan(
        imported=imported,
        merged=taken[Fate.taken] - imported,
        quarantined=taken[Fate.quarantined],
        refused=taken[Fate.refused],
        judged=tuple(_with_doubts(line, passed_over.get(line.number, ())) for line in judged),
        people=tuple(people),
        already=stored.at if stored else None,
    )


def _write(session: Session, keys: Keyring, sheet: Sheet, plan: Plan, *, now: datetime) -> None:
    session.add(
        ImportedFile(
            fingerprint=sheet.fingerprint,
            name=sheet.name,
            lines=plan.lines,
            imported=plan.imported,
            merged=plan.merged,
            quarantined=plan.quarantined,
            refused=plan.refused,
            at=now,
        )
    )
    session.flush()
    rows.write_people(session, keys, sheet, plan.people, now=now)
    rows.set_aside(session, sheet, plan.judged, now=now)
    rows.settle_the_quarantine(session, now=now)


def _suppressed(session: Session, hashes: Sequence[bytes]) -> dict[bytes, SuppressionReason]:
    found: dict[bytes, SuppressionReason] = {}
    for start in range(0, len(hashes), CHUNK):
        some = hashes[start : start + CHUNK]
        rows = session.exec(
            select(Suppression.address_hash, Suppression.reason).where(col(Suppression.address_hash).in_(some))
        )
        found |= {address_hash: SuppressionReason(reason) for address_hash, reason in rows}
    return found


def _unless_suppressed(line: Judged, reason: SuppressionReason | None) -> Judged:
    """A line whose address must not be mailed is refused, and forgotten but for its number."""
    if reason is None:
        return line
    sentence = _("Cette adresse ne reçoit plus rien ({reason}). Un fichier ne la fait pas revenir : retirez la ligne.")
    doubt = Doubt(Column.address, sentence.format(reason=label(reason)))
    return Judged(number=line.number, fate=Fate.refused, doubts=(doubt,))


def _with_doubts(line: Judged, more: Sequence[Doubt]) -> Judged:
    return replace(line, doubts=(*line.doubts, *more)) if more else line
