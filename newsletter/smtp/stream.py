"""One TCP line to a server: octets out, answers in, time-outs, and what is known of a body when the line breaks."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from typing import cast

from newsletter.smtp.commands import DOT, QUIT
from newsletter.smtp.contract import without_addresses
from newsletter.smtp.replies import CHANNEL_CLOSING, MalformedResponseError, ResponseReader, SmtpResponse
from newsletter.smtp.write_timeout import WriteTimeout

ONE_WRITE = 32_768
"""Octets of a body that go out in one write with what rides behind: an idle socket's buffer takes them at once."""


class ConnectionLostError(Exception):
    """The line is gone, or of no more use. The message says why, in the server's words if it had any."""


class SmtpStream(asyncio.Protocol):
    """The answers come in order, each to whoever awaits `answer()`.

    `block`: the line is given up when the server takes none of the octets that wait for it for so many seconds.
    """

    def __init__(self, *, block: float) -> None:
        self.closing = False  # nothing new is to be started: the server said 421, or we gave the line up
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._in_clear: asyncio.Transport | None = None  # what carries it, once `_transport` encrypts
        self._reader = ResponseReader()
        self._answers: deque[SmtpResponse] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._why_lost = ""
        self._full = False  # the transport still keeps octets that the kernel did not take
        self._dot_apart = False  # the dot was written by itself, so `_full` speaks of the dot
        self._dot_kept = False  # the dot was not even given to the transport
        self._behind = b""
        self._block = WriteTimeout(block, self._octets_kept, lambda: self._lose("nothing taken in time"))
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # What the dialogue asks of it ---------------------------------------------------------------------------------

    def write(self, octets: bytes) -> None:
        self._open().write(octets)

    def write_body(self, body: bytes, *, behind: bytes) -> None:
        """The body, its dot, and what rides behind.

        A small body goes out in one write with all that follows. A large one goes first, its dot alone after it, and
        what rides behind only when the kernel has taken both: so a full transport means that the dot has not left.
        """
        self._dot_apart, self._dot_kept = len(body) > ONE_WRITE, True
        if self._dot_apart:
            self.write(body)
        transport = self._open()
        transport.write(DOT if self._dot_apart else b"".join((body, DOT, behind)))
        self._dot_kept = transport.is_closing()  # open before and closed now: the kernel took nothing of it
        if self._dot_apart and self._full:
            self._behind = behind
        elif self._dot_apart:
            self.write(behind)

    @property
    def final_dot_unsent(self) -> bool:
        """Certain that the dot of the last message was not handed to the kernel. False proves nothing."""
        return self._dot_kept or (self._dot_apart and self._full)

    @property
    def unread(self) -> bool:
        """The server said something that nobody has asked for yet."""
        return bool(self._answers)

    async def response(self, seconds: float) -> SmtpResponse:
        """The next answer. Raises LineLostError when the line breaks, or stays silent for so long."""
        if not self._answers:
            await self._wait(seconds)
        response = self._answers.popleft()
        self.closing |= response.code == CHANNEL_CLOSING
        return response

    async def encrypt(self, context: ssl.SSLContext, *, host: str, seconds: float) -> None:
        """TLS from here on. Raises OSError (ssl.SSLError among them).

        What came in clear behind the server's yes was not the server's: it is refused (CVE-2011-0411).
        """
        if self._answers or self._reader != ResponseReader():
            raise ssl.SSLError("octets in clear behind STARTTLS")
        self._in_clear = self._open()
        self._transport = await self._loop.start_tls(
            self._in_clear, self, context, server_hostname=host, ssl_handshake_timeout=seconds
        )
        if self._transport is None:
            raise ConnectionResetError
        self._watch_the_buffer(self._transport)

    def abort(self) -> None:
        """Give the line up at once. Octets that the transport still keeps never leave."""
        self._lose("given up")

    async def close(self, seconds: float) -> None:
        """QUIT if the server still listens; the line is gone afterwards in any case."""
        with suppress(ConnectionLostError):
            if not self.closing:
                self.write(QUIT)
                await self.response(seconds)
        self._lose("closed")
        if self._transport is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.shield(self._gone)

    def own_address(self) -> str:
        """Our side's IP address, for an EHLO without a name."""
        return str(self._open().get_extra_info("sockname")[0])

    # What asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, though not by inheritance
        self._watch_the_buffer(self._transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._answers.extend(self._reader.feed(data))
        except MalformedResponseError:
            self._lose("no SMTP answer")
        if self._answers:
            self._wake()

    def eof_received(self) -> None:
        self._lose("closed by the server")  # at once: merely closing would first write out what the transport keeps

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(without_addresses(str(exc)) if exc else "closed by the server")
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._full = True
        self._block.start()

    def resume_writing(self) -> None:
        if self._why_lost:
            return  # what is known of the dot stays as it was when the line broke
        self._full = False
        self._block.stop()
        behind, self._behind = self._behind, b""
        if behind:
            self.write(behind)

    # --------------------------------------------------------------------------------------------------------------

    def _watch_the_buffer(self, transport: asyncio.Transport) -> None:
        """Be told as soon as the kernel does not take all, and when it has taken all."""
        transport.set_write_buffer_limits(high=1, low=0)

    def _open(self) -> asyncio.Transport:
        if self._why_lost or self._transport is None or self._transport.is_closing():
            raise ConnectionLostError(self._why_lost or "closed by the server")
        return self._transport

    async def _wait(self, seconds: float) -> None:
        self._open()
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._set_timer()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if not self._answers:
            raise ConnectionLostError(self._why_lost)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        """One timer serves all waits of a line: it is set anew only when it rings."""
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._lose("no answer in time")

    def _octets_kept(self) -> int:
        """Octets that the kernel has not taken yet, those that wait for their encryption among them."""
        layers = (self._transport, self._in_clear)
        return sum(layer.get_write_buffer_size() for layer in layers if layer is not None)

    def _lose(self, why: str) -> None:
        self.closing = True
        if self._why_lost:
            return
        self._why_lost = why
        if self._timer is not None:
            self._timer.cancel()
        self._block.stop()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
