"""A counting SMTP server in a process of its own: it notes every message in a file before it answers for it.

`python -m tests.kit.counting_smtp_server LOG` prints its port. How it treats a recipient is written in the address,
before the first hyphen (`Treatment`), and the provider is the domain. So whoever wrote the addresses knows what must
become of each (`tests/kit/counting_smtp.py` reads the log).
"""

import argparse
import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import uvloop


class Treatment(StrEnum):
    """How a recipient is treated. All but `reader`, `gone`, `spam` and `late` are as `reader` after the first tries."""

    reader = "reader"  # taken
    later = "later"  # 451 to RCPT, once
    grey = "grey"  # 450 to RCPT, twice
    busy = "busy"  # 452 after the dot, once
    gone = "gone"  # 550 to RCPT, always
    spam = "spam"  # 554 after the dot, always
    shut = "shut"  # 421 to RCPT and the connection is closed, once
    ends = "ends"  # 421 after the dot and the connection is closed, once
    cut = "cut"  # taken, and the connection is closed instead of an answer, once
    torn = "torn"  # the connection is closed in the middle of the body, once
    mute = "mute"  # taken, and never answered, once
    late = "late"  # taken, and answered after a while


TAKEN, NOT_TAKEN, OPENED, PEAK = b"T", b"N", b"O", b"P"
"""The kinds of line in the log: `kind seconds first second`. T: Message-ID, recipient. N: treatment, recipient.
O: connections open now, and after how many messages the last one closed. P: the most messages in flight, provider."""

FAILS_AT_RCPT = {
    Treatment.later: (1, b"451 4.3.0 try again\r\n"),
    Treatment.grey: (2, b"450 4.7.1 greylisted\r\n"),
    Treatment.gone: (10**9, b"550 5.1.1 no such mailbox\r\n"),
    Treatment.shut: (1, b"421 4.3.2 closing\r\n"),
}
FAILS_AFTER_DOT = {
    Treatment.busy: (1, b"452 4.3.1 no room\r\n"),
    Treatment.spam: (10**9, b"554 5.7.1 not wanted\r\n"),
    Treatment.ends: (1, b"421 4.3.2 closing\r\n"),
}
TREATMENTS = {treatment.value.encode(): treatment for treatment in Treatment}
CLOSING = (b"421", b"221")
DOT = b"\r\n.\r\n"
MESSAGE_ID = b"\nMessage-ID: <"


@dataclass(slots=True, kw_only=True)
class ServerState:
    """What all connections share."""

    log: int
    pipelining: bool = True
    late_seconds: float = 0.5
    per_connection: int = 0  # messages, then 421; 0: no limit
    same_provider: dict[bytes, bytes] = field(default_factory=dict)  # domain → the domain whose provider it shares
    open: int = 0
    tries: Counter[bytes] = field(default_factory=Counter)
    at_once: Counter[bytes] = field(default_factory=Counter)
    peaks: Counter[bytes] = field(default_factory=Counter)

    def note(self, kind: bytes, first: bytes, second: bytes) -> None:
        """Written, not buffered: it stands even if this process dies before it answers."""
        os.write(self.log, b"%b %.4f %b %b\n" % (kind, time.monotonic(), first, second))

    def provider(self, recipient: bytes) -> bytes:
        """The domain, or the one whose provider it shares."""
        domain = recipient[recipient.rfind(b"@") + 1 :]
        return self.same_provider.get(domain, domain)

    def starts(self, provider: bytes) -> None:
        self.at_once[provider] += 1
        if self.at_once[provider] > self.peaks[provider]:
            self.peaks[provider] = self.at_once[provider]
            self.note(PEAK, b"%d" % self.peaks[provider], provider)

    def fails(self, recipient: bytes, treatment: Treatment, table: dict[Treatment, tuple[int, bytes]]) -> bytes | None:
        """The words of refusal, if it is to be refused here and now."""
        if treatment not in table:
            return None
        times, words = table[treatment]
        self.tries[recipient] += 1
        if self.tries[recipient] > times:
            return None
        self.note(NOT_TAKEN, treatment.encode(), recipient)
        return words


