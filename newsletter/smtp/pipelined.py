"""Handing over to an SMTP server, fast: our own client, by which editions leave (docs/reference/wire.md).

`greeting` opens a session, `dialogue` speaks it, `line` carries the octets; `relay` keeps the same promise slowly.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from newsletter.config import Settings
from newsletter.smtp.dialogue import Dialogue
from newsletter.smtp.handshake import Server, open_session
from newsletter.smtp.options import Security, Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One SMTP server, spoken to as its switches say."""

    server: Server
    switches: Switches = field(default_factory=Switches)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Dialogue]:
        line, offers = await open_session(self.server, self.switches)
        try:
            yield Dialogue(line, offers, self.switches)
        finally:
            await line.close(self.switches.patience.quit)


def server_of(settings: Settings) -> Server:
    """The SMTP server of the settings."""
    return Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )


def switches_of(settings: Settings) -> Switches:
    """What the settings alone say about it."""
    return Switches(security=Security(settings.smtp_security), ca_file=settings.ca_file)
