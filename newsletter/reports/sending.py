"""What is being sent, by whom and how fast: the processes, the lanes, the editions on their way, the restore lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.balance import Balance, balance_of, balances, editions_with_mails
from newsletter.delivery.ledger.lanes import lanes, troubles
from newsletter.delivery.ledger.throughput import Rate, moving_editions, rate
from newsletter.delivery.throttle import backoff, warmup
from newsletter.delivery.throttle.pace_file import PaceFile
from newsletter.delivery.throttle.providers import RateLimitTable
from newsletter.delivery.workers.registry import ListedWorker, late_ticks, list_workers, tick_marks
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.store.columns import key
from newsletter.store.issues import Issue, edition_of
from newsletter.store.ledger import Lane, ProviderBackoff


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingIssue:
    """An issue of which mails still wait."""

    issue: Issue
    balance: Balance
    rate: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingOverview:
    """Who sends what at present."""

    moving: Sequence[MovingIssue]
    workers: Sequence[ListedWorker]
    lanes: Sequence[Lane]
    backoffs: Sequence[ProviderBackoff]
    late_ticks: Sequence[str]  # names of the scheduler's ticks that should have run by now


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionsProgress:
    """How far some editions are together."""

    planned: int
    ended: int
    rates: Sequence[Rate]
    trouble: str = ""  # why a lane stands still

    @property
    def finished(self) -> bool:
        return self.ended == self.planned


@dataclass(frozen=True, slots=True, kw_only=True)
class LockReport:
    """What the lock after a restore holds back: issues with mails left to send, and issues that have a date."""

    why: str  # empty when nothing is locked
    waiting: Sequence[tuple[Issue, int]]
    scheduled: Sequence[Issue]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceReport:
    """The limits in force, and what each provider took today."""

    table: RateLimitTable
    trouble: str  # why pace.toml cannot be read; the limits read before are in force
    taken: Mapping[str, Sequence[int]]  # provider → mails accepted, day by day, today first
    left: Mapping[str, int]  # provider → what its warm-up still allows today
    backoffs: Sequence[ProviderBackoff]


def sending_overview(instance: Instance) -> SendingOverview:
    """Who sends what at present."""
    now = instance.clock.now()
    with instance.store.reading() as session:
        return SendingOverview(
            moving=_moving(session, instance),
            workers=list_workers(session, now=now),
            lanes=lanes(session),
            backoffs=backoff.active_backoffs(session, now=now),
            late_ticks=late_ticks(tick_marks(session), now=now),
        )


def editions_progress(instance: Instance, edition_ids: Sequence[int]) -> EditionsProgress:
    """How far these editions are together."""
    with instance.store.reading() as session:
        found = list(balances(session, list(edition_ids)).values())
        rates = [rate(session, edition_id, instance.clock.now()) for edition_id in edition_ids]
        trouble = next(iter(troubles(session)), "")
    planned = sum(one.planned for one in found)
    return EditionsProgress(
        planned=planned, ended=planned - sum(one.waiting for one in found), rates=rates, trouble=trouble
    )


def edition_balances(instance: Instance, *, only: int | None = None) -> Mapping[int, Balance]:
    """The balance of every edition that has mails, oldest first; of one alone when it is named, all zero if unknown."""
    with instance.store.reading() as session:
        return {number: balance_of(session, number) for number in ([only] if only else editions_with_mails(session))}


def lock_report(instance: Instance) -> LockReport:
    """Why this installation sends nothing until a person confirms, and what would leave then."""
    now, settings = instance.clock.now(), instance.settings
    with instance.store.reading() as session:
        why = restore_lock.why_locked(session, settings.home)
        scheduled = [
            *calendar.late(session, now=now, late_after=settings.late_after),
            *calendar.upcoming(session, now=now),
        ]
        left = [(issue, _waiting(session, key(issue.id))) for issue in calendar.sending(session)]
    return LockReport(why=why, waiting=[(issue, count) for issue, count in left if count], scheduled=scheduled)


def pace_report(instance: Instance) -> PaceReport:
    """The limits of pace.toml as they are in force now."""
    now, file = instance.clock.now(), PaceFile(instance.settings.home)
    table = file.table()
    with instance.store.reading() as session:
        return PaceReport(
            table=table,
            trouble=file.trouble,
            taken=warmup.accepted_by_day(session, table, now=now),
            left=warmup.warmup_left_today(session, table, now=now),
            backoffs=backoff.active_backoffs(session, now=now),
        )


def _moving(session: Session, instance: Instance) -> list[MovingIssue]:
    found = moving_editions(session)
    by_edition = balances(session, [key(edition.id) for edition in found])
    wanted = select(Issue).where(col(Issue.id).in_([edition.issue_id for edition in found]))
    issues = {issue.id: issue for issue in session.exec(wanted).all()}
    return [
        MovingIssue(
            issue=issues[edition.issue_id],
            balance=by_edition.get(key(edition.id), Balance()),
            rate=rate(session, key(edition.id), instance.clock.now()),
        )
        for edition in found
    ]


def _waiting(session: Session, issue_id: int) -> int:
    edition = edition_of(session, issue_id)
    return balance_of(session, key(edition.id)).waiting if edition else 0
