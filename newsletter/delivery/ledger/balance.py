"""The balance of an edition: where its mails are, counted over the ledger whenever it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store.issues import Edition
from newsletter.store.ledger import ARRIVED_STATES, OPEN_STATES, Mail, MailNote
from newsletter.words import MailState, NoteKind

_RECENT = timedelta(days=7)


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


def recent_mails(session: Session, *, now: datetime) -> Mapping[MailState, int]:
    """The mails of the editions planned within a week, by state; every state is named."""
    recent = sa.select(col(Edition.id)).where(col(Edition.planned_at) > now - _RECENT)
    found = session.execute(
        sa.select(col(Mail.state), sa.func.count()).where(col(Mail.edition_id).in_(recent)).group_by(col(Mail.state))
    )
    return dict.fromkeys(MailState, 0) | {MailState(state): number for state, number in found}


def editions_with_mails(session: Session) -> list[int]:
    """The editions that have mails, oldest first."""
    return sorted(session.exec(select(col(Mail.edition_id)).distinct()).all())


def count_in_doubt(session: Session) -> int:
    """How many mails are in doubt, in all editions. Each of them has a note that says so."""
    noted = sa.select(col(MailNote.mail_id)).where(col(MailNote.kind) == NoteKind.doubt)
    return session.exec(
        select(sa.func.count()).select_from(Mail).where(col(Mail.id).in_(noted), col(Mail.state) == MailState.in_doubt)
    ).one()


def _balance_of(by_state: Mapping[MailState, int]) -> Balance:
    return Balance(
        planned=sum(by_state.values()),
        accepted=sum(by_state.get(state, 0) for state in ARRIVED_STATES),
        refused=by_state.get(MailState.refused, 0),
        suppressed=by_state.get(MailState.suppressed, 0),
        in_doubt=by_state.get(MailState.in_doubt, 0),
        cancelled=by_state.get(MailState.cancelled, 0),
        waiting=sum(by_state.get(state, 0) for state in OPEN_STATES),
        deferred=by_state.get(MailState.deferred, 0),
    )
