"""Following an issue from its approval to its last mail: pre-flight, approval, date, balance, pause, end."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.clock import in_paris
from newsletter.delivery.ledger.balance import Balance
from newsletter.errors import NewsletterError
from newsletter.formats import number, paris
from newsletter.i18n import _, lazy, ngettext
from newsletter.instance import Instance
from newsletter.issues import calendar
from newsletter.reports.issues import follow_issue, issue_standing
from newsletter.store.issues import Issue
from newsletter.web import doubts, send_window
from newsletter.web.pages import Marketing, TheInstance, issue_page, render, say_and_go
from newsletter.words import IssueState, NoteKind

router = APIRouter()
router.include_router(doubts.router)
router.include_router(send_window.router)
_PAGE = "/bureau/numeros/{issue_id}"
_REFRESHED_EVERY = 5
"""Seconds between two looks at an issue that is being sent."""

_HAPPENED = {
    NoteKind.deferred: lazy("le serveur demande de réessayer plus tard"),
    NoteKind.refused: lazy("le serveur refuse cette adresse"),
    NoteKind.doubt: lazy("la ligne s’est coupée : nous ne savons pas si elle est arrivée"),
    NoteKind.settled: lazy("le doute est levé"),
    NoteKind.suppressed: lazy("la personne s’est désinscrite depuis"),
}


class DateError(NewsletterError):
    """The date and time typed are none."""


@router.get(_PAGE)
def show_issue(
    request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, fixe: bool = False
) -> Response:
    return _followed_page(request, instance, issue_id, still=fixe)


@router.post(_PAGE + "/approuver")
def approve(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.approve_issue(instance, issue_id, by=visitor.account_id)
    return _back(request, issue_id, _("Le numéro est approuvé : son contenu est figé. Choisissez quand il part."))


@router.post(_PAGE + "/rouvrir")
def reopen(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.reopen_issue(instance, issue_id)
    return _back(request, issue_id, _("Le numéro est de nouveau un brouillon."))


@router.post(_PAGE + "/programmer")
def schedule(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    day: Annotated[str, Form()] = "",
    time: Annotated[str, Form()] = "",
) -> Response:
    try:
        issue = pipeline.schedule_issue(instance, issue_id, local=_moment_typed(day, time))
    except NewsletterError as error:
        return _followed_page(request, instance, issue_id, day=day, time=time, wrong=str(error))
    assert issue.send_at is not None
    return _back(request, issue_id, _("C’est dit : il part {when}, heure de Paris.").format(when=paris(issue.send_at)))


@router.post(_PAGE + "/deprogrammer")
def unschedule(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.unschedule_issue(instance, issue_id)
    return _back(request, issue_id, _("Le numéro n’a plus de date. Il reste approuvé : choisissez quand il part."))


@router.post(_PAGE + "/pause")
def pause(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.pause_issue(instance, issue_id)
    return _back(request, issue_id, _("L’envoi est en pause. Les lettres déjà en route finissent leur trajet."))


@router.post(_PAGE + "/reprendre")
def resume(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.resume_issue(instance, issue_id)
    return _back(request, issue_id, _("L’envoi reprend là où il s’était arrêté."))


@router.get(_PAGE + "/annuler")
def confirm_cancelling(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    found = issue_standing(instance, issue_id)
    begun = found.edition is not None and found.edition.message_date is not None
    return render(request, "issues/cancel.html", issue=found.issue, balance=found.balance, begun=begun)


@router.post(_PAGE + "/annuler")
def cancel(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    return _back(request, issue_id, _cancelled_said(pipeline.cancel_issue(instance, issue_id)))


def _moment_typed(day: str, time: str) -> datetime:
    try:
        return datetime.strptime(f"{day} {time}", "%Y-%m-%d %H:%M")  # noqa: DTZ007  a wall clock in Paris has no zone yet
    except ValueError:
        raise DateError(_("Donnez un jour et une heure, par exemple le 03/12/2026 à 09:00.")) from None


def _cancelled_said(where: Balance) -> str:
    if not where.planned:
        return _("Le numéro est annulé : rien n’est parti.")
    return ngettext(
        "Le numéro est annulé : {n} lettre était déjà partie.",
        "Le numéro est annulé : {n} lettres étaient déjà parties.",
        where.accepted,
    ).format(n=number(where.accepted))


def _back(request: Request, issue_id: int, sentence: str) -> Response:
    return say_and_go(request, issue_page(issue_id), sentence)


def _followed_page(
    request: Request,
    instance: Instance,
    issue_id: int,
    *,
    day: str = "",
    time: str = "",
    wrong: str = "",
    still: bool = False,
) -> Response:
    now = instance.clock.now()
    followed = follow_issue(instance, issue_id)
    issue, edition = followed.issue, followed.edition
    moving = issue.state is IssueState.sending and not followed.balance.finished
    return render(
        request,
        "issues/follow.html",
        status=400 if wrong else 200,
        issue=issue,
        edition=edition,
        progress=followed,
        findings=followed.findings,
        blocked=any(finding.level == "block" for finding in followed.findings),
        reach=followed.reach,
        happened=_HAPPENED,
        errors={"day": wrong} if wrong else {},
        wanted={"day": day, "time": time} if wrong else _planned_for(issue),
        refresh=_REFRESHED_EVERY if moving and not still else 0,
        moving=moving,
        today=in_paris(now).date().isoformat(),
        locked=followed.locked,
        late=followed.late,
        window=send_window.window_of(issue),
        opens_at=calendar.opens_at(issue, now),
        policies=doubts.policies_offered(),
        meanings=doubts.POLICY_MEANINGS,
    )


def _planned_for(issue: Issue) -> dict[str, str]:
    if issue.send_at is None:
        return {"day": "", "time": "09:00"}
    local = in_paris(issue.send_at)
    return {"day": local.date().isoformat(), "time": local.strftime("%H:%M")}
