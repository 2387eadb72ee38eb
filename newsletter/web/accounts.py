"""The accounts of the team: who may come in, and as what."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter.accounts.accounts import AccountError, all_accounts, close_account, create_account, role_named
from newsletter.i18n import _
from newsletter.web.pages import Admin, TheInstance, render, say_and_go
from newsletter.words import Role, label

router = APIRouter()
_Typed = Annotated[str, Form()]


@router.get("/bureau/comptes")
def list_accounts(request: Request, instance: TheInstance, visitor: Admin) -> Response:
    return _accounts_page(request, instance)


@router.post("/bureau/comptes")
def add_account(
    request: Request,
    instance: TheInstance,
    visitor: Admin,
    login: _Typed = "",
    name: _Typed = "",
    role: _Typed = Role.marketing.value,
    password: _Typed = "",
) -> Response:
    try:
        chosen = role_named(role)
        create_account(instance.store, login=login, name=name, role=chosen, password=password)
    except AccountError as error:
        typed = {"login": login, "name": name, "role": role}
        return _accounts_page(request, instance, errors={error.field: str(error)}, typed=typed)
    return say_and_go(
        request,
        "/bureau/comptes",
        _("Le compte de {name} est ouvert, rôle : {role}.").format(name=name.strip(), role=label(chosen)),
    )


@router.post("/bureau/comptes/{account_id}/fermer")
def shut_account(request: Request, instance: TheInstance, visitor: Admin, account_id: int) -> Response:
    with instance.store.transaction() as session:
        account = close_account(session, account_id, by=visitor.account_id, now=instance.clock.now())
    return say_and_go(request, "/bureau/comptes", _("Le compte de {name} est fermé.").format(name=account.name))


def _accounts_page(
    request: Request,
    instance: TheInstance,
    *,
    errors: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    with instance.store.reading() as session:
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
