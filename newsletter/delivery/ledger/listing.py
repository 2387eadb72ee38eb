"""The ledger as people read it: an edition's mails one by one, and what went otherwise than planned."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from newsletter.note_reasons import note_text
from newsletter.store.columns import key
from newsletter.store.ledger import Mail, MailNote
from newsletter.store.people import Subscriber
from newsletter.words import MailState, NoteKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNote:
    """One note about one mail. `words`: the server's own, or a reason in the language of the moment."""

    mail_id: int
    seq: int
    at: datetime
    kind: NoteKind
    code: int | None
    enhanced: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One mail as the ledger shows it; no address, only its place in the edition."""

    mail_id: int
    seq: int
    state: MailState
    tries: int
    due_at: datetime | None
    answered_at: datetime | None
    code: int | None
    enhanced: str
    words: str


def notes(session: Session, edition_id: int, *, limit: int = 100) -> list[ListedNote]:
    """What went otherwise than planned, newest first."""
    rows = session.exec(
        select(MailNote, Mail.seq)
        .join(Mail, col(Mail.id) == col(MailNote.mail_id))
        .where(col(Mail.edition_id) == edition_id)
        .order_by(col(MailNote.id).desc())
        .limit(limit)
    ).all()
    return [
        ListedNote(
            mail_id=note.mail_id, seq=seq, at=note.at, kind=note.kind, code=note.code, enhanced=note.enhanced,
            words=note_text(note.words),
        )
        for note, seq in rows
    ]  # fmt: skip


def rows_of(
    session: Session, edition_id: int, *, address_hash: bytes | None = None, state: MailState | None = None
) -> list[LedgerRow]:
    """The mails of an edition in their order, each with the newest thing said about it; or one reader's alone."""
    other = aliased(MailNote)
    newest = sa.select(sa.func.max(col(other.id))).where(col(other.mail_id) == col(Mail.id)).correlate(Mail)
    statement = (
        select(Mail, MailNote)
        .join(MailNote, col(MailNote.id) == newest.scalar_subquery(), isouter=True)
        .where(col(Mail.edition_id) == edition_id)
        .order_by(col(Mail.seq))
    )
    if address_hash is not None:
        statement = statement.join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id))
        statement = statement.where(col(Subscriber.address_hash) == address_hash)
    if state is not None:
        statement = statement.where(col(Mail.state) == state)
    return [_row(mail, note) for mail, note in session.exec(statement).all()]


def _row(mail: Mail, note: MailNote | None) -> LedgerRow:
    return LedgerRow(
        mail_id=key(mail.id),
        seq=mail.seq,
        state=mail.state,
        tries=mail.tries,
        due_at=mail.due_at,
        answered_at=mail.answered_at,
        code=note.code if note else None,
        enhanced=note.enhanced if note else "",
        words=note_text(note.words) if note else "",
    )
