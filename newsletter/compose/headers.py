"""Header fields of a message, folded and encoded (FMT, HDR and LST rules of the standards).

They are written here rather than by `email.message`, whose folding turns a long `List-Unsubscribe` into an encoded word
and an IDN into one inside an address (standards §1.8). Only its encoded words (RFC 2047) are used.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

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
class SenderIdentity:
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


def sender_identity(settings: Settings) -> SenderIdentity:
    """Who writes, by these settings. Raises MessageError when an address of them cannot stand in a header."""
    return SenderIdentity(
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
    """The Message-ID of a mail: the same for every attempt; it discloses nothing (HDR-03)."""
    return f"<{keys.sign(Purpose.message, edition_id, mail_id)}@{domain}>"


def recipient_headers(*, to: str, message_id: str, unsubscribe: str) -> bytes:
    """The headers that differ per recipient; ASCII, but for a recipient whose address is not (RFC 6532)."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MessageError(_("L’identifiant du message n’a pas la bonne forme."))
    fields = f"To: {_recipient(to)}\r\nMessage-ID: {message_id}\r\n"
    if not unsubscribe:
        return fields.encode()
    if not _URI.fullmatch(unsubscribe):
        raise MessageError(_("Le lien de désinscription n’est pas une adresse web."))
    # one line, whatever its length: it has no white space to fold at, and an encoded word would break it (LST-01)
    return f"{fields}List-Unsubscribe: <{unsubscribe}>\r\n".encode()


def shared_headers(
    subject: str, *, sender: SenderIdentity, date: datetime, listed: bool, group: str = "", automatic: bool = False
) -> str:
    """The headers that are the same for every recipient, CRLF between them: From, Subject, Date and what `listed` adds.

    Raises MessageError for a subject that cannot stand in a header.
    """
    fields = [
        *_from_subject_date(subject, sender, date=date),
        *(_list_headers(sender, group=group) if listed else ()),
        *(["Auto-Submitted: auto-generated"] if automatic else ()),
        "MIME-Version: 1.0",
    ]
    return "\r\n".join(fields)


def is_fit(value: str) -> bool:
    """Whether this text may stand in a header: no line break, no control character, no encoded word (FMT-15)."""
    return _UNFIT.search(value) is None


def _from_subject_date(subject: str, sender: SenderIdentity, *, date: datetime) -> Iterator[str]:
    yield _address_header("From", sender.sender_name, f"<{_address(sender.sender_address)}>")
    if sender.reply_to:
        yield f"Reply-To: {_address(sender.reply_to)}"
    yield _encoded_header("Subject", _fit(subject, field="Subject"))
    yield f"Date: {format_datetime(date)}"


def _list_headers(sender: SenderIdentity, *, group: str) -> Iterator[str]:
    yield _address_header("List-Id", sender.sender_name, f"<{sender.list_domain}>")
    yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    named = [part for part in (re.sub(r"[^A-Za-z0-9-]", "", group), "lettre") if part]
    yield f"Feedback-ID: {':'.join([*named, sender.stream])}"


def _address_header(field: str, phrase: str, angle: str) -> str:
    """A header of a display name and an address; the address goes on a line of its own where the name is long."""
    _fit(phrase, field=field)
    if not phrase.isascii():
        name = _encoded_header(field, phrase)
    elif _ATOMS.fullmatch(phrase) and phrase == " ".join(phrase.split()):
        name = f"{field}: {phrase}"
    else:
        name = '{}: "{}"'.format(field, phrase.replace("\\", "\\\\").replace('"', '\\"'))
    together = len(name.rpartition("\r\n")[2]) + 1 + len(angle)
    return f"{name} {angle}" if together <= 76 else f"{name}\r\n {angle}"


def _encoded_header(field: str, text: str) -> str:
    """A header of free text, such as Subject (FMT-10).

    Folded at its spaces; where it is not plain ASCII, header-encoded as encoded words (RFC 2047).
    """
    folds = text.isascii() and all(len(word) < 60 for word in text.split(" "))
    charset = "us-ascii" if folds else "utf-8"
    folded = Header(text, charset, maxlinelen=76, header_name=field).encode(linesep="\r\n")
    return f"{field}: {folded}"


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
    """A recipient's address; its local part may hold any letter (RFC 6532), its domain is an A-label."""
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
