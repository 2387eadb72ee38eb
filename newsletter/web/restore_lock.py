"""The lock on sending after a restored backup: why it is there, what it holds back, and opening it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.i18n import _, ngettext
from newsletter.reports.sending import lock_report
from newsletter.web.pages import Marketing, TheInstance, render, say_and_go

router = APIRouter()
_PAGE = "/bureau/verrou"


@router.get(_PAGE)
def show_lock(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    found = lock_report(instance)
    return render(request, "issues/lock.html", why=found.why, waiting=found.waiting, scheduled=found.scheduled)


@router.post(_PAGE)
def open_lock(
    request: Request, instance: TheInstance, visitor: Marketing, issues: Annotated[str, Form()] = "hold"
) -> Response:
    held = pipeline.open_sending(instance, hold=issues == "hold")
    said = _("L’envoi est de nouveau ouvert.")
    if held:
        said += " " + ngettext(
            "{n} numéro est en pause : reprenez-le quand vous voulez.",
            "{n} numéros sont en pause : reprenez-les un à un.",
            held,
        ).format(n=held)
    return say_and_go(request, "/bureau", said)
