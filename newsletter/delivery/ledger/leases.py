"""Leases on batches: which sender may work on a batch, until when, and what a sender that died leaves behind.

A lease is proved by its fence (a fencing token), which grows with each claim: a sender that lost its lease, because it
was stopped for longer than the lease runs, can write nothing more.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import in_paris
from newsletter.note_reasons import NoteReason
from newsletter.store.columns import UtcMoment, key
from newsletter.store.issues import Edition, Issue, leaves_at
from newsletter.store.ledger import UNSENT_STATES, Batch, Lane, Mail, MailNote, of_batch
from newsletter.store.portable import skip_locked
from newsletter.store.prepared import Prepared, Statement
from newsletter.words import IssueState, MailState, NoteKind

LEASE = timedelta(seconds=60)
_NEVER_DEFERRED = sa.literal(datetime(2000, 1, 1, tzinfo=UTC), UtcMoment)
"""Stands for the `due_at` of a mail that was never tried: due before any that was."""


class Lease(NamedTuple):
    """A batch of one edition that a sender may work on. A tuple, since it is compared for every mail."""

    batch_id: int
    fence: int
    edition_id: int
    number: int


def lease_next_batch(session: Session, *, lane: str, owner: str, now: datetime) -> Lease | None:
    """Lease the next batch of this lane that is due and free; None when there is none.

    Mails that an earlier owner left armed are in doubt from here on: it died, and nobody knows whether they left.
    """
    batch = _next_batch(session, lane=lane, now=now)
    if batch is None:
        return None
    if batch.owner is not None:
        _doubt_armed_mails(session, batch, now=now)
    batch.fence += 1
    batch.owner, batch.lease_until = owner, now + LEASE
    session.add(batch)
    session.flush()
    return Lease(key(batch.id), batch.fence, batch.edition_id, batch.number)


def return_batch(connection: sa.Connection, lease: Lease, *, not_before: datetime | None = None) -> None:
    """End the lease. The batch is due again when its earliest mail is; never, once no mail of it is unsent."""
    due = connection.scalar(
        sa.select(sa.func.min(sa.func.coalesce(col(Mail.due_at), _NEVER_DEFERRED))).where(
            of_batch(lease.edition_id, lease.number), col(Mail.state).in_(UNSENT_STATES)
        )
    )
    connection.execute(
        sa.update(Batch)
        .where(col(Batch.id) == lease.batch_id, col(Batch.fence) == lease.fence)
        .values(owner=None, lease_until=None, not_before=due and max(due, not_before or due))
    )


def reclaim_expired_leases(session: Session, *, now: datetime) -> int:
    """End the leases that ran out on batches nobody may claim, for their issue was paused or cancelled; how many.

    What was armed is in doubt, as it would be for the next owner, so that the balance of the issue can end.
    """
    expired = session.exec(
        select(Batch)
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Batch.lease_until) < now, col(Issue.state) != IssueState.sending)
    ).all()
    for batch in expired:
        batch.fence += 1
        batch.owner = batch.lease_until = None
        _doubt_armed_mails(session, batch, now=now)
        session.add(batch)
    session.flush()
    return len(expired)


def lease_owners(session: Session, *, lane: str, now: datetime) -> set[str]:
    """Who has a lease on a batch of this lane, and so may be sending on it."""
    leased = sa.and_(col(Batch.lane) == lane, col(Batch.not_before).is_not(None), col(Batch.lease_until) >= now)
    return {owner for owner in session.exec(select(Batch.owner).where(leased).distinct()).all() if owner}


def sendable_editions(minute: sa.ColumnElement[int] | int) -> sa.Select[Any]:
    """The editions whose mails may leave at this minute of the day in Paris: nobody paused or cancelled the issue."""
    return (
        sa.select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.sending, leaves_at(minute))
    )


def minute_of_the_day(now: datetime) -> int:
    """Minutes after midnight in Paris."""
    local = in_paris(now)
    return local.hour * 60 + local.minute


@dataclass(frozen=True, slots=True)
class LeaseStatements:
    """The two statements about leases that are part of every group commit, compiled once for each number of leases."""

    engine: sa.Engine
    _compiled: dict[tuple[Callable[[int], Statement], int], Prepared] = field(default_factory=dict)

    def renew(self, connection: sa.Connection, leases: Collection[Lease], *, until: datetime) -> set[Lease]:
        """Renew these leases; those that still hold."""
        return self._run(_renewal, connection, leases, until=until)

    def still_held(self, connection: sa.Connection, leases: Collection[Lease]) -> set[Lease]:
        """Those of these leases that still hold; until this transaction ends nobody can take one over."""
        return self._run(_holding, connection, leases)

    def _run(
        self,
        make: Callable[[int], Statement],
        connection: sa.Connection,
        leases: Collection[Lease],
        **more: Any,
    ) -> set[Lease]:
        statement = self._compiled.get((make, len(leases)))
        if statement is None:
            statement = self._compiled[make, len(leases)] = Prepared.over(self.engine, make(len(leases)))
        given = {f"batch_{n}": lease.batch_id for n, lease in enumerate(leases)}
        given |= {f"fence_{n}": lease.fence for n, lease in enumerate(leases)}
        held = {(batch_id, fence) for batch_id, fence in statement.run(connection, **given, **more)}
        return {lease for lease in leases if (lease.batch_id, lease.fence) in held}


def _renewal(leases: int) -> Statement:
    until = sa.bindparam("until", type_=UtcMoment)
    renewed = sa.update(Batch).where(_any_fence_holds(leases)).values(lease_until=until)
    return renewed.returning(col(Batch.id), col(Batch.fence))


def _holding(leases: int) -> Statement:
    held = sa.select(col(Batch.id), col(Batch.fence)).where(_any_fence_holds(leases))
    return held.with_for_update()


def _any_fence_holds(leases: int) -> sa.ColumnElement[bool]:
    return sa.or_(
        *(
            sa.and_(col(Batch.id) == sa.bindparam(f"batch_{n}"), col(Batch.fence) == sa.bindparam(f"fence_{n}"))
            for n in range(leases)
        )
    )


def _next_batch(session: Session, *, lane: str, now: datetime) -> Batch | None:
    statement = (
        sa.select(Batch)
        .join(Lane, col(Lane.name) == col(Batch.lane))
        .where(
            col(Batch.lane) == lane,
            col(Batch.edition_id).in_(sendable_editions(minute_of_the_day(now))),
            col(Lane.paused_at).is_(None),
            sa.or_(col(Lane.rests_until).is_(None), col(Lane.rests_until) <= now),
            col(Batch.not_before) <= now,
            sa.or_(col(Batch.lease_until).is_(None), col(Batch.lease_until) < now),
        )
        .order_by(col(Batch.not_before), col(Batch.id))
        .limit(1)
    )
    return session.scalars(skip_locked(statement, session, of=Batch)).first()


def _doubt_armed_mails(session: Session, batch: Batch, *, now: datetime) -> None:
    armed = session.connection().scalars(
        sa.update(Mail)
        .where(of_batch(batch.edition_id, batch.number), col(Mail.state) == MailState.armed)
        .values(state=MailState.in_doubt)
        .returning(col(Mail.id))
    )
    session.add_all(
        MailNote(mail_id=key(mail_id), at=now, kind=NoteKind.doubt, words=str(NoteReason.sender_died))
        for mail_id in armed
    )
    session.flush()
