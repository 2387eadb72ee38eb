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
from newsletter.smtp.commands import Offers, refused_at_home
from newsletter.smtp.contract import Envelope, Fate, Outbox, RelayError, Reply, reply_of, without_addresses
from newsletter.smtp.in_flight import Hand
from newsletter.smtp.options import PER_CONNECTION, Patience
from newsletter.smtp.replies import CLOSING
from newsletter.smtp.tls import tls_context

PATIENCE = Patience()


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
    end_of_data_seconds: float = PATIENCE.end_of_data

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
                await client.quit(timeout=PATIENCE.quit)
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
            timeout=PATIENCE.connect,
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
        hand = Hand(outbox, lambda envelope: refused_at_home(envelope, self._offers()))
        why = "our side stopped"
        try:
            while not self._closing and not self._worn and (envelope := await hand.next()):
                self._begun += 1
                await self._hand_over(hand, envelope)
        except (SMTPException, OSError, ValueError) as error:
            self._closing = True
            why = without_addresses(str(error))
            if not hand.asked:
                raise RelayError(messages.LINE_LOST.format(words=why)) from error
        finally:
            hand.let_go(why, dot_kept=False)

    @property
    def _worn(self) -> bool:
        return 0 < self.per_connection <= self._begun

    def _offers(self) -> Offers:
        utf8 = self.client.supports_extension("smtputf8") and self.client.supports_extension("8bitmime")
        return Offers(utf8=utf8)

    async def _hand_over(self, hand: Hand, envelope: Envelope) -> None:
        if not await self._taken(hand, envelope):
            return
        if await hand.permit():
            hand.leaving = True
            hand.answered(await self._body(envelope.message))
        else:
            await self._forget()

    async def _taken(self, hand: Hand, envelope: Envelope) -> bool:
        try:
            await self._opening(envelope)
        except (SMTPSenderRefused, SMTPRecipientRefused) as refusal:
            self._closing = refusal.code == CLOSING
            if self._closing and isinstance(refusal, SMTPSenderRefused):
                raise  # said to us, not to the message
            hand.refused(reply_of(refusal.code, refusal.message))
            if not self._closing:
                await self._forget()
            return False
        return True

    async def _opening(self, envelope: Envelope) -> None:
        """MAIL and RCPT; in UTF-8 only for an address that needs it (RFC 6531, FMT-13)."""
        if envelope.recipient.isascii():
            await self.client.mail(envelope.sender, timeout=PATIENCE.command)
            await self.client.rcpt(envelope.recipient, timeout=PATIENCE.command)
        else:
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            await self.client.mail(envelope.sender, options=options, encoding="utf-8", timeout=PATIENCE.command)
            await self.client.rcpt(envelope.recipient, encoding="utf-8", timeout=PATIENCE.command)

    async def _body(self, message: bytes) -> Reply:
        try:
            done = await self.client.data(message, timeout=self.end_of_data_seconds)
        except SMTPResponseException as answer:
            self._closing = answer.code == CLOSING
            if answer.code < 400:  # no "no", and not the yes it should be: nobody knows
                return Reply(fate=Fate.unknown, code=answer.code, words=_words(answer))
            if not self._closing:
                await self._forget()  # should it have been DATA that was refused, the envelope still stands
            return reply_of(answer.code, answer.message)
        return reply_of(done.code, done.message)

    async def _forget(self) -> None:
        """RSET. A line that is broken by now shows at the next message."""
        with suppress(SMTPException, OSError):
            await self.client.rset(timeout=PATIENCE.command)


def _words(error: SMTPResponseException) -> str:
    return f"{error.code} {without_addresses(error.message)}"
