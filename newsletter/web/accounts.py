"""The accounts of the team: who may come in, and as what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from newsletter.errors import NewsletterError, NotFoundError, RefusedError
from newsletter.store.staff import Account
from newsletter.web.pages import Admin, TheHouse, render, say_and_go
from newsletter.web.sessions import close_sessions_of, hash_password
from newsletter.words import Role, _, label

router = APIRouter()
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200  # argon2 reads everything it is given
Typed = Annotated[str, Form()]


class AccountError(NewsletterError):
    """An account cannot be as it was typed; `field` is the place to look at."""

    def __init__(self, sentence: str, *, field: str) -> None:
        self.field = field
        super().__init__(sentence)


def create_account(session: Session, *, login: str, name: str, role: Role, password: str, now: datetime) -> Account:
    """Add an account. Raises AccountError for a login that is taken or empty, and for a short password."""
    login, name = login.strip().lower(), name.strip()
    if not login or not login.isascii() or any(letter.isspace() for letter in login):
        raise AccountError(
            _("Donnez un identifiant court, sans espace ni accent, par exemple « camille »."), field="login"
        )
    if find_account(session, login) is not None:
        raise AccountError(_("L’identifiant « {login} » est déjà pris.").format(login=login), field="login")
    if not name:
        raise AccountError(_("Donnez le nom de la personne."), field="name")
    account = Account(login=login, name=name, role=role, password_hash=_hashed(password))
    session.add(account)
    session.flush()
    return account


def change_password(session: Session, *, login: str, password: str) -> None:
    """Give this account a new password; every browser it was open in is logged out."""
    account = find_account(session, login)
    if account is None or account.id is None:
        raise NotFoundError(_("Aucun compte n’a l’identifiant « {login} ».").format(login=login))
    account.password_hash = _hashed(password)
    session.add(account)
    close_sessions_of(session, account.id)


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


@router.get("/bureau/comptes")
def list_accounts(request: Request, house: TheHouse, visitor: Admin) -> Response:
    return _accounts_page(request, house)


@router.post("/bureau/comptes")
def add_account(
    request: Request,
    house: TheHouse,
    visitor: Admin,
    login: Typed = "",
    name: Typed = "",
    role: Typed = Role.marketing.value,
    password: Typed = "",
) -> Response:
    try:
        chosen = _role(role)
        with house.store.transaction() as session:
            create_account(session, login=login, name=name, role=chosen, password=password, now=house.clock.now())
    except AccountError as error:
        typed = {"login": login, "name": name, "role": role}
        return _accounts_page(request, house, errors={error.field: str(error)}, typed=typed)
    return say_and_go(
        request,
        "/bureau/comptes",
        _("Le compte de {name} est ouvert, rôle : {role}.").format(name=name.strip(), role=label(chosen)),
    )


@router.post("/bureau/comptes/{account_id}/fermer")
def shut_account(request: Request, house: TheHouse, visitor: Admin, account_id: int) -> Response:
    with house.store.transaction() as session:
        account = close_account(session, account_id, by=visitor.account_id, now=house.clock.now())
    return say_and_go(request, "/bureau/comptes", _("Le compte de {name} est fermé.").format(name=account.name))


def _accounts_page(
    request: Request,
    house: TheHouse,
    *,
    errors: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    with house.store.reading() as session:
        accounts = all_accounts(session)
    return render(
        request,
        "accounts/list.html",
        status=400 if errors else 200,
        accounts=accounts,
        roles=list(Role),
        errors=errors or {},
        typed=typed or {"login": "", "name": "", "role": Role.marketing.value},
    )


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise AccountError(_("Choisissez un rôle de la liste."), field="role") from None


def _hashed(password: str) -> str:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            _("Choisissez un mot de passe d’au moins {count} caractères : une petite phrase, par exemple.").format(
                count=SHORTEST_PASSWORD
            ),
            field="password",
        )
    return hash_password(password)
