"""The mails of an issue whose fate nobody knows: what becomes of them by themselves, and settling them by hand."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlmodel import Session

from newsletter.delivery.ledger.doubt import MailInDoubt, Ruling, apply_ruling, choose_policy, mails_in_doubt
from newsletter.i18n import _, lazy, ngettext
from newsletter.issues import draft
from newsletter.store.issues import edition_of
from newsletter.web.pages import Marketing, TheInstance, number, render, say_and_go
from newsletter.words import DoubtPolicy, label

router = APIRouter()
ROOT = "/bureau/numeros/{issue_id}/doutes"
SHOWN = 200
"""How many are listed; all are settled together whatever their number."""
RULINGS = {
    Ruling.arrived: lazy("Elle est arrivée"),
    Ruling.resend: lazy("La renvoyer"),
    Ruling.drop: lazy("L’abandonner"),
}
RULINGS_FOR_ALL = {
    Ruling.arrived: lazy("Toutes sont arrivées"),
    Ruling.resend: lazy("Les renvoyer toutes"),
    Ruling.drop: lazy("Les abandonner toutes"),
}

POLICIES = [(policy, label(policy)[:1].upper() + label(policy)[1:]) for policy in DoubtPolicy]
MEANINGS = {  # a quarter of an hour is delivery.doubt.DOUBT_AFTER
    DoubtPolicy.reconcile: lazy(
        "Qui l’ouvre, y clique ou y répond l’a reçue. Pour les autres, vous décidez : "
        "sans vous, personne ne la reçoit deux fois."
    ),
    DoubtPolicy.hold: lazy(
        "Toutes attendent votre décision, même avec une preuve : pour comparer chacune avec le journal de votre "
        "serveur d’envoi."
    ),
    DoubtPolicy.resend: lazy(
        "Sans preuve au bout d’un quart d’heure, elle repart à l’identique. Personne n’en est privé ; "
        "la plupart des messageries écartent le double, quelques-unes le montreront."
    ),
    DoubtPolicy.drop: lazy(
        "Sans preuve au bout d’un quart d’heure, elle n’est plus envoyée. Personne ne la reçoit deux fois ; "
        "quelques personnes peuvent ne jamais la recevoir."
    ),
}


@router.get(ROOT)
def list_doubts(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        found = _of_issue(session, issue_id)
    return render(
        request,
        "issues/doubts.html",
        issue=issue,
        doubts=found[:SHOWN],
        count=len(found),
        rulings=RULINGS,
        for_all=RULINGS_FOR_ALL,
    )


@router.get(ROOT + "/decider")
def ask(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    choix: Ruling,
    lettre: Annotated[int | None, Query()] = None,
) -> Response:
    with instance.store.reading() as session:
        issue = draft.the_issue(session, issue_id)
        chosen = _chosen(session, issue_id, lettre)
    if not chosen:
        return _back(request, issue_id, _("Ce doute est déjà levé."))
    return render(request, "issues/settle.html", issue=issue, chosen=chosen, ruling=choix, one=lettre)


@router.post(ROOT + "/decider")
def decide(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    choix: Annotated[Ruling, Form()],
    lettre: Annotated[int | None, Form()] = None,
) -> Response:
    with instance.store.transaction() as session:
        mails = [one.mail_id for one in _chosen(session, issue_id, lettre)]
        why = _("décidé par {login}").format(login=visitor.name)
        settled = apply_ruling(session, mails, choix, now=instance.clock.now(), why=why)
    said = ngettext("{n} doute est levé.", "{n} doutes sont levés.", settled).format(n=number(settled))
    return _back(request, issue_id, said)


@router.post(ROOT + "/regle")
def set_policy(
    request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, regle: Annotated[DoubtPolicy, Form()]
) -> Response:
    with instance.store.transaction() as session:
        draft.the_issue(session, issue_id)
        count = choose_policy(session, issue_id, regle)
    said = _("C’est dit. Dans le doute : {rule}.").format(rule=label(regle))
    if count:
        more = ngettext("Cela vaut aussi pour la lettre qui y est.", "Cela vaut aussi pour les {n} qui y sont.", count)
        said += " " + more.format(n=number(count))
    return _back(request, issue_id, said)


def _chosen(session: Session, issue_id: int, mail_id: int | None) -> list[MailInDoubt]:
    """This mail if it is in doubt, or all of the issue's that are."""
    return [one for one in _of_issue(session, issue_id) if mail_id in (None, one.mail_id)]


def _of_issue(session: Session, issue_id: int) -> list[MailInDoubt]:
    edition = edition_of(session, issue_id)
    return mails_in_doubt(session, edition_id=edition.id) if edition else []


def _back(request: Request, issue_id: int, sentence: str) -> Response:
    return say_and_go(request, f"/bureau/numeros/{issue_id}", sentence)
