"""Importing a file of sign-ups: judge each row, plan what comes of it, and write the plan in one go.

`reading.read_file` comes first, outside any transaction: a file that cannot be read is said before anything is asked.

Every row ends as exactly one of imported, merged, quarantined or refused. A row whose address is suppressed counts
as *refused*: nothing of it is stored, since an erased person must not come back by a file (SUP-02, SUP-03). A clear no
is a subscriber whom we do not write to, so that a later file cannot make a yes of it. Within one file a clear no beats
a clear yes, whatever their order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, select

from newsletter.i18n import _
from newsletter.imports import rows
from newsletter.imports.columns import Column
from newsletter.imports.judging import JudgedRow, KnownNames, RowDoubt, RowStatus, judge_row
from newsletter.imports.merging import ImportedPerson, by_address, merge
from newsletter.imports.reading import Sheet
from newsletter.imports.values import sector_names
from newsletter.store.catalogue import Partner, Sector
from newsletter.store.columns import key
from newsletter.store.people import ImportedFile
from newsletter.tokens import Keyring
from newsletter.words import SuppressionReason, label


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What a file comes to: the status of each row and the people it speaks of, not written yet."""

    imported: int
    merged: int
    quarantined: int
    refused: int
    judged: tuple[JudgedRow, ...]
    people: tuple[ImportedPerson, ...]
    already: datetime | None = None  # when this very file was imported before: nothing of it is written again

    @property
    def rows(self) -> int:
        return len(self.judged)


RowWatcher = Callable[[Iterator[JudgedRow]], Iterable[JudgedRow]]
"""Passes on each row as it is judged, which is the long part, so that progress can be shown."""


def import_sheet(
    session: Session, keys: Keyring, sheet: Sheet, *, now: datetime, commit: bool, watched: RowWatcher = iter
) -> ImportPlan:
    """What the file comes to, and with `commit` it is written, in this one transaction. Else nothing is.

    A file that was imported before is not written again; the plan then says when that was.
    """
    judged = list(watched(_judge_rows(session, sheet, now=now)))
    plan = _plan(session, keys, sheet, judged)
    if commit and plan.already is None:
        _write(session, keys, sheet, plan, now=now)
    return plan


def known_names(session: Session) -> KnownNames:
    """The sectors and partners of the store, by every name under which a file may speak of them."""
    sectors = session.exec(select(Sector.code, Sector.name_fr, Sector.name_en)).all()
    partners = session.exec(select(Partner.name_folded, Partner.id)).all()
    return KnownNames(sectors=sector_names(sectors), partners={name: key(number) for name, number in partners})


def _judge_rows(session: Session, sheet: Sheet, *, now: datetime) -> Iterator[JudgedRow]:
    names = known_names(session)
    for row in sheet.rows:
        yield judge_row(row, names, now=now)


def _plan(session: Session, keys: Keyring, sheet: Sheet, judged: Sequence[JudgedRow]) -> ImportPlan:
    """What these rows come to, given who is in the store. Reads only."""
    hashes = {row.address: keys.address_hash(row.address) for row in judged if row.address}
    suppressed = rows.suppressed_addresses(session, hashes)
    judged = [_unless_suppressed(row, suppressed.get(row.address)) for row in judged]
    groups = by_address(judged)
    people, doubts = merge(groups, rows.stored_people(session, {address: hashes[address] for address in groups}))
    statuses = Counter(row.status for row in judged)
    imported = sum(1 for person in people if person.subscriber_id is None)
    stored = session.get(ImportedFile, sheet.fingerprint)
    return ImportPlan(
        imported=imported,
        merged=statuses[RowStatus.taken] - imported,
        quarantined=statuses[RowStatus.quarantined],
        refused=statuses[RowStatus.refused],
        judged=tuple(_with_doubts(row, doubts.get(row.number, ())) for row in judged),
        people=tuple(people),
        already=stored.at if stored else None,
    )


def _write(session: Session, keys: Keyring, sheet: Sheet, plan: ImportPlan, *, now: datetime) -> None:
    session.add(
        ImportedFile(
            fingerprint=sheet.fingerprint,
            name=sheet.name,
            lines=plan.rows,
            imported=plan.imported,
            merged=plan.merged,
            quarantined=plan.quarantined,
            refused=plan.refused,
            at=now,
        )
    )
    session.flush()
    rows.write_people(session, keys, sheet, plan.people, now=now)
    rows.write_quarantine(session, sheet, plan.judged, now=now)
    rows.close_answered_quarantine(session, now=now)


def _unless_suppressed(row: JudgedRow, reason: SuppressionReason | None) -> JudgedRow:
    """A row whose address must not be mailed is refused, and forgotten but for its number."""
    if reason is None:
        return row
    sentence = _("Cette adresse ne reçoit plus rien ({reason}). Un fichier ne la fait pas revenir : retirez la ligne.")
    doubt = RowDoubt(Column.address, sentence.format(reason=label(reason)))
    return JudgedRow(number=row.number, status=RowStatus.refused, doubts=(doubt,))


def _with_doubts(row: JudgedRow, more: Sequence[RowDoubt]) -> JudgedRow:
    return replace(row, doubts=(*row.doubts, *more)) if more else row
