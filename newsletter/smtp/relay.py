"""Handing over to an SMTP server through aiosmtplib: single letters, and servers that `wire` does not get on with.

One command at a time. It keeps the same promise as `wire` (`smtp/contract`), but cannot tell whether a body had
left when the line broke: any break after the permit leaves the fate unknown.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
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
)

from newsletter.config import Settings
from newsletter.smtp import messages
from newsletter.smtp.commands import Extensions, local_refusal
from newsletter.smtp.contract import DeliveryStatus, Envelope, Outbox, RelayError, Reply, reply_of, without_addresses
from newsletter.smtp.in_flight import InFlight
from newsletter.smtp.options import PER_CONNECTION, Timeouts
from newsletter.smtp.replies import CHANNEL_CLOSING
from newsletter.smtp.tls import tls_context

TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpRelay:
    """The SMTP server of the settings."""

    host: str
    port: int
    security: str = "none"  # none, starttls, tls
    username: str = ""
    password: str = ""
    ca_file: Path | None = None  # trust this authority alone
    per_connection: int = PER_CONNECTION
    ehlo: str = ""
    end_of_data_seconds: float = TIMEOUTS.end_of_data

    @classmethod
    def of(cls, settings: Settings) -> "SmtpRelay":
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=settings.smtp_password,
            ca_file=settings.ca_file,
        )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["SmtpConnection"]:
        client = await self._open()
        try:
            yield SmtpConnection(client, self.per_connection, self.end_of_data_seconds)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit(timeout=TIMEOUTS.quit)
            client.close()

    async def _open(self) -> SMTP:
        client = SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            username=self.username or None,
            password=self.password or None,
            local_hostname=self.ehlo or None,
            tls_context=None if self.security == "none" else tls_context(self.ca_file),
            timeout=TIMEOUTS.connect,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                with suppress(SMTPHeloError):  # a server that knows only HELO is asked again, in its words, at MAIL
                    await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise RelayError(self._why_shut(error)) from error
        return client

    def _why_shut(self, error: Exception) -> str:
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
                return messages.NO_ANSWER.format(host=self.host, port=self.port)


@dataclass(slots=True)
class SmtpConnection:
    """One SMTP session, used for one message after the other."""

    client: SMTP
    per_connection: int
    end_of_data_seconds: float
    _begun: int = 0
    _closing: bool = False

    async def deliver(self, outbox: Outbox) -> None:
        in_flight = InFlight(outbox, lambda envelope: local_refusal(envelope, self._offers()))
        why = "our side stopped"
        try:
            while not self._closing and not self._exhausted and (envelope := await in_flight.next()):
                self._begun += 1
                await self._hand_over(in_flight, envelope)
        except (SMTPException, OSError, ValueError) as error:
            self._closing = True
            why = without_addresses(str(error))
            if not in_flight.asked:
                raise RelayError(messages.CONNECTION_LOST.format(words=why)) from error
        finally:
            in_flight.let_go(why, dot_unsent=False)

    @property
    def _exhausted(self) -> bool:
        return 0 < self.per_connection <= self._begun

    def _offers(self) -> Extensions:
        utf8 = self.client.supports_extension("smtputf8") and self.client.supports_extension("8bitmime")
        return Extensions(utf8=utf8)

    async def _hand_over(self, in_flight: InFlight, envelope: Envelope) -> None:
        if not await self._taken(in_flight, envelope):
            return
        if await in_flight.may_send():
            in_flight.leaving = True
            in_flight.answered(await self._body(envelope.message))
        else:
            await self._forget()

    async def _taken(self, in_flight: InFlight, envelope: Envelope) -> bool:
        try:
            await self._opening(envelope)
        except (SMTPSenderRefused, SMTPRecipientRefused) as refusal:
            self._closing = refusal.code == CHANNEL_CLOSING
            if self._closing and isinstance(refusal, SMTPSenderRefused):
                raise  # said to us, not to the message
            in_flight.refused(reply_of(refusal.code, refusal.message))
            if not self._closing:
                await self._forget()
            return False
        return True

    async def _opening(self, envelope: Envelope) -> None:
        """MAIL and RCPT; in UTF-8 only for an address that needs it (RFC 6531, FMT-13)."""
        if envelope.recipient.isascii():
            await self.client.mail(envelope.sender, timeout=TIMEOUTS.command)
            await self.client.rcpt(envelope.recipient, timeout=TIMEOUTS.command)
        else:
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            await self.client.mail(envelope.sender, options=options, encoding="utf-8", timeout=TIMEOUTS.command)
            await self.client.rcpt(envelope.recipient, encoding="utf-8", timeout=TIMEOUTS.command)

    async def _body(self, message: bytes) -> Reply:
        try:
            done = await self.client.data(message, timeout=self.end_of_data_seconds)
        except SMTPResponseException as response:
            self._closing = response.code == CHANNEL_CLOSING
            if response.code < 400:  # no "no", and not the yes it should be: nobody knows
                return Reply(status=DeliveryStatus.unknown, code=response.code, words=_words(response))
            if not self._closing:
                await self._forget()  # should it have been DATA that was refused, the envelope still stands
            return reply_of(response.code, response.message)
        return reply_of(done.code, done.message)

    async def _forget(self) -> None:
        """RSET. A line that is broken by now shows at the next message."""
        with suppress(SMTPException, OSError):
            await self.client.rset(timeout=TIMEOUTS.command)


def _words(error: SMTPResponseException) -> str:
    return f"{error.code} {without_addresses(error.message)}"
