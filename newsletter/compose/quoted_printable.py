"""Quoted-printable (RFC 2045 §6.7), in segments whose encoding does not depend on what stands around them.

Segments are joined with a soft line break, which decodes to nothing: so no line runs across the border of two.
"""

import binascii
import re

SOFT_BREAK = b"=\r\n"

_LONGEST = 75  # of 76: the last one of a line is kept for the "=" of a soft break
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_ITSELF = re.compile(rf"(?!\.)[!-<>-~](?:[ -<>-~]{{0,{_LONGEST - 2}}}[!-<>-~])?")


def on_the_wire(text: str) -> str:
    """The text with CRLF line ends and without the control characters that no mail may hold (FMT-01)."""
    return with_crlf(without_controls(text))


def with_crlf(text: str) -> str:
    """The text with every line break written as CRLF."""
    return _LINE_BREAK.sub("\r\n", text)


def without_controls(text: str) -> str:
    """The text without control characters, except tabs and line breaks."""
    return _CONTROLS.sub("", text)


def quoted(text: str) -> bytes:
    """The UTF-8 of a text `on_the_wire`, in quoted-printable.

    Holds only 7-bit characters. No line is longer than 76 and the last one is at most 75, so that a soft break may
    follow (FMT-04, FMT-05). No line begins with a dot: SMTP has nothing to double (RFC 5321 §4.5.2), whatever server
    the message passes.
    """
    if _ITSELF.fullmatch(text):
        return text.encode("ascii")
    # The line break added here lets the library see which kind of line breaks we want, and a space before a border.
    encoded = binascii.b2a_qp(f"{text}\r\n".encode(), istext=True).removesuffix(b"\r\n")
    return b"\r\n".join(map(_fitting, encoded.split(b"\r\n")))


def _fitting(line: bytes) -> bytes:
    """The line with no dot in front, and broken once more where it is too long then, or was already.

    The library forgets to count a space it encodes at the end.
    """
    if line.startswith(b"."):
        line = b"=2E" + line[1:]
    if len(line) <= _LONGEST or (len(line) == _LONGEST + 1 and line.endswith(b"=")):
        return line
    at = _LONGEST - 3
    while b"=" in line[at - 2 : at]:  # never inside of an encoded letter
        at -= 1
    return line[:at] + SOFT_BREAK + _fitting(line[at:])
