"""For the machines that watch this one: whether every part works, and the figures of /metrics. Never an address."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.delivery.ledger.balance import count_in_doubt, recent_mails
from newsletter.delivery.ledger.lanes import lanes
from newsletter.delivery.ledger.throughput import Rate, moving_editions, rate
from newsletter.delivery.workers.registry import ListedWorker, late_ticks, list_workers, tick_marks
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.store.activity import Event
from newsletter.store.columns import key
from newsletter.store.ledger import Lane
from newsletter.store.work import TickMark
from newsletter.tracking.backlog import JournalBacklog, journal_backlog
from newsletter.words import EventKind, MailState, Verdict

ENOUGH_FREE = 256 * 1024 * 1024
"""Bytes of the home folder's disk; below this, sending stops being safe."""


class BrokenPartError(NewsletterError):
    """A part of the installation does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What /metrics shows, counted when it is asked for: no process keeps any of it."""

    mails: Mapping[MailState, int]  # of the editions planned within a week
    rates: Mapping[int, Rate]  # edition → how fast it leaves
    in_doubt: int
    lanes: Sequence[Lane]
    workers: Sequence[ListedWorker]
    ticks: Sequence[TickMark]
    events: Mapping[tuple[EventKind, Verdict], int]
    backlog: JournalBacklog


def figures(instance: Instance) -> Figures:
    """Count everything that /metrics shows."""
    now = instance.clock.now()
    with instance.store.reading() as session:
        return Figures(
            mails=recent_mails(session, now=now),
            rates={key(one.id): rate(session, key(one.id), now) for one in moving_editions(session)},
            in_doubt=count_in_doubt(session),
            lanes=lanes(session),
            workers=list_workers(session, now=now),
            ticks=tick_marks(session),
            events=_events(session),
            backlog=journal_backlog(session, instance.settings.journal, now=now),
        )


def health(instance: Instance) -> dict[str, str]:
    """Part → why it does not work; empty for a part that does."""
    return {name: _look(check, instance) for name, check in _CHECKS.items()}


def _events(session: Session) -> dict[tuple[EventKind, Verdict], int]:
    rows = session.execute(
        sa.select(col(Event.kind), col(Event.verdict), sa.func.count()).group_by(col(Event.kind), col(Event.verdict))
    )
    return {(EventKind(kind), Verdict(verdict)): count for kind, verdict, count in rows}


def _look(check: Callable[[Instance], None], instance: Instance) -> str:
    try:
        check(instance)
    except BrokenPartError as error:
        return str(error)
    except (sa.exc.SQLAlchemyError, NewsletterError, OSError) as error:
        return type(error).__name__  # its words may name a path or an account
    return ""


def _database_answers(instance: Instance) -> None:
    instance.store.check_version()


def _scheduler_ticks(instance: Instance) -> None:
    with instance.store.reading() as session:
        marks = tick_marks(session)
    if not marks:
        raise BrokenPartError(_("aucun programme ne tient l’horloge : lancez « newsletter serve »"))
    if late := late_ticks(marks, now=instance.clock.now()):
        raise BrokenPartError(_("en retard : {names}").format(names=", ".join(late)))


def _journal_takes_notes(instance: Instance) -> None:
    with tempfile.TemporaryFile(dir=instance.settings.journal) as file:
        file.write(b"\n")
        file.flush()


def _disk_has_room(instance: Instance) -> None:
    free = shutil.disk_usage(instance.settings.home).free
    if free < ENOUGH_FREE:
        raise BrokenPartError(_("il ne reste que {free} Mo").format(free=free // 1024 // 1024))


_CHECKS: dict[str, Callable[[Instance], None]] = {
    "database": _database_answers,
    "scheduler": _scheduler_ticks,
    "journal": _journal_takes_notes,
    "disk": _disk_has_room,
}
