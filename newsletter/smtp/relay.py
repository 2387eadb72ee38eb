"""The client built on aiosmtplib, for single mails and for servers that the pipelined client does not get on with.

One command at a time. It keeps the same contract (`smtp/contract`), but cannot tell whether a message had left when the
connection broke: any break after `may_send` leaves the status unknown.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLCertVerificationError

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from newsletter.note_reasons import NoteReason, note_text, note_words
from newsletter.smtp import messages
from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, RelayError, Reply, reply_of, without_addresses
from newsletter.smtp.dialogue import InFlight
from newsletter.smtp.options import Security, SmtpOptions, SmtpServer, Timeouts
from newsletter.smtp.protocol import CHANNEL_CLOSING, Extensions, local_refusal
from newsletter.smtp.tls import tls_context


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTransport:
    """One SMTP server, spoken to as its options say, pipelining aside."""

    server: SmtpServer
    options: SmtpOptions = field(default_factory=SmtpOptions)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_RelayConnection"]:
        client = await self._open()
        try:
            yield _RelayConnection(client, self.options)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit(timeout=self.options.timeouts.quit)
            client.close()

    async def _open(self) -> SMTP:
        security = self.options.security
        client = SMTP(
            hostname=self.server.host,
            port=self.server.port,
            use_tls=security is Security.tls,
            start_tls=security is Security.starttls,
            username=self.server.username or None,
            password=self.server.password or None,
            local_hostname=self.options.ehlo or None,
            tls_context=None if security is Security.none else tls_context(self.options.ca_file),
            timeout=self.options.timeouts.connect,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                with suppress(SMTPHeloError):  # a server that knows only HELO is asked again, in its words, at MAIL
                    await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise RelayError(self._why_unavailable(error)) from error
        return client

    def _why_unavailable(self, error: Exception) -> str:
        match error:
            case SMTPAuthenticationError():
                return messages.REFUSED_LOGIN.format(words=_words(error))
            case SMTPResponseException():
                return messages.NOT_WELCOME.format(words=_words(error))
            case SSLCertVerificationError(verify_message=words):
                return messages.BAD_CERTIFICATE.format(words=words)
            case SMTPConnectError(__cause__=SSLCertVerificationError(verify_message=words)):  # TLS from the first byte
                return messages.BAD_CERTIFICATE.format(words=words)
            case _:
                return messages.NO_ANSWER.format(host=self.server.host, port=self.server.port)


@dataclass(slots=True)
class _RelayConnection:
    """One SMTP session, used for one message after the other."""

    client: SMTP
    options: SmtpOptions
    _begun: int = 0
    _closing: bool = False

    @property
    def _timeouts(self) -> Timeouts:
        return self.options.timeouts

    async def deliver(self, outbox: Outbox) -> None:
        in_flight = InFlight(outbox, lambda envelope: local_refusal(envelope, self._extensions()))
        why = note_words(NoteReason.stopped)
        try:
            while not self._closing and not self._exhausted and (envelope := await in_flight.next()):
                self._begun += 1
                await self._send(in_flight, envelope)
        except (SMTPException, OSError, ValueError) as error:
            self._closing = True
            why = _lost_because(error)
            if not in_flight.asked:
                raise RelayError(messages.CONNECTION_LOST.format(words=note_text(why))) from error
        finally:
            in_flight.release(why, dot_unsent=False)

    @property
    def _exhausted(self) -> bool:
        """The connection has carried as many messages as it may."""
        return 0 < self.options.per_connection <= self._begun

    def _extensions(self) -> Extensions:
        utf8 = self.client.supports_extension("smtputf8") and self.client.supports_extension("8bitmime")
        return Extensions(utf8=utf8)

    async def _send(self, in_flight: InFlight, envelope: Envelope) -> None:
        if not await self._is_recipient_accepted(in_flight, envelope):
            return
        if await in_flight.may_send():
            in_flight.leaving = True
            in_flight.answered(await self._send_message(envelope.message))
        else:
            await self._reset()

    async def _is_recipient_accepted(self, in_flight: InFlight, envelope: Envelope) -> bool:
        try:
            await self._mail_and_rcpt(envelope)
        except (SMTPSenderRefused, SMTPRecipientRefused) as refusal:
            self._closing = refusal.code == CHANNEL_CLOSING
            if self._closing and isinstance(refusal, SMTPSenderRefused):
                raise  # it refuses the connection, not the message
            in_flight.refused(reply_of(refusal.code, refusal.message))
            if not self._closing:
                await self._reset()
            return False
        return True

    async def _mail_and_rcpt(self, envelope: Envelope) -> None:
        """In UTF-8 only for an address that needs it (RFC 6531, FMT-13)."""
        seconds = self._timeouts.command
        if envelope.recipient.isascii():
            await self.client.mail(envelope.sender, timeout=seconds)
            await self.client.rcpt(envelope.recipient, timeout=seconds)
        else:
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            await self.client.mail(envelope.sender, options=options, encoding="utf-8", timeout=seconds)
            await self.client.rcpt(envelope.recipient, encoding="utf-8", timeout=seconds)

    async def _send_message(self, message: bytes) -> Reply:
        try:
            done = await self.client.data(message, timeout=self._timeouts.end_of_data)
        except SMTPResponseException as response:
            self._closing = response.code == CHANNEL_CLOSING
            if response.code < 400:  # neither a refusal nor the 2xx that accepts: nobody knows
                return Reply(status=DeliveryStatus.unknown, code=response.code, words=_words(response))
            if not self._closing:
                await self._reset()  # should it have been DATA that was refused, the transaction is still open
            return reply_of(response.code, response.message)
        return reply_of(done.code, done.message)

    async def _reset(self) -> None:
        """RSET. A connection that is broken by now shows at the next message."""
        with suppress(SMTPException, OSError):
            await self.client.rset(timeout=self._timeouts.command)


def _lost_because(error: Exception) -> str:
    """Why the connection ended: the server's words, or a note of ours."""
    match error:
        case SMTPResponseException():
            return _words(error)
        case SMTPTimeoutError() | TimeoutError():
            return note_words(NoteReason.timeout)
        case SMTPServerDisconnected() | ConnectionError():
            return note_words(NoteReason.closed_by_server)
        case _:
            return note_words(NoteReason.network_error, without_addresses(str(error)))


def _words(error: SMTPResponseException) -> str:
    return f"{error.code} {without_addresses(error.message)}"
