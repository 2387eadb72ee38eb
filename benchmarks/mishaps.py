"""What else goes wrong: the server, the disk, the database, a process that sleeps for too long."""

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

from benchmarks.readers import an_edition, plan_edition, these_readers
from benchmarks.sink import Manner
from benchmarks.stores import POSTGRESQL, SQLITE, Databases
from benchmarks.trials import Trial, Verdicts, trial
from benchmarks.victims import gang
from newsletter.store import Store
from newsletter.store.ledger import Batch, Mail
from newsletter.words import DoubtPolicy

CONNECTIONS = 4
READERS = 1500
SOME = 100  # messages, then the mishap: in the middle of a send
Mishap = Callable[[Trial, Databases], None]


def suffer(made: Databases, kind: str, mishap: Mishap, *, odd: Manner = Manner.reader, share: float = 0.0) -> Verdicts:
    """One edition to readers of whom a share is treated oddly, with a mishap in the middle of it."""
    url = made.fresh(kind)
    odd_ones = int(READERS * share)
    store = Store(url)
    these_readers(store, (f"{odd if n < odd_ones else Manner.reader}-{n}@famille-{n % 12}.example" for n in shuffled()))
    store.close()
    with trial(url, made.home(), policy=DoubtPolicy.hold, connections=CONNECTIONS) as going:
        going.end_of_data_seconds = 0.5 if odd in (Manner.mute, Manner.late) else 5.0
        going.start()
        mishap(going, made)
        going.finish()
        return going.judge(count_doubts=False)


def shuffled() -> list[int]:
    """The readers in any order, so that the odd ones stand anywhere."""
    return random.sample(range(READERS), READERS)


def nothing_more(_going: Trial, _made: Databases) -> None:
    """The odd readers are mishap enough."""


def sleeps_past_its_lease(going: Trial, _made: Databases) -> None:
    """SIGSTOP, another sender takes over, SIGCONT: the sleeper may write nothing more."""
    going.wait_for_mail(count=SOME)
    (sleeper,) = going.gang.still_alive()
    going.gang.kill(sleeper, signal.SIGSTOP)
    while _holds_up_others(going):  # stopped in the middle of a commit: nobody could take over before it goes on
        going.gang.kill(sleeper, signal.SIGCONT)
        time.sleep(random.uniform(0, 0.01))  # noqa: S311  when to stop, nothing secret
        going.gang.kill(sleeper, signal.SIGSTOP)
    going.bury(sleeper.owner)
    other = going.start()
    time.sleep(0.3)
    going.gang.kill(sleeper, signal.SIGCONT)
    going.gang.wait(other)


def _holds_up_others(going: Trial) -> bool:
    """Whether the ledger cannot be written to."""
    try:
        if going.url.startswith("sqlite"):
            connection = sqlite3.connect(str(sa.make_url(going.url).database), timeout=0.05, isolation_level=None)
            with closing(connection):
                connection.execute("BEGIN IMMEDIATE")
        else:
            with going.store.transaction() as session:
                session.exec(select(Batch).with_for_update(nowait=True)).all()
    except (sqlite3.OperationalError, sa.exc.OperationalError):
        return True
    return False


def database_locked(going: Trial, made: Databases) -> None:
    """Another process holds the write lock (PostgreSQL: the ledger's table) for two seconds."""
    going.wait_for_mail(count=SOME)
    statement = "LOCK TABLE mail IN EXCLUSIVE MODE" if going.url.startswith("postgresql") else ""
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=hold_lock, args=(going.url, statement, 2.0))
    holder.start()
    holder.join()


def hold_lock(url: str, statement: str, seconds: float) -> None:
    """Keep everybody else from writing."""
    with Store(url).transaction() as session:
        if statement:
            session.connection().execute(sa.text(statement))
        time.sleep(seconds)


def database_restarted(going: Trial, made: Databases) -> None:
    """The PostgreSQL server goes down at once in the middle of a send, and comes back."""
    going.wait_for_mail(count=SOME)
    made.crash(down_seconds=0.3)
    _bury_all(going)


def disk_full(going: Trial, _made: Databases) -> None:
    """No file may grow beyond what the store has now and a little more, as on a full disk; then there is room again."""
    for victim in list(going.gang.still_alive()):
        going.gang.kill(victim)
        going.bury(victim.owner)
    database = Path(str(sa.make_url(going.url).database))
    largest = max(file.stat().st_size for file in database.parent.glob("store.db*"))
    going.start(file_bytes=largest + 200_000)
    _bury_all(going)


def _bury_all(going: Trial) -> None:
    """Wait until every sender has ended, in whatever way, and let its lease end."""
    for victim in list(going.gang.alive):
        going.gang.wait(victim)
        going.bury(victim.owner)


MISHAPS: tuple[tuple[str, tuple[str, ...], Mishap, Manner, float], ...] = (
    ("the line drops after the dot", (SQLITE, POSTGRESQL), nothing_more, Manner.cut, 0.1),
    ("the line drops in the body", (SQLITE,), nothing_more, Manner.torn, 0.1),
    ("421 to the recipient", (SQLITE,), nothing_more, Manner.shut, 0.1),
    ("421 after the dot", (SQLITE,), nothing_more, Manner.ends, 0.1),
    ("taken, and never answered", (SQLITE,), nothing_more, Manner.mute, 0.005),
    ("answered later than we wait", (SQLITE,), nothing_more, Manner.late, 0.005),
    ("stopped past the lease, then on", (SQLITE, POSTGRESQL), sleeps_past_its_lease, Manner.reader, 0.0),
    ("database locked for 2 s", (SQLITE, POSTGRESQL), database_locked, Manner.reader, 0.0),
    ("database restarted", (POSTGRESQL,), database_restarted, Manner.reader, 0.0),
    ("disk full", (SQLITE,), disk_full, Manner.reader, 0.0),
)
"""What, on which databases, what happens, how a share of the readers is treated."""


def kill_planners(made: Databases, kind: str, *, kills: int, readers: int = 20_000) -> list[str]:
    """Planning killed at random moments, then done: everyone has one mail; what does not hold, in words."""
    url = made.fresh(kind)
    store = Store(url)
    these_readers(store, (f"reader-{n}@famille.example" for n in range(readers)))
    edition_id = an_edition(store)
    with gang(made.home()) as started:
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
