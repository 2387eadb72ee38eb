"""Following an issue from its approval to its last mail: pre-flight, approval, date, balance, pause, end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.clock import in_paris
from newsletter.compose.mime import letterhead
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.ledger.balance import Balance, balance_of
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.listing import ListedNote, notes
from newsletter.delivery.ledger.throughput import Rate, rate
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy, ngettext
from newsletter.instance import Instance
from newsletter.issues import approval, calendar, draft
from newsletter.store.issues import Issue, edition_of
from newsletter.web import doubts, send_window
from newsletter.web.pages import Marketing, TheInstance, number, paris, render, say_and_go
from newsletter.words import IssueState, NoteKind

router = APIRouter()
router.include_router(doubts.router)
router.include_router(send_window.router)
ROOT = "/bureau/numeros/{issue_id}"
Typed = Annotated[str, Form()]
REFRESHED_EVERY = 5
"""Seconds between two looks at an issue that is being sent."""

HAPPENED = {
    NoteKind.deferred: lazy("le serveur demande de réessayer plus tard"),
    NoteKind.refused: lazy("le serveur refuse cette adresse"),
    NoteKind.doubt: lazy("la ligne s’est coupée : nous ne savons pas si elle est arrivée"),
    NoteKind.settled: lazy("le doute est levé"),
    NoteKind.suppressed: lazy("la personne s’est désinscrite depuis"),
}


class DateError(NewsletterError):
    """The date and time typed are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of an issue that was approved."""

    balance: Balance
    notes: list[ListedNote]
    troubles: list[str]
    rate: Rate


@router.get(ROOT)
def follow(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, fixe: bool = False) -> Response:
    return _issue_page(request, instance, issue_id, still=fixe)


@router.post(ROOT + "/approuver")
def approve(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.approve_issue(instance, issue_id, by=visitor.account_id)
    return _back(request, issue_id, _("Le numéro est approuvé : son contenu est figé. Choisissez quand il part."))


@router.post(ROOT + "/rouvrir")
def reopen(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.reopen_issue(instance, issue_id)
    return _back(request, issue_id, _("Le numéro est de nouveau un brouillon."))


@router.post(ROOT + "/programmer")
def schedule(
    request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, day: Typed = "", time: Typed = ""
) -> Response:
    try:
        pipeline.schedule_issue(instance, issue_id, local=_moment_typed(day, time))
    except NewsletterError as error:
        return _issue_page(request, instance, issue_id, day=day, time=time, wrong=str(error))
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
    assert issue.send_at is not None
    return _back(request, issue_id, _("C’est dit : il part {when}, heure de Paris.").format(when=paris(issue.send_at)))


@router.post(ROOT + "/pause")
def pause(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.pause_issue(instance, issue_id)
    return _back(request, issue_id, _("L’envoi est en pause. Les lettres déjà en route finissent leur trajet."))


@router.post(ROOT + "/reprendre")
def resume(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    pipeline.resume_issue(instance, issue_id)
    return _back(request, issue_id, _("L’envoi reprend là où il s’était arrêté."))


@router.get(ROOT + "/annuler")
def confirm_cancelling(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        edition = edition_of(session, issue_id)
        where = balance_of(session, edition.id or 0) if edition else Balance()
    begun = edition is not None and edition.message_date is not None
    return render(request, "issues/cancel.html", issue=issue, balance=where, begun=begun)


@router.post(ROOT + "/annuler")
def cancel(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    where = pipeline.cancel_issue(instance, issue_id)
    return _back(request, issue_id, _cancelled_said(where))


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
    return say_and_go(request, f"/bureau/numeros/{issue_id}", sentence)


def _issue_page(
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
    with instance.store.reading() as session:
        locked = restore_lock.why_locked(session, instance.settings.home)
        issue = draft.the_issue(session, issue_id)
        edition = edition_of(session, issue_id)
        progress = Progress(
            balance=balance_of(session, edition.id or 0) if edition else Balance(),
            notes=notes(session, edition.id or 0) if edition else [],
            troubles=troubles(session),
            rate=rate(session, edition.id or 0, instance.clock.now()) if edition else Rate(),
        )
        findings = (
            approval.findings(session, issue, now=now, letterhead=letterhead(instance.settings))
            if issue.state is IssueState.draft
            else []
        )
    moving = issue.state is IssueState.sending and not progress.balance.finished
    return render(
        request,
        "issues/follow.html",
        status=400 if wrong else 200,
        issue=issue,
        edition=edition,
        progress=progress,
        findings=findings,
        blocked=any(finding.level == "block" for finding in findings),
        reach=_reach(instance, edition.segment if edition else issue.segment),
        happened=HAPPENED,
        errors={"day": wrong} if wrong else {},
        wanted={"day": day, "time": time} if wrong else _planned_for(issue),
        refresh=REFRESHED_EVERY if moving and not still else 0,
        moving=moving,
        today=in_paris(now).date().isoformat(),
        locked=locked,
        late=calendar.is_late(issue, now, instance.settings.late_after),
        window=send_window.window_of(issue),
        opens_at=calendar.opens_at(issue, now),
        policies=doubts.POLICIES,
        meanings=doubts.MEANINGS,
    )


def _planned_for(issue: Issue) -> dict[str, str]:
    if issue.send_at is None:
        return {"day": "", "time": "09:00"}
    local = in_paris(issue.send_at)
    return {"day": local.date().isoformat(), "time": local.strftime("%H:%M")}


def _reach(instance: Instance, segment: str) -> int | None:
    try:
        return pipeline.issue_reach(instance, segment).mailable
    except NewsletterError:
        return None
