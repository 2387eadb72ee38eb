"""Signed, opaque tokens: what stands in a link of a mail instead of a number or an address.

A token is one version byte and an AES-SIV ciphertext (RFC 5297) of up to three numbers, bound to its purpose by the
associated value; base64url without padding, at most 60 characters (SEC-02). AES-SIV hides the numbers and carries a
128-bit authenticator, so one flipped bit, or a token of another purpose, reads as nothing at all (LST-09). It is
deterministic: a resend of a mail is byte-identical.

Two families of keys: `links` may be revoked without touching `rights`, so that an unsubscribe link works for ever
(SEC-03, LST-11). A third key turns addresses into the keyed hashes of the suppression list (SUP-03).
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import struct
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from newsletter.errors import SettingsError
from newsletter.i18n import _

_VERSION = b"\x01"
_LONGEST = 60
_NUMBER = struct.Struct(">Q")
_NUMBERS = [struct.Struct(f">{count}Q") for count in range(4)]
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Purpose(Enum):
    """What a token is good for; a token of one purpose is nothing to another. In brackets, the numbers it carries."""

    click = "links:click"  # (edition id, mail id); the link's number stands beside the token
    open = "links:open"  # (edition id, mail id)
    view = "links:view"  # (edition id, mail id): the issue online
    answer = "rights:answer"  # (edition id, mail id): poll and call-back buttons
    unsubscribe = "rights:unsubscribe"  # (subscriber id, edition id or 0)
    preferences = "rights:preferences"  # (subscriber id)
    confirm = "rights:confirm"  # (sign-up id)
    message = "rights:message"  # (edition id, mail id): the Message-ID, opaque and the same for every try
    nonce = "rights:nonce"  # (subject id, second): one rendering of a form that changes something (LST-08)

    def __init__(self, words: str) -> None:
        self.revocable: bool = words.startswith("links:")
        self.bound: list[bytes] = [words.encode()]  # the associated value of its tokens


@dataclass(frozen=True, slots=True)
class Keyring:
    """The secrets of one installation. Kept in one file of mode 0600, never in the database or a log."""

    links: bytes
    rights: bytes
    addresses: bytes

    @classmethod
    def fresh(cls) -> "Keyring":
        """New random keys: 512 bits for each AES-SIV key, 256 for the address key."""
        return cls(secrets.token_bytes(64), secrets.token_bytes(64), secrets.token_bytes(32))

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """The keys in this file. Raises SettingsError when it is missing or is not such a file."""
        try:
            stored = json.loads(path.read_text(encoding="ascii"))
            return cls(*(bytes.fromhex(stored[name]) for name in ("links", "rights", "addresses")))
        except FileNotFoundError:
            raise SettingsError(
                _("Il manque le fichier des clés ({name}). Lancez d’abord « newsletter init ».").format(name=path.name)
            ) from None
        except (ValueError, KeyError, OSError):
            raise SettingsError(
                _("Le fichier des clés ({name}) est illisible. Remettez celui de votre sauvegarde.").format(
                    name=path.name
                )
            ) from None

    def save(self, path: Path) -> None:
        """Write the keys to a new file that only its owner may read. An existing file is never overwritten."""
        stored = {name: getattr(self, name).hex() for name in ("links", "rights", "addresses")}
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="ascii", opener=_owner_only) as file:
            json.dump(stored, file)

    def sign(self, purpose: Purpose, *numbers: int) -> str:
        """A token that carries these numbers (each 0 ≤ n < 2⁶⁴) for this purpose."""
        plain = _NUMBERS[len(numbers)].pack(*numbers)
        sealed = self._cipher(purpose).encrypt(plain, purpose.bound)
        return binascii.b2a_base64(_VERSION + sealed, newline=False).translate(_URL_SAFE, b"=").decode()

    def read(self, purpose: Purpose, token: str) -> tuple[int, ...] | None:
        """The numbers of a token we signed for this purpose; None for anything else, whatever is wrong with it."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) < 25 or raw[:1] != _VERSION or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
            return None
        try:
            plain = self._cipher(purpose).decrypt(raw[1:], purpose.bound)
        except InvalidTag:
            return None
        return tuple(number for (number,) in _NUMBER.iter_unpack(plain))

    def address_hash(self, address: str) -> bytes:
        """The keyed hash (HMAC-SHA-256, 32 bytes) under which a normalised address stays suppressed (SUP-03)."""
        return hmac.digest(self.addresses, address.encode(), hashlib.sha256)

    def _cipher(self, purpose: Purpose) -> AESSIV:
        return _cipher_of(self.links if purpose.revocable else self.rights)


@lru_cache(maxsize=16)
def _cipher_of(key: bytes) -> AESSIV:
    """The cipher of a key. Made once: that takes longer than to sign. Any thread may use it."""
    return AESSIV(key)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
