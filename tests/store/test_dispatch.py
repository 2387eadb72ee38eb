"""Hints wake senders and prove nothing: lost, doubled or left over, they change nobody's mail."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa

from newsletter.delivery.workers.dispatch import Dispatcher, LocalDispatcher, claimable_lanes, unfinished_lanes
from newsletter.delivery.workers.hints import HintsError, ProcrastinateDispatcher, open_dispatcher, prepare_hints
from newsletter.delivery.workers.registry import (
    FORGOTTEN_AFTER,
    SILENT_AFTER,
    Heartbeat,
    late_ticks,
    list_workers,
    registered,
    tick_marks,
)
from newsletter.errors import RefusedError
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.store.ledger import Batch
from newsletter.store.portable import postgresql_address
from newsletter.words import IssueState, WorkerState
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_subscriber, an_edition, plan_for_everyone
from tests.kit.timeouts import SECONDS, wait_until


@dataclass
class Lanes:
    """Stands for the ledger: so much work on each lane, of which a drain takes one piece after the other."""

    work: Counter[str] = field(default_factory=Counter)
    drained: list[tuple[str, int]] = field(default_factory=list)  # lane, thread
    lock: threading.Lock = field(default_factory=threading.Lock)
    slow: float = 0.0

    def claimable(self) -> list[str]:
        with self.lock:
            return [lane for lane, pieces in self.work.items() if pieces > 0]

    def drain(self, lane: str) -> None:
        while True:
            with self.lock:
                if self.work[lane] <= 0:
                    return
                self.work[lane] -= 1
                self.drained.append((lane, threading.get_ident()))
            time.sleep(self.slow)


def a_dispatcher(store: Store) -> Dispatcher:
    """The one for this store, in a hurry: on SQLite within the process, on PostgreSQL through the task engine."""
    if not postgresql_address(store.engine):
        return LocalDispatcher(sweep_seconds=0.1)
    prepare_hints(store)
    return ProcrastinateDispatcher(store, sweep_seconds=0.2, poll_seconds=0.05)


@contextmanager
def running(
    dispatcher: Dispatcher, drain: Callable[[str], object], claimable: Callable[[], list[str]], *, times: int = 1
) -> Iterator[None]:
    """As many threads as `times`, each in the place of a process."""
    stopping = threading.Event()
    threads = [
        threading.Thread(
            target=dispatcher.run, args=[drain], kwargs={"claimable": claimable, "stopping": stopping.is_set}
        )
        for _ in range(times)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(timeout=SECONDS)
            assert not thread.is_alive()


def test_every_lane_with_work_is_drained_and_no_lane_waits_for_another(store: Store) -> None:
    lanes = Lanes(Counter(large=1, small=1))
    gate = threading.Event()

    def drain(lane: str) -> None:
        if lane == "large":
            gate.wait(timeout=SECONDS)
        lanes.drain(lane)

    with running(a_dispatcher(store), drain, lanes.claimable):
        wait_until(lambda: [lane for lane, _ in lanes.drained] == ["small"], "the small lane, drained first")
        gate.set()
        wait_until(lambda: len(lanes.drained) == 2, "both lanes, drained")
        lanes.work["small"] += 1  # found by the next sweep: nobody hinted
        wait_until(lambda: len(lanes.drained) == 3, "what the sweep found, drained")


def test_a_drain_or_a_sweep_that_fails_is_tried_again(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    lanes = Lanes(Counter(lane=1))
    fail: list[Exception] = [RefusedError("the relay is away"), ZeroDivisionError(), OSError("the store is away")]

    def claimable() -> list[str]:
        if len(fail) == 1:
            raise fail.pop()
        return lanes.claimable()

    def drain(lane: str) -> None:
        if len(fail) > 1:
            raise fail.pop(0)
        lanes.drain(lane)

    with running(a_dispatcher(store), drain, claimable):
        wait_until(lambda: not lanes.claimable(), "all work, drained")
    assert "the relay is away" in caplog.text


def test_a_lane_on_which_nothing_may_leave_is_looked_at_now_and_then_only(store: Store) -> None:
    """Between two sweeps, 0.1 s apart or more, each of the two looks twice at most; a slow machine looks less."""
    looked: list[str] = []
    began = time.monotonic()
    with running(a_dispatcher(store), looked.append, lambda: ["paused"], times=2):
        wait_until(lambda: len(looked) >= 10, "ten looks at the lane")
        looks, sweeps = len(looked), (time.monotonic() - began) / 0.1
    assert looks <= 4 * (sweeps + 1)


def test_what_is_being_drained_ends_before_the_dispatcher_does(store: Store) -> None:
    lanes = Lanes(Counter(lane=20), slow=0.02)
    with running(a_dispatcher(store), lanes.drain, lanes.claimable):
        wait_until(lambda: lanes.drained, "the first piece of work")
    assert len(lanes.drained) == 20


class LosesSome(ProcrastinateDispatcher):
    """Loses three hints of ten, and gives three of ten a second time, without the lock that makes them one."""

    def hint(self, lane: str) -> None:
        chance = random.random()  # noqa: S311  which hints, nothing secret
        if chance >= 0.3:
            super().hint(lane)
        if chance >= 0.7:
            leave_a_job(self.store, lane, "todo")


def leave_a_job(store: Store, lane: str, status: str) -> None:
    job = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, queueing_lock) VALUES "
    values = f"('{lane}', 'drain', jsonb_build_object('lane', '{lane}'), '{status}', NULL)"
    with store.engine.begin() as connection:
        connection.exec_driver_sql(job + values)


def jobs_of(store: Store) -> int:
    with store.engine.connect() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar_one()
        return count


@pytest.fixture
def hinted(store: Store) -> Store:
    """A store with the tables of the task engine."""
    if not postgresql_address(store.engine):
        pytest.skip("hints are carried by PostgreSQL alone")
    prepare_hints(store)
    return store


def test_lost_and_doubled_hints_lose_and_double_no_work(hinted: Store) -> None:
    lanes = Lanes(Counter({f"lane {number}": 40 for number in range(3)}), slow=0.005)
    lossy = LosesSome(hinted, sweep_seconds=0.1, poll_seconds=0.05)
    with running(lossy, lanes.drain, lanes.claimable, times=3):
        wait_until(lambda: not lanes.claimable(), "all work, drained")
    assert Counter(lane for lane, _ in lanes.drained) == {f"lane {number}": 40 for number in range(3)}


def test_one_hint_wakes_one_process_after_the_other_while_there_is_work(hinted: Store) -> None:
    lanes = Lanes(Counter(lane=100_000), slow=0.02)
    dispatcher = ProcrastinateDispatcher(hinted, sweep_seconds=0.2, poll_seconds=0.05)
    with running(dispatcher, lanes.drain, lanes.claimable, times=3):
        wait_until(lambda: len({thread for _, thread in lanes.drained}) == 3, "a share for each of the three")
        lanes.work.clear()


def test_hints_that_wait_for_one_lane_are_one(hinted: Store) -> None:
    for _ in range(3):
        open_dispatcher(hinted).hint("lane")
    assert jobs_of(hinted) == 1


def test_the_job_of_a_dead_process_holds_nobody_up_and_is_swept_away(hinted: Store) -> None:
    leave_a_job(hinted, "lane", "doing")
    lanes = Lanes(Counter(lane=1))
    dispatcher = ProcrastinateDispatcher(hinted, sweep_seconds=0.1, poll_seconds=0.05)
    with running(dispatcher, lanes.drain, lanes.claimable):
        wait_until(lambda: lanes.drained, "the first piece of work")
        wait_until(lambda: jobs_of(hinted) == 0, "the hint, taken")


def test_preparing_twice_changes_nothing_and_senders_say_when_it_was_forgotten(store: Store) -> None:
    hinted = bool(postgresql_address(store.engine))
    if hinted:
        with pytest.raises(HintsError, match="newsletter init"):
            open_dispatcher(store)
    assert [prepare_hints(store), prepare_hints(store)] == [hinted, False]
    assert isinstance(open_dispatcher(store), ProcrastinateDispatcher if hinted else LocalDispatcher)
    assert isinstance(open_dispatcher(store, hints=False), LocalDispatcher)


def test_a_lane_is_claimable_while_a_batch_is_due_and_free_and_unfinished_until_its_last_mail(
    store: Store, clock: StoppedClock
) -> None:
    def lanes() -> tuple[list[str], list[str]]:
        with store.reading() as session:
            return claimable_lanes(session, now=clock.now()), unfinished_lanes(session)

    assert lanes() == ([], [])
    with store.transaction() as session:
        a_subscriber(session)
        edition = an_edition(session)
    plan_for_everyone(store, key(edition.id), now=clock.now())
    assert lanes() == (["default"], ["default"])
    change(store, lease_until=clock.now() + timedelta(minutes=1))
    assert lanes() == ([], ["default"])
    clock.advance(timedelta(minutes=2))  # the lease has run out
    assert lanes() == (["default"], ["default"])
    change(store, lease_until=None, not_before=clock.now() + timedelta(minutes=5))
    assert lanes() == ([], ["default"])
    change(store, not_before=None)
    assert lanes() == ([], [])
    change(store, not_before=clock.now())
    with store.transaction() as session:
        session.get_one(Issue, edition.issue_id).state = IssueState.paused
    assert lanes() == ([], [])


def change(store: Store, **fields: object) -> None:
    with store.transaction() as session:
        session.execute(sa.update(Batch).values(**fields))


def test_a_process_says_that_it_lives_and_what_it_does_until_it_ends(store: Store, clock: StoppedClock) -> None:
    with registered(store, clock, interval=timedelta(milliseconds=20)) as heartbeat:
        with heartbeat.draining("default"):
            wait_until(lambda: told(store, clock) == [(WorkerState.sending, "default", False)], "its sign of sending")
        wait_until(lambda: told(store, clock) == [(WorkerState.idle, "", False)], "its sign of waiting")
    assert told(store, clock) == []


def test_a_silent_process_is_shown_as_such_and_forgotten_after_a_day(store: Store, clock: StoppedClock) -> None:
    Heartbeat(store, clock).beat()
    clock.advance(SILENT_AFTER + timedelta(seconds=1))
    other = Heartbeat(store, clock)
    other.beat()
    assert sorted(silent for _, _, silent in told(store, clock)) == [False, True]
    clock.advance(FORGOTTEN_AFTER)
    other.beat()
    assert [silent for _, _, silent in told(store, clock)] == [False]


def told(store: Store, clock: StoppedClock) -> list[tuple[WorkerState, str, bool]]:
    with store.reading() as session:
        return [(one.worker.state, one.worker.lane, one.silent) for one in list_workers(session, now=clock.now())]


def test_a_tick_is_late_when_it_has_not_run_for_long_and_not_while_it_runs(store: Store, clock: StoppedClock) -> None:
    def late() -> list[str]:
        with store.reading() as session:
            return late_ticks(tick_marks(session), now=clock.now())

    heartbeat = Heartbeat(store, clock)
    with heartbeat.ticking("quick", timedelta(seconds=2)), heartbeat.ticking("long", timedelta(seconds=2)):
        pass
    heartbeat.beat()
    assert late() == []
    with heartbeat.ticking("long", timedelta(seconds=2)):
        clock.advance(timedelta(hours=1))
        heartbeat.beat()
        assert late() == ["quick"]