@dataclass(slots=True, eq=False)
class SmtpSession(asyncio.Protocol):
    """One connection: commands and bodies, in whatever pieces they arrive."""

    state: ServerState
    transport: asyncio.Transport = field(init=False)
    rest: bytes = b""  # not understood yet; in a body it begins with the line end of DATA
    in_body: bool = False
    waits: bool = False  # nothing more is read before the late answer
    recipient: bytes = b""
    taken: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self.state.open += 1
        self.state.note(OPENED, b"%d" % self.state.open, b"-")
        self.transport.write(b"220 counting ESMTP\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        self._ends()
        self.state.open -= 1
        self.state.note(OPENED, b"%d" % self.state.open, b"%d" % self.taken)

    def data_received(self, data: bytes) -> None:
        self.rest = self.rest + data if self.rest else data
        if not self.waits:
            self._read()

    def _read(self) -> None:
        """Understand all that is there, and answer it with one write."""
        answers: list[bytes] = []
        rest, position = self.rest, 0
        while not self.waits and not self.transport.is_closing():
            end = rest.find(DOT if self.in_body else b"\r\n", position)
            if end < 0:
                break
            if self.in_body:
                self.in_body = False
                answers.append(self._body(rest, position, end))
                position = end + 5
            else:
                answers.append(self._command(rest[position:end]))
                position = end if self.in_body else end + 2
            if answers[-1].startswith(CLOSING):
                break  # nothing that rides behind is read: the connection is closed
        self.rest = rest[position:]
        if self.in_body and len(self.rest) > 2 and self._is(Treatment.torn) and self._first_time():
            self._abort_in_body()
        elif answers and not self.transport.is_closing():
            self.transport.write(b"".join(answers))
            if answers[-1].startswith(CLOSING):
                self.transport.close()

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            return b"421 4.7.0 enough\r\n" if 0 < self.state.per_connection <= self.taken else b"250 2.1.0 ok\r\n"
        if verb == b"RCPT":
            return self._rcpt(line)
        if verb == b"DATA":
            self.in_body = bool(self.recipient)
            return b"354 go\r\n" if self.recipient else b"554 5.5.1 no recipient\r\n"
        if verb == b"EHLO":
            extensions = b"SIZE 35882577", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES"
            told = (b"counting", *((b"PIPELINING",) if self.state.pipelining else ()), *extensions)
            return b"".join(b"250-%b\r\n" % word for word in told[:-1]) + b"250 %b\r\n" % told[-1]
        self._ends()
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"  # HELO, RSET, NOOP

    def _rcpt(self, line: bytes) -> bytes:
        recipient = line[line.find(b"<") + 1 : line.find(b">")]
        self._ends()
        if refusal := self.state.fails(recipient, _treatment(recipient), FAILS_AT_RCPT):
            return refusal
        self.recipient = recipient
        self.state.starts(self.state.provider(recipient))
        return b"250 2.1.5 ok\r\n"

    def _body(self, rest: bytes, start: int, end: int) -> bytes:
        recipient, treatment = self.recipient, _treatment(self.recipient)
        if treatment is Treatment.torn and self._first_time():
            self._abort_in_body()
            return b""
        if refusal := self.state.fails(recipient, treatment, FAILS_AFTER_DOT):
            self._ends()
            return refusal
        found = rest.find(MESSAGE_ID, start, end)
        message_id = rest[found + 14 : rest.find(b">", found, end)] if found >= 0 else b"-"
        self.state.note(TAKEN, message_id, recipient)
        self.taken += 1
        return self._answer(treatment)

    def _answer(self, treatment: Treatment) -> bytes:
        if treatment is Treatment.cut and self._first_time():
            self.transport.abort()
            return b""
        if treatment in (Treatment.mute, Treatment.late) and (treatment is Treatment.late or self._first_time()):
            self.waits = True
            if treatment is Treatment.late:
                asyncio.get_running_loop().call_later(self.state.late_seconds, self._answer_late)
            return b""
        self._ends()
        return b"250 2.0.0 taken\r\n"

    def _answer_late(self) -> None:
        if not self.transport.is_closing():
            self._ends()
            self.waits = False
            self.transport.write(b"250 2.0.0 taken\r\n")
            self._read()

    def _abort_in_body(self) -> None:
        self.state.note(NOT_TAKEN, Treatment.torn.encode(), self.recipient)
        self.transport.abort()

    def _ends(self) -> None:
        """No message is under way any more."""
        if self.recipient:
            self.state.at_once[self.state.provider(self.recipient)] -= 1
            self.recipient = b""

    def _is(self, treatment: Treatment) -> bool:
        return _treatment(self.recipient) is treatment

    def _first_time(self) -> bool:
        self.state.tries[self.recipient] += 1
        return self.state.tries[self.recipient] == 1


def _treatment(recipient: bytes) -> Treatment:
    return TREATMENTS.get(recipient[: recipient.find(b"-")], Treatment.reader)


async def serve(state: ServerState, port: int) -> None:
    """Until SIGTERM. Prints the port once it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SmtpSession(state), "127.0.0.1", port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--core", type=int, help="run on this core only")
    parser.add_argument("--classic", action="store_true", help="offer no PIPELINING")
    parser.add_argument("--late-seconds", type=float, default=0.5)
    parser.add_argument("--per-connection", type=int, default=0)
    parser.add_argument("--same-provider", action="append", default=[], metavar="DOMAIN=DOMAIN")
    given = parser.parse_args()
    if given.core is not None:
        with suppress(OSError):  # a machine that has no such core
            os.sched_setaffinity(0, {given.core})
    state = ServerState(
        log=os.open(given.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        pipelining=not given.classic,
        late_seconds=given.late_seconds,
        per_connection=given.per_connection,
        same_provider=dict(pair.encode().split(b"=", 1) for pair in given.same_provider),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(state, given.port))


if __name__ == "__main__":
    main()
