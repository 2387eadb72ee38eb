"""The figures shown about a send: each is a count over the ledger, made when it is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from babel.dates import format_timedelta
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from newsletter.i18n import _
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail, MailNote
from newsletter.store.people import Subscriber
from newsletter.words import IssueState, MailState, NoteKind

LAST_MINUTE = timedelta(minutes=1)
RECENT = timedelta(days=7)
WAITING = (MailState.planned, MailState.armed, MailState.deferred)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Where the mails of an edition are. `planned` is all of them, and the rest always adds up to it."""

    planned: int = 0
    accepted: int = 0  # settled doubts included: they arrived
    refused: int = 0
    suppressed: int = 0
    in_doubt: int = 0
    cancelled: int = 0
    waiting: int = 0  # to be sent, on the wire, or to be tried again
    deferred: int = 0  # of those waiting: to be tried again

    @property
    def finished(self) -> bool:
        """Whether nothing of it will leave any more: derived from the balance, never from an empty fetch."""
        return self.planned > 0 and self.waiting == 0

    @property
    def adds_up(self) -> bool:
        ended = self.accepted + self.refused + self.suppressed + self.in_doubt + self.cancelled
        return self.planned == ended + self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast an edition leaves, seen over the last minute."""

    per_second: float = 0.0
    seconds_left: float | None = None  # for what need not be tried again; None when nothing moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptional:
    """One note about one mail."""

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


def balance_of(session: Session, edition_id: int) -> Balance:
    """The balance of one edition; all zero before planning."""
    return balances(session, [edition_id]).get(edition_id, Balance())


def balances(session: Session, edition_ids: list[int]) -> Mapping[int, Balance]:
    """The balances of several editions, in one query."""
    rows = session.exec(
        select(col(Mail.edition_id), col(Mail.state), sa.func.count())
        .where(col(Mail.edition_id).in_(edition_ids))
        .group_by(col(Mail.edition_id), col(Mail.state))
    ).all()
    counts: dict[int, dict[MailState, int]] = {}
    for edition_id, state, number in rows:
        counts.setdefault(edition_id, {})[MailState(state)] = number
    return {edition_id: _balance_of(by_state) for edition_id, by_state in counts.items()}


def edition_of(session: Session, issue_id: int) -> Edition | None:
    """The edition of an issue, once it is approved."""
    return session.exec(select(Edition).where(col(Edition.issue_id) == issue_id)).first()


def rate(session: Session, edition_id: int, now: datetime) -> Rate:
    """How many mails a second got their answer within the last minute, and how long the rest takes at that."""
    answered, first = session.execute(
        sa.select(sa.func.count(), sa.func.min(col(Mail.answered_at))).where(
            col(Mail.edition_id) == edition_id, col(Mail.answered_at) > now - LAST_MINUTE
        )
    ).one()
    if not answered:
        return Rate()
    where = balance_of(session, edition_id)
    per_second = answered / max(1.0, (now - first).total_seconds())
    return Rate(per_second=per_second, seconds_left=(where.waiting - where.deferred) / per_second)


def time_left(seconds: float) -> str:
    """About how long that is, in words."""
    if seconds < 60:
        return _("moins d’une minute")
    words = format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale="fr_FR")
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def recent_mails(session: Session, *, now: datetime) -> Mapping[MailState, int]:
    """The mails of the editions planned within a week, by state; every state is named."""
    recent = sa.select(col(Edition.id)).where(col(Edition.planned_at) > now - RECENT)
    found = session.execute(
        sa.select(col(Mail.state), sa.func.count()).where(col(Mail.edition_id).in_(recent)).group_by(col(Mail.state))
    )
    return dict.fromkeys(MailState, 0) | {MailState(state): number for state, number in found}


def moving_editions(session: Session) -> list[Edition]:
    """The editions of which a mail waits, being sent or held, oldest first."""
    waiting = sa.exists().where(col(Batch.edition_id) == col(Edition.id), col(Batch.not_before).is_not(None))
    in_hand = (IssueState.sending, IssueState.paused)
    return list(
        session.exec(
            select(Edition)
            .join(Issue, col(Issue.id) == col(Edition.issue_id))
            .where(waiting, col(Issue.state).in_(in_hand))
            .order_by(col(Edition.planned_at), col(Edition.id))
        ).all()
    )


def notes(session: Session, edition_id: int, *, limit: int = 100) -> list[Exceptional]:
    """What went otherwise than planned, newest first."""
    rows = session.exec(
        select(MailNote, Mail.seq)
        .join(Mail, col(Mail.id) == col(MailNote.mail_id))
        .where(col(Mail.edition_id) == edition_id)
        .order_by(col(MailNote.id).desc())
        .limit(limit)
    ).all()
    return [
        Exceptional(
            mail_id=note.mail_id, seq=seq, at=note.at, kind=note.kind, code=note.code, enhanced=note.enhanced,
            words=note.words,
        )
        for note, seq in rows
    ]  # fmt: skip


def editions(session: Session) -> list[int]:
    """The editions that have mails, oldest first."""
    return sorted(session.exec(select(col(Mail.edition_id)).distinct()).all())


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


def in_doubt(session: Session) -> int:
    """How many mails, of whatever edition, nobody knows the fate of. Each of them has a note that says so."""
    noted = sa.select(col(MailNote.mail_id)).where(col(MailNote.kind) == NoteKind.doubt)
    return session.exec(
        select(sa.func.count()).select_from(Mail).where(col(Mail.id).in_(noted), col(Mail.state) == MailState.in_doubt)
    ).one()


def lanes(session: Session) -> Sequence[Lane]:
    """The ways out, by name."""
    return session.exec(select(Lane).order_by(col(Lane.name))).all()


def troubles(session: Session) -> list[str]:
    """Why a lane does not send at present, in French sentences."""
    return [why for why in session.exec(select(Lane.why).where(col(Lane.why) != "")).all() if why]


def _balance_of(by_state: Mapping[MailState, int]) -> Balance:
    return Balance(
        planned=sum(by_state.values()),
        accepted=by_state.get(MailState.accepted, 0) + by_state.get(MailState.settled, 0),
        refused=by_state.get(MailState.refused, 0),
        suppressed=by_state.get(MailState.suppressed, 0),
        in_doubt=by_state.get(MailState.in_doubt, 0),
        cancelled=by_state.get(MailState.cancelled, 0),
        waiting=sum(by_state.get(state, 0) for state in WAITING),
        deferred=by_state.get(MailState.deferred, 0),
    )


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
        words=note.words if note else "",
    )
