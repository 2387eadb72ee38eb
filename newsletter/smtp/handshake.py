"""From a host and a port to a session that takes mail: connect, encrypt, say who we are, log in."""

import asyncio
import base64
import socket
import ssl
from dataclasses import dataclass

from newsletter.smtp import messages
from newsletter.smtp.commands import Offers, offers_of
from newsletter.smtp.contract import RelayError, without_addresses
from newsletter.smtp.options import Security, Switches
from newsletter.smtp.replies import Answer
from newsletter.smtp.stream import Line, LineLostError
from newsletter.smtp.tls import tls_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the mails go, and our account there."""

    host: str
    port: int
    username: str = ""
    password: str = ""


async def open_session(server: Server, switches: Switches) -> tuple[Line, Offers]:
    """A line that is ready for MAIL. Raises RelayError, and leaves no line open, when there is none to be had."""
    patience = switches.patience
    try:
        async with asyncio.timeout(patience.connect):
            _transport, line = await asyncio.get_running_loop().create_connection(
                lambda: Line(block=patience.block), server.host, server.port
            )
    except (OSError, TimeoutError) as error:
        raise RelayError(_no_answer(server)) from error
    try:
        return line, await _Greeting(line, server, switches).greet()
    except BaseException as error:
        await line.close(0)
        if isinstance(error, ssl.SSLCertVerificationError):
            raise RelayError(messages.BAD_CERTIFICATE.format(words=error.verify_message)) from error
        if isinstance(error, OSError | TimeoutError | LineLostError):
            raise RelayError(_no_answer(server)) from error
        raise


def _no_answer(server: Server) -> str:
    return messages.NO_ANSWER.format(host=server.host, port=server.port)


@dataclass(slots=True)
class _Greeting:
    line: Line
    server: Server
    switches: Switches

    async def greet(self) -> Offers:
        if self.switches.security is Security.tls:
            await self._encrypt()
        welcome = await self.line.answer(self.switches.patience.greeting)
        if not welcome.taken:
            raise _refused(messages.NOT_WELCOME, welcome)
        offers = await self._introduce()
        if self.switches.security is Security.starttls:
            offers = await self._starttls(offers)
        if self.server.username:
            await self._log_in(offers)
        return offers

    async def _encrypt(self) -> None:
        context = tls_context(self.switches.ca_file)
        await self.line.encrypt(context, host=self.server.host, seconds=self.switches.patience.connect)

    async def _introduce(self) -> Offers:
        name = self.switches.ehlo or our_name(self.line.own_address())
        answer = await self._ask(f"EHLO {name}")
        if answer.taken:
            return offers_of(answer)
        answer = await self._ask(f"HELO {name}")  # a server from before 1993 knows no EHLO, and offers nothing
        if not answer.taken:
            raise _refused(messages.NOT_WELCOME, answer)
        return Offers()

    async def _starttls(self, offers: Offers) -> Offers:
        """What was offered in clear is forgotten (RFC 3207 §4.2). Without TLS nothing more is said."""
        if not offers.starttls or not (await self._ask("STARTTLS")).taken:
            raise RelayError(messages.NO_ENCRYPTION)
        await self._encrypt()
        return await self._introduce()

    async def _log_in(self, offers: Offers) -> None:
        name, password = self.server.username.encode(), self.server.password.encode()
        if "PLAIN" in offers.logins:
            answer = await self._ask("AUTH PLAIN " + _base64(b"\0" + name + b"\0" + password))
        elif "LOGIN" in offers.logins:
            answer = await self._ask("AUTH LOGIN")
            for secret in (name, password):
                if answer.code == 334:  # the server asks for it (RFC 4954)
                    answer = await self._ask(_base64(secret))
        else:
            raise RelayError(messages.NO_LOGIN)
        if not answer.taken:
            raise _refused(messages.REFUSED_LOGIN, answer)

    async def _ask(self, command: str) -> Answer:
        self.line.write(command.encode() + b"\r\n")
        return await self.line.answer(self.switches.patience.command)


def our_name(own_address: str) -> str:
    """What we call ourselves: the machine's full name, or else its address (RFC 5321 §4.1.4)."""
    name = socket.gethostname()
    if "." in name:
        return name
    return f"[IPv6:{own_address}]" if ":" in own_address else f"[{own_address}]"


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _refused(sentence: str, answer: Answer) -> RelayError:
    return RelayError(sentence.format(words=f"{answer.code} {without_addresses(answer.words)}"))
