"""Speaking SMTP over an open line: one round trip per message where the server takes commands in groups.

    ours    MAIL RCPT DATA            body . MAIL RCPT DATA               body .
    theirs                250 250 354                      250 250 250 354      250

The next envelope rides behind the dot (RFC 2920 §3.1 lets message content begin a group, and DATA end one). A body
leaves only with its permit, which is asked for when its 354 is in hand; the envelope that rides ahead has none yet.
"""

from dataclasses import dataclass

from newsletter.smtp.commands import DOT, RSET, Extensions, dot_stuffed, envelope_commands, local_refusal
from newsletter.smtp.contract import Envelope, Outbox, RelayError
from newsletter.smtp.in_flight import InFlight
from newsletter.smtp.messages import CONNECTION_LOST
from newsletter.smtp.options import SmtpOptions
from newsletter.smtp.replies import CHANNEL_CLOSING, START_MAIL_INPUT, SmtpResponse
from newsletter.smtp.stream import ConnectionLostError, SmtpStream

ALREADY_WRITTEN = (b"", b"", b"")  # in groups, the opening left with what went before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What came of MAIL, RCPT and DATA."""

    refused: bool
    positive: bool = False  # the recipient was taken, whatever became of the rest
    waits: bool = False  # the server said 354, and only a dot gets it out of that


@dataclass(slots=True)
class Dialogue:
    """An open SMTP session; the Connection of `wire`."""

    stream: SmtpStream
    extensions: Extensions
    options: SmtpOptions
    _begun: int = 0

    async def deliver(self, outbox: Outbox) -> None:
        in_flight = InFlight(outbox, lambda envelope: local_refusal(envelope, self.extensions))
        why = "our side stopped"
        try:
            await self._run_transactions(in_flight)
        except ConnectionLostError as lost:
            why = str(lost)
            self.stream.abort()
            if not in_flight.asked:
                raise RelayError(CONNECTION_LOST.format(words=why)) from lost
        except BaseException:
            self.stream.abort()
            raise
        finally:
            in_flight.let_go(why, dot_unsent=self.stream.final_dot_unsent)

    async def _run_transactions(self, in_flight: InFlight) -> None:
        envelope: Envelope | None = None
        while not self.stream.closing and (envelope := envelope or await self._first(in_flight)):
            opened = await self._open(in_flight, envelope)
            if opened.refused:
                envelope = await self._reset_transaction(in_flight, opened)
            else:
                envelope = await self._hand_over(in_flight, envelope)

    async def _first(self, in_flight: InFlight) -> Envelope | None:
        """The next message when none rides ahead, its opening written."""
        if self._exhausted:
            return None
        envelope = await in_flight.next()
        self._start(envelope)
        if envelope is not None and self._in_groups:
            self.stream.write(b"".join(envelope_commands(envelope, self.extensions)))
        return envelope

    def _pipeline_next(self, in_flight: InFlight) -> tuple[Envelope | None, bytes]:
        """The next message and its opening, to ride behind what is written now."""
        if not self._in_groups or self._exhausted or self.stream.closing:
            return None, b""
        envelope = in_flight.poll()
        self._start(envelope)
        return envelope, b"".join(envelope_commands(envelope, self.extensions)) if envelope is not None else b""

    def _start(self, envelope: Envelope | None) -> None:
        self._begun += envelope is not None

    @property
    def _exhausted(self) -> bool:
        return 0 < self.options.per_connection <= self._begun

    @property
    def _in_groups(self) -> bool:
        return self.extensions.pipelining and self.options.pipelining

    async def _open(self, in_flight: InFlight, envelope: Envelope) -> _Opened:
        """Ask leave for a message; the first no is recorded at once.

        Raises LineLostError for a 421 to MAIL, which is said to us and not to the message.
        """
        mail, rcpt, data = ALREADY_WRITTEN if self._in_groups else envelope_commands(envelope, self.extensions)
        timeouts = self.options.timeouts
        first = await self._ask(mail, timeouts.command)
        if first.code == CHANNEL_CLOSING:
            raise ConnectionLostError(first.reply.words)
        refused = not first.positive and _refuse(in_flight, first)
        if refused and not self._in_groups:
            return _Opened(refused=True)
        second = await self._ask(rcpt, timeouts.command)
        refused = refused or (not second.positive and _refuse(in_flight, second))
        if refused and (second.code == CHANNEL_CLOSING or not self._in_groups):
            return _Opened(refused=True)
        third = await self._ask(data, timeouts.data)
        waits = third.code == START_MAIL_INPUT
        refused = refused or (not waits and _refuse(in_flight, third))
        return _Opened(refused=refused, positive=second.positive, waits=waits)

    async def _ask(self, command: bytes, seconds: float) -> SmtpResponse:
        """The answer to a command, which in groups was written already."""
        if command:
            self.stream.write(command)
        return await self.stream.response(seconds)

    async def _hand_over(self, in_flight: InFlight, envelope: Envelope) -> Envelope | None:
        """The body with its permit, its dot and its answer. Gives the envelope that rode behind.

        That one is written before the permit is asked for: while other lines' answers come in, and not when the
        permits of all of them have come at once and the server waits for bodies.
        """
        following, behind = self._pipeline_next(in_flight)
        if not await in_flight.may_send():
            self.stream.abort()  # after 354 there is no RSET: a line cut before the dot delivers nothing
            return None
        if self.stream.unread:
            raise ConnectionLostError("the server spoke before the body")
        in_flight.leaving = True
        self.stream.write_body(dot_stuffed(envelope), behind=behind)
        response = await self.stream.response(self.options.timeouts.end_of_data)
        if response.code // 100 == 3 or (response.positive and self.stream.final_dot_unsent):
            raise ConnectionLostError("answers out of step")
        in_flight.answered(response.reply)
        return following

    async def _reset_transaction(self, in_flight: InFlight, opened: _Opened) -> Envelope | None:
        """After a no: make room for the next message, which rides behind."""
        if self.stream.closing:
            return None
        if opened.waits and opened.positive:
            self.stream.abort()  # a lone dot would hand an empty message to a recipient who was taken
            return None
        following, behind = self._pipeline_next(in_flight)
        self.stream.write((DOT if opened.waits else RSET) + behind)  # RFC 2920 §3.1: a lone dot after 354
        timeouts = self.options.timeouts
        tidied = await self.stream.response(timeouts.end_of_data if opened.waits else timeouts.command)
        if not (tidied.positive or (opened.waits and tidied.code >= 400)):
            self.stream.abort()
        return following


def _refuse(in_flight: InFlight, response: SmtpResponse) -> bool:
    """Record this no. Raises LineLostError when it is none: then ours and theirs are out of step."""
    if not response.negative:
        raise ConnectionLostError(f"out of step: {response.code} {response.reply.words}")
    in_flight.refused(response.reply)
    return True
