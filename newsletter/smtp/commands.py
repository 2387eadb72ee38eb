"""What is said to a server about one message, and the messages that cannot be said to it at all."""

import re
from dataclasses import dataclass

from newsletter.smtp.contract import DeliveryStatus, Envelope, Reply
from newsletter.smtp.replies import SmtpResponse

DATA = b"DATA\r\n"
DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")
"""What would end the command or its path early, or cannot be written in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What the server says it can do; nothing at all when it knows only HELO."""

    pipelining: bool = False
    starttls: bool = False
    utf8: bool = False  # SMTPUTF8, which needs 8BITMIME (RFC 6531 §3.1)
    eight_bit: bool = False
    size: bool = False
    largest: int = 0  # octets of a message; 0: it does not say
    logins: frozenset[str] = frozenset()


def extensions_of(ehlo: SmtpResponse) -> Extensions:
    """The answer to EHLO, read; its first line is the server's name."""
    said = dict(line.upper().replace("=", " ", 1).partition(" ")[::2] for line in ehlo.lines[1:])
    size = said.get("SIZE", "").strip()
    return Extensions(
        pipelining="PIPELINING" in said,
        starttls="STARTTLS" in said,
        utf8="SMTPUTF8" in said and "8BITMIME" in said,
        eight_bit="8BITMIME" in said,
        size="SIZE" in said,
        largest=int(size) if size.isascii() and size.isdigit() else 0,
        logins=frozenset(said.get("AUTH", "").split()),
    )


def local_refusal(envelope: Envelope, extensions: Extensions) -> Reply | None:
    """Why this message cannot even be offered to this server; None when it can. Trying again would change nothing."""
    for address, code in ((envelope.recipient, "5.1.3"), (envelope.sender, "5.1.7")):
        if _UNSPEAKABLE.search(address):
            return Reply(status=DeliveryStatus.refused, enhanced=code, words="a character that no address may hold")
    if not envelope.recipient:
        return Reply(status=DeliveryStatus.refused, enhanced="5.1.3", words="no address")
    if not _is_ascii(envelope) and not extensions.utf8:  # FMT-13
        words = "the server takes no address with accents (SMTPUTF8)"
        return Reply(status=DeliveryStatus.refused, enhanced="5.6.7", words=words)
    if 0 < extensions.largest < len(envelope.message):
        words = f"{len(envelope.message)} octets, and the server takes {extensions.largest}"
        return Reply(status=DeliveryStatus.refused, enhanced="5.3.4", words=words)
    return None


def envelope_commands(envelope: Envelope, extensions: Extensions) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT and DATA; SMTPUTF8 only for an address that needs it (RFC 6531, FMT-13)."""
    size = f" SIZE={len(envelope.message)}" if extensions.size else ""
    ascii_only = _is_ascii(envelope)
    seven_bit = ascii_only and (envelope.plain or envelope.message.isascii())
    wide = " BODY=8BITMIME" if extensions.eight_bit and not seven_bit else ""
    utf8 = "" if ascii_only else " SMTPUTF8"
    return (
        f"MAIL FROM:<{envelope.sender}>{size}{wide}{utf8}\r\n".encode(),
        f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
        DATA,
    )


def dot_stuffed(envelope: Envelope) -> bytes:
    """The message as it stands on the wire before its dot: a line that begins with a dot gets another one.

    Looking for such lines takes as long as writing a message of 20 KB does, so what is `plain` is not looked through.
    """
    message = envelope.message
    if not envelope.plain:
        message = message.replace(b"\r\n.", b"\r\n..")
        if message.startswith(b"."):
            message = b"." + message
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def _is_ascii(envelope: Envelope) -> bool:
    return envelope.recipient.isascii() and envelope.sender.isascii()
