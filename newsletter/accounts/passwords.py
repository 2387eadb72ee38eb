"""Passwords: hashed with argon2id, checked in the same time for any login, and not guessed without end (SEC-16)."""

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import col, select

from newsletter.errors import NewsletterError
from newsletter.i18n import ngettext
from newsletter.store import Store
from newsletter.store.staff import Account

WRONG_GUESSES = 5
WITHIN = timedelta(minutes=15)

# OWASP's lighter profile: 19 MiB for each login, so that a burst of them does not fill a small server's memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_nobody = _hasher.hash(secrets.token_hex())  # checked for unknown logins, so that they take as long (SEC-16)


class TooManyGuessesError(NewsletterError):
    """Too many wrong passwords for one login in a short time."""


@dataclass(slots=True)
class GuessLimit:
    """Wrong guesses per login, remembered by this process: after five within a quarter of an hour, one must wait.

    The login is counted whether or not such an account exists, so that waiting tells nothing.
    """

    _guesses: dict[str, deque[datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, login: str, *, now: datetime) -> None:
        """Raise TooManyGuessesError, with the minutes left, when this login must wait."""
        with self._lock:
            recent = self._recent(login, now=now)
            if len(recent) < WRONG_GUESSES:
                return
            minutes = max(1, -int(-(recent[0] + WITHIN - now).total_seconds() // 60))
        raise TooManyGuessesError(
            ngettext(
                "Trop d’essais pour cet identifiant. Réessayez dans {minutes} minute.",
                "Trop d’essais pour cet identifiant. Réessayez dans {minutes} minutes.",
                minutes,
            ).format(minutes=minutes)
        )

    def guessed_wrong(self, login: str, *, now: datetime) -> None:
        with self._lock:
            for other in [other for other in self._guesses if not self._recent(other, now=now)]:
                del self._guesses[other]
            self._guesses.setdefault(login, deque(maxlen=WRONG_GUESSES)).append(now)

    def forget(self, login: str) -> None:
        with self._lock:
            self._guesses.pop(login, None)

    def _recent(self, login: str, *, now: datetime) -> deque[datetime]:
        recent = self._guesses.get(login, deque())
        while recent and recent[0] <= now - WITHIN:
            recent.popleft()
        return recent


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher.hash(password)


def check_password(store: Store, *, login: str, password: str) -> Account | None:
    """The open account of this login and password; None when either is wrong. Takes the same time for both.

    The account is read first and the password verified afterwards, so that no session is open meanwhile.
    """
    with store.reading() as session:
        account = session.exec(
            select(Account).where(col(Account.login) == login.strip().lower(), col(Account.closed_at).is_(None))
        ).first()
    try:
        _hasher.verify(account.password_hash if account else _nobody, password)
    except (VerificationError, InvalidHashError):
        return None
    return account
