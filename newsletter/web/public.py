"""What the pages without an account share: signed forms, private headers, the one answer to a wrong link."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from fastapi import Request
from fastapi.responses import Response

from newsletter.instance import Instance
from newsletter.tokens import Purpose
from newsletter.web.pages import render

NONCE_FIELD = "jeton"
PRIVATE_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""Kept by nobody, named to nobody, found by nobody (SEC-04, SEC-07)."""

_NONCE_LASTS = timedelta(hours=24)


class PublicForm(IntEnum):
    """Which form was shown; a nonce of one is nothing to another."""

    sign_up = 1
    unsubscribe = 2
    preferences = 3


def new_nonce(instance: Instance, form: PublicForm, subject: int = 0) -> str:
    """The nonce of one rendering of a form, for one reader where the form is theirs (LST-08, SEC-05).

    A signed moment, so that only a form we showed is believed.
    """
    return instance.keys.sign(Purpose.nonce, form, subject, int(instance.clock.now().timestamp()))


def nonce_age(instance: Instance, sent: str, form: PublicForm, subject: int = 0) -> timedelta | None:
    """How long ago this form was shown; None when we did not show it to them, or more than a day ago."""
    numbers = instance.keys.read(Purpose.nonce, sent)
    if numbers is None or numbers[:2] != (form, subject):
        return None
    age = instance.clock.now() - datetime.fromtimestamp(numbers[2], UTC)
    return age if timedelta(0) <= age <= _NONCE_LASTS else None


def no_such_link(request: Request) -> Response:
    """The one answer to every token that is not ours, is of another page, or leads to nobody any more."""
    return render(request, "public/unknown_link.html", status=404, headers=PRIVATE_HEADERS)


def form_expired(request: Request, url: str) -> Response:
    """Nothing was changed: the form was not ours, or was shown more than a day ago."""
    return render(request, "public/form_expired.html", status=400, headers=PRIVATE_HEADERS, url=url)
