"""One TCP connection to a server: octets out, responses in, timeouts, TLS, and what a loss says about a message."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from newsletter.note_reasons import NoteReason, note_words
from newsletter.smtp.contract import without_addresses
from newsletter.smtp.protocol import (
    CHANNEL_CLOSING,
    FINAL_DOT,
    QUIT,
    MalformedResponseError,
    ResponseReader,
    SmtpResponse,
)

_ONE_WRITE = 32_768
"""Octets of a message that go out in one write with what follows it: an idle socket buffers them at once."""
_CHECKS_PER_TIMEOUT = 4
"""How often a write timeout looks while it runs; so it ends up to one look later than it could, and never earlier."""


class ConnectionLostError(Exception):
    """The connection is gone, or of no more use. The message is the reason: a note of ours or the server's words."""


class SmtpStream(asyncio.Protocol):
    """Responses come in order, each to whoever awaits `response()`.

    `block`: seconds after which the connection is aborted when the server has read none of the octets that wait for it.
    """

    def __init__(self, *, block: float) -> None:
        self.closing = False  # start nothing new: the server said 421, or the connection is being closed
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._clear_transport: asyncio.Transport | None = None  # what carries the TLS of `_transport`
        self._reader = ResponseReader()
        self._responses: deque[SmtpResponse] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._lost_because = ""
        self._buffering = False  # the transport still keeps octets that the kernel did not take
        self._dot_apart = False  # the final dot was written by itself, so `_buffering` speaks of the dot
        self._dot_kept = False  # the final dot was not even given to the transport
        self._pipelined = b""
        self._write_timeout = _WriteTimeout(
            block, self._unsent_octets, lambda: self._lose(note_words(NoteReason.write_timeout))
        )
        self._gone: asyncio.Future[None] = self._loop.create_future()

    # What the dialogue asks of it ---------------------------------------------------------------------------------

    def write(self, octets: bytes) -> None:
        self._open().write(octets)

    def write_message(self, message: bytes, *, pipelined: bytes) -> None:
        """The message, its final dot, and the commands that are pipelined behind it.

        A small message goes out in one write with all that follows. A large one goes first, its dot alone after it, and
        the commands only when the kernel has taken both: so a transport that still buffers means that the dot has not
        left.
        """
        self._dot_apart, self._dot_kept = len(message) > _ONE_WRITE, True
        if self._dot_apart:
            self.write(message)
        transport = self._open()
        transport.write(FINAL_DOT if self._dot_apart else b"".join((message, FINAL_DOT, pipelined)))
        self._dot_kept = transport.is_closing()  # open before and closed now: the kernel took nothing of it
        if self._dot_apart and self._buffering:
            self._pipelined = pipelined
        elif self._dot_apart:
            self.write(pipelined)

    @property
    def final_dot_unsent(self) -> bool:
        """Certain that the final dot of the last message was not handed to the kernel. False proves nothing."""
        return self._dot_kept or (self._dot_apart and self._buffering)

    @property
    def unread(self) -> bool:
        """The server said something that nobody has asked for yet."""
        return bool(self._responses)

    async def response(self, seconds: float) -> SmtpResponse:
        """The next response. Raises ConnectionLostError when the connection breaks, or at this timeout."""
        if not self._responses:
            await self._wait(seconds)
        response = self._responses.popleft()
        self.closing |= response.code == CHANNEL_CLOSING
        return response

    async def encrypt(self, context: ssl.SSLContext, *, host: str, seconds: float) -> None:
        """TLS from here on. Raises OSError (ssl.SSLError among them).

        Octets in clear behind the response to STARTTLS may be injected: they are refused (CVE-2011-0411).
        """
        if self._responses or self._reader != ResponseReader():
            raise ssl.SSLError("octets in clear behind STARTTLS")
        self._clear_transport = self._open()
        self._transport = await self._loop.start_tls(
            self._clear_transport, self, context, server_hostname=host, ssl_handshake_timeout=seconds
        )
        if self._transport is None:
            raise ConnectionResetError
        self._watch_the_buffer(self._transport)

    def abort(self) -> None:
        """Close at once. Octets that the transport still keeps never leave."""
        self._lose(note_words(NoteReason.aborted))

    async def close(self, seconds: float) -> None:
        """QUIT if the server still listens; the connection is gone afterwards in any case."""
        with suppress(ConnectionLostError):
            if not self.closing:
                self.write(QUIT)
                await self.response(seconds)
        self._lose(note_words(NoteReason.closed))
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
            self._responses.extend(self._reader.feed(data))
        except MalformedResponseError:
            self._lose(note_words(NoteReason.malformed_response))
        if self._responses:
            self._wake()

    def eof_received(self) -> None:
        # At once: merely closing would first write out what the transport keeps.
        self._lose(note_words(NoteReason.closed_by_server))

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(_lost_words(exc) if exc else note_words(NoteReason.closed_by_server))
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._buffering = True
        self._write_timeout.start()

    def resume_writing(self) -> None:
        if self._lost_because:
            return  # what is known of the dot stays as it was when the connection broke
        self._buffering = False
        self._write_timeout.stop()
        pipelined, self._pipelined = self._pipelined, b""
        if pipelined:
            self.write(pipelined)

    # --------------------------------------------------------------------------------------------------------------

    def _watch_the_buffer(self, transport: asyncio.Transport) -> None:
        """Be told as soon as the kernel does not take all, and when it has taken all."""
        transport.set_write_buffer_limits(high=1, low=0)

    def _open(self) -> asyncio.Transport:
        if self._lost_because or self._transport is None or self._transport.is_closing():
            raise ConnectionLostError(self._lost_because or note_words(NoteReason.closed_by_server))
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
        if not self._responses:
            raise ConnectionLostError(self._lost_because)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        """One timer serves all waits of a connection: it is set anew only when it fires."""
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._lose(note_words(NoteReason.timeout))

    def _unsent_octets(self) -> int:
        """Octets that the kernel has not taken yet, those that wait for their encryption among them."""
        layers = (self._transport, self._clear_transport)
        return sum(layer.get_write_buffer_size() for layer in layers if layer is not None)

    def _lose(self, why: str) -> None:
        self.closing = True
        if self._lost_because:
            return
        self._lost_because = why
        if self._timer is not None:
            self._timer.cancel()
        self._write_timeout.stop()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@dataclass(slots=True)
class _WriteTimeout:
    """Calls `expired` when none of the unsent octets have left for so many seconds (RTY-04, RFC 5321 §4.5.3.2.5).

    It runs only while the kernel does not take all it is given: a message that it takes at once costs nothing.
    """

    seconds: float
    unsent_octets: Callable[[], int]
    expired: Callable[[], None]
    _unsent: int = 0  # at the last look at which some had left
    _since: float = 0.0
    _next_look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._unsent, self._since = self.unsent_octets(), loop.time()
        self._look_later(loop)

    def stop(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self.stop()
        self._next_look = loop.call_later(self.seconds / _CHECKS_PER_TIMEOUT, self._look)

    def _look(self) -> None:
        loop, unsent = asyncio.get_running_loop(), self.unsent_octets()
        if unsent != self._unsent:
            self._unsent, self._since = unsent, loop.time()
        if loop.time() - self._since < self.seconds:
            self._look_later(loop)
        else:
            self.expired()


def _lost_words(error: Exception) -> str:
    """What the operating system or TLS says of a lost connection, as a note of ours."""
    return note_words(NoteReason.network_error, without_addresses(str(error)))
