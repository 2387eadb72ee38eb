"""Who is at the desk: passwords, logged-in browsers, and patience with wrong guesses (SEC-16).

A browser holds a random cookie; the store holds only its hash. A session ends by itself after a working day, and at
once on logout, on a new password and when its account is closed.
"""

import hashlib
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Request
from sqlmodel import Session, col, select

from newsletter.errors import NewsletterError
from newsletter.house import House
from newsletter.store.staff import Account, LoginSession
from newsletter.words import Role, ngettext

COOKIE = "bureau"
LASTS = timedelta(hours=12)
WRONG_GUESSES = 5
WITHIN = timedelta(minutes=15)

# OWASP's lighter profile: 19 MiB for each login, so that a burst of them does not fill a small server's memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_nobody = _hasher.hash(secrets.token_hex())  # checked for unknown logins, so that they take as long (SEC-16)


class TooManyGuessesError(NewsletterError):
    """Too many wrong passwords for one login in a short time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A member of the team, as a page sees them."""

    account_id: int
    login: str
    name: str
    role: Role
    csrf: str


@dataclass(slots=True)
class Patience:
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


def check_password(session: Session, *, login: str, password: str) -> Account | None:
    """The open account of this login and password; None when either is wrong. Takes the same time for both."""
    account = session.exec(
        select(Account).where(col(Account.login) == login.strip().lower(), col(Account.closed_at).is_(None))
    ).first()
    try:
        _hasher.verify(account.password_hash if account else _nobody, password)
    except (VerificationError, InvalidHashError):
        return None
    return account


def open_session(session: Session, account: Account, *, now: datetime) -> str:
    """Log this account in; the value of its browser's cookie. Sessions that have ended are swept out."""
    assert account.id is not None
    cookie = secrets.token_urlsafe(32)
    session.execute(sa.delete(LoginSession).where(col(LoginSession.expires_at) <= now))
    session.add(
        LoginSession(
            cookie_hash=_hash(cookie), account_id=account.id, csrf=secrets.token_urlsafe(24), expires_at=now + LASTS
        )
    )
    return cookie


def close_session(session: Session, cookie: str) -> None:
    """Log this browser out. Twice does nothing more."""
    session.execute(sa.delete(LoginSession).where(col(LoginSession.cookie_hash) == _hash(cookie)))


def close_sessions_of(session: Session, account_id: int) -> None:
    """Log every browser of this account out."""
    session.execute(sa.delete(LoginSession).where(col(LoginSession.account_id) == account_id))


def visitor_of(request: Request) -> Visitor | None:
    """Who sent this request; None for nobody we know. Looked up once per request."""
    if not hasattr(request.state, "visitor"):
        house: House = request.app.state.house
        request.state.visitor = find_visitor(house, request.cookies.get(COOKIE, ""))
    visitor: Visitor | None = request.state.visitor
    return visitor


def find_visitor(house: House, cookie: str) -> Visitor | None:
    """Whose cookie this is, while its session and its account are open."""
    if not cookie:
        return None
    with house.store.reading() as session:
        found = session.exec(
            select(LoginSession, Account)
            .join(Account, col(Account.id) == col(LoginSession.account_id))
            .where(
                col(LoginSession.cookie_hash) == _hash(cookie),
                col(LoginSession.expires_at) > house.clock.now(),
                col(Account.closed_at).is_(None),
            )
        ).first()
    if found is None:
        return None
    login, account = found
    return Visitor(
        account_id=login.account_id, login=account.login, name=account.name, role=account.role, csrf=login.csrf
    )


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
