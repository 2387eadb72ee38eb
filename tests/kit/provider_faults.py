"""A long run over twelve mailbox providers with mixed faults: everyone ends as expected, in the limits.

What is expected stands in the address: its first word tells how the server treats it (`Treatment`), and from
that alone follows what the ledger must say in the end. The limits are counted by the server.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from newsletter.delivery.throttle.pace_file import read_pace
from newsletter.store import Store
from newsletter.words import DoubtPolicy, MailState
from tests.kit import ledger_invariants
from tests.kit.counting_smtp import ServerLog
from tests.kit.counting_smtp_server import Treatment
from tests.kit.fault_trials import FaultTrial, fault_trial
from tests.kit.ledger_invariants import RecordedState
from tests.kit.planned_editions import these_readers

CONNECTIONS = 12
PACE = """
[default]
connections = 4
per_minute = {twelve}
[provider.gmail]
per_minute = {thirty}
[provider.orange]
per_minute = {twenty}
[provider.laposte]
connections = 1
per_minute = {one}
"""
"""The limits of the run, where they differ from those that are shipped; as pace.toml has them."""

MUTE_SECONDS = 5.0  # how long a sender waits for the answer of a recipient that never gets one: no more than needed
SAME_PROVIDER = ("--same-provider", "wanadoo.fr=orange.fr")


@dataclass(frozen=True, slots=True)
class Provider:
    """A receiver: its domain, its share of the readers, and how a share of its readers is treated oddly."""

    domain: str
    share: int  # parts of 100
    odd: dict[Treatment, float]


PROVIDERS = (
    Provider("gmail.com", 30, {Treatment.later: 0.02, Treatment.gone: 0.01}),
    Provider("orange.fr", 14, {Treatment.grey: 0.05, Treatment.busy: 0.02}),
    Provider("outlook.fr", 12, {Treatment.spam: 0.02, Treatment.shut: 0.002}),
    Provider("yahoo.fr", 9, {Treatment.later: 0.1, Treatment.ends: 0.002}),
    Provider("free.fr", 8, {Treatment.grey: 0.2}),
    Provider("sfr.fr", 7, {Treatment.cut: 0.002, Treatment.gone: 0.02}),
    Provider("wanadoo.fr", 6, {Treatment.busy: 0.05}),
    Provider("icloud.com", 4, {Treatment.ends: 0.01}),
    Provider("laposte.net", 1, {Treatment.later: 0.02, Treatment.gone: 0.02}),
    Provider("gmx.de", 3, {Treatment.torn: 0.005, Treatment.spam: 0.02}),
    Provider("proton.me", 3, {Treatment.cut: 0.005}),
    Provider("mairie-figeac.example", 3, {Treatment.gone: 0.3, Treatment.mute: 0.002}),
)

DELIVERED, REFUSED, DOUBTED = (
    frozenset({MailState.accepted}),
    frozenset({MailState.refused}),
    frozenset({MailState.in_doubt}),
)
EXPECTED: dict[Treatment, tuple[frozenset[MailState], frozenset[int]]] = {
    Treatment.gone: (REFUSED, frozenset({0})),
    Treatment.spam: (REFUSED, frozenset({0})),
    Treatment.cut: (DOUBTED, frozenset({1})),
    Treatment.mute: (DOUBTED, frozenset({1})),
    # The connection broke in the body: in doubt when the last byte had left our side by then, else tried again.
    Treatment.torn: (DOUBTED | DELIVERED, frozenset({0, 1})),
}
"""How a recipient is treated → the states the ledger may say in the end, and how often the server took it.
All others are delivered, once."""


def run_provider_faults(url: str, folder: Path, *, mails: int, minutes: float, processes: int = 1) -> Iterator[str]:
    """Send so many mails at limits that let them take about so many minutes; what does not hold, in words.

    Several processes come in one after the other: the limits hold for all of them together.
    """
    store = Store(url)
    these_readers(store, addresses(mails))
    store.close()
    shares = {"thirty": 0.3, "twenty": 0.2, "twelve": 0.12, "one": 0.01}  # of all mails: what each limit lets pass
    pace = PACE.format(**{name: round(mails / minutes * share) for name, share in shares.items()})
    (folder / "pace.toml").write_text(pace, encoding="utf-8")
    with fault_trial(
        url, folder, policy=DoubtPolicy.hold, connections=CONNECTIONS, server_options=SAME_PROVIDER
    ) as trial:
        trial.end_of_data_seconds, trial.pace = MUTE_SECONDS, str(folder / "pace.toml")
        for _ in range(processes):
            trial.start()
            time.sleep(random.uniform(0, 2) if processes > 1 else 0)  # noqa: S311  when, nothing secret
        trial.finish()
        yield from trial.judge(count_doubts=False).wrong
        yield from _told(trial, folder / "pace.toml")


def _told(trial: FaultTrial, pace: Path) -> Iterator[str]:
    received = trial.server.received()
    yield from unexpected(ledger_invariants.recorded_states(trial.store, trial.edition_id), received)
    yield from beyond_limits(received, pace)


def addresses(mails: int) -> list[str]:
    """So many readers in any order, each treated as its address says."""
    made = [f"{treatment}-{number}@{provider.domain}" for number, (provider, treatment) in enumerate(_drawn(mails))]
    random.shuffle(made)
    return made


def _drawn(mails: int) -> Iterator[tuple[Provider, Treatment]]:
    for provider in PROVIDERS:
        count = mails * provider.share // 100
        for treatment, share in provider.odd.items():
            for _ in range(max(1, round(count * share))):
                yield provider, treatment
        odd_ones = sum(max(1, round(count * share)) for share in provider.odd.values())
        for _ in range(count - odd_ones):
            yield provider, Treatment.reader


def unexpected(told: dict[str, RecordedState], received: ServerLog) -> Iterator[str]:
    """Everybody who did not end as expected."""
    times = received.times
    for address, recorded in told.items():
        states, counts = EXPECTED.get(Treatment(address.partition("-")[0]), (DELIVERED, frozenset({1})))
        if recorded.state not in states:
            yield f"{address} is {recorded.state}"
        if times[address] not in counts:
            yield f"{address} got {times[address]}"


def beyond_limits(received: ServerLog, pace: Path) -> Iterator[str]:
    """Every limit that the server saw exceeded: tries in any minute, and messages for a provider at once."""
    table = read_pace(pace)
    for provider, count in received.busiest(60.0, table.provider_of).items():
        yield from _beyond(provider, "tries in a minute", count, table.limits(provider).per_minute)
    for provider, count in received.busiest(1.0, table.provider_of).items():
        limits = table.limits(provider)
        # A loop that was late may catch up a quarter of a second (pace.CATCH_UP), the process after it another quarter,
        # and an answer may come late on each connection.
        most = limits.per_minute / 60 * 1.5 + 2 * (limits.connections or CONNECTIONS)
        yield from _beyond(provider, "tries in a second", count, round(most))
    for domain, count in received.most_at_once.items():
        provider = table.provider_of(domain)
        yield from _beyond(provider, "at once", count, table.limits(provider).connections)


def _beyond(provider: str, what: str, count: int, most: int) -> Iterator[str]:
    if most and count > most:
        yield f"{provider}: {count} {what}, more than {most}"
