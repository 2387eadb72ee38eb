"""SMTP as octets: the commands of a mail transaction, and the responses of a server (RFC 5321, pure)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from newsletter.note_reasons import NoteReason, note_words
from newsletter.smtp.contract import DeliveryStatus, Envelope, Reply, reply_of

DATA = b"DATA\r\n"
FINAL_DOT = b".\r\n"
RSET = b"RSET\r\n"
QUIT = b"QUIT\r\n"

START_MAIL_INPUT = 354
"""To DATA: the message may follow."""
CHANNEL_CLOSING = 421
"""The server closes the connection; it may answer any command so."""
_OUT_OF_SEQUENCE = 503
_LONGEST_RESPONSE = 65_536
"""Octets; a server that says more is not speaking SMTP."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")
"""What would end the command or its path early, or cannot be written in UTF-8."""


class MalformedResponseError(Exception):
    """What arrived is no SMTP response."""


@dataclass(frozen=True, slots=True)
class SmtpResponse:
    """One response of a server, with its lines when it had several."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        """A positive completion reply (2yz)."""
        return self.code // 100 == 2

    @property
    def negative(self) -> bool:
        """A refusal of what was asked; 503 says that client and server are out of step, and refuses no message."""
        return self.code >= 400 and self.code != _OUT_OF_SEQUENCE

    @property
    def words(self) -> str:
        return " ".join(self.lines)

    @property
    def reply(self) -> Reply:
        return reply_of(self.code, self.words)


@dataclass(slots=True)
class ResponseReader:
    """Cuts a stream of octets into responses, whatever pieces they arrive in (RFC 5321 §4.2)."""

    _rest: bytes = b""
    _lines: list[str] = field(default_factory=list)

    def feed(self, octets: bytes) -> list[SmtpResponse]:
        """The responses that are complete by now. Raises MalformedResponseError for what cannot be one."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if len(self._rest) > _LONGEST_RESPONSE or len(self._lines) > _LONGEST_RESPONSE // 64:
            raise MalformedResponseError
        return [response for line in lines if (response := self._take(line))]

    def _take(self, line: bytes) -> SmtpResponse | None:
        code, ends, words = _read(line)
        if ends and not self._lines:
            return _of_one_line(code, words)
        self._lines.append(words)
        if not ends:
            return None
        lines, self._lines = tuple(self._lines), []
        return SmtpResponse(code, lines)


@lru_cache(maxsize=256)
def _of_one_line(code: int, words: str) -> SmtpResponse:
    return SmtpResponse(code, (words,))


@lru_cache(maxsize=256)
def _read(line: bytes) -> tuple[int, bool, str]:
    """The code, whether the response ends here, and the words. Cached: a server repeats the same few lines."""
    code, mark = line[:3], line[3:4]
    if not (code.isdigit() and code[:1] in b"2345" and mark in (b"", b" ", b"-", b"\r")):
        raise MalformedResponseError
    return int(code), mark != b"-", _printable(line[4:])


def _printable(octets: bytes) -> str:
    """Words that can be stored and shown, whatever the server's character set was."""
    words = octets.strip().decode("utf-8", "replace")
    return words if words.isprintable() else "".join(c if c.isprintable() else " " for c in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """The service extensions of a server's EHLO response; none at all when it knows only HELO."""

    pipelining: bool = False  # RFC 2920
    starttls: bool = False  # RFC 3207
    utf8: bool = False  # SMTPUTF8, which needs 8BITMIME (RFC 6531 §3.1)
    eight_bit: bool = False  # 8BITMIME, RFC 6152
    size: bool = False  # RFC 1870
    largest: int = 0  # octets of a message; 0: it does not say
    logins: frozenset[str] = frozenset()  # mechanisms of AUTH, RFC 4954


def extensions_of(ehlo: SmtpResponse) -> Extensions:
    """The extensions named by a response to EHLO; its first line is the server's name."""
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
    """Why this message cannot be offered to this server at all; None when it can. A retry would change nothing."""
    for address, code in ((envelope.recipient, "5.1.3"), (envelope.sender, "5.1.7")):
        if _UNSAFE.search(address):
            return _refused_here(code, note_words(NoteReason.invalid_character))
    if not envelope.recipient:
        return _refused_here("5.1.3", note_words(NoteReason.no_address))
    if not _is_ascii(envelope) and not extensions.utf8:  # FMT-13
        return _refused_here("5.6.7", note_words(NoteReason.no_smtputf8))
    if 0 < extensions.largest < len(envelope.message):
        return _refused_here("5.3.4", note_words(NoteReason.too_large, f"{len(envelope.message)}/{extensions.largest}"))
    return None


def _refused_here(enhanced: str, words: str) -> Reply:
    return Reply(status=DeliveryStatus.refused, enhanced=enhanced, words=words)


def envelope_commands(envelope: Envelope, extensions: Extensions) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT and DATA; SMTPUTF8 only for an address that needs it (RFC 6531, FMT-13)."""
    size = f" SIZE={len(envelope.message)}" if extensions.size else ""
    ascii_only = _is_ascii(envelope)
    seven_bit = ascii_only and (envelope.plain or envelope.message.isascii())
    body = " BODY=8BITMIME" if extensions.eight_bit and not seven_bit else ""
    utf8 = "" if ascii_only else " SMTPUTF8"
    return (
        f"MAIL FROM:<{envelope.sender}>{size}{body}{utf8}\r\n".encode(),
        f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
        DATA,
    )


def dot_stuffed(envelope: Envelope) -> bytes:
    """The message as it is transmitted before the final dot: a line that begins with a dot gets another (§4.5.2).

    Searching a message of 20 KB for such lines takes as long as writing it, so a `plain` one is not searched.
    """
    message = envelope.message
    if not envelope.plain:
        message = message.replace(b"\r\n.", b"\r\n..")
        if message.startswith(b"."):
            message = b"." + message
    return message if message.endswith(b"\r\n") else message + b"\r\n"


def _is_ascii(envelope: Envelope) -> bool:
    return envelope.recipient.isascii() and envelope.sender.isascii()
