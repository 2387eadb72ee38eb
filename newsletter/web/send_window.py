"""When the mails of an issue may leave: at once, between two hours of the day; and the lock of a restored instance."""

from datetime import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.balance import balance_of
from newsletter.errors import NewsletterError
from newsletter.i18n import _, ngettext
from newsletter.issues import calendar
from newsletter.store.columns import key
from newsletter.store.issues import Issue, edition_of
from newsletter.web.pages import Marketing, TheInstance, render, say_and_go

router = APIRouter()
ROOT = "/bureau/numeros/{issue_id}"
LOCK = "/bureau/verrou"
Typed = Annotated[str, Form()]


@router.post(ROOT + "/maintenant")
def send_now(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.transaction() as session:
        calendar.send_now(session, issue_id, now=instance.clock.now())
    return _back(request, issue_id, _("C’est dit : il part maintenant."))


@router.post(ROOT + "/heures")
def set_window(
    request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, opens: Typed = "", closes: Typed = ""
) -> Response:
    try:
        with instance.store.transaction() as session:
            issue = calendar.set_window(session, issue_id, opens=_typed(opens), closes=_typed(closes))
    except NewsletterError as error:
        return _back(request, issue_id, str(error))
    window = window_of(issue)
    if not window["opens"]:
        return _back(request, issue_id, _("C’est dit : ses lettres partent à toute heure."))
    return _back(request, issue_id, _("C’est dit : ses lettres partent entre {opens} et {closes}.").format(**window))


@router.get(LOCK)
def show_lock(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    now, settings = instance.clock.now(), instance.settings
    with instance.store.reading() as session:
        why = restore_lock.why_locked(session, settings.home)
        sending = calendar.sending(session)
        scheduled = [
            *calendar.late(session, now=now, late_after=settings.late_after),
            *calendar.upcoming(session, now=now),
        ]
        editions = [(issue, edition_of(session, key(issue.id))) for issue in sending]
        left = [
            (issue, balance_of(session, key(edition.id)).waiting) for issue, edition in editions if edition is not None
        ]
    waiting = [(issue, count) for issue, count in left if count]
    return render(request, "issues/lock.html", why=why, waiting=waiting, scheduled=scheduled)


@router.post(LOCK)
def open_lock(request: Request, instance: TheInstance, visitor: Marketing, issues: Typed = "hold") -> Response:
    with instance.store.transaction() as session:
        held = calendar.hold_all(session) if issues == "hold" else 0
        restore_lock.confirm_installation(session, instance.settings.home, now=instance.clock.now())
    said = _("L’envoi est de nouveau ouvert.")
    if held:
        said += " " + ngettext(
            "{n} numéro est en pause : reprenez-le quand vous voulez.",
            "{n} numéros sont en pause : reprenez-les un à un.",
            held,
        ).format(n=held)
    return say_and_go(request, "/bureau", said)


def window_of(issue: Issue) -> dict[str, str]:
    """The two hours of an issue's window as a form shows them; empty without one."""
    minutes = {"opens": issue.window_from, "closes": issue.window_until}
    return {name: "" if minute is None else f"{minute // 60:02}:{minute % 60:02}" for name, minute in minutes.items()}


def _typed(hour: str) -> time | None:
    """An hour that was typed; None for an empty field. Raises NewsletterError for anything else."""
    if not hour.strip():
        return None
    try:
        return time.fromisoformat(hour.strip())
    except ValueError:
        raise NewsletterError(_("Donnez des heures comme 08:30.")) from None


def _back(request: Request, issue_id: int, sentence: str) -> Response:
    return say_and_go(request, f"/bureau/numeros/{issue_id}", sentence)
