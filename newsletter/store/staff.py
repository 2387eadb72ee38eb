"""Who works here: accounts, and browsers that are logged in."""

from datetime import datetime

from sqlmodel import Field

from newsletter.store.columns import Row, UtcMoment, word
from newsletter.words import Role


class Account(Row, table=True):
    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True)  # in lower case
    name: str
    password_hash: str  # argon2id
    role: Role = Field(sa_type=word(Role))
    closed_at: datetime | None = Field(default=None, sa_type=UtcMoment)


class LoginSession(Row, table=True):
    """A browser that is logged in. Only a hash of its cookie is kept."""

    cookie_hash: bytes = Field(primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True, ondelete="CASCADE")
    csrf: str
    expires_at: datetime = Field(sa_type=UtcMoment)
