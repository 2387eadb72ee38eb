"""The web app of one instance: which pages there are, what every answer carries, and what a mistake looks like."""

import importlib
from collections.abc import Iterator
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.accounts.passwords import GuessLimit
from newsletter.accounts.permissions import ForbiddenError
from newsletter.errors import NewsletterError, NotFoundError, RefusedError
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.urls import CLICK_PATH, OPEN_PATH
from newsletter.web.csrf import LOGIN, ForgedFormError, LoginNeeded, check_csrf
from newsletter.web.language import ReaderLanguage
from newsletter.web.pages import TEMPLATES, Guard, render
from newsletter.web.visitors import visitor_of
from newsletter.words import Role

ROUTERS = (
    "login", "home", "signing_up", "reader_pages", "catalogue", "people", "segments", "issues", "sending",
    "restore_lock", "leads", "reports", "accounts", "senders", "health",
)  # fmt: skip
NAVIGATION = (
    (lazy("Accueil"), "/bureau"),
    (lazy("Numéros"), "/bureau/numeros"),
    (lazy("Envoi"), "/bureau/envoi"),
    (lazy("Personnes"), "/bureau/personnes"),
    (lazy("Segments"), "/bureau/segments"),
    (lazy("Catalogue"), "/bureau/catalogue"),
    (lazy("Pistes"), "/bureau/pistes"),
    (lazy("Référents"), "/bureau/referents"),
    (lazy("Bilans"), "/bureau/bilans"),
    (lazy("Comptes"), "/bureau/comptes"),
)
TRACKED = (f"{CLICK_PATH}/", f"{OPEN_PATH}/")
STATUS: dict[type[NewsletterError], int] = {
    NotFoundError: 404,
    RefusedError: 409,
    ForbiddenError: 403,
    ForgedFormError: 403,
    NewsletterError: 400,
}
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


def create_app(instance: Instance, tracker: ASGIApp | None = None) -> FastAPI:
    """Every page of this instance. `tracker` answers measured links and pixels before any page is asked."""
    app = FastAPI(title="Garder contact", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.instance = instance
    app.state.guess_limit = GuessLimit()
    app.state.navigation = [(name, url, roles) for name, url in NAVIGATION if (roles := roles_at(url))]
    _answer_head()
    for name in ROUTERS:
        app.include_router(_page_file(name).router, dependencies=[Depends(check_csrf)])
    app.mount("/static", StaticFiles(directory=TEMPLATES / "static"), name="static")
    app.add_middleware(SafeHeaders)
    app.add_middleware(ReaderLanguage)
    if tracker is not None:
        app.add_middleware(TrackerFirst, tracker=tracker)
    _answer_mistakes(app)
    return app


def every_route() -> Iterator[APIRoute]:
    """Each route of each page file, and of the routers it includes."""
    for name in ROUTERS:
        for found in iter_route_contexts(_page_file(name).router.routes):
            if isinstance(found.original_route, APIRoute):
                yield found.original_route


def roles_of(route: APIRoute) -> frozenset[Role]:
    """Who may use this route; nobody is named when it has no guard."""
    guards = [found.call for found in route.dependant.dependencies if isinstance(found.call, Guard)]
    return frozenset.intersection(*(guard.roles for guard in guards)) if guards else frozenset()


def roles_at(url: str) -> frozenset[Role]:
    """Who may open this page; nobody when no page file has it."""
    found = [route for route in every_route() if route.path == url and "GET" in (route.methods or ())]
    return roles_of(found[0]) if found else frozenset()


class TrackerFirst:
    """Hands the links and pixels of the mails to the tracker, everything else to the pages."""

    def __init__(self, app: ASGIApp, *, tracker: ASGIApp) -> None:
        self.app, self.tracker = app, tracker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tracked = scope["type"] == "http" and scope["path"].startswith(TRACKED)
        await (self.tracker if tracked else self.app)(scope, receive, send)


class SafeHeaders:
    """Puts the security headers on every answer, where the page did not choose its own.

    HEAD is answered with the headers of GET and no body (RFC 9110 §9.3.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                make_safe(MutableHeaders(scope=message), path=scope["path"])
            elif scope["method"] == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, send_safely if scope["type"] == "http" else send)


def make_safe(headers: MutableHeaders, *, path: str) -> None:
    """Our own resources only, in our own frames only; what the back office shows is kept by nobody."""
    at_the_desk = path.startswith("/bureau")
    headers.setdefault("content-security-policy", POLICY)
    headers.setdefault("x-content-type-options", "nosniff")
    # A form sent from a page with "no-referrer" names the origin "null", which csrf.py would refuse.
    headers.setdefault("referrer-policy", "same-origin" if at_the_desk else "no-referrer")
    if at_the_desk:
        headers.setdefault("cache-control", "no-store")


def _page_file(name: str) -> Any:
    return importlib.import_module(f"newsletter.web.{name}")


def _answer_head() -> None:
    """Answer HEAD wherever GET is answered; FastAPI does not by itself."""
    for route in every_route():
        if route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


def _answer_mistakes(app: FastAPI) -> None:
    app.add_exception_handler(LoginNeeded, _to_the_login_page)
    app.add_exception_handler(NewsletterError, _say_what_is_wrong)
    app.add_exception_handler(RequestValidationError, _say_the_form_is_incomplete)
    app.add_exception_handler(HTTPException, _say_there_is_no_such_page)
    app.add_exception_handler(Exception, _say_we_failed)


def _to_the_login_page(request: Request, _error: Exception) -> Response:
    wanted = request.url.path if request.method in ("GET", "HEAD") else ""
    return RedirectResponse(f"{LOGIN}?suite={wanted}" if wanted else LOGIN, status_code=303)


def _say_what_is_wrong(request: Request, error: Exception) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return mistake(request, status=status, title=_("Ce n’est pas possible ainsi"), sentence=str(error))


def _say_the_form_is_incomplete(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(found["loc"][0] == "path" for found in error.errors()):
        return _no_such_page(request)
    return mistake(
        request,
        status=400,
        title=_("Il manque quelque chose"),
        sentence=_("Le formulaire n’est pas arrivé complet. Revenez en arrière, vérifiez-le et renvoyez-le."),
    )


def _say_there_is_no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _no_such_page(request)
    return mistake(
        request,
        status=error.status_code,
        title=_("Cette demande n’a pas abouti"),
        sentence=_("Revenez à la page précédente et recommencez."),
    )


def _say_we_failed(request: Request, _error: Exception) -> Response:
    answer = mistake(
        request,
        status=500,
        title=_("Quelque chose s’est cassé chez nous"),
        sentence=_("Rien n’a été enregistré à moitié. Réessayez dans un instant ; si cela dure, prévenez-nous."),
    )
    make_safe(answer.headers, path=request.url.path)  # this answer is made outside of every middleware
    return answer


def _no_such_page(request: Request) -> Response:
    return mistake(
        request,
        status=404,
        title=_("Cette page n’existe pas"),
        sentence=_("L’adresse est peut-être incomplète, ou la page a été retirée."),
    )


def mistake(request: Request, *, status: int, title: str, sentence: str) -> Response:
    """A page that says what is wrong and where to go on."""
    at_the_desk = request.url.path.startswith("/bureau") and status != 500 and visitor_of(request) is not None
    layout = "layouts/back_office.html" if at_the_desk else "layouts/public.html"
    return render(request, "layouts/mistake.html", status=status, layout=layout, title=title, sentence=sentence)
