"""E-mail addresses in their canonical form: how they are stored, compared and mailed (FMT-14, FMT-16)."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from newsletter.errors import NewsletterError
from newsletter.i18n import _

_LONGEST_LOCAL = 64  # octets, RFC 5321 §4.5.3.1.1
_LONGEST = 254  # octets: a path of 256 less its two angle brackets


class AddressError(NewsletterError):
    """This cannot be an e-mail address. The sentence says why and never repeats it (LAW-16)."""


def normalise(text: str) -> str:
    """The address as it is stored, compared and mailed: local part as given, domain as lower-case A-label, NFC.

    White space around it is dropped. Raises AddressError for a display name, two addresses, a blank inside or anything
    a mail server could take for more than one plain address. Looks nothing up.
    """
    trimmed = unicodedata.normalize("NFC", text).strip()
    _refuse_common_mistakes(trimmed)
    try:
        found = validate_email(trimmed, check_deliverability=False, allow_quoted_local=False)
    except EmailNotValidError:
        raise AddressError(_("Cette adresse e-mail n’est pas valable. Vérifiez-la, lettre par lettre.")) from None
    if found.ascii_domain is None:  # cannot happen for a plain domain; the library's type allows it
        raise AddressError(_("Le domaine de cette adresse n’est pas valable."))
    address = f"{found.local_part}@{found.ascii_domain.lower()}"
    if len(found.local_part.encode()) > _LONGEST_LOCAL or len(address.encode()) > _LONGEST:
        raise AddressError(_("Cette adresse e-mail est trop longue pour être valable. Vérifiez-la."))
    return address


def masked_address(address: str) -> str:
    """`c…@example.org`: enough to recognise an address one knows, too little to write to it."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _refuse_common_mistakes(address: str) -> None:
    """Raise AddressError with its own sentence for what people really type."""
    if not address:
        raise AddressError(_("Il manque l’adresse e-mail. Indiquez-la."))
    if "<" in address or ">" in address:
        raise AddressError(_("Un nom accompagne l’adresse e-mail. Gardez seulement l’adresse, sans nom ni chevrons."))
    if address.count("@") > 1:
        raise AddressError(_("Il y a plus d’une adresse e-mail. Gardez-en une seule."))
    if "@" not in address:
        raise AddressError(_("Il manque le signe @ dans l’adresse e-mail. Corrigez-la."))
    if any(letter.isspace() for letter in address):
        raise AddressError(_("Il y a une espace dans l’adresse e-mail. Retirez-la."))
    if address.endswith("."):
        raise AddressError(_("L’adresse e-mail se termine par un point. Retirez-le."))
    if address.startswith("-"):
        raise AddressError(_("L’adresse e-mail commence par un tiret : nous ne pouvons pas y écrire. Vérifiez-la."))
