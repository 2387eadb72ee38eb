"""How to speak to one server: what a lane may set, for relays that want less than the standard allows."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PER_CONNECTION = 100  # messages, then a fresh connection: receivers frown on longer ones (standards §2.3)


class Security(StrEnum):
    """Encryption towards the server. There is no "if offered": a server that lost its STARTTLS gets nothing."""

    none = "none"  # for a server on the same machine
    starttls = "starttls"
    tls = "tls"  # from the first byte, port 465


class Client(StrEnum):
    """Which of our two SMTP clients speaks."""

    wire = "wire"  # our own, one round trip per message
    aiosmtplib = "aiosmtplib"  # for servers that our own does not get on with


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How many seconds we wait, as in RFC 5321 §4.5.3.2."""

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0  # EHLO, AUTH, MAIL, RCPT, RSET
    data: float = 120.0  # for 354
    block: float = 180.0  # while a body goes out: for the server to take any of it
    end_of_data: float = 600.0  # from the first byte of a body to the answer to its dot
    quit: float = 5.0  # a courtesy: nothing depends on the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpOptions:
    """The defaults suit a server that keeps the standards."""

    security: Security = Security.none
    ca_file: Path | None = None  # trust this authority alone; None: those of the system
    client: Client = Client.wire
    pipelining: bool = True  # where the server offers it; False: one command at a time
    per_connection: int = PER_CONNECTION  # messages; 0: no limit
    ehlo: str = ""  # our name; empty: the machine's, or its address when that name has no dot
    timeouts: Timeouts = field(default_factory=Timeouts)
