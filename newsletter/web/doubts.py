"""The mails of an issue whose fate nobody knows: the policy that settles them, and settling them one by one."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.delivery.ledger.doubt import Ruling
from newsletter.formats import number
from newsletter.i18n import _, lazy, ngettext
from newsletter.web.pages import Marketing, TheInstance, issue_page, render, say_and_go
from newsletter.words import DoubtPolicy, label

router = APIRouter()
_PAGE = "/bureau/numeros/{issue_id}/doutes"
_SHOWN = 200
"""How many are listed; all are settled together whatever their number."""
_RULINGS = {
    Ruling.arrived: lazy("Elle est arrivée"),
    Ruling.resend: lazy("La renvoyer"),
    Ruling.drop: lazy("L’abandonner"),
}
_RULINGS_FOR_ALL = {
    Ruling.arrived: lazy("Toutes sont arrivées"),
    Ruling.resend: lazy("Les renvoyer toutes"),
    Ruling.drop: lazy("Les abandonner toutes"),
}

POLICY_MEANINGS = {  # a quarter of an hour is delivery.doubt.DOUBT_AFTER
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


@router.get(_PAGE)
def list_doubts(request: Request, instance: TheInstance, visitor: Marketing, issue_id: int) -> Response:
    issue, found = pipeline.doubts_of_issue(instance, issue_id)
    return render(
        request,
        "issues/doubts.html",
        issue=issue,
        doubts=found[:_SHOWN],
        count=len(found),
        rulings=_RULINGS,
        for_all=_RULINGS_FOR_ALL,
    )


@router.get(_PAGE + "/decider")
def ask_before_ruling(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    choix: Ruling,
    lettre: Annotated[int | None, Query()] = None,
) -> Response:
    issue, chosen = pipeline.doubts_of_issue(instance, issue_id, mail_id=lettre)
    if not chosen:
        return say_and_go(request, issue_page(issue_id), _("Ce doute est déjà levé."))
    return render(request, "issues/settle.html", issue=issue, chosen=chosen, ruling=choix, one=lettre)


@router.post(_PAGE + "/decider")
def rule_on_doubts(
    request: Request,
    instance: TheInstance,
    visitor: Marketing,
    issue_id: int,
    choix: Annotated[Ruling, Form()],
    lettre: Annotated[int | None, Form()] = None,
) -> Response:
    why = _("décidé par {login}").format(login=visitor.name)
    settled = pipeline.settle_issue_doubts(instance, issue_id, choix, mail_id=lettre, why=why)
    said = ngettext("{n} doute est levé.", "{n} doutes sont levés.", settled).format(n=number(settled))
    return say_and_go(request, issue_page(issue_id), said)


@router.post(_PAGE + "/regle")
def set_doubt_policy(
    request: Request, instance: TheInstance, visitor: Marketing, issue_id: int, regle: Annotated[DoubtPolicy, Form()]
) -> Response:
    count = pipeline.choose_doubt_policy(instance, issue_id, regle)
    said = _("C’est dit. Dans le doute : {rule}.").format(rule=label(regle))
    if count:
        more = ngettext("Cela vaut aussi pour la lettre qui y est.", "Cela vaut aussi pour les {n} qui y sont.", count)
        said += " " + more.format(n=number(count))
    return say_and_go(request, issue_page(issue_id), said)


def policies_offered() -> list[tuple[DoubtPolicy, str]]:
    """Every policy with its words, as a list of choices shows them."""
    return [(policy, label(policy)[:1].upper() + label(policy)[1:]) for policy in DoubtPolicy]
