"""Hints between machines, carried by Procrastinate: a task engine that lives in PostgreSQL.

A job says "drain lane L"; its queue and its `queueing_lock` are the lane, so jobs that wait for one lane are one. A job
is never evidence of anything: it is deleted when it ends, and the job of a process that died is swept away.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager

from newsletter.delivery.workers.dispatch import (
    STOP_POLL_SECONDS,
    SWEEP_SECONDS,
    Dispatcher,
    DrainLane,
    LocalDispatcher,
    drain_or_log,
    sweep_lanes,
)
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store import Store
from newsletter.store.portable import postgresql_address

_TASK = "drain"
_POLL_SECONDS = 0.5
_DEAD_AFTER_SECONDS = 60.0
_FIND_JOBS_TABLE = "SELECT to_regclass('procrastinate_jobs')"
_ADVISORY_LOCK = 0x6E6C_6874  # any number, as long as every `newsletter init` takes the same

_deferring = App(connector=SyncPsycopgConnector())  # never opened: it writes through connections of our own
_log = logging.getLogger(__name__)


class HintsError(NewsletterError):
    """The tables of the task engine are missing."""


def open_dispatcher(store: Store, *, hints: bool = True) -> Dispatcher:
    """How senders of this store are woken: hints in PostgreSQL, or sweeping alone on SQLite and without `hints`.

    Raises HintsError when `newsletter init` has not made the engine's tables yet.
    """
    if not hints or not postgresql_address(store.engine):
        return LocalDispatcher()
    if not _is_prepared(store):
        raise HintsError(
            _("Les tables des réveils manquent. Lancez « newsletter init », ou « newsletter work --no-hints ».")
        )
    return ProcrastinateDispatcher(store)


def prepare_hints(store: Store) -> bool:
    """Make the engine's tables where the store is PostgreSQL; whether they were missing. Safe to repeat."""
    if not postgresql_address(store.engine):
        return False
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        if connection.exec_driver_sql(_FIND_JOBS_TABLE).scalar() is not None:
            return False
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(SchemaManager.get_schema())  # several statements at once: only the driver itself takes them
    return True


def _is_prepared(store: Store) -> bool:
    with store.engine.connect() as connection:
        return connection.exec_driver_sql(_FIND_JOBS_TABLE).scalar() is not None


@dataclass(frozen=True, slots=True)
class ProcrastinateDispatcher:
    """Hints to every process, on any machine, that runs on this database."""

    store: Store
    sweep_seconds: float = SWEEP_SECONDS
    poll_seconds: float = _POLL_SECONDS

    def hint(self, lane: str) -> None:
        try:
            with self.store.engine.begin() as connection:
                ours = connection.connection.driver_connection
                _deferring.configure_task(_TASK, queue=lane, queueing_lock=lane, connection=ours).defer(lane=lane)
        except AlreadyEnqueued:
            pass
        except (ConnectorException, sa.exc.DBAPIError) as error:
            _log.warning("no hint for lane %s: %s", lane, type(error.__cause__).__name__)

    def run(self, drain: DrainLane, *, claimable: Callable[[], Iterable[str]], stopping: Callable[[], bool]) -> None:
        asyncio.run(self._run(drain, claimable, stopping))

    async def _run(
        self, drain: DrainLane, claimable: Callable[[], Iterable[str]], stopping: Callable[[], bool]
    ) -> None:
        woken: dict[str, float] = {}
        app = App(connector=PsycopgConnector(conninfo=postgresql_address(self.store.engine), min_size=1, max_size=4))

        def wake_and_drain(lane: str) -> None:
            if lane in sweep_lanes(claimable):
                if time.monotonic() - woken.get(lane, -math.inf) > self.sweep_seconds:
                    woken[lane] = time.monotonic()  # or a lane that is paused would be drained without end
                    self.hint(lane)  # there is work: wake the next process before beginning
                drain_or_log(drain, lane)

        app.task(name=_TASK)(wake_and_drain)
        workers: dict[str, asyncio.Task[None]] = {}
        async with app.open_async():
            try:
                await self._keep_sweeping(app, workers, claimable, stopping)
            finally:
                await _cancel(workers.values())

    async def _keep_sweeping(
        self,
        app: App,
        workers: dict[str, asyncio.Task[None]],
        claimable: Callable[[], Iterable[str]],
        stopping: Callable[[], bool],
    ) -> None:
        loop = asyncio.get_running_loop()
        next_sweep = 0.0
        while not stopping():
            if loop.time() >= next_sweep:
                for lane in await asyncio.to_thread(sweep_lanes, claimable):
                    await asyncio.to_thread(self.hint, lane)
                    if lane not in workers or workers[lane].done():  # done: the database was away for a while
                        workers[lane] = asyncio.create_task(self._work(app, lane))
                await _sweep_dead_jobs(app)
                next_sweep = loop.time() + self.sweep_seconds
            await asyncio.sleep(STOP_POLL_SECONDS)

    async def _work(self, app: App, lane: str) -> None:
        """One job of this lane after the other. A lane has a worker of its own, so that none waits for another."""
        await app.run_worker_async(
            queues=[lane],
            name=lane,
            concurrency=1,
            fetch_job_polling_interval=self.poll_seconds,
            listen_notify=False,  # NOTIFY takes a lock that all commits of the database share
            delete_jobs="always",
            install_signal_handlers=False,
            stalled_worker_timeout=_DEAD_AFTER_SECONDS,
        )


async def _sweep_dead_jobs(app: App) -> None:
    """Jobs of processes that died hold nobody up; they are only in the way of whoever looks at the table."""
    try:
        await app.job_manager.prune_stalled_workers(_DEAD_AFTER_SECONDS)
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER_SECONDS):
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    except ConnectorException as error:
        _log.warning("dead jobs stay for now: %s", type(error.__cause__).__name__)


async def _cancel(workers: Iterable[asyncio.Task[None]]) -> None:
    """Stop these workers; what is being drained ends first."""
    ending = list(workers)
    for worker in ending:
        worker.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
