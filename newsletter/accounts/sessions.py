"""Logged-in browsers: opened, found again by their cookie, closed.

A browser holds a random cookie; the store holds only its hash. A session ends by itself after a working day, and at
once on logout, on a new password and when its account is closed.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.accounts.passwords import GuessLimit, check_password
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.staff import Account, LoginSession
from newsletter.words import Role

SESSION_LASTS = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A member of the team, as a page sees them."""

    account_id: int
    login: str
    name: str
    role: Role
    csrf: str


def log_in(store: Store, guess_limit: GuessLimit, *, login: str, password: str, now: datetime) -> str:
    """The cookie of a new session. Raises, in the same words for an unknown login and a wrong password (SEC-16)."""
    login = login.strip().lower()
    guess_limit.check(login, now=now)
    if account := check_password(store, login=login, password=password):
        guess_limit.forget(login)
        with store.transaction() as session:
            # Verified outside this transaction: a password changed meanwhile, or a closed account, opens nothing.
            present = session.get(Account, key(account.id), with_for_update=True)
            if present and present.closed_at is None and present.password_hash == account.password_hash:
                return open_session(session, present, now=now)
    guess_limit.guessed_wrong(login, now=now)
    raise NewsletterError(_("L’identifiant ou le mot de passe ne convient pas. Vérifiez-les et réessayez."))


def open_session(session: Session, account: Account, *, now: datetime) -> str:
    """Log this account in; the value of its browser's cookie. Sessions that have ended are swept out."""
    cookie = secrets.token_urlsafe(32)
    session.execute(sa.delete(LoginSession).where(col(LoginSession.expires_at) <= now))
    session.add(
        LoginSession(
            cookie_hash=_hash(cookie),
            account_id=key(account.id),
            csrf=secrets.token_urlsafe(24),
            expires_at=now + SESSION_LASTS,
        )
    )
    return cookie


def close_session(session: Session, cookie: str) -> None:
    """Log this browser out. Twice does nothing more."""
    session.execute(sa.delete(LoginSession).where(col(LoginSession.cookie_hash) == _hash(cookie)))


def close_sessions_of(session: Session, account_id: int) -> None:
    """Log every browser of this account out."""
    session.execute(sa.delete(LoginSession).where(col(LoginSession.account_id) == account_id))


def find_visitor(session: Session, cookie: str, *, now: datetime) -> Visitor | None:
    """Whose cookie this is, while its session and its account are open."""
    if not cookie:
        return None
    found = session.exec(
        select(LoginSession, Account)
        .join(Account, col(Account.id) == col(LoginSession.account_id))
        .where(
            col(LoginSession.cookie_hash) == _hash(cookie),
            col(LoginSession.expires_at) > now,
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
