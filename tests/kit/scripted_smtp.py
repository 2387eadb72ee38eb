"""A small SMTP server that does to the letter what a script tells it, on a real socket, and keeps count.

It lives in the test's own event loop, takes commands in groups, and flushes its answers only when it has nothing more
to read: so `turns` counts the round trips that a client needed.
"""

import asyncio
import base64
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

DROP = "DROP"  # close the connection instead of answering
TAKE_AND_DROP = "TAKE AND DROP"  # after the dot: keep the message, then close the connection
SILENCE = "SILENCE"  # never answer
READ_NO_MORE = "READ NO MORE"  # to DATA: say 354, read nothing for a moment, then close the connection
STALL = "STALL"  # to DATA: say 354, and never read again
READ_SLOWLY = "READ SLOWLY"  # to DATA: say 354, and take the body a little at a time

PAUSE = 0.05  # seconds between two reads of a server that reads slowly
EVERYTHING = ("PIPELINING", "SIZE 20000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
USUAL = {"EHLO": "250", "HELO": "250 test", "DATA": "354 go on", "STARTTLS": "220 go on", "QUIT": "221 bye"}


@dataclass(slots=True)
class Script:
    """Orders: for each command (and DOT, and AUTH's lines as LOGIN) the answers in turn, then the usual one again."""

    greeting: str = "220 test ESMTP"
    extensions: tuple[str, ...] = EVERYTHING
    answers: dict[str, list[str]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None  # for STARTTLS
    from_the_start: bool = False  # TLS before the greeting
    any_order: bool = False  # judge each command alone: RCPT is taken though MAIL was refused
    in_pieces: bool = False  # every octet of an answer in a packet of its own


@dataclass(slots=True)
class Seen:
    """What the server saw."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)  # messages as they stood on the wire, less their dot
    recipients: list[str] = field(default_factory=list)  # of `taken`, in the same order
    turns: int = 0
    connections: int = 0
    silent: asyncio.Event = field(default_factory=asyncio.Event)  # a command was read that is never answered

    def count(self, verb: str) -> int:
        return sum(command.startswith(verb) for command in self.commands)


@asynccontextmanager
async def scripted(script: Script | None = None) -> AsyncIterator[Seen]:
    script, seen = script or Script(), Seen()
    script = replace(script, answers={verb: list(orders) for verb, orders in script.answers.items()})
    sessions: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        sessions.add(task)
        try:
            await _Session(script, seen, reader, writer).serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            sessions.discard(task)
            writer.transport.abort()
            with suppress(
                OSError, TimeoutError
            ):  # of a connection whose TLS failed, asyncio does not always hear the end
                await asyncio.wait_for(writer.wait_closed(), 0.2)

    context = script.tls if script.from_the_start else None
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, limit=2**16)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for session in list(sessions):
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


@dataclass(slots=True)
class _Session:
    script: Script
    seen: Seen
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    recipient: str = ""
    in_mail: bool = False
    pending: bytes = b""  # answers not flushed yet
    unread: deque[bytes] = field(default_factory=deque)
    rest: bytes = b""
    pause: float = 0.0  # seconds before each read

    async def serve(self) -> None:
        self.seen.connections += 1
        await self._answer(self.script.greeting)
        while True:
            line = await self._line()
            command = line.decode("utf-8", "surrogateescape")
            self.seen.commands.append(command)
            await self._do(command.partition(" ")[0].upper(), command)

    async def _do(self, verb: str, command: str) -> None:
        answer = self._scripted(verb)
        if verb == "EHLO" and answer == "250":
            answer = "\r\n".join(["250-test", *(f"250-{word}" for word in self.script.extensions), "250 HELP"])
        match verb:
            case "MAIL" if answer[0] == "2":
                self.in_mail, self.recipient = True, ""
            case "RCPT" if not (self.in_mail or self.script.any_order):
                answer = "503 5.5.1 no MAIL yet" if answer[0] == "2" else answer
            case "RCPT" if answer[0] == "2":
                self.recipient = command.partition("<")[2].partition(">")[0]
            case "RSET":
                self.in_mail, self.recipient = False, ""
            case "AUTH":
                answer = await self._log_in(command)
        if verb == "DATA" and (answer.startswith("354") or answer in (READ_NO_MORE, STALL, READ_SLOWLY)):
            await self._data(answer)
        else:
            await self._answer(answer, flush=verb == "STARTTLS")
            await self._afterwards(verb, answer)

    async def _afterwards(self, verb: str, answer: str) -> None:
        if verb == "STARTTLS" and answer[0] == "2":
            assert self.script.tls
            await self.writer.start_tls(self.script.tls)
        if verb == "QUIT":
            await self._flush()
            raise ConnectionResetError

    async def _data(self, go_on: str) -> None:
        if go_on == READ_NO_MORE:
            await self._answer("354 go on", flush=True)
            await asyncio.sleep(0.15)
            raise ConnectionResetError
        if go_on == STALL:
            await self._answer("354 go on", flush=True)
            await asyncio.Event().wait()
        self.pause = PAUSE if go_on == READ_SLOWLY else 0.0
        await self._answer("354 go on" if go_on == READ_SLOWLY else go_on)
        lines = []
        while (line := await self._line()) != b".":
            lines.append(line + b"\r\n")
        answer = self._scripted("DOT")
        if not self.recipient and answer[0] == "2":
            answer = "554 5.5.1 no valid recipients"
        if answer[0] == "2" or (answer == TAKE_AND_DROP and self.recipient):
            self.seen.taken.append(b"".join(lines))
            self.seen.recipients.append(self.recipient)
        self.in_mail, self.recipient = False, ""
        await self._answer(DROP if answer == TAKE_AND_DROP else answer)

    async def _log_in(self, command: str) -> str:
        if command.upper() != "AUTH LOGIN":
            return self._scripted("LOGIN")
        for question in (b"Username:", b"Password:"):
            await self._answer("334 " + base64.b64encode(question).decode(), flush=True)
            self.seen.commands.append((await self._line()).decode())
        return self._scripted("LOGIN")

    def _scripted(self, verb: str) -> str:
        orders = self.script.answers.get(verb)
        return orders.pop(0) if orders else USUAL.get(verb, "250 ok")

    async def _answer(self, answer: str, *, flush: bool = False) -> None:
        if answer == DROP:
            await self._flush()
            raise ConnectionResetError
        if answer == SILENCE:
            await self._flush()
            self.seen.silent.set()
            await asyncio.Event().wait()
        self.pending += answer.encode("utf-8", "surrogateescape") + b"\r\n"
        if flush:
            await self._flush()

    async def _flush(self) -> None:
        self.seen.turns += bool(self.pending)
        answers, self.pending = self.pending, b""
        pieces = [answers[n : n + 1] for n in range(len(answers))] if self.script.in_pieces else [answers]
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if self.script.in_pieces:
                await asyncio.sleep(0)

    async def _line(self) -> bytes:
        while not self.unread:
            await self._flush()
            if self.pause:
                await asyncio.sleep(self.pause)
            octets = await self.reader.read(2**20)
            if not octets:
                raise ConnectionResetError
            *lines, self.rest = (self.rest + octets).split(b"\r\n")
            self.unread.extend(lines)
        return self.unread.popleft()
