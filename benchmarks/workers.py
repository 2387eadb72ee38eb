"""More processes, on the machine of one: what they send together, and whether anybody is mailed twice.

Each is `newsletter work`, as an operator starts it, on PostgreSQL. The server takes a moment to answer each message, as
one at some distance does, so that waiting and not this machine's two cores is what more senders share.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.rows import Row, at_most, times
from newsletter.delivery.ledger.balance import balance_of
from newsletter.delivery.workers.hints import prepare_hints
from newsletter.store import Store
from newsletter.tokens import Keyring
from tests.kit.counting_smtp import ServerLog, counting_server
from tests.kit.databases import POSTGRESQL, Databases, databases
from tests.kit.planned_editions import an_edition, plan_edition, these_readers
from tests.kit.timeouts import SECONDS

CONNECTIONS = 8
ANSWER_SECONDS = 0.02
GROWTH = {2: 1.4, 4: 2.0}
"""How many times the rate of one process so many must reach at least."""
PACE = "[default]\nconnections = 0\nper_minute = 0\n"


def run(quick: bool = False) -> list[Row]:
    """One, two and four processes with the same list."""
    rows, alone = [], 0.0
    mails = 2_000 if quick else 6_000
    with databases() as made:
        for processes in (1, *GROWTH):
            received, wrong = send_together(made, processes, mails)
            rate = _per_second(received)
            alone = alone or rate
            name = f"{processes} sender processes, PostgreSQL, {CONNECTIONS} connections each"
            if processes == 1:
                rows.append(Row(name=name, value=rate, unit="msg/s"))
            else:
                rows.append(times(name, rate, "msg/s", baseline=alone, bar=GROWTH[processes]))
            rows.append(at_most(f"{processes} sender processes: lost, doubled or unsettled", wrong, "mails", bar=0))
    return rows


def send_together(made: Databases, processes: int, mails: int) -> tuple[ServerLog, int]:
    """What the server got from so many processes, and how many mails are not where they belong."""
    url = made.fresh(POSTGRESQL)
    home = made.home()
    (home / "pace.toml").write_text(PACE, encoding="utf-8")
    Keyring.fresh().save(home / "keys.json")
    store = Store(url)
    prepare_hints(store)
    these_readers(store, (f"late-{number}@famille-{number % 12}.example" for number in range(mails)))
    edition_id = an_edition(store)
    plan_edition(store, edition_id, connections=CONNECTIONS)
    with counting_server(home, "--late-seconds", str(ANSWER_SECONDS)) as server:
        _work(processes, url, home, server.port)
        received = server.received()
    with store.reading() as session:
        where = balance_of(session, edition_id)
    store.close()
    doubled = sum(times - 1 for times in received.times.values())
    return received, doubled + (mails - len(received.times)) + (mails - where.accepted)


def _work(processes: int, url: str, home: Path, port: int) -> None:
    settings = {"NEWSLETTER_HOME": str(home), "DATABASE_URL": url, "NEWSLETTER_SMTP_PORT": str(port)}
    command = [sys.executable, "-m", "newsletter", "work", "--until-done"]
    environment = os.environ | settings  # noqa: TID251  the child's settings
    workers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603  our own program
        for _ in range(processes)
    ]
    for worker in workers:
        if code := worker.wait(timeout=3 * SECONDS):
            raise RuntimeError(f"a sender ended with {code}")


def _per_second(received: ServerLog) -> float:
    """Over the middle of the run: all processes have started, and none has run out of batches."""
    moments = sorted(moment for moment, _message_id, _recipient in received.messages)
    first, last = len(moments) // 4, len(moments) * 3 // 4
    return (last - first) / (moments[last] - moments[first])
