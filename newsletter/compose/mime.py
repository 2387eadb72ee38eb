"""A mail as the bytes that go on the wire: 7-bit, CRLF, quoted-printable (FMT, HDR and LST rules of the standards).

Header lines are written here rather than by `email.message`, whose folding turns a long `List-Unsubscribe` into an
encoded word and an IDN into one inside an address (standards §1.8). Only its encoded words are used.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from newsletter.compose.links import ReaderLinks
from newsletter.compose.program import Filled
from newsletter.compose.quoted_printable import on_the_wire, quoted
from newsletter.config import Settings
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.tokens import Keyring, Purpose

_ADDRESS = re.compile(r"(?!-)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9_=.+-]+@[A-Za-z0-9.-]+>")
_URI = re.compile(r"https?://[!-;=?-~]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|=\?[^?\s]+\?[bq]\?", re.IGNORECASE)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


class MessageError(NewsletterError):
    """A value that must not reach a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who writes: what every message of this installation carries. Domains are A-labels (FMT-11)."""

    sender_name: str
    sender_address: str
    reply_to: str
    list_domain: str
    organisation: str
    postal_address: str
    privacy_contact: str
    base_url: str

    @property
    def message_domain(self) -> str:
        """The right-hand side of every Message-ID."""
        return self.sender_address.rpartition("@")[2]

    @property
    def stream(self) -> str:
        """The constant SenderId of Feedback-ID, 5 to 15 letters and digits (HDR-07)."""
        name = re.sub(r"[^a-z0-9]", "", self.list_domain.split(".")[-2]) if "." in self.list_domain else ""
        return name[:15] if len(name) >= 5 else hashlib.sha256(self.list_domain.encode()).hexdigest()[:12]


def letterhead(settings: Settings) -> Letterhead:
    """The letterhead of these settings. Raises MessageError when an address of them cannot stand in a message."""
    return Letterhead(
        sender_name=_fit(settings.sender_name, field="From"),
        sender_address=_address(_ascii_domain(settings.sender_address)),
        reply_to=_address(_ascii_domain(settings.reply_to)) if settings.reply_to else "",
        list_domain=_ascii_domain("@" + settings.list_domain)[1:],
        organisation=settings.organisation,
        postal_address=settings.postal_address,
        privacy_contact=settings.privacy_contact,
        base_url=settings.base_url,
    )


def message_id_for(keys: Keyring, edition_id: int, mail_id: int, domain: str) -> str:
    """The Message-ID of a mail: the same for every try, and it tells nobody anything (HDR-03)."""
    return f"<{keys.sign(Purpose.message, edition_id, mail_id)}@{domain}>"


def write_message(
    filled: Filled,
    *,
    letterhead: Letterhead,
    to: str,
    message_id: str,
    date: datetime,
    links: ReaderLinks | None = None,
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
    around = frame(filled.subject, letterhead=letterhead, date=date, listed=listed, group=group, automatic=automatic)
    fields = personal_fields(to=to, message_id=message_id, unsubscribe=links.unsubscribe if links and listed else "")
    text, html = (quoted(on_the_wire(body)) for body in (filled.text, filled.html))
    return b"".join((fields, around.before_text, text, around.before_html, html, around.after))


def personal_fields(*, to: str, message_id: str, unsubscribe: str) -> bytes:
    """The header fields that differ per reader; ASCII, but for a recipient whose address is not (RFC 6532)."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MessageError(_("L’identifiant du message n’a pas la bonne forme."))
    fields = f"To: {_recipient(to)}\r\nMessage-ID: {message_id}\r\n"
    if not unsubscribe:
        return fields.encode()
    if not _URI.fullmatch(unsubscribe):
        raise MessageError(_("Le lien de désinscription n’est pas une adresse web."))
    # one line, whatever its length: it has no white space to fold at, and an encoded word would break it (LST-01)
    return f"{fields}List-Unsubscribe: <{unsubscribe}>\r\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The bytes of a message that are the same for every reader: after the personal fields, and around the bodies."""

    before_text: bytes
    before_html: bytes
    after: bytes


