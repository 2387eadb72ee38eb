"""Faults of the server, the disk, the database, and of a process that sleeps past its lease."""

import multiprocessing
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store import Store
from newsletter.store.ledger import Batch, Mail
from newsletter.words import DoubtPolicy
from tests.kit.counting_smtp_server import Treatment
from tests.kit.databases import POSTGRESQL, SQLITE, Databases
from tests.kit.fault_trials import FaultTrial, TrialResult, fault_trial
from tests.kit.forked_senders import forked_senders
from tests.kit.planned_editions import an_edition, plan_edition, these_readers

CONNECTIONS = 4
READERS = 1500
SOME = 100  # messages, then the fault: in the middle of a send
Fault = Callable[[FaultTrial, Databases], None]


def inject(
    made: Databases, kind: str, fault: Fault, *, odd: Treatment = Treatment.reader, share: float = 0.0
) -> TrialResult:
    """One edition to readers of whom a share is treated oddly, with a fault in the middle of it."""
    url = made.fresh(kind)
    odd_ones = int(READERS * share)
    store = Store(url)
    these_readers(
        store, (f"{odd if n < odd_ones else Treatment.reader}-{n}@famille-{n % 12}.example" for n in shuffled())
    )
    store.close()
    with fault_trial(url, made.home(), policy=DoubtPolicy.hold, connections=CONNECTIONS) as trial:
        trial.end_of_data_seconds = 0.5 if odd in (Treatment.mute, Treatment.late) else 5.0
        trial.start()
        fault(trial, made)
        trial.finish()
        return trial.judge(count_doubts=False)


def shuffled() -> list[int]:
    """The readers in any order, so that those treated oddly stand anywhere."""
    return random.sample(range(READERS), READERS)


def nothing_more(_going: FaultTrial, _made: Databases) -> None:
    """No further fault than the odd readers."""


def sleeps_past_its_lease(trial: FaultTrial, _made: Databases) -> None:
    """SIGSTOP, another sender takes over, SIGCONT: the sleeper may write nothing more."""
    trial.wait_for_mail(count=SOME)
    (sleeper,) = trial.senders.still_alive()
    trial.senders.kill(sleeper, signal.SIGSTOP)
    while _holds_up_others(trial):  # stopped in the middle of a commit: nobody could take over before it goes on
        trial.senders.kill(sleeper, signal.SIGCONT)
        time.sleep(random.uniform(0, 0.01))  # noqa: S311  when to stop, nothing secret
        trial.senders.kill(sleeper, signal.SIGSTOP)
    trial.expire_leases(sleeper.owner)
    other = trial.start()
    time.sleep(0.3)
    trial.senders.kill(sleeper, signal.SIGCONT)
    trial.senders.wait(other)


def _holds_up_others(trial: FaultTrial) -> bool:
    """Whether the ledger cannot be written to."""
    try:
        if trial.url.startswith("sqlite"):
            connection = sqlite3.connect(str(sa.make_url(trial.url).database), timeout=0.05, isolation_level=None)
            with closing(connection):
                connection.execute("BEGIN IMMEDIATE")
        else:
            with trial.store.transaction() as session:
                session.exec(select(Batch).with_for_update(nowait=True)).all()
    except (sqlite3.OperationalError, sa.exc.OperationalError):
        return True
    return False


def database_locked(trial: FaultTrial, made: Databases) -> None:
    """Another process holds the write lock (PostgreSQL: the ledger's table) for two seconds."""
    trial.wait_for_mail(count=SOME)
    statement = "LOCK TABLE mail IN EXCLUSIVE MODE" if trial.url.startswith("postgresql") else ""
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=hold_lock, args=(trial.url, statement, 2.0))
    holder.start()
    holder.join()


def hold_lock(url: str, statement: str, seconds: float) -> None:
    """Keep everybody else from writing."""
    with Store(url).transaction() as session:
        if statement:
            session.connection().execute(sa.text(statement))
        time.sleep(seconds)


def database_restarted(trial: FaultTrial, made: Databases) -> None:
    """The PostgreSQL server goes down at once in the middle of a send, and comes back."""
    trial.wait_for_mail(count=SOME)
    made.crash(down_seconds=0.3)
    _expire_all_leases(trial)


def disk_full(trial: FaultTrial, _made: Databases) -> None:
    """No file may grow beyond what the store has now and a little more, as on a full disk; then there is room again."""
    for process in list(trial.senders.still_alive()):
        trial.senders.kill(process)
        trial.expire_leases(process.owner)
    database = Path(str(sa.make_url(trial.url).database))
    largest = max(file.stat().st_size for file in database.parent.glob("store.db*"))
    trial.start(file_bytes=largest + 200_000)
    _expire_all_leases(trial)


def _expire_all_leases(trial: FaultTrial) -> None:
    """Wait until every sender has ended, in whatever way, and let its lease end."""
    for process in list(trial.senders.alive):
        trial.senders.wait(process)
        trial.expire_leases(process.owner)


FAULTS: tuple[tuple[str, tuple[str, ...], Fault, Treatment, float], ...] = (
    ("the connection drops after the dot", (SQLITE, POSTGRESQL), nothing_more, Treatment.cut, 0.1),
    ("the connection drops in the body", (SQLITE,), nothing_more, Treatment.torn, 0.1),
    ("421 to the recipient", (SQLITE,), nothing_more, Treatment.shut, 0.1),
    ("421 after the dot", (SQLITE,), nothing_more, Treatment.ends, 0.1),
    ("taken, and never answered", (SQLITE,), nothing_more, Treatment.mute, 0.005),
    ("answered later than we wait", (SQLITE,), nothing_more, Treatment.late, 0.005),
    ("stopped past the lease, then on", (SQLITE, POSTGRESQL), sleeps_past_its_lease, Treatment.reader, 0.0),
    ("database locked for 2 s", (SQLITE, POSTGRESQL), database_locked, Treatment.reader, 0.0),
    ("database restarted", (POSTGRESQL,), database_restarted, Treatment.reader, 0.0),
    ("disk full", (SQLITE,), disk_full, Treatment.reader, 0.0),
)
"""What, on which databases, what happens, how a share of the readers is treated."""


def kill_planners(made: Databases, kind: str, *, kills: int, readers: int = 20_000) -> list[str]:
    """Planning killed at random moments, then done: everyone has one mail; what does not hold, in words."""
    url = made.fresh(kind)
    store = Store(url)
    these_readers(store, (f"reader-{n}@famille.example" for n in range(readers)))
    edition_id = an_edition(store)
    with forked_senders(made.home()) as started:
        for _ in range(kills):
            planner = started.plan(url, edition_id)
            time.sleep(random.uniform(0.02, 0.4))  # noqa: S311  when to kill, nothing secret
            started.kill(planner)
    plan_edition(store, edition_id, connections=CONNECTIONS)
    with store.reading() as session:
        mails, subscribers = _counted(session, edition_id)
    store.close()
    return [] if mails == subscribers == readers else [f"{mails} mails for {subscribers} of {readers} readers"]


def _counted(session: Session, edition_id: int) -> tuple[int, int]:
    number, different = sa.func.count(), sa.func.count(sa.distinct(col(Mail.subscriber_id)))
    return session.exec(select(number, different).where(col(Mail.edition_id) == edition_id)).one()
