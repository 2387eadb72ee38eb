"""What every page is made with: the instance, who is asking, the templates, and the way back after a form."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from starlette.datastructures import FormData

from newsletter import urls
from newsletter.accounts.permissions import ADMIN_ROLES, EVERY_ROLE, MARKETING_ROLES, require_role
from newsletter.accounts.sessions import Visitor
from newsletter.delivery.ledger.throughput import time_left
from newsletter.folders import templates_folder
from newsletter.formats import day, number, paris, short, typeset
from newsletter.i18n import _, language, ngettext
from newsletter.instance import Instance
from newsletter.web.csrf import FIELD, LoginNeeded
from newsletter.web.visitors import visitor_of
from newsletter.words import Role, label

TEMPLATES = templates_folder() / "pages"
FLASH = "dit"


def the_instance(request: Request) -> Instance:
    """The instance that this app serves."""
    instance: Instance = request.app.state.instance
    return instance


async def the_form(request: Request) -> FormData:
    """All fields of the form that was sent, for pages whose fields are not known beforehand."""
    return await request.form()


class Guard:
    """A dependency that lets in accounts of some roles, sends strangers to the login page and refuses the others."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    def __call__(self, request: Request) -> Visitor:
        visitor = visitor_of(request)
        if visitor is None:
            raise LoginNeeded
        require_role(visitor, self.roles)
        return visitor


TheInstance = Annotated[Instance, Depends(the_instance)]
TheForm = Annotated[FormData, Depends(the_form)]
Staff = Annotated[Visitor, Depends(Guard(EVERY_ROLE))]
Marketing = Annotated[Visitor, Depends(Guard(MARKETING_ROLES))]
Admin = Annotated[Visitor, Depends(Guard(ADMIN_ROLES))]


def text_of(form: FormData, name: str) -> str:
    """What was typed in a field, without blanks around it; empty when the form has no such field."""
    typed = form.get(name, "")
    return typed.strip() if isinstance(typed, str) else ""


def texts_of(form: FormData, name: str) -> list[str]:
    """Every value of a field that may come several times, such as ticked boxes."""
    return [typed for typed in form.getlist(name) if isinstance(typed, str)]


def render(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """The page of this template. A waiting flash sentence is shown on it, once."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    said = _said(request) if visitor else ""
    page = _environment.get_template(template).render(
        visitor=visitor,
        navigation=_navigation(request, visitor),
        path=request.url.path,
        organisation=the_instance(request).settings.organisation,
        flash=said,
        csrf=lambda: _csrf_field(visitor),
        **values,
    )
    response = HTMLResponse(page, status_code=status, headers=headers)
    if said:
        response.delete_cookie(FLASH, path="/bureau")
    return response


def say_and_go(request: Request, url: str, sentence: str = "") -> Response:
    """Go on to another page of the back office, which says this sentence once."""
    response = RedirectResponse(url, status_code=303)
    if sentence:
        response.set_cookie(
            FLASH,
            base64.urlsafe_b64encode(sentence[:900].encode()).decode(),
            max_age=60,
            path="/bureau",
            httponly=True,
            samesite="lax",
            secure=the_instance(request).settings.base_url.startswith("https:"),
        )
    return response


def issue_page(issue_id: int) -> str:
    """The address of the page that follows this issue."""
    return f"/bureau/numeros/{issue_id}"


def _said(request: Request) -> str:
    try:
        return base64.urlsafe_b64decode(request.cookies.get(FLASH, "")).decode()
    except (binascii.Error, ValueError):
        return ""


def _csrf_field(visitor: Visitor | None) -> Markup:
    if visitor is None:
        return Markup("")
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, visitor.csrf)


def _navigation(request: Request, visitor: Visitor | None) -> list[tuple[str, str]]:
    if visitor is None:
        return []
    return [(name, url) for name, url, roles in request.app.state.navigation if visitor.role in roles]


def _open_templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, TEMPLATES.parent]),  # the fields of blocks stand beside their mails
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda sentence: typeset(_(sentence)),
        lambda one, many, count: typeset(ngettext(one, many, count)),
        newstyle=False,
    )
    environment.globals |= {"label": label, "urls": urls, "language": language}
    environment.filters |= {"paris": paris, "short": short, "day": day, "number": number, "typeset": typeset}
    environment.filters["time_left"] = time_left
    return environment


_environment = _open_templates()