def frame(
    subject: str, *, letterhead: Letterhead, date: datetime, listed: bool, group: str = "", automatic: bool = False
) -> Frame:
    """The frame of an issue or a letter: two text parts in quoted-printable, the plain one first (FMT-08)."""
    fields = [
        *_who_and_when(subject, letterhead, date=date),
        *(_list_fields(letterhead, group=group) if listed else ()),
        *(["Auto-Submitted: auto-generated"] if automatic else ()),
        "MIME-Version: 1.0",
    ]
    said = "\r\n".join(fields)
    boundary = "=_" + hashlib.sha256(said.encode()).hexdigest()[:32]  # "=_" never occurs in quoted-printable
    return Frame(
        before_text=f'{said}\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode()
        + _opening("plain", boundary),
        before_html=_opening("html", boundary),
        after=f"\r\n--{boundary}--\r\n".encode(),
    )


def _opening(subtype: str, boundary: str) -> bytes:
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable'
    return f"\r\n--{boundary}\r\n{kind}\r\n\r\n".encode()


def _who_and_when(subject: str, letterhead: Letterhead, *, date: datetime) -> Iterator[str]:
    yield _mailbox("From", letterhead.sender_name, f"<{_address(letterhead.sender_address)}>")
    if letterhead.reply_to:
        yield f"Reply-To: {_address(letterhead.reply_to)}"
    yield _words("Subject", _fit(subject, field="Subject"))
    yield f"Date: {format_datetime(date)}"


def _list_fields(letterhead: Letterhead, *, group: str) -> Iterator[str]:
    yield _mailbox("List-Id", letterhead.sender_name, f"<{letterhead.list_domain}>")
    yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    named = [part for part in (re.sub(r"[^A-Za-z0-9-]", "", group), "lettre") if part]
    yield f"Feedback-ID: {':'.join([*named, letterhead.stream])}"


def _mailbox(field: str, phrase: str, angle: str) -> str:
    """A field of a display name and an address; the address goes on a line of its own where the name is long."""
    _fit(phrase, field=field)
    if not phrase.isascii():
        name = _words(field, phrase)
    elif _ATOMS.fullmatch(phrase) and phrase == " ".join(phrase.split()):
        name = f"{field}: {phrase}"
    else:
        name = '{}: "{}"'.format(field, phrase.replace("\\", "\\\\").replace('"', '\\"'))
    together = len(name.rpartition("\r\n")[2]) + 1 + len(angle)
    return f"{name} {angle}" if together <= 76 else f"{name}\r\n {angle}"


def _words(field: str, text: str) -> str:
    """A field of free words: folded at its spaces, or as encoded words where it is not plain ASCII (FMT-10)."""
    folds = text.isascii() and all(len(word) < 60 for word in text.split(" "))
    charset = "us-ascii" if folds else "utf-8"
    folded = Header(text, charset, maxlinelen=76, header_name=field).encode(linesep="\r\n")
    return f"{field}: {folded}"


def is_fit(value: str) -> bool:
    """Whether this text may stand in a header: no line break, no control character, no encoded word (FMT-15)."""
    return _UNFIT.search(value) is None


def _fit(value: str, *, field: str) -> str:
    """The value, if nothing in it could end a header line or hide one."""
    if not is_fit(value):
        raise MessageError(
            _(
                "Le champ {field} contient un saut de ligne ou un caractère interdit. Retapez-le sans copier-coller."
            ).format(field=field)
        )
    return value


def _recipient(address: str) -> str:
    """A reader's address; its local part may hold any letter (RFC 6532), its domain is an A-label."""
    if _ADDRESS.fullmatch(address) and ".." not in address:
        return _fit(address, field="To")
    local, _at, domain = address.rpartition("@")
    letters = "".join(letter if letter.isascii() or not letter.isprintable() else "x" for letter in local)
    _address(f"{letters}@{domain}")
    return _fit(address, field="To")


def _address(address: str) -> str:
    if not _ADDRESS.fullmatch(address) or ".." in address:
        raise MessageError(_("Une adresse ne peut pas figurer dans un message : vérifiez-la, lettre par lettre."))
    return address


def _ascii_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    try:
        return local + at + domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise MessageError(_("Un nom de domaine des réglages n’est pas valable : vérifiez-le.")) from None
