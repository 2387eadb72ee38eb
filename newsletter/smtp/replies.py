"""A server's answers, cut out of whatever pieces they arrive in (RFC 5321 §4.2)."""

from dataclasses import dataclass, field
from functools import lru_cache

from newsletter.smtp.contract import Reply, reply_of

LONGEST_RESPONSE = 65_536  # octets of one answer; a server that says more has lost its way
START_MAIL_INPUT = 354  # to DATA: the body may come
CHANNEL_CLOSING = 421  # "closing transmission channel": may answer anything, at any time


class MalformedResponseError(Exception):
    """What arrived is no SMTP answer."""


@dataclass(frozen=True, slots=True)
class SmtpResponse:
    """One answer, with its lines when it had several."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        return self.code // 100 == 2

    @property
    def negative(self) -> bool:
        """A no to what was asked; 503 says that we are out of step, which is no verdict on a message."""
        return self.code >= 400 and self.code != 503

    @property
    def words(self) -> str:
        return " ".join(self.lines)

    @property
    def reply(self) -> Reply:
        return reply_of(self.code, self.words)


@dataclass(slots=True)
class ResponseReader:
    """Takes octets, gives answers."""

    _rest: bytes = b""
    _lines: list[str] = field(default_factory=list)

    def feed(self, octets: bytes) -> list[SmtpResponse]:
        """The answers that are complete by now. Raises NonsenseError for what cannot be one."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if len(self._rest) > LONGEST_RESPONSE or len(self._lines) > LONGEST_RESPONSE // 64:
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
    """The code, whether the answer ends here, and the words. A server says the same few lines over and over."""
    code, mark = line[:3], line[3:4]
    if not (code.isdigit() and code[:1] in b"2345" and mark in (b"", b" ", b"-", b"\r")):
        raise MalformedResponseError
    return int(code), mark != b"-", _plain(line[4:])


def _plain(octets: bytes) -> str:
    """Words that can be stored and shown, whatever the server's character set was."""
    words = octets.strip().decode("utf-8", "replace")
    return words if words.isprintable() else "".join(c if c.isprintable() else " " for c in words)
