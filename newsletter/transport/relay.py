"""Handing over to an SMTP server, through aiosmtplib.

A later issue sends editions through a pipelining client of our own (`transport/wire`, DESIGN §6); this one stays for
single letters and odd servers. Both keep the same promise (`transport/contract`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from newsletter.config import Settings
from newsletter.transport.contract import Envelope, Fate, Permit, RelayError, Reply, reply_of, without_addresses
from newsletter.words import _

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 300.0  # RFC 5321 §4.5.3.2
END_OF_DATA_SECONDS = 600.0  # RFC 5321 §4.5.3.2.6


REFUSED_LOGIN = _("Le serveur d’envoi refuse notre compte ({words}). Vérifiez l’identifiant et le mot de passe SMTP.")
NO_ANSWER = _("Le serveur d’envoi {host}:{port} ne répond pas. Vérifiez qu’il est démarré et les réglages SMTP.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpRelay:
    """The SMTP server of the settings."""

    host: str
    port: int
    security: str = "none"  # none, starttls, tls
    username: str = ""
    password: str = ""
    end_of_data_seconds: float = END_OF_DATA_SECONDS

    @classmethod
    def of(cls, settings: Settings) -> "SmtpRelay":
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=settings.smtp_password,
        )

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["SmtpConnection"]:
        client = await self._open()
        try:
            yield SmtpConnection(client, self.end_of_data_seconds)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit(timeout=5)
            client.close()

    async def _open(self) -> SMTP:
        client = SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            username=self.username or None,
            password=self.password or None,
            timeout=CONNECT_SECONDS,
        )
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            words = f"{error.code} {without_addresses(error.message)}"
            raise RelayError(REFUSED_LOGIN.format(words=words)) from error
        except (SMTPException, OSError) as error:
            raise RelayError(NO_ANSWER.format(host=self.host, port=self.port)) from error
        return client


@dataclass(frozen=True, slots=True)
class SmtpConnection:
    """One SMTP session, used for one message after the other."""

    client: SMTP
    end_of_data_seconds: float

    async def deliver(self, envelope: Envelope, *, permit: Permit) -> Reply:
        if not envelope.recipient.isascii() and not self._takes_utf8():
            return Reply(
                fate=Fate.refused, enhanced="5.6.7", words="the server takes no address with accents (SMTPUTF8)"
            )
        try:
            await self._envelope(envelope)
        except (SMTPSenderRefused, SMTPRecipientRefused) as refusal:
            await self._forget()
            return reply_of(refusal.code, refusal.message)
        except (SMTPException, OSError, ValueError) as error:
            raise RelayError(_("Le serveur d’envoi a coupé la connexion.")) from error
        if not await permit():
            await self._forget()
            return Reply(fate=Fate.held)
        return await self._body(envelope.message)

    async def _envelope(self, envelope: Envelope) -> None:
        """MAIL and RCPT; in UTF-8 only for an address that needs it (RFC 6531, FMT-13)."""
        if envelope.recipient.isascii():
            await self.client.mail(envelope.sender, timeout=COMMAND_SECONDS)
            await self.client.rcpt(envelope.recipient, timeout=COMMAND_SECONDS)
        else:
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            await self.client.mail(envelope.sender, options=options, encoding="utf-8", timeout=COMMAND_SECONDS)
            await self.client.rcpt(envelope.recipient, encoding="utf-8", timeout=COMMAND_SECONDS)

    def _takes_utf8(self) -> bool:
        return self.client.supports_extension("smtputf8") and self.client.supports_extension("8bitmime")

    async def _body(self, message: bytes) -> Reply:
        try:
            done = await self.client.data(message, timeout=self.end_of_data_seconds)
        except SMTPResponseException as answer:
            return reply_of(answer.code, answer.message)
        except (SMTPException, OSError) as error:
            # aiosmtplib does not tell whether the body had left when the line broke, so we do not claim to know.
            return Reply(fate=Fate.unknown, words=without_addresses(str(error)))
        return reply_of(done.code, done.message)

    async def _forget(self) -> None:
        """RSET. A line that is broken by now shows at the next message."""
        with suppress(SMTPException, OSError):
            await self.client.rset(timeout=COMMAND_SECONDS)
