"""Coming in and going out, and one's own password."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from newsletter.accounts import sessions
from newsletter.accounts.accounts import AccountError, change_own_password
from newsletter.accounts.passwords import GuessLimit
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.web.pages import Staff, TheInstance, render, say_and_go
from newsletter.web.visitors import COOKIE, visitor_of

router = APIRouter()
_Typed = Annotated[str, Form()]


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
    request: Request, instance: TheInstance, login: _Typed = "", password: _Typed = "", suite: _Typed = ""
) -> Response:
    guess_limit: GuessLimit = request.app.state.guess_limit
    try:
        cookie = sessions.log_in(instance.store, guess_limit, login=login, password=password, now=instance.clock.now())
    except NewsletterError as error:
        return _login_page(request, going_to=suite, login=login, wrong=str(error), status=400)
    response = RedirectResponse(_own_page(suite), status_code=303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(sessions.SESSION_LASTS.total_seconds()),
        path="/bureau",
        httponly=True,
        samesite="lax",
        secure=instance.settings.base_url.startswith("https:"),
    )
    return response


@router.post("/bureau/deconnexion")
def log_out(request: Request, instance: TheInstance, visitor: Staff) -> Response:
    with instance.store.transaction() as session:
        sessions.close_session(session, request.cookies[COOKIE])
    response = RedirectResponse("/bureau/connexion", status_code=303)
    response.delete_cookie(COOKIE, path="/bureau")
    return response


@router.get("/bureau/compte")
def own_account(request: Request, visitor: Staff) -> Response:
    return render(request, "login/account.html", errors={})


@router.post("/bureau/compte")
def new_password(
    request: Request, instance: TheInstance, visitor: Staff, present: _Typed = "", new: _Typed = "", again: _Typed = ""
) -> Response:
    try:
        change_own_password(instance.store, login=visitor.login, present=present, new=new, again=again)
    except AccountError as error:
        return render(request, "login/account.html", status=400, errors={error.field: str(error)})
    return say_and_go(request, "/bureau/connexion", _("Votre mot de passe est changé. Reconnectez-vous."))


def _login_page(request: Request, *, going_to: str, login: str = "", wrong: str = "", status: int = 200) -> Response:
    return render(request, "login/login.html", status=status, going_to=going_to, login=login, wrong=wrong)


def _own_page(wanted: str) -> str:
    """Where to go after the login: only ever a page of the back office."""
    return wanted if wanted == "/bureau" or wanted.startswith("/bureau/") else "/bureau"
