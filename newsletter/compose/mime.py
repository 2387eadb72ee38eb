"""A mail as the bytes that go on the wire: headers, then two bodies in quoted-printable; 7-bit and CRLF throughout."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from newsletter.compose.headers import SenderIdentity, recipient_headers, shared_headers
from newsletter.compose.links import RecipientLinks
from newsletter.compose.mail_template import RenderedMail
from newsletter.compose.quoted_printable import on_the_wire, quoted


def write_message(
    mail: RenderedMail,
    *,
    sender: SenderIdentity,
    to: str,
    message_id: str,
    date: datetime,
    links: RecipientLinks | None = None,
    one_click: bool = False,
    group: str = "",
    automatic: bool = False,
) -> bytes:
    """The whole message. The same arguments give the same bytes.

    With `links` and `one_click` it carries the list headers of RFC 2369, 2919 and 8058. `group` names its issue in
    Feedback-ID; `automatic` marks letters no person launched (RFC 3834). Raises MessageError for a value that holds a
    line break, a control character or an encoded word: nothing of it is ever written (FMT-15).
    """
    listed = links is not None and one_click
    around = mime_structure(mail.subject, sender=sender, date=date, listed=listed, group=group, automatic=automatic)
    headers = recipient_headers(to=to, message_id=message_id, unsubscribe=links.unsubscribe if links and listed else "")
    text, html = (quoted(on_the_wire(body)) for body in (mail.text, mail.html))
    return b"".join((headers, around.before_text, text, around.before_html, html, around.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class MimeStructure:
    """The bytes of a message that are the same for every recipient: the headers they share, and around the bodies."""

    before_text: bytes
    before_html: bytes
    after: bytes


def mime_structure(
    subject: str, *, sender: SenderIdentity, date: datetime, listed: bool, group: str = "", automatic: bool = False
) -> MimeStructure:
    """The structure of an issue's mail or a letter: multipart/alternative, the plain text first (FMT-08)."""
    headers = shared_headers(subject, sender=sender, date=date, listed=listed, group=group, automatic=automatic)
    boundary = "=_" + hashlib.sha256(headers.encode()).hexdigest()[:32]  # "=_" never occurs in quoted-printable
    return MimeStructure(
        before_text=f'{headers}\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode()
        + _part_headers("plain", boundary),
        before_html=_part_headers("html", boundary),
        after=f"\r\n--{boundary}--\r\n".encode(),
    )


def _part_headers(subtype: str, boundary: str) -> bytes:
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable'
    return f"\r\n--{boundary}\r\n{kind}\r\n\r\n".encode()
