"""What runs by itself: APScheduler calls pipeline functions, and holds no state of its own.

What is due is always read from the store (`issue.send_at`, `mail.due_at`, …), so a missed tick only means that the next
one does the work, and two schedulers at once do it once: the store keeps the promises.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from newsletter import pipeline
from newsletter.errors import NewsletterError
from newsletter.instance import Instance

_log = logging.getLogger("scheduler")


@dataclass(frozen=True, slots=True)
class Tick:
    """One thing to do again and again."""

    name: str
    every: timedelta
    run: Callable[[Instance], object]


def ticks() -> tuple[Tick, ...]:
    """Everything that happens by itself, apart from sending, which goes on all the time (sending.keep_sending)."""
    return (
        Tick("release due issues", timedelta(seconds=2), pipeline.release_due),
        Tick("send letters", timedelta(seconds=3), pipeline.send_pending_letters),
        Tick("load hits", timedelta(seconds=5), pipeline.load_hits),
        Tick("refresh leads", timedelta(seconds=30), pipeline.refresh_leads),
        Tick("settle doubts", timedelta(minutes=1), pipeline.settle_doubts),
        Tick("tidy", timedelta(hours=1), pipeline.tidy),
    )


Around = Callable[[str, timedelta], AbstractContextManager[None]]
"""Entered while a tick of this name and interval runs, so that somebody can tell that it does."""


def _run(tick: Tick, instance: Instance, around: Around) -> None:
    """Run a tick. What a person can put right is one line of the log; all else is a fault of ours, with its trace."""
    try:
        with around(tick.name, tick.every):
            tick.run(instance)
    except NewsletterError as error:
        _log.warning("%s: %s", tick.name, error)


def open_scheduler(instance: Instance, *, around: Around = lambda _name, _every: nullcontext()) -> BackgroundScheduler:
    """A started scheduler. A tick runs in a thread of its own, never twice at once; `shutdown()` waits for it."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # long work skips ticks, which is as it should be
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    for tick in ticks():
        scheduler.add_job(
            _run, IntervalTrigger(seconds=int(tick.every.total_seconds())), args=[tick, instance, around], id=tick.name
        )
    scheduler.start()
    return scheduler
