"""A form of the back office is believed only when it came from one of our own pages (SEC-06).

Every POST under /bureau must carry the token of its session, and come from our own origin when the browser names one.
Logging in has no session yet: there the origin alone is checked.
"""

import hmac
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.web.visitors import visitor_of

LOGIN = "/bureau/connexion"
FIELD = "csrf"
_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})


class ForgedFormError(NewsletterError):
    """A form that none of our pages sent for this session."""


class LoginNeeded(Exception):  # noqa: N818  not an error: an invitation to log in
    """Nobody is logged in; app.py answers with the way to the login page."""


async def check_csrf(request: Request) -> None:
    """Raise unless this request may change something. Applied to every route by app.py."""
    if request.method in _CHANGES_NOTHING or not request.url.path.startswith("/bureau"):
        return
    _check_origin(request)
    if request.url.path == LOGIN:
        return
    visitor = await run_in_threadpool(visitor_of, request)
    if visitor is None:
        raise LoginNeeded
    sent = (await request.form()).get(FIELD, "")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), visitor.csrf.encode()):
        raise _forged()


def _check_origin(request: Request) -> None:
    """A browser names the origin of every POST; programs that name none are held by the token alone."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    ours = {request.app.state.instance.settings.base_url, f"{request.url.scheme}://{request.headers.get('host', '')}"}
    if _place(origin) not in {_place(url) for url in ours}:
        raise _forged()


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _forged() -> ForgedFormError:
    return ForgedFormError(
        _("Ce formulaire n’est plus valable. Revenez à la page précédente, rechargez-la, puis recommencez.")
    )
