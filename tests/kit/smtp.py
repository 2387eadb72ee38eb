"""A real SMTP server on a real socket, which does what a test tells it to."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.kit.sockets import listener
from tests.kit.timeouts import SECONDS


@dataclass(slots=True)
class Received:
    """One message that the server took."""

    sender: str
    recipient: str
    message: bytes
    hello: str = ""  # what its sender called itself


@dataclass(slots=True)
class MailServer:
    """What the server received, and its orders: recipient → the reply instead of 250, at RCPT or after the dot."""

    at_rcpt: dict[str, str] = field(default_factory=dict)
    after_dot: dict[str, str] = field(default_factory=dict)
    drop_after_dot: set[str] = field(
        default_factory=set
    )  # close the connection instead of answering, having taken the message
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address in self.at_rcpt:
            return self.at_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        recipient = envelope.rcpt_tos[0]
        if recipient in self.after_dot:
            return self.after_dot[recipient]
        content = envelope.content
        assert isinstance(content, bytes)
        assert envelope.mail_from is not None
        with self.lock:
            self.received.append(Received(envelope.mail_from, recipient, content, str(session.host_name)))
        if recipient in self.drop_after_dot:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 taken"

    @property
    def recipients(self) -> list[str]:
        with self.lock:
            return sorted(message.recipient for message in self.received)


@contextmanager
def smtp_server(
    mail_server: MailServer | None = None, *, login: tuple[str, str] | None = None, port: int = 0
) -> Iterator[MailServer]:
    """A server on a free port of the loopback interface; with `login`, it takes mail from nobody else."""
    mail_server = mail_server or MailServer()

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        words = (getattr(given, "login", b"").decode(), getattr(given, "password", b"").decode())
        return AuthResult(success=words == login, handled=False)

    controller = _Controller(
        mail_server,
        listener(port),
        ready_timeout=SECONDS,
        auth_required=login is not None,
        auth_require_tls=False,
        authenticator=check if login else None,
    )
    controller.start()
    mail_server.port = controller.port
    try:
        yield mail_server
    finally:
        controller.stop()


class _Controller(Controller):
    """Serves on this socket in a thread of its own."""

    def __init__(self, mail_server: MailServer, listening: socket.socket, **options: Any) -> None:
        host, port = listening.getsockname()
        super().__init__(mail_server, hostname=host, port=port, **options)
        self._listening = listening

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        made: Awaitable[asyncio.AbstractServer] = self.loop.create_server(self._factory_invoker, sock=self._listening)
        return made
