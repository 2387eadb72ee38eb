"""Freezing an audience of a million; `python -m benchmarks.planning DATABASE_URL EDITION` does one."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.rows import Row, at_most
from newsletter.store import Store
from tests.kit.databases import POSTGRESQL, SQLITE, Databases, databases
from tests.kit.planned_editions import an_edition, many_readers, plan_edition
from tests.kit.sender_process import peak_mb

SECONDS_BAR, MEMORY_BAR = 10.0, 1.3
MILLION, TEN_THOUSAND = 1_000_000, 10_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One planning, in a process of its own."""

    mails: int
    seconds: float
    peak_mb: float


def run(quick: bool = False) -> list[Row]:
    """Seconds for a million, and peak memory against that of ten thousand."""
    many, few = (50_000, 5_000) if quick else (MILLION, TEN_THOUSAND)
    with databases() as made:
        return [
            row for kind in (SQLITE, POSTGRESQL) for row in _rows(kind, _plan(made, kind, few), _plan(made, kind, many))
        ]


def _rows(kind: str, few: Planned, many: Planned) -> list[Row]:
    ratio = many.peak_mb / few.peak_mb
    return [
        at_most(f"planning {many.mails:,} mails, {kind}", many.seconds, "s", bar=SECONDS_BAR),
        Row(
            name=f"peak memory of planning {many.mails:,} against {few.mails:,}, {kind}", value=many.peak_mb, unit="MB",
            baseline=few.peak_mb, ratio=ratio, bar=f"≤ {MEMORY_BAR} ×", ok=ratio <= MEMORY_BAR,
        ),
    ]  # fmt: skip


def _plan(made: Databases, kind: str, readers: int) -> Planned:
    url = made.fresh(kind)
    store = Store(url)
    many_readers(store, readers)
    edition_id = an_edition(store)
    store.close()
    command = [sys.executable, "-m", "benchmarks.planning", url, str(edition_id)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own program
    return Planned(**json.loads(done.stdout))


def main(url: str, edition_id: str) -> None:
    store = Store(url)
    begun = time.perf_counter()
    mails = plan_edition(store, int(edition_id), connections=10)
    seconds = time.perf_counter() - begun
    json.dump({"mails": mails, "seconds": seconds, "peak_mb": peak_mb()}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
