"""A sender in a process of its own, to be measured or killed: `python -m benchmarks.sender DATABASE_URL PORT`.

It sends what is due and prints one line of JSON: what it tried, how long that took, on how much processor and memory.
"""

import argparse
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from newsletter.clock import SystemClock
from newsletter.compose.headers import sender_identity
from newsletter.config import Settings
from newsletter.delivery.sender.drain import Sender
from newsletter.delivery.sender.envelopes import EnvelopeFor, envelopes
from newsletter.delivery.sender.group_commit import GroupCommit
from newsletter.delivery.throttle.pace_file import read_pace
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable
from newsletter.smtp.contract import Connection, DeliveryStatus, Outbox, Reply, Transport
from newsletter.smtp.factory import transport_for
from newsletter.smtp.options import SmtpClient, SmtpOptions, Timeouts
from newsletter.store import Store
from newsletter.tokens import Keyring

KEYS = Keyring(
    *(hashlib.blake2b(name, digest_size=size).digest() for name, size in ((b"l", 64), (b"r", 64), (b"a", 32)))
)
"""The same in every process, so that a mail has the same Message-ID whoever sends it."""
UNLIMITED = RateLimitTable(default=RateLimits(), providers={}, lanes={}, domains={})
T = TypeVar("T")
HOME = Path("/nonexistent")  # no setting of a measurement comes from a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """What a sender is to do."""

    url: str
    port: int
    transport: str = "wire"  # wire, relay, nowhere
    owner: str = "sender"
    end_of_data_seconds: float = 5.0
    core: int | None = None
    pace: str = ""  # a pace.toml; empty: as fast as it goes
    file_bytes: int = 0  # no file of this process may grow beyond: a full disk


@dataclass(frozen=True, slots=True)
class NullTransport:
    """A transport that takes everything at once: what is left is the ledger and the program."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        yield _NullConnection()


@dataclass(frozen=True, slots=True)
class _NullConnection:
    async def deliver(self, outbox: Outbox) -> None:
        while (envelope := await outbox.next()) is not None:
            allowed = await outbox.may_send(envelope)
            outbox.record(
                envelope,
                Reply(status=DeliveryStatus.accepted, code=250) if allowed else Reply(status=DeliveryStatus.withheld),
            )


@dataclass(slots=True)
class Stopwatch:
    """Processor seconds of this process that went by within functions, none of which calls another one of them."""

    seconds: float = 0.0

    def around(self, function: Callable[..., T]) -> Callable[..., T]:
        """The function, watched."""

        def watched(*given: Any, **named: Any) -> T:
            begun = time.process_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds += time.process_time() - begun

        return watched


def watch_the_ledger() -> Stopwatch:
    """A stopwatch on whatever a drain asks of the store for its mails."""
    watch = Stopwatch()
    GroupCommit.flush = watch.around(GroupCommit.flush)  # type: ignore[method-assign]
    Sender.claim = watch.around(Sender.claim)  # type: ignore[method-assign]
    return watch


def send(orders: SenderOptions, *, program: Stopwatch | None = None) -> int:
    """Send what is due, until nothing is; how many mails were tried."""
    if orders.core is not None:
        with suppress(OSError):  # a machine that has no such core
            os.sched_setaffinity(0, {orders.core})
    if orders.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (orders.file_bytes, orders.file_bytes))
    store = Store(orders.url)
    sender = Sender(
        store,
        SystemClock(),
        _way_out(orders),
        lambda edition: program.around(writer(store, edition)) if program else writer(store, edition),
        owner=orders.owner,
        pace=lambda: read_pace(Path(orders.pace)) if orders.pace else UNLIMITED,
    )
    return sender.run().attempts


def _way_out(orders: SenderOptions) -> Transport:
    if orders.transport == "nowhere":
        return NullTransport()
    client = {"wire": SmtpClient.pipelined, "relay": SmtpClient.aiosmtplib}[orders.transport]
    settings = Settings(home=HOME, smtp_host="127.0.0.1", smtp_port=orders.port)
    timeouts = Timeouts(end_of_data=orders.end_of_data_seconds)
    return transport_for(settings, options=SmtpOptions(client=client, timeouts=timeouts))


def writer(store: Store, edition_id: int) -> EnvelopeFor:
    sender = sender_identity(Settings(home=HOME))
    with store.reading() as session:
        return envelopes(session, edition_id, keys=KEYS, sender=sender, mail_from="retours@ohmylot.example")


def peak_mb() -> float:
    """The most memory this process ever held. `ru_maxrss` would also speak of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("port", type=int)
    parser.add_argument("--transport", choices=["wire", "relay", "nowhere"], default="wire")
    parser.add_argument("--owner", default=f"sender-{os.getpid()}")
    parser.add_argument("--core", type=int)
    parser.add_argument("--file-bytes", type=int, default=0)
    parser.add_argument("--in-parts", action="store_true", help="tell program and ledger apart, which costs a little")
    given = vars(parser.parse_args())
    program, ledger = (Stopwatch(), watch_the_ledger()) if given.pop("in_parts") else (None, None)
    orders = SenderOptions(**given)
    begun, processor = time.perf_counter(), time.process_time()
    attempts = send(orders, program=program)
    json.dump(
        {
            "attempts": attempts,
            "seconds": time.perf_counter() - begun,
            "cpu_seconds": time.process_time() - processor,
            "peak_mb": peak_mb(),
        }
        | ({"program": program.seconds, "ledger": ledger.seconds} if program and ledger else {}),
        sys.stdout,
    )


if __name__ == "__main__":
    main()
