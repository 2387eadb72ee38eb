"""When the mails of an issue may leave: at once, or between two hours of the day."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store.issues import Issue
from newsletter.web.pages import Marketing, TheInstance, issue_page, say_and_go

router = APIRouter()


@router.post("/bureau/numeros/{issue_id}/maintenant")
def send_now(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.send_issue_now(instance, issue_id)
    return say_and_go(request, issue_page(issue_id), _("C’est dit : il part maintenant."))


@router.post("/bureau/numeros/{issue_id}/heures")
def set_send_window(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    opens: Annotated[str, Form()] = "",
    closes: Annotated[str, Form()] = "",
) -> Response:
    try:
        issue = pipeline.set_send_window(instance, issue_id, opens=_hour_typed(opens), closes=_hour_typed(closes))
    except NewsletterError as error:
        return say_and_go(request, issue_page(issue_id), str(error))
    window = window_of(issue)
    said = (
        _("C’est dit : ses lettres partent entre {opens} et {closes}.").format(**window)
        if window["opens"]
        else _("C’est dit : ses lettres partent à toute heure.")
    )
    return say_and_go(request, issue_page(issue_id), said)


def window_of(issue: Issue) -> dict[str, str]:
    """The two hours of an issue's window as a form shows them; empty without one."""
    minutes = {"opens": issue.window_from, "closes": issue.window_until}
    return {name: "" if minute is None else f"{minute // 60:02}:{minute % 60:02}" for name, minute in minutes.items()}


def _hour_typed(hour: str) -> time | None:
    """An hour that was typed; None for an empty field. Raises NewsletterError for anything else."""
    if not hour.strip():
        return None
    try:
        return time.fromisoformat(hour.strip())
    except ValueError:
        raise NewsletterError(_("Donnez des heures comme 08:30.")) from None
