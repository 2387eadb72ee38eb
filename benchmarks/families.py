"""A long run over twelve receiver families with mixed faults: everyone ends where the oracle expects, in the limits.

The oracle is the address itself: its first word tells how the server treats it (`benchmarks.sink.Manner`), and from
that alone follows what the ledger must say in the end. The limits are counted by the server.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import invariants
from benchmarks.counted import Received
from benchmarks.invariants import Fate
from benchmarks.readers import these_readers
from benchmarks.sink import Manner
from benchmarks.trials import Trial, trial
from newsletter.delivery.throttle.providers import read_pace
from newsletter.store import Store
from newsletter.words import DoubtPolicy, MailState

CONNECTIONS = 12
PACE = """
[default]
connections = 4
per_minute = {twelve}
[family.gmail]
per_minute = {thirty}
[family.orange]
per_minute = {twenty}
[family.laposte]
connections = 1
per_minute = {one}
"""
"""The limits of the run, where they differ from those that are shipped; as pace.toml has them."""


SAME_DOOR = ("--same-door", "wanadoo.fr=orange.fr")


@dataclass(frozen=True, slots=True)
class Family:
    """A receiver: its domain, its share of the readers, and how a share of its readers is treated oddly."""

    domain: str
    share: int  # parts of 100
    odd: dict[Manner, float]


FAMILIES = (
    Family("gmail.com", 30, {Manner.later: 0.02, Manner.gone: 0.01}),
    Family("orange.fr", 14, {Manner.grey: 0.05, Manner.busy: 0.02}),
    Family("outlook.fr", 12, {Manner.spam: 0.02, Manner.shut: 0.002}),
    Family("yahoo.fr", 9, {Manner.later: 0.1, Manner.ends: 0.002}),
    Family("free.fr", 8, {Manner.grey: 0.2}),
    Family("sfr.fr", 7, {Manner.cut: 0.002, Manner.gone: 0.02}),
    Family("wanadoo.fr", 6, {Manner.busy: 0.05}),
    Family("icloud.com", 4, {Manner.ends: 0.01}),
    Family("laposte.net", 1, {Manner.later: 0.02, Manner.gone: 0.02}),
    Family("gmx.de", 3, {Manner.torn: 0.005, Manner.spam: 0.02}),
    Family("proton.me", 3, {Manner.cut: 0.005}),
    Family("mairie-figeac.example", 3, {Manner.gone: 0.3, Manner.mute: 0.002}),
)

DELIVERED, REFUSED, DOUBTED = (
    frozenset({MailState.accepted}),
    frozenset({MailState.refused}),
    frozenset({MailState.in_doubt}),
)
ORACLE: dict[Manner, tuple[frozenset[MailState], frozenset[int]]] = {
    Manner.gone: (REFUSED, frozenset({0})),
    Manner.spam: (REFUSED, frozenset({0})),
    Manner.cut: (DOUBTED, frozenset({1})),
    Manner.mute: (DOUBTED, frozenset({1})),
    # The line broke in the body: in doubt when the last byte had left our side by then, else tried again.
    Manner.torn: (DOUBTED | DELIVERED, frozenset({0, 1})),
}
"""How a recipient is treated → the states the ledger may say in the end, and how often the server took it.
All others are delivered, once."""


def run_families(url: str, folder: Path, *, mails: int, minutes: float, processes: int = 1) -> Iterator[str]:
    """Send so many mails at limits that let them take about so many minutes; what does not hold, in words.

    Several processes come in one after the other: the limits hold for all of them together.
    """
    store = Store(url)
    these_readers(store, addresses(mails))
    store.close()
    shares = {"thirty": 0.3, "twenty": 0.2, "twelve": 0.12, "one": 0.01}  # of all mails: what each limit lets pass
    pace = PACE.format(**{name: round(mails / minutes * share) for name, share in shares.items()})
    (folder / "pace.toml").write_text(pace, encoding="utf-8")
    with trial(url, folder, policy=DoubtPolicy.hold, connections=CONNECTIONS, server_options=SAME_DOOR) as going:
        going.end_of_data_seconds, going.pace = 1.0, str(folder / "pace.toml")
        for _ in range(processes):
            going.start()
            time.sleep(random.uniform(0, 2) if processes > 1 else 0)  # noqa: S311  when, nothing secret
        going.finish()
        yield from going.judge(count_doubts=False).wrong
        yield from _told(going, folder / "pace.toml")


def _told(going: Trial, pace: Path) -> Iterator[str]:
    received = going.server.received()
    yield from unexpected(invariants.fates(going.store, going.edition_id), received)
    yield from beyond_limits(received, pace)


def addresses(mails: int) -> list[str]:
    """So many readers in any order, each treated as its address says."""
    made = [f"{manner}-{number}@{family.domain}" for number, (family, manner) in enumerate(_drawn(mails))]
    random.shuffle(made)
    return made


def _drawn(mails: int) -> Iterator[tuple[Family, Manner]]:
    for family in FAMILIES:
        count = mails * family.share // 100
        for manner, share in family.odd.items():
            for _ in range(max(1, round(count * share))):
                yield family, manner
        odd_ones = sum(max(1, round(count * share)) for share in family.odd.values())
        for _ in range(count - odd_ones):
            yield family, Manner.reader


def unexpected(told: dict[str, Fate], received: Received) -> Iterator[str]:
    """Everybody who did not end where the oracle expects."""
    times = received.times
    for address, fate in told.items():
        states, counts = ORACLE.get(Manner(address.partition("-")[0]), (DELIVERED, frozenset({1})))
        if fate.state not in states:
            yield f"{address} is {fate.state}"
        if times[address] not in counts:
            yield f"{address} got {times[address]}"


def beyond_limits(received: Received, pace: Path) -> Iterator[str]:
    """Every limit that the server saw exceeded: tries in any minute, and messages of a family at once."""
    table = read_pace(pace)
    for family, count in received.busiest(60.0, table.family_of).items():
        yield from _beyond(family, "tries in a minute", count, table.limits(family).per_minute)
    for family, count in received.busiest(1.0, table.family_of).items():
        limits = table.limits(family)
        # A loop that was late may catch up a quarter of a second (pace.CATCH_UP), the process after it another quarter,
        # and an answer may come late on each line.
        most = limits.per_minute / 60 * 1.5 + 2 * (limits.connections or CONNECTIONS)
        yield from _beyond(family, "tries in a second", count, round(most))
    for domain, count in received.most_at_once.items():
        family = table.family_of(domain)
        yield from _beyond(family, "at once", count, table.limits(family).connections)


def _beyond(family: str, what: str, count: int, most: int) -> Iterator[str]:
    if most and count > most:
        yield f"{family}: {count} {what}, more than {most}"
