"""Our own SMTP client, by which editions leave: it opens a session and hands it to the dialogue.

The steps are connect, TLS, greeting, EHLO, STARTTLS and login. `relay` keeps the same contract more slowly.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from newsletter.smtp import messages
from newsletter.smtp.contract import RelayError, without_addresses
from newsletter.smtp.dialogue import Dialogue
from newsletter.smtp.options import Security, SmtpOptions, SmtpServer
from newsletter.smtp.protocol import Extensions, SmtpResponse, extensions_of
from newsletter.smtp.stream import ConnectionLostError, SmtpStream
from newsletter.smtp.tls import tls_context


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinedTransport:
    """One SMTP server, spoken to as its options say."""

    server: SmtpServer
    options: SmtpOptions = field(default_factory=SmtpOptions)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Dialogue]:
        stream, extensions = await _open_session(self.server, self.options)
        try:
            yield Dialogue(stream, extensions, self.options)
        finally:
            await stream.close(self.options.timeouts.quit)


async def _open_session(server: SmtpServer, options: SmtpOptions) -> tuple[SmtpStream, Extensions]:
    """A connection that is ready for MAIL. Raises RelayError, and leaves none open, when there is none to be had."""
    timeouts = options.timeouts
    try:
        async with asyncio.timeout(timeouts.connect):
            _transport, stream = await asyncio.get_running_loop().create_connection(
                lambda: SmtpStream(block=timeouts.block), server.host, server.port
            )
    except (OSError, TimeoutError) as error:
        raise RelayError(_no_answer(server)) from error
    try:
        return stream, await _Handshake(stream, server, options).run()
    except BaseException as error:
        await stream.close(0)
        if isinstance(error, ssl.SSLCertVerificationError):
            raise RelayError(messages.BAD_CERTIFICATE.format(words=error.verify_message)) from error
        if isinstance(error, OSError | TimeoutError | ConnectionLostError):
            raise RelayError(_no_answer(server)) from error
        raise


def _no_answer(server: SmtpServer) -> str:
    return messages.NO_ANSWER.format(host=server.host, port=server.port)


@dataclass(slots=True)
class _Handshake:
    """From a fresh TCP connection to a session that accepts mail."""

    stream: SmtpStream
    server: SmtpServer
    options: SmtpOptions

    async def run(self) -> Extensions:
        if self.options.security is Security.tls:
            await self._encrypt()
        greeting = await self.stream.response(self.options.timeouts.greeting)
        if not greeting.positive:
            raise _refused(messages.NOT_WELCOME, greeting)
        extensions = await self._say_hello()
        if self.options.security is Security.starttls:
            extensions = await self._starttls(extensions)
        if self.server.username:
            await self._log_in(extensions)
        return extensions

    async def _encrypt(self) -> None:
        context = tls_context(self.options.ca_file)
        await self.stream.encrypt(context, host=self.server.host, seconds=self.options.timeouts.connect)

    async def _say_hello(self) -> Extensions:
        name = self.options.ehlo or ehlo_name(self.stream.own_address())
        response = await self._ask(f"EHLO {name}")
        if response.positive:
            return extensions_of(response)
        response = await self._ask(f"HELO {name}")  # a server from before 1993 knows no EHLO, and offers nothing
        if not response.positive:
            raise _refused(messages.NOT_WELCOME, response)
        return Extensions()

    async def _starttls(self, extensions: Extensions) -> Extensions:
        """Extensions offered in clear are forgotten (RFC 3207 §4.2). Without TLS nothing more is said."""
        if not extensions.starttls or not (await self._ask("STARTTLS")).positive:
            raise RelayError(messages.NO_ENCRYPTION)
        await self._encrypt()
        return await self._say_hello()

    async def _log_in(self, extensions: Extensions) -> None:
        name, password = self.server.username.encode(), self.server.password.encode()
        if "PLAIN" in extensions.logins:
            response = await self._ask("AUTH PLAIN " + _base64(b"\0" + name + b"\0" + password))
        elif "LOGIN" in extensions.logins:
            response = await self._ask("AUTH LOGIN")
            for secret in (name, password):
                if response.code == 334:  # the server asks for it (RFC 4954)
                    response = await self._ask(_base64(secret))
        else:
            raise RelayError(messages.NO_LOGIN)
        if not response.positive:
            raise _refused(messages.REFUSED_LOGIN, response)

    async def _ask(self, command: str) -> SmtpResponse:
        self.stream.write(command.encode() + b"\r\n")
        return await self.stream.response(self.options.timeouts.command)


def ehlo_name(own_address: str) -> str:
    """What we call ourselves: the machine's full name, or else its address (RFC 5321 §4.1.4)."""
    name = socket.gethostname()
    if "." in name:
        return name
    return f"[IPv6:{own_address}]" if ":" in own_address else f"[{own_address}]"


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _refused(sentence: str, response: SmtpResponse) -> RelayError:
    return RelayError(sentence.format(words=f"{response.code} {without_addresses(response.words)}"))
