"""Coming in and going out, and one's own password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.accounts.accounts import change_password
from newsletter.accounts.passwords import GuessLimit, check_password
from newsletter.accounts.sessions import LASTS, close_session, open_session
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.web.pages import Staff, TheInstance, render, say_and_go
from newsletter.web.visitors import COOKIE, visitor_of

router = APIRouter()
Typed = Annotated[str, Form()]


@router.get("/")
def front_door(request: Request) -> Response:
    return RedirectResponse("/bureau", status_code=303)


@router.get("/bureau/connexion")
def login_page(request: Request, suite: str = "") -> Response:
    if visitor_of(request):
        return RedirectResponse(_own_page(suite), status_code=303)
    return _login_page(request, going_to=suite)


@router.post("/bureau/connexion")
def log_in(
    request: Request, instance: TheInstance, login: Typed = "", password: Typed = "", suite: Typed = ""
) -> Response:
    try:
        cookie = _open(request, instance, login=login.strip().lower(), password=password)
    except NewsletterError as error:
        return _login_page(request, going_to=suite, login=login, wrong=str(error), status=400)
    response = RedirectResponse(_own_page(suite), status_code=303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LASTS.total_seconds()),
        path="/bureau",
        httponly=True,
        samesite="lax",
        secure=instance.settings.base_url.startswith("https:"),
    )
    return response


@router.post("/bureau/deconnexion")
def log_out(request: Request, instance: TheInstance, visitor: Staff) -> Response:
    with instance.store.transaction() as session:
        close_session(session, request.cookies[COOKIE])
    response = RedirectResponse("/bureau/connexion", status_code=303)
    response.delete_cookie(COOKIE, path="/bureau")
    return response


@router.get("/bureau/compte")
def own_account(request: Request, visitor: Staff) -> Response:
    return render(request, "login/account.html", errors={})


@router.post("/bureau/compte")
def new_password(
    request: Request, instance: TheInstance, visitor: Staff, present: Typed = "", new: Typed = "", again: Typed = ""
) -> Response:
    if new != again:
        errors = {"again": _("Les deux mots de passe ne sont pas les mêmes.")}
        return render(request, "login/account.html", status=400, errors=errors)
    with instance.store.reading() as session:
        known = check_password(session, login=visitor.login, password=present)
    if known is None:
        errors = {"present": _("Ce n’est pas votre mot de passe actuel.")}
        return render(request, "login/account.html", status=400, errors=errors)
    try:
        with instance.store.transaction() as session:
            change_password(session, login=visitor.login, password=new)
    except NewsletterError as error:
        return render(request, "login/account.html", status=400, errors={"new": str(error)})
    return say_and_go(request, "/bureau/connexion", _("Votre mot de passe est changé. Reconnectez-vous."))


def _open(request: Request, instance: TheInstance, *, login: str, password: str) -> str:
    """The cookie of a new session. Raises, in the same words for an unknown login and a wrong password."""
    guess_limit: GuessLimit = request.app.state.guess_limit
    now = instance.clock.now()
    guess_limit.check(login, now=now)
    with instance.store.transaction() as session:
        account = check_password(session, login=login, password=password)
        if account is not None:
            guess_limit.forget(login)
            return open_session(session, account, now=now)
    guess_limit.guessed_wrong(login, now=now)
    raise NewsletterError(_("L’identifiant ou le mot de passe ne convient pas. Vérifiez-les et réessayez."))


def _login_page(request: Request, *, going_to: str, login: str = "", wrong: str = "", status: int = 200) -> Response:
    return render(request, "login/login.html", status=status, going_to=going_to, login=login, wrong=wrong)


def _own_page(wanted: str) -> str:
    """Where to go after the login: only ever a page of the back office."""
    return wanted if wanted == "/bureau" or wanted.startswith("/bureau/") else "/bureau"
