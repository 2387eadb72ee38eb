"""Mails in doubt, of which nobody knows whether they arrived: listed, settled by evidence, policy or a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.plan import cancel_with_their_issue
from newsletter.errors import RefusedError
from newsletter.i18n import _
from newsletter.note_reasons import NoteReason, note_text
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue, edition_of
from newsletter.store.ledger import BATCH, Batch, Mail, MailNote
from newsletter.words import DoubtPolicy, IssueState, MailState, NoteKind

DOUBT_AFTER = timedelta(minutes=15)
"""How long evidence may take: longer than the ten minutes a server may think at the end of data (RFC 5321)."""


class Ruling(StrEnum):
    """What is decided about a mail in doubt."""

    arrived = "arrived"  # it did arrive: settled
    resend = "resend"  # send the same bytes again; a receiver that has them drops the double
    drop = "drop"  # let it go


@dataclass(frozen=True, slots=True)
class MailInDoubt:
    """One mail in doubt, as it is listed. `words`: what is known, in the language of the moment."""

    mail_id: int
    edition_id: int
    seq: int
    armed_at: datetime
    words: str


def mails_in_doubt(session: Session, *, edition_id: int | None = None) -> list[MailInDoubt]:
    """The mails in doubt, oldest first, of one edition or of all."""
    newest_note = (
        sa.select(col(MailNote.words))
        .where(col(MailNote.mail_id) == col(Mail.id), col(MailNote.kind) == NoteKind.doubt)
        .order_by(col(MailNote.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    statement: sa.Select[*tuple[Any, ...]] = sa.select(
        col(Mail.id).label("mail_id"),
        col(Mail.edition_id).label("edition_id"),
        col(Mail.seq).label("seq"),
        col(Mail.armed_at).label("armed_at"),
        sa.func.coalesce(newest_note, "").label("words"),
    ).where(_in_doubt())
    if edition_id is not None:
        statement = statement.where(col(Mail.edition_id) == edition_id)
    found = session.connection().execute(statement.order_by(col(Mail.armed_at), col(Mail.id))).mappings()
    return [MailInDoubt(**{**row, "words": note_text(row["words"])}) for row in found]


def apply_ruling(session: Session, mail_ids: Sequence[int], ruling: Ruling, *, now: datetime, why: str) -> int:
    """Settle these mails; how many were in doubt and are not any more. The others are left as they are.

    `why` is kept in a note for each: a NoteReason, or a sentence.
    """
    state = {
        Ruling.arrived: MailState.settled,
        Ruling.resend: MailState.deferred,
        Ruling.drop: MailState.cancelled,
    }[ruling]
    due_at = now if ruling is Ruling.resend else None
    settled: Sequence[sa.Row[*tuple[Any, ...]]] = (
        session.connection()
        .execute(
            sa.update(Mail)
            .where(col(Mail.id).in_(mail_ids), col(Mail.state) == MailState.in_doubt)
            .values(state=state, due_at=due_at, answered_at=None if due_at else now)
            .returning(col(Mail.id), col(Mail.edition_id), col(Mail.seq))
        )
        .all()
    )
    session.add_all(MailNote(mail_id=row.id, at=now, kind=NoteKind.settled, words=str(why)) for row in settled)
    if due_at is not None:
        for edition_id, number in {(row.edition_id, row.seq // BATCH) for row in settled}:
            theirs = sa.and_(col(Batch.edition_id) == edition_id, col(Batch.number) == number)
            session.connection().execute(sa.update(Batch).where(theirs).values(not_before=now))
        session.connection().execute(cancel_with_their_issue([row.id for row in settled]))
    session.flush()
    return len(settled)


def choose_policy(session: Session, issue_id: int, policy: DoubtPolicy) -> int:
    """What becomes of the issue's mails in doubt from now on; how many are in doubt already, and follow it as well.

    Raises RefusedError for an issue that is not approved yet, or was cancelled.
    """
    edition = edition_of(session, issue_id)
    if edition is None:
        raise RefusedError(
            _("Approuvez d’abord ce numéro : vous pourrez alors dire ce que deviennent ses lettres dans le doute.")
        )
    if session.get_one(Issue, issue_id).state is IssueState.cancelled:
        raise RefusedError(_("Ce numéro est annulé : ses lettres dans le doute se décident une à une."))
    edition.doubt_policy = policy
    session.add(edition)
    session.flush()
    return len(mails_in_doubt(session, edition_id=edition.id))


def settle_by_evidence(session: Session, *, now: datetime) -> int:
    """A mail that was opened, clicked or answered did arrive; `hold` leaves even that to people. How many ended."""
    seen = sa.exists().where(col(Event.mail_id) == col(Mail.id))
    held = sa.exists().where(col(Edition.id) == col(Mail.edition_id), col(Edition.doubt_policy) == DoubtPolicy.hold)
    found = [key(mail_id) for mail_id in session.exec(select(Mail.id).where(_in_doubt(), seen, ~held)).all()]
    return apply_ruling(session, found, Ruling.arrived, now=now, why=NoteReason.reader_acted)


def settle_by_policy(session: Session, *, now: datetime) -> int:
    """Apply `resend` and `drop` to doubts that evidence had its time for; `reconcile` and `hold` keep them listed."""
    rulings = (
        (DoubtPolicy.resend, Ruling.resend, NoteReason.resend_policy),
        (DoubtPolicy.drop, Ruling.drop, NoteReason.drop_policy),
    )
    return sum(
        apply_ruling(session, _without_evidence(session, policy, now=now), ruling, now=now, why=why)
        for policy, ruling, why in rulings
    )


def _without_evidence(session: Session, policy: DoubtPolicy, *, now: datetime) -> list[int]:
    found = session.exec(
        select(Mail.id)
        .join(Edition, col(Edition.id) == col(Mail.edition_id))
        .where(
            _in_doubt(),
            col(Edition.doubt_policy) == policy,
            col(Mail.armed_at) <= now - DOUBT_AFTER,
        )
    ).all()
    return [key(mail_id) for mail_id in found]


def _in_doubt() -> sa.ColumnElement[bool]:
    """Found by their notes, for every doubt leaves one: among millions of mails only those few are looked at."""
    noted = sa.select(col(MailNote.mail_id)).where(col(MailNote.kind) == NoteKind.doubt)
    return sa.and_(col(Mail.state) == MailState.in_doubt, col(Mail.id).in_(noted))
