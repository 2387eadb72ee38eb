"""Writing an issue: the list, the form with its blocks, and the preview."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

import segments
from newsletter import pipeline
from newsletter.catalogue import employers, openings, portraits
from newsletter.clock import paris_day
from newsletter.delivery.ledger.balance import Balance, edition_of
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.issues import draft
from newsletter.store.issues import Issue
from newsletter.web.issue_form import IssueTyped, as_blocks, as_typed, press, read_form
from newsletter.web.pages import Marketing, TheForm, TheInstance, day, render, say_and_go, text_of
from newsletter.web.reports import sent_issues
from newsletter.words import BlockKind, IssueState

router = APIRouter()
ROOT = "/bureau/numeros"
Typed = Annotated[str, Form()]
SHELVES = (
    (lazy("En cours d’envoi"), (IssueState.sending, IssueState.paused)),
    (lazy("Programmés"), (IssueState.scheduled,)),
    (lazy("Approuvés, sans date"), (IssueState.approved,)),
    (lazy("Brouillons"), (IssueState.draft,)),
    (lazy("Annulés"), (IssueState.cancelled,)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom the segment of a form reaches, in words; or why it cannot be understood."""

    sentence: str = ""
    matching: int = 0
    mailable: int = 0
    wrong: str = ""


@router.get(ROOT)
def list_issues(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    with instance.store.reading() as session:
        issues = draft.all_issues(session)
        found = {sent.issue.id: sent.balance for sent in sent_issues(session)}
    over = [issue for issue in issues if _is_over(issue, found.get(issue.id))]
    shelves = [
        (title, [issue for issue in issues if issue.state in states and issue not in over]) for title, states in SHELVES
    ]
    shelves.insert(4, (_("Envoyés"), over))
    return render(request, "issues/list.html", shelves=shelves, balances=found, any_issue=bool(issues))


@router.get(ROOT + "/nouveau")
def new_issue(request: Request, instance: TheInstance, visitor: Marketing, segment: str = "") -> Response:
    return _form_page(request, instance, typed=IssueTyped(segment=segment))


@router.post(ROOT + "/nouveau")
def create_issue(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm) -> Response:
    return _take_form(request, instance, form, issue_id=None)


@router.get(ROOT + "/{issue_id}/ecrire")
def edit_issue(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.reading() as session:
        issue = draft.a_draft(session, issue_id)
    return _form_page(request, instance, typed=as_typed(issue), issue_id=issue_id)


@router.post(ROOT + "/{issue_id}/ecrire")
def save_issue(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, form: TheForm) -> Response:
    return _take_form(request, instance, form, issue_id=issue_id)


@router.get(ROOT + "/{issue_id}/apercu")
def preview(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    return _preview_page(request, instance, issue_id)


@router.get(ROOT + "/{issue_id}/apercu/lettre")
def preview_letter(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    """The letter by itself, for the frames of the preview: it runs nothing and reaches nothing but its pictures."""
    letter = pipeline.preview_issue(instance, issue_id)
    policy = (
        f"default-src 'none'; img-src 'self' data: {instance.settings.base_url}; style-src 'unsafe-inline'; "
        "frame-ancestors 'self'; sandbox"
    )
    return HTMLResponse(letter.html, headers={"content-security-policy": policy})


@router.post(ROOT + "/{issue_id}/essai")
def send_test(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, to: Typed = "") -> Response:
    try:
        pipeline.send_test(instance, issue_id, to=to)
    except NewsletterError as error:
        return _preview_page(request, instance, issue_id, to=to, wrong=str(error))
    return say_and_go(request, f"{ROOT}/{issue_id}/apercu", _("L’essai est parti : regardez votre boîte de réception."))


def _is_over(issue: Issue, balance: Balance | None) -> bool:
    """Whether it left and nothing more of it will; one that was cancelled half-way stays with the cancelled."""
    return issue.state is not IssueState.cancelled and balance is not None and balance.finished


def _take_form(request: Request, instance: Instance, form: TheForm, *, issue_id: int | None) -> Response:
    """Do what the pressed button says; only "save" and "preview" write, and only when the form makes sense."""
    button = text_of(form, "act") or "save"
    typed = press(read_form(form), button)
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
    return say_and_go(request, f"{ROOT}/{issue.id}/{page}", _("C’est enregistré."))


def _form_page(
    request: Request,
    instance: Instance,
    *,
    typed: IssueTyped,
    issue_id: int | None = None,
    errors: dict[str, str] | None = None,
    unsaved: bool = False,
) -> Response:
    with instance.store.reading() as session:
        offered = _offered(session, instance)
        audience = _audience(session, instance, typed.segment)
    if audience.wrong:
        errors = {**(errors or {}), "segment": audience.wrong}
    return render(
        request,
        "issues/write.html",
        status=400 if errors and unsaved else 200,
        typed=typed,
        issue_id=issue_id,
        errors=errors or {},
        unsaved=unsaved,
        offered=offered,
        audience=audience,
        kinds=list(BlockKind),
        library=segments.library(),
    )


def _offered(session: Session, instance: Instance) -> dict[BlockKind, list[tuple[int, str]]]:
    """What the catalogue has to choose from, for each kind of block that shows some of it."""
    today = paris_day(instance.clock.now())
    return {
        BlockKind.employers: [
            (line.employer.id or 0, f"{line.employer.name} · {line.commune.name}")
            for line in employers.listed(session, today=today)
        ],
        BlockKind.openings: [
            (line.opening.id or 0, _opening_said(line)) for line in openings.listed(session, today=today)
        ],
        BlockKind.portrait: [
            (line.portrait.id or 0, line.portrait.person if line.showable else _hidden(line.portrait.person))
            for line in portraits.listed(session, today=today)
        ],
    }


def _opening_said(line: openings.OpeningLine) -> str:
    ends = _("jusqu’au {day}") if line.open else _("finie le {day}")
    until = ends.format(day=day(line.opening.expires_on))
    return f"{line.opening.title} · {line.employer.name} ({until})"


def _hidden(person: str) -> str:
    return _("{person} (droit à l’image fini : ne peut pas partir)").format(person=person)


def _audience(session: Session, instance: Instance, text: str) -> Audience:
    try:
        tree = segments.understand(session, text)
    except segments.SegmentError as error:
        return Audience(wrong=str(error))
    reach = segments.reach(session, tree, today=paris_day(instance.clock.now()))
    return Audience(sentence=segments.sentence(tree), matching=reach.matching, mailable=reach.mailable)


def _preview_page(request: Request, instance: Instance, issue_id: int, *, to: str = "", wrong: str = "") -> Response:
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        edition = edition_of(session, issue_id)
    try:
        letter, broken = pipeline.preview_issue(instance, issue_id), ""
    except NewsletterError as error:
        letter, broken = None, str(error)
    return render(
        request,
        "issues/preview.html",
        status=400 if wrong else 200,
        issue=issue,
        frozen=edition is not None,
        letter=letter,
        broken=broken,
        to=to,
        wrong=wrong,
    )
