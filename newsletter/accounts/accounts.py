"""The accounts of the team: who may come in, and as what."""

from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.accounts.passwords import check_password, hash_password
from newsletter.accounts.sessions import close_sessions_of
from newsletter.errors import NewsletterError, NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.staff import Account
from newsletter.words import Role

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200  # argon2 reads everything it is given


class AccountError(NewsletterError):
    """An account cannot be as it was typed; `field` is the place to look at."""

    def __init__(self, sentence: str, *, field: str) -> None:
        self.field = field
        super().__init__(sentence)


def create_account(store: Store, *, login: str, name: str, role: Role, password: str) -> Account:
    """Add an account. Raises AccountError for a login that is taken or empty, and for a short password.

    The password is hashed before the transaction begins: it takes a tenth of a second, in which others may write.
    """
    password_hash = hash_new_password(password)
    with store.transaction() as session:
        return _add(session, login=login.strip().lower(), name=name.strip(), role=role, password_hash=password_hash)


def ensure_admin(store: Store, *, login: str, name: str, password: str) -> bool:
    """Add an administrator unless there is one already; whether it was added. Raises as `create_account` does."""
    with store.reading() as session:
        if session.exec(select(Account).where(Account.role == Role.admin)).first() is not None:
            return False
    create_account(store, login=login, name=name, role=Role.admin, password=password)
    return True


def _add(session: Session, *, login: str, name: str, role: Role, password_hash: str) -> Account:
    if not login or not login.isascii() or any(letter.isspace() for letter in login):
        raise AccountError(
            _("Donnez un identifiant court, sans espace ni accent, par exemple « camille »."), field="login"
        )
    if find_account(session, login) is not None:
        raise AccountError(_("L’identifiant « {login} » est déjà pris.").format(login=login), field="login")
    if not name:
        raise AccountError(_("Donnez le nom de la personne."), field="name")
    account = Account(login=login, name=name, role=role, password_hash=password_hash)
    session.add(account)
    session.flush()
    return account


def change_password(store: Store, *, login: str, password: str) -> None:
    """Give this account a new password; every browser it was open in is logged out."""
    password_hash = hash_new_password(password)
    with store.transaction() as session:
        account = find_account(session, login)
        if account is None:
            raise NotFoundError(_("Aucun compte n’a l’identifiant « {login} ».").format(login=login))
        account.password_hash = password_hash
        session.add(account)
        close_sessions_of(session, key(account.id))


def change_own_password(store: Store, *, login: str, present: str, new: str, again: str) -> None:
    """Give oneself a new password, typed twice. Raises AccountError, whose `field` is `present`, `new` or `again`."""
    if new != again:
        raise AccountError(_("Les deux mots de passe ne sont pas les mêmes."), field="again")
    if check_password(store, login=login, password=present) is None:
        raise AccountError(_("Ce n’est pas votre mot de passe actuel."), field="present")
    try:
        change_password(store, login=login, password=new)
    except AccountError as error:
        raise AccountError(str(error), field="new") from None


def close_account(session: Session, account_id: int, *, by: int, now: datetime) -> Account:
    """Nobody comes in with this account any more; open browsers are logged out. What it did stays signed with it."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFoundError(_("Ce compte n’existe pas."))
    if account_id == by:
        raise RefusedError(_("Vous ne pouvez pas fermer votre propre compte. Demandez à une autre personne."))
    account.closed_at = account.closed_at or now
    session.add(account)
    close_sessions_of(session, account_id)
    return account


def find_account(session: Session, login: str) -> Account | None:
    return session.exec(select(Account).where(col(Account.login) == login.strip().lower())).first()


def all_accounts(session: Session) -> list[Account]:
    """Open accounts first, then by name."""
    return list(session.exec(select(Account).order_by(col(Account.closed_at).is_not(None), col(Account.name))).all())


def role_named(word: str) -> Role:
    """The role of this word. Raises AccountError for a word that is none."""
    try:
        return Role(word)
    except ValueError:
        raise AccountError(_("Choisissez un rôle de la liste."), field="role") from None


def hash_new_password(password: str) -> str:
    """The argon2id hash of a password that was chosen. Raises AccountError when it is too short or far too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            _("Choisissez un mot de passe d’au moins {count} caractères : une petite phrase, par exemple.").format(
                count=SHORTEST_PASSWORD
            ),
            field="password",
        )
    return hash_password(password)
