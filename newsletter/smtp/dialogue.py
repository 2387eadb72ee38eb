"""Speaking SMTP over an open connection: one round trip per message where the server offers PIPELINING (RFC 2920).

    ours    MAIL RCPT DATA            message . MAIL RCPT DATA               message .
    theirs                250 250 354                         250 250 250 354         250

The commands of the next message ride behind the final dot (RFC 2920 §3.1 lets message content begin a group, and DATA
end one). A message leaves only when `may_send` allows it, which is asked when its 354 has come in.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.note_reasons import NoteReason, note_text, note_words
from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, RelayError, Reply
from newsletter.smtp.messages import CONNECTION_LOST
from newsletter.smtp.options import SmtpOptions
from newsletter.smtp.protocol import (
    CHANNEL_CLOSING,
    FINAL_DOT,
    RSET,
    START_MAIL_INPUT,
    Extensions,
    SmtpResponse,
    dot_stuffed,
    envelope_commands,
    local_refusal,
)
from newsletter.smtp.stream import ConnectionLostError, SmtpStream

_ALREADY_WRITTEN = (b"", b"", b"")
"""In place of commands that left behind the message before them."""


@dataclass(slots=True)
class InFlight:
    """The messages that one connection has taken from its outbox: each is recorded or given back exactly once.

    At most one of them was asked for with `may_send`; the others wait for their turn, in their order.
    """

    outbox: Outbox
    local_refusal: Callable[[Envelope], Reply | None]
    asked: bool = False  # `may_send` was asked during this call of `deliver`
    leaving: bool = False  # the message was given to the stream
    _granted: bool = False
    _current: Envelope | None = None  # the one that was asked for
    _waiting: deque[Envelope] = field(default_factory=deque)

    async def next(self) -> Envelope | None:
        """The next message that this server can be offered; the others are recorded as refused."""
        while (envelope := await self.outbox.next()) is not None:
            if self._can_be_offered(envelope):
                return envelope
        return None

    def poll(self) -> Envelope | None:
        """As `next`, without waiting."""
        while (envelope := self.outbox.poll()) is not None:
            if self._can_be_offered(envelope):
                return envelope
        return None

    def _can_be_offered(self, envelope: Envelope) -> bool:
        if refusal := self.local_refusal(envelope):
            self.outbox.record(envelope, refusal)
            return False
        self._waiting.append(envelope)
        return True

    def refused(self, reply: Reply) -> None:
        """The server refused the first envelope that waits, before its message."""
        self.outbox.record(self._waiting.popleft(), reply)

    async def may_send(self) -> bool:
        """Ask for the first envelope that waits. If it may not leave, it is recorded as withheld."""
        self._current = self._waiting.popleft()
        self.asked, self.leaving, self._granted = True, False, False
        if not await self.outbox.may_send(self._current):
            self.answered(Reply(status=DeliveryStatus.withheld))
            return False
        self._granted = True
        return True

    def answered(self, reply: Reply) -> None:
        """What became of the envelope that was asked for."""
        envelope, self._current = self._current, None
        if envelope is not None:
            self.outbox.record(envelope, reply)

    def release(self, why: str, *, dot_unsent: bool) -> None:
        """Record or give back whatever is left when the connection or the call ends. Idempotent.

        `dot_unsent`: it is certain that the final dot of the message that was leaving has not left.
        """
        while self._waiting:
            self.outbox.give_back(self._waiting.pop())
        self.answered(Reply(status=self._status_after_a_loss(dot_unsent=dot_unsent), words=why))

    def _status_after_a_loss(self, *, dot_unsent: bool) -> DeliveryStatus:
        if not self._granted:
            return DeliveryStatus.withheld
        return DeliveryStatus.unknown if self.leaving and not dot_unsent else DeliveryStatus.try_later


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What came of MAIL, RCPT and DATA."""

    refused: bool
    recipient_accepted: bool = False  # whatever became of the rest
    awaits_message: bool = False  # the server said 354, and only a final dot ends that state


