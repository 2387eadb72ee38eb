"""Which client an edition leaves by."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from newsletter.config import Settings
from newsletter.smtp.contract import Connection, Transport
from newsletter.smtp.options import Client, SmtpOptions
from newsletter.smtp.pipelined import PipelinedTransport, server_of, smtp_options_of
from newsletter.smtp.relay import SmtpRelay


@dataclass(frozen=True, slots=True)
class TransportFactory:
    """The server of the settings, spoken to as the switches say at the moment when a connection is opened."""

    settings: Settings
    options: Callable[[], SmtpOptions]

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        return transport_for(self.settings, options=self.options()).connect()


def transport_for(settings: Settings, *, options: SmtpOptions | None = None) -> Transport:
    """The way out of editions: our own client to the server of the settings, unless the lane's switches want the other.

    Opens nothing yet.
    """
    server, options = server_of(settings), options or smtp_options_of(settings)
    if options.client is Client.wire:
        return PipelinedTransport(server=server, options=options)
    return SmtpRelay(
        host=server.host,
        port=server.port,
        security=options.security,
        username=server.username,
        password=server.password,
        ca_file=options.ca_file,
        per_connection=options.per_connection,
        ehlo=options.ehlo,
        end_of_data_seconds=options.timeouts.end_of_data,
    )
