"""A sender in a process of its own, to be killed: `python -m tests.faults.sender DATABASE_URL SMTP_PORT`."""

import asyncio
import sys

from newsletter.clock import SystemClock
from newsletter.delivery.send import Sender
from newsletter.store import Store
from newsletter.transport.relay import SmtpRelay
from tests.store.test_delivery import plain_letter


def main(url: str, port: str) -> None:
    relay = SmtpRelay(host="127.0.0.1", port=int(port))
    asyncio.run(Sender(Store(url), SystemClock(), relay, lambda _edition: plain_letter, owner="victim").drain())


if __name__ == "__main__":
    main(*sys.argv[1:])
