"""Writing an issue: the list, the form with its blocks, and the preview."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

import segments
from newsletter import pipeline
from newsletter.blocks.registry import block_kinds
from newsletter.clock import paris_day
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.issues import draft
from newsletter.reports.issues import ListedIssue, listed_issues, preview_to_read
from newsletter.web.issue_form import IssueTyped, as_blocks, as_typed, block_fields, press, read_issue_form
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, say_and_go, text_of
from newsletter.words import IssueState

router = APIRouter()
_ROOT = "/bureau/numeros"
_Typed = Annotated[str, Form()]


@router.get(_ROOT)
def list_issues(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    issues = listed_issues(instance)
    return render(request, "issues/list.html", groups=_by_state(issues))


@router.get(_ROOT + "/nouveau")
def new_issue(request: Request, instance: TheInstance, visitor: Marketing, segment: str = "") -> Response:
    return _form_page(request, instance, typed=IssueTyped(segment=segment))


@router.post(_ROOT + "/nouveau")
def create_issue(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm) -> Response:
    return _take_form(request, instance, form, issue_id=None)


@router.get(_ROOT + "/{issue_id}/ecrire")
def edit_issue(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.reading() as session:
        issue = draft.a_draft(session, issue_id)
    return _form_page(request, instance, typed=as_typed(issue), issue_id=issue_id)


@router.post(_ROOT + "/{issue_id}/ecrire")
def save_issue(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, form: TheForm) -> Response:
    return _take_form(request, instance, form, issue_id=issue_id)


@router.get(_ROOT + "/{issue_id}/apercu")
def show_preview(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    return _preview_page(request, instance, issue_id)


@router.get(_ROOT + "/{issue_id}/apercu/lettre")
def preview_mail(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    """The mail by itself, for the frames of the preview: it runs nothing and reaches nothing but its pictures."""
    mail = pipeline.preview_issue(instance, issue_id)
    policy = (
        f"default-src 'none'; img-src 'self' data: {instance.settings.base_url}; style-src 'unsafe-inline'; "
        "frame-ancestors 'self'; sandbox"
    )
    return HTMLResponse(mail.html, headers={"content-security-policy": policy})


@router.post(_ROOT + "/{issue_id}/essai")
def post_test(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, to: _Typed = "") -> Response:
    try:
        pipeline.send_test(instance, issue_id, to=to)
    except NewsletterError as error:
        return _preview_page(request, instance, issue_id, to=to, wrong=str(error))
    return say_and_go(
        request, f"{_ROOT}/{issue_id}/apercu", _("L’essai est parti : regardez votre boîte de réception.")
    )


def _by_state(issues: Sequence[ListedIssue]) -> list[tuple[str, list[ListedIssue]]]:
    """The issues under the headings of the list."""

    def within(*states: IssueState) -> list[ListedIssue]:
        return [one for one in issues if one.issue.state in states and not one.over]

    return [
        (_("En cours d’envoi"), within(IssueState.sending, IssueState.paused)),
        (_("Programmés"), within(IssueState.scheduled)),
        (_("Approuvés, sans date"), within(IssueState.approved)),
        (_("Brouillons"), within(IssueState.draft)),
        (_("Envoyés"), [one for one in issues if one.over]),
        (_("Annulés"), within(IssueState.cancelled)),
    ]


def _take_form(request: Request, instance: Instance, form: TheForm, *, issue_id: int | None) -> Response:
    """Do what the pressed button says; only "save" and "preview" write, and only when the form makes sense."""
    button = text_of(form, "act") or "save"
    typed = press(read_issue_form(form), button)
    if button not in ("save", "preview"):
        return _form_page(request, instance, typed=typed, issue_id=issue_id, unsaved=True)
    blocks, errors = as_blocks(typed)
    if not typed.title:
        errors = {"title": _("Donnez un titre au numéro : c’est le nom que l’équipe lui connaîtra.")} | errors
    if errors:
        return _form_page(request, instance, typed=typed, issue_id=issue_id, errors=errors, unsaved=True)
    fields: dict[str, Any] = {
        "title": typed.title, "subject": typed.subject, "preheader": typed.preheader, "segment": typed.segment,
        "blocks": blocks,
    }  # fmt: skip
    with instance.store.transaction() as session:
        if issue_id is None:
            issue = draft.create(session, now=instance.clock.now(), **fields)
        else:
            issue = draft.edit(session, issue_id, **fields)
    page = "apercu" if button == "preview" else "ecrire"
    return say_and_go(request, f"{_ROOT}/{issue.id}/{page}", _("C’est enregistré."))


def _form_page(
    request: Request,
    instance: Instance,
    *,
    typed: IssueTyped,
    issue_id: int | None = None,
    errors: dict[str, str] | None = None,
    unsaved: bool = False,
) -> Response:
    today = paris_day(instance.clock.now())
    with instance.store.reading() as session:
        choices = draft.writing_choices(session, segment=typed.segment, today=today)
    if choices.reach.wrong:
        errors = {**(errors or {}), "segment": choices.reach.wrong}
    return render(
        request,
        "issues/write.html",
        status=400 if errors and unsaved else 200,
        typed=typed,
        issue_id=issue_id,
        errors=errors or {},
        unsaved=unsaved,
        blocks=block_fields(typed, choices=choices.of_blocks, errors=errors or {}),
        reach=choices.reach,
        kinds=block_kinds(),
        library=segments.library(),
    )


def _preview_page(request: Request, instance: Instance, issue_id: int, *, to: str = "", wrong: str = "") -> Response:
    preview = preview_to_read(instance, issue_id)
    status = 400 if wrong else 200
    return render(request, "issues/preview.html", status=status, preview=preview, to=to, wrong=wrong)
