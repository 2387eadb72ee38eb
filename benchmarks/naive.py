"""What most would write: Jinja, `EmailMessage`, aiosmtplib, and no ledger: `python -m benchmarks.naive PORT COUNT`.

It sends the letter of the measurements over so many connections and prints one line of JSON.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as LINES
from email.utils import format_datetime

import aiosmtplib
import jinja2

from newsletter.tokens import Purpose
from tests.kit import sample_letter
from tests.kit.sender_process import KEYS

BASE = "https://lettre.ohmylot.example"
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def write(html: jinja2.Template, text: jinja2.Template, number: int) -> EmailMessage:
    """The message of one reader, with links of their own."""
    click = f"{BASE}/l/{KEYS.sign(Purpose.click, 1, number)}"
    unsubscribe = f"{BASE}/d/{KEYS.sign(Purpose.unsubscribe, number, 1)}"
    values = {
        "hello": "Bonjour Camille,",
        "view": f"{BASE}/v/{KEYS.sign(Purpose.view, 1, number)}",
        "preferences": f"{BASE}/p/{KEYS.sign(Purpose.preferences, number)}",
        "unsubscribe": unsubscribe,
        "pixel": f'<img src="{BASE}/f/{KEYS.sign(Purpose.open, 1, number)}.gif" width="1" height="1" alt="">',
    } | {f"link_{place}": f"{click}/{place}" for place in range(1, sample_letter.LINKS + 1)}
    message = EmailMessage(policy=LINES)
    message["From"] = "Oh my Lot ! <bonjour@ohmylot.example>"
    message["To"] = f"reader-{number}@famille-{number % 12}.example"
    message["Subject"] = "Le Lot vous attend"
    message["Date"] = format_datetime(DATE)
    message["Message-ID"] = f"<{KEYS.sign(Purpose.message, 1, number)}@ohmylot.example>"
    message["List-Unsubscribe"] = f"<{unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text.render(values), cte="quoted-printable")
    message.add_alternative(html.render(values), subtype="html", cte="quoted-printable")
    return message


def templates() -> tuple[jinja2.Template, jinja2.Template]:
    """The letter's two bodies, compiled once."""
    tags = {"variable_start_string": "[[", "variable_end_string": "]]"}
    markup = jinja2.Environment(autoescape=True, **tags)  # type: ignore[arg-type]
    plain = jinja2.Environment(autoescape=False, **tags)  # type: ignore[arg-type]  # noqa: S701  plain text
    return markup.from_string(sample_letter.html()), plain.from_string(sample_letter.text())


async def send(port: int, count: int, *, connections: int) -> None:
    """Send so many messages."""
    waiting = deque(range(1, count + 1))
    await asyncio.gather(*(_use_a_connection(port, waiting) for _ in range(connections)))


async def _use_a_connection(port: int, waiting: deque[int]) -> None:
    html, text = templates()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        while waiting:
            await client.send_message(write(html, text, waiting.popleft()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--core", type=int)
    given = parser.parse_args()
    if given.core is not None:
        with suppress(OSError):  # a machine that has no such core
            os.sched_setaffinity(0, {given.core})
    begun, processor = time.perf_counter(), time.process_time()
    asyncio.run(send(given.port, given.count, connections=given.connections))
    json.dump({"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - processor}, sys.stdout)


if __name__ == "__main__":
    main()