@dataclass(slots=True)
class Dialogue:
    """An open SMTP session; the Connection of the pipelined transport."""

    stream: SmtpStream
    extensions: Extensions
    options: SmtpOptions
    _begun: int = 0

    async def deliver(self, outbox: Outbox) -> None:
        in_flight = InFlight(outbox, lambda envelope: local_refusal(envelope, self.extensions))
        why = note_words(NoteReason.stopped)
        try:
            await self._run_transactions(in_flight)
        except ConnectionLostError as lost:
            why = str(lost)
            self.stream.abort()
            if not in_flight.asked:
                raise RelayError(CONNECTION_LOST.format(words=note_text(why))) from lost
        except BaseException:
            self.stream.abort()
            raise
        finally:
            in_flight.release(why, dot_unsent=self.stream.final_dot_unsent)

    async def _run_transactions(self, in_flight: InFlight) -> None:
        envelope: Envelope | None = None
        while not self.stream.closing and (envelope := envelope or await self._first(in_flight)):
            opened = await self._open_transaction(in_flight, envelope)
            if opened.refused:
                envelope = await self._reset_transaction(in_flight, opened)
            else:
                envelope = await self._send_message(in_flight, envelope)

    async def _first(self, in_flight: InFlight) -> Envelope | None:
        """The next message when none was pipelined, its commands written."""
        if self._exhausted:
            return None
        envelope = await in_flight.next()
        self._count(envelope)
        if envelope is not None and self._pipelining:
            self.stream.write(b"".join(envelope_commands(envelope, self.extensions)))
        return envelope

    def _pipeline_next(self, in_flight: InFlight) -> tuple[Envelope | None, bytes]:
        """The next message and its commands, to ride behind what is written now."""
        if not self._pipelining or self._exhausted or self.stream.closing:
            return None, b""
        envelope = in_flight.poll()
        self._count(envelope)
        return envelope, b"".join(envelope_commands(envelope, self.extensions)) if envelope is not None else b""

    def _count(self, envelope: Envelope | None) -> None:
        self._begun += envelope is not None

    @property
    def _exhausted(self) -> bool:
        """The connection has carried as many messages as it may."""
        return 0 < self.options.per_connection <= self._begun

    @property
    def _pipelining(self) -> bool:
        return self.extensions.pipelining and self.options.pipelining

    async def _open_transaction(self, in_flight: InFlight, envelope: Envelope) -> _Opened:
        """MAIL, RCPT and DATA; the first refusal is recorded at once.

        Raises ConnectionLostError for a 421 to MAIL, which refuses the connection and not the message.
        """
        mail, rcpt, data = _ALREADY_WRITTEN if self._pipelining else envelope_commands(envelope, self.extensions)
        timeouts = self.options.timeouts
        first = await self._ask(mail, timeouts.command)
        if first.code == CHANNEL_CLOSING:
            raise ConnectionLostError(first.reply.words)
        refused = not first.positive and _record_refusal(in_flight, first)
        if refused and not self._pipelining:
            return _Opened(refused=True)
        second = await self._ask(rcpt, timeouts.command)
        refused = refused or (not second.positive and _record_refusal(in_flight, second))
        if refused and (second.code == CHANNEL_CLOSING or not self._pipelining):
            return _Opened(refused=True)
        third = await self._ask(data, timeouts.data)
        awaits_message = third.code == START_MAIL_INPUT
        refused = refused or (not awaits_message and _record_refusal(in_flight, third))
        return _Opened(refused=refused, recipient_accepted=second.positive, awaits_message=awaits_message)

    async def _ask(self, command: bytes, seconds: float) -> SmtpResponse:
        """The response to a command, which was written already when it was pipelined."""
        if command:
            self.stream.write(command)
        return await self.stream.response(seconds)

    async def _send_message(self, in_flight: InFlight, envelope: Envelope) -> Envelope | None:
        """The message if it may leave, its final dot and its response. Gives the envelope that was pipelined behind it.

        That one is written before `may_send` is asked: while other connections' responses come in, and not when all of
        them have been allowed at once and the server waits for messages.
        """
        following, commands = self._pipeline_next(in_flight)
        if not await in_flight.may_send():
            self.stream.abort()  # after 354 there is no RSET: a connection cut before the dot delivers nothing
            return None
        if self.stream.unread:
            raise ConnectionLostError(note_words(NoteReason.early_response))
        in_flight.leaving = True
        self.stream.write_message(dot_stuffed(envelope), pipelined=commands)
        response = await self.stream.response(self.options.timeouts.end_of_data)
        if response.code // 100 == 3 or (response.positive and self.stream.final_dot_unsent):
            raise ConnectionLostError(note_words(NoteReason.out_of_step))
        in_flight.answered(response.reply)
        return following

    async def _reset_transaction(self, in_flight: InFlight, opened: _Opened) -> Envelope | None:
        """After a refusal: make room for the next message, which is pipelined behind RSET or the dot."""
        if self.stream.closing:
            return None
        if opened.awaits_message and opened.recipient_accepted:
            self.stream.abort()  # a lone dot would send an empty message to a recipient who was accepted
            return None
        following, commands = self._pipeline_next(in_flight)
        self.stream.write((FINAL_DOT if opened.awaits_message else RSET) + commands)  # RFC 2920 §3.1
        timeouts = self.options.timeouts
        response = await self.stream.response(timeouts.end_of_data if opened.awaits_message else timeouts.command)
        if not (response.positive or (opened.awaits_message and response.code >= 400)):
            self.stream.abort()
        return following


def _record_refusal(in_flight: InFlight, response: SmtpResponse) -> bool:
    """Record a refusal. Raises ConnectionLostError when it is none: then both sides are out of step."""
    if not response.negative:
        raise ConnectionLostError(note_words(NoteReason.out_of_step, f"{response.code} {response.reply.words}"))
    in_flight.refused(response.reply)
    return True
