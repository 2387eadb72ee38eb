"""`make faults`: senders killed, stopped and starved; the ledger must tell what the counting server tells.

Prints a table and keeps it in build/faults.json. Ends with 1 when anything did not hold.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Row, keep, table
from newsletter.store import Store
from newsletter.words import DoubtPolicy
from tests.kit.databases import POSTGRESQL, SQLITE, Databases, databases
from tests.kit.fault_injection import FAULTS, inject, kill_planners
from tests.kit.fault_trials import TrialResult
from tests.kit.killed_senders import CONNECTIONS, kill_senders
from tests.kit.planned_editions import many_readers
from tests.kit.provider_faults import run_provider_faults

READERS = 8000
KILLS = 17  # for each of the twelve combinations: 204
POLICIES = (DoubtPolicy.hold, DoubtPolicy.resend, DoubtPolicy.reconcile)


def run(quick: bool = False) -> Iterator[Row]:
    """Every combination, one row each as it ends."""
    kills = 2 if quick else KILLS
    with databases() as made:
        for kind in (SQLITE, POSTGRESQL):
            for processes in (1, 3):
                for policy in POLICIES:
                    yield _kills(made, kind, policy=policy, processes=processes, kills=kills)
        for name, kinds, fault, odd, share in FAULTS:
            for kind in kinds:
                yield _row(f"{name}, {kind}", inject(made, kind, fault, odd=odd, share=share))
        for kind in (SQLITE, POSTGRESQL):
            wrong = kill_planners(made, kind, kills=2 if quick else 8)
            yield _judged(f"killed while planning, {kind}", wrong, unit="violations")
        for kind, processes in ((SQLITE, 1), (POSTGRESQL, 3)):
            yield _provider_faults(made, kind, 5_000 if quick else 100_000, processes=processes)


def _kills(made: Databases, kind: str, *, policy: DoubtPolicy, processes: int, kills: int) -> Row:
    """As many editions as it takes for so many kills."""
    told: list[TrialResult] = []
    while (left := kills - sum(one.kills for one in told)) > 0:
        url = made.fresh(kind)
        store = Store(url)
        many_readers(store, READERS)
        store.close()
        told.append(kill_senders(url, made.home(), policy=policy, processes=processes, kills=left))
    return _row(f"SIGKILL, {policy}, {kind}, {processes} process{'es' if processes > 1 else ''}", *told)


def _provider_faults(made: Databases, kind: str, mails: int, *, processes: int) -> Row:
    """A long list over twelve mailbox providers with mixed faults, at a pace that takes at least two minutes."""
    url = made.fresh(kind)
    wrong = list(run_provider_faults(url, made.home(), mails=mails, minutes=mails / 50_000, processes=processes))
    name = (
        f"twelve providers, mixed faults, {mails:,} mails, {kind}, {processes} process{'es' if processes > 1 else ''}"
    )
    return _judged(name, wrong, unit="not as expected, or too fast")


def _row(name: str, *told: TrialResult) -> Row:
    counts = {
        "mails": sum(one.mails for one in told),
        "kills": sum(one.kills for one in told),
        "in doubt": sum(one.doubts for one in told),
        "doubled": sum(one.doubles for one in told),
        "missing": sum(one.missing for one in told),
    }
    most = max(one.most_armed for one in told)
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count or what == "in doubt")
    said += f" (at most {most} a kill, of {CONNECTIONS})" if counts["kills"] else ""
    return _judged(name, [wrong for one in told for wrong in one.wrong], unit=f"violations; {said}")


def _judged(name: str, wrong: list[str], *, unit: str) -> Row:
    for sentence in wrong[:20]:
        print(f"  {name}: {sentence}", file=sys.stderr)
    return Row(name=name, value=len(wrong), unit=unit, bar="= 0", ok=not wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two kills of each kind")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="repeat the random moments of a run")
    given = parser.parse_args()
    random.seed(given.seed)
    print(f"seed {given.seed}")
    rows = []
    for row in run(given.quick):
        print(f"{row.name}: {row.value:g} {row.unit}", flush=True)
        rows.append(row)
    print("\n" + table(rows))
    keep(rows, Path("build/faults.json"))
    sys.exit(not all(row.ok for row in rows))


if __name__ == "__main__":
    main()
