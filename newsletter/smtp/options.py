"""How to speak SMTP to one server: encryption, client, pipelining, timeouts. A lane may set some of it in pace.toml."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from newsletter.config import Settings

MESSAGES_PER_CONNECTION = 100
"""Then a fresh connection: receivers frown on longer ones (standards §2.3)."""


class Security(StrEnum):
    """Encryption towards the server. There is no "if offered": a server that lost its STARTTLS gets nothing."""

    none = "none"  # for a server on the same machine
    starttls = "starttls"
    tls = "tls"  # from the first byte, port 465


class SmtpClient(StrEnum):
    """Which of our two SMTP clients speaks."""

    pipelined = "pipelined"  # our own, one round trip per message
    aiosmtplib = "aiosmtplib"  # for servers that our own does not get on with

    @classmethod
    def _missing_(cls, value: object) -> "SmtpClient | None":
        """`wire` was the name of `pipelined` in pace.toml."""
        return cls.pipelined if value == "wire" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How many seconds we wait, as in RFC 5321 §4.5.3.2."""

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0  # EHLO, AUTH, MAIL, RCPT, RSET
    data: float = 120.0  # for 354
    block: float = 180.0  # while a message is written: for the server to take any octet of it
    end_of_data: float = 600.0  # from the first byte of a message to the response to its final dot
    quit: float = 5.0  # a courtesy: nothing depends on the response


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """The defaults suit a server that keeps the standards."""

    security: Security = Security.none
    ca_file: Path | None = None  # trust this authority alone; None: those of the system
    client: SmtpClient = SmtpClient.pipelined
    pipelining: bool = True  # where the server offers it; False: one command at a time
    per_connection: int = MESSAGES_PER_CONNECTION  # 0: no limit
    ehlo: str = ""  # our name; empty: the machine's, or its address when that name has no dot
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where the mails go, and our account there."""

    host: str
    port: int
    username: str = ""
    password: str = ""


def smtp_server_of(settings: Settings) -> SmtpServer:
    """The SMTP server of the settings."""
    return SmtpServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=settings.smtp_password,
    )


def smtp_options_of(settings: Settings) -> SmtpOptions:
    """What the settings alone say about it."""
    return SmtpOptions(security=Security(settings.smtp_security), ca_file=settings.ca_file)
