"""Which client an edition leaves by."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from newsletter.config import Settings
from newsletter.smtp.contract import Connection, Transport
from newsletter.smtp.options import Client, Switches
from newsletter.smtp.pipelined import Wire, server_of, switches_of
from newsletter.smtp.relay import SmtpRelay


@dataclass(frozen=True, slots=True)
class WayOut:
    """The server of the settings, spoken to as the switches say at the moment when a connection is opened."""

    settings: Settings
    switches: Callable[[], Switches]

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        return open_transport(self.settings, switches=self.switches()).connect()


def open_transport(settings: Settings, *, switches: Switches | None = None) -> Transport:
    """The way out of editions: our own client to the server of the settings, unless the lane's switches want the other.

    Opens nothing yet.
    """
    server, switches = server_of(settings), switches or switches_of(settings)
    if switches.client is Client.wire:
        return Wire(server=server, switches=switches)
    return SmtpRelay(
        host=server.host,
        port=server.port,
        security=switches.security,
        username=server.username,
        password=server.password,
        ca_file=switches.ca_file,
        per_connection=switches.per_connection,
        ehlo=switches.ehlo,
        end_of_data_seconds=switches.patience.end_of_data,
    )
