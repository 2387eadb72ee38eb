"""A counting SMTP server in a process of its own: it notes every message in a file before it answers for it.

`python -m benchmarks.sink LOG` prints its port. It has no orders to learn: how it treats a recipient is written in the
address, before the first hyphen (`Manner`), and the family is the domain. So whoever wrote the addresses knows what
must become of each (`benchmarks/counted.py` reads the log).
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


class Manner(StrEnum):
    """How a recipient is treated. All but `reader`, `gone`, `spam` and `late` are as `reader` after the first tries."""

    reader = "reader"  # taken
    later = "later"  # 451 to RCPT, once
    grey = "grey"  # 450 to RCPT, twice
    busy = "busy"  # 452 after the dot, once
    gone = "gone"  # 550 to RCPT, always
    spam = "spam"  # 554 after the dot, always
    shut = "shut"  # 421 to RCPT and the line is closed, once
    ends = "ends"  # 421 after the dot and the line is closed, once
    cut = "cut"  # taken, and the line is closed instead of an answer, once
    torn = "torn"  # the line is closed in the middle of the body, once
    mute = "mute"  # taken, and never answered, once
    late = "late"  # taken, and answered after a while


TAKEN, NOT_TAKEN, OPENED, PEAK = b"T", b"N", b"O", b"P"
"""The kinds of line in the log: `kind seconds first second`. T: Message-ID, recipient. N: manner, recipient.
O: lines open now, and after how many messages the last one closed. P: the most messages of a family at once, family."""

FAILS_AT_RCPT = {
    Manner.later: (1, b"451 4.3.0 try again\r\n"),
    Manner.grey: (2, b"450 4.7.1 greylisted\r\n"),
    Manner.gone: (10**9, b"550 5.1.1 no such mailbox\r\n"),
    Manner.shut: (1, b"421 4.3.2 closing\r\n"),
}
FAILS_AFTER_DOT = {
    Manner.busy: (1, b"452 4.3.1 no room\r\n"),
    Manner.spam: (10**9, b"554 5.7.1 not wanted\r\n"),
    Manner.ends: (1, b"421 4.3.2 closing\r\n"),
}
MANNERS = {manner.value.encode(): manner for manner in Manner}
CLOSING = (b"421", b"221")
DOT = b"\r\n.\r\n"
MESSAGE_ID = b"\nMessage-ID: <"


@dataclass(slots=True, kw_only=True)
class Sink:
    """What all lines share."""

    log: int
    pipelining: bool = True
    late_seconds: float = 0.5
    per_connection: int = 0  # messages, then 421; 0: no limit
    doors: dict[bytes, bytes] = field(default_factory=dict)  # domain → the domain whose door it shares
    open: int = 0
    tries: Counter[bytes] = field(default_factory=Counter)
    at_once: Counter[bytes] = field(default_factory=Counter)
    peaks: Counter[bytes] = field(default_factory=Counter)

    def note(self, kind: bytes, first: bytes, second: bytes) -> None:
        """Written, not buffered: it stands even if this process dies before it answers."""
        os.write(self.log, b"%b %.4f %b %b\n" % (kind, time.monotonic(), first, second))

    def family(self, recipient: bytes) -> bytes:
        """The domain, or the one whose door it shares."""
        domain = recipient[recipient.rfind(b"@") + 1 :]
        return self.doors.get(domain, domain)

    def starts(self, family: bytes) -> None:
        self.at_once[family] += 1
        if self.at_once[family] > self.peaks[family]:
            self.peaks[family] = self.at_once[family]
            self.note(PEAK, b"%d" % self.peaks[family], family)

    def fails(self, recipient: bytes, manner: Manner, table: dict[Manner, tuple[int, bytes]]) -> bytes | None:
        """The words of refusal, if it is to be refused here and now."""
        if manner not in table:
            return None
        times, words = table[manner]
        self.tries[recipient] += 1
        if self.tries[recipient] > times:
            return None
        self.note(NOT_TAKEN, manner.encode(), recipient)
        return words


@dataclass(slots=True, eq=False)
class Line(asyncio.Protocol):
    """One connection: commands and bodies, in whatever pieces they arrive."""

    sink: Sink
    transport: asyncio.Transport = field(init=False)
    rest: bytes = b""  # not understood yet; in a body it begins with the line end of DATA
    in_body: bool = False
    waits: bool = False  # nothing more is read before the late answer
    recipient: bytes = b""
    taken: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self.sink.open += 1
        self.sink.note(OPENED, b"%d" % self.sink.open, b"-")
        self.transport.write(b"220 sink ESMTP\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        self._ends()
        self.sink.open -= 1
        self.sink.note(OPENED, b"%d" % self.sink.open, b"%d" % self.taken)

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
                break  # nothing that rides behind is read: the line is closed
        self.rest = rest[position:]
        if self.in_body and len(self.rest) > 2 and self._is(Manner.torn) and self._first_time():
            self._tear()
        elif answers and not self.transport.is_closing():
            self.transport.write(b"".join(answers))
            if answers[-1].startswith(CLOSING):
                self.transport.close()

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            return b"421 4.7.0 enough\r\n" if 0 < self.sink.per_connection <= self.taken else b"250 2.1.0 ok\r\n"
        if verb == b"RCPT":
            return self._rcpt(line)
        if verb == b"DATA":
            self.in_body = bool(self.recipient)
            return b"354 go\r\n" if self.recipient else b"554 5.5.1 no recipient\r\n"
        if verb == b"EHLO":
            extensions = b"SIZE 35882577", b"8BITMIME", b"SMTPUTF8", b"ENHANCEDSTATUSCODES"
            told = (b"sink", *((b"PIPELINING",) if self.sink.pipelining else ()), *extensions)
            return b"".join(b"250-%b\r\n" % word for word in told[:-1]) + b"250 %b\r\n" % told[-1]
        self._ends()
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"  # HELO, RSET, NOOP

    def _rcpt(self, line: bytes) -> bytes:
        recipient = line[line.find(b"<") + 1 : line.find(b">")]
        self._ends()
        if refusal := self.sink.fails(recipient, _manner(recipient), FAILS_AT_RCPT):
            return refusal
        self.recipient = recipient
        self.sink.starts(self.sink.family(recipient))
        return b"250 2.1.5 ok\r\n"

    def _body(self, rest: bytes, start: int, end: int) -> bytes:
        recipient, manner = self.recipient, _manner(self.recipient)
        if manner is Manner.torn and self._first_time():
            self._tear()
            return b""
        if refusal := self.sink.fails(recipient, manner, FAILS_AFTER_DOT):
            self._ends()
            return refusal
        found = rest.find(MESSAGE_ID, start, end)
        message_id = rest[found + 14 : rest.find(b">", found, end)] if found >= 0 else b"-"
        self.sink.note(TAKEN, message_id, recipient)
        self.taken += 1
        return self._answer(manner)

    def _answer(self, manner: Manner) -> bytes:
        if manner is Manner.cut and self._first_time():
            self.transport.abort()
            return b""
        if manner in (Manner.mute, Manner.late) and (manner is Manner.late or self._first_time()):
            self.waits = True
            if manner is Manner.late:
                asyncio.get_running_loop().call_later(self.sink.late_seconds, self._answer_late)
            return b""
        self._ends()
        return b"250 2.0.0 taken\r\n"

    def _answer_late(self) -> None:
        if not self.transport.is_closing():
            self._ends()
            self.waits = False
            self.transport.write(b"250 2.0.0 taken\r\n")
            self._read()

    def _tear(self) -> None:
        self.sink.note(NOT_TAKEN, Manner.torn.encode(), self.recipient)
        self.transport.abort()

    def _ends(self) -> None:
        """No message is under way any more."""
        if self.recipient:
            self.sink.at_once[self.sink.family(self.recipient)] -= 1
            self.recipient = b""

    def _is(self, manner: Manner) -> bool:
        return _manner(self.recipient) is manner

    def _first_time(self) -> bool:
        self.sink.tries[self.recipient] += 1
        return self.sink.tries[self.recipient] == 1


def _manner(recipient: bytes) -> Manner:
    return MANNERS.get(recipient[: recipient.find(b"-")], Manner.reader)


async def serve(sink: Sink, port: int) -> None:
    """Until SIGTERM. Prints the port once it listens."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(sink), "127.0.0.1", port, backlog=512)
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
    parser.add_argument("--same-door", action="append", default=[], metavar="DOMAIN=DOMAIN")
    given = parser.parse_args()
    if given.core is not None:
        with suppress(OSError):  # a machine that has no such core
            os.sched_setaffinity(0, {given.core})
    sink = Sink(
        log=os.open(given.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        pipelining=not given.classic,
        late_seconds=given.late_seconds,
        per_connection=given.per_connection,
        doors=dict(pair.encode().split(b"=", 1) for pair in given.same_door),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sink, given.port))


if __name__ == "__main__":
    main()
