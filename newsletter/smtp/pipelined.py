"""Handing over to an SMTP server, fast: our own client, by which editions leave (docs/reference/wire.md).

`greeting` opens a session, `dialogue` speaks it, `line` carries the octets; `relay` keeps the same promise slowly.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from newsletter.config import Settings
from newsletter.smtp.dialogue import Dialogue
from newsletter.smtp.handshake import Server, open_session
from newsletter.smtp.options import Security, SmtpOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinedTransport:
    """One SMTP server, spoken to as its switches say."""

    server: Server
    options: SmtpOptions = field(default_factory=SmtpOptions)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Dialogue]:
        stream, extensions = await open_session(self.server, self.options)
        try:
            yield Dialogue(stream, extensions, self.options)
        finally:
            await stream.close(self.options.timeouts.quit)


def server_of(settings: Settings) -> Server:
    """The SMTP server of the settings."""
    return Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )


def smtp_options_of(settings: Settings) -> SmtpOptions:
    """What the settings alone say about it."""
    return SmtpOptions(security=Security(settings.smtp_security), ca_file=settings.ca_file)
