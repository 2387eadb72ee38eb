"""The leads: an adviser's own list and cards, everybody's for the team, and who the advisers are.

An adviser who asks for somebody else's lead gets the same 404 as for one that does not exist.
"""

import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, BinaryIO

from babel import Locale
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.accounts.permissions import own_leads_only
from newsletter.accounts.sessions import Visitor
from newsletter.advisers import export, lists, people
from newsletter.advisers.cards import Card
from newsletter.advisers.people import AdviserForm
from newsletter.clock import paris_day
from newsletter.errors import NewsletterError, RefusedError
from newsletter.i18n import _, ngettext
from newsletter.instance import Instance
from newsletter.store.leads import Adviser
from newsletter.web.pages import Marketing, Staff, TheForm, TheInstance, render, say_and_go, text_of
from newsletter.words import LeadState, OutcomeKind, label

router = APIRouter()
_Typed = Annotated[str, Form()]
_FIELDS = ("name", "address", "capacity", "absent_from", "absent_until", "stand_in", "account")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/bureau/pistes")
def list_leads(request: Request, instance: TheInstance, visitor: Staff, referent: int | None = None) -> Response:
    with instance.store.reading() as session:
        found = lists.lead_list(session, own_account=own_leads_only(visitor), adviser_id=referent)
    return render(
        request,
        "leads/leads.html",
        waiting=[card for card in found.cards if card.state == LeadState.new],
        open_leads=[card for card in found.cards if card.state == LeadState.handed_over],
        closed=[card for card in found.cards if card.state == LeadState.closed],
        advisers=found.advisers,
        chosen=found.chosen,
        unknown_adviser=found.unknown_adviser,
    )


@router.get("/bureau/pistes/export.csv")
def export_csv(instance: TheInstance, visitor: Staff, referent: int | None = None) -> Response:
    return _export(instance, visitor, referent, write=export.write_csv, kind="csv", media="text/csv; charset=utf-8")


@router.get("/bureau/pistes/export.xlsx")
def export_xlsx(instance: TheInstance, visitor: Staff, referent: int | None = None) -> Response:
    return _export(instance, visitor, referent, write=export.write_xlsx, kind="xlsx", media=_XLSX)


def _export(
    instance: Instance,
    visitor: Visitor,
    referent: int | None,
    *,
    write: Callable[[Sequence[Card], BinaryIO], None],
    kind: str,
    media: str,
) -> Response:
    """The open leads that this visitor may see, as a file."""
    with instance.store.reading() as session:
        found = lists.open_cards(session, own_account=own_leads_only(visitor), adviser_id=referent)
    file = io.BytesIO()
    write(found, file)
    name = f"pistes-{paris_day(instance.clock.now()):%Y-%m-%d}.{kind}"
    return Response(
        file.getvalue(), media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'}
    )


@router.post("/bureau/pistes/chercher")
def look_for_leads(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    handed = pipeline.refresh_leads(instance).handed_over
    said = ngettext("{number} piste confiée.", "{number} pistes confiées.", handed).format(number=handed)
    return say_and_go(request, "/bureau/pistes", said if handed else _("Pas de nouvelle piste pour le moment."))


@router.get("/bureau/pistes/{lead_id}")
def show_lead(request: Request, instance: TheInstance, visitor: Staff, lead_id: int) -> Response:
    with instance.store.reading() as session:
        card = lists.lead_card(session, lead_id, own_account=own_leads_only(visitor))
    country = Locale.parse("fr").territories.get(card.country.upper(), card.country)
    return render(request, "leads/card.html", card=card, country=country, outcomes=list(OutcomeKind))


@router.post("/bureau/pistes/{lead_id}/resultat")
def note_outcome(
    request: Request, instance: TheInstance, visitor: Staff, lead_id: int, kind: _Typed = "", note: _Typed = ""
) -> Response:
    if kind not in set(OutcomeKind):
        raise RefusedError(_("Choisissez ce que l’appel a donné."))
    with instance.store.transaction() as session:
        lists.note_outcome(
            session,
            lead_id,
            own_account=own_leads_only(visitor),
            account_id=visitor.account_id,
            kind=OutcomeKind(kind),
            note=note,
            now=instance.clock.now(),
        )
    said = _("C’est noté : {outcome}.").format(outcome=label(OutcomeKind(kind)))
    return say_and_go(request, f"/bureau/pistes/{lead_id}", said)


@router.get("/bureau/referents")
def list_advisers(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    with instance.store.reading() as session:
        found = lists.adviser_list(session, today=paris_day(instance.clock.now()))
    return render(
        request,
        "leads/advisers.html",
        advisers=found.advisers,
        names={adviser.id: adviser.name for adviser in found.advisers},
        rules=found.rules,
        away=found.away,
        loads=found.loads,
        catch_all=found.catch_all,
    )


@router.get("/bureau/referents/nouveau")
def new_adviser(request: Request, instance: TheInstance, visitor: Marketing) -> Response:
    return _adviser_page(request, instance, None, typed=dict.fromkeys(_FIELDS, "") | {"capacity": "50"})


@router.get("/bureau/referents/{adviser_id}")
def show_adviser(request: Request, instance: TheInstance, visitor: Marketing, adviser_id: int) -> Response:
    with instance.store.reading() as session:
        row = people.find(session, adviser_id)
    return _adviser_page(request, instance, adviser_id, typed=_written(row))


@router.post("/bureau/referents/nouveau")
def add_adviser(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm) -> Response:
    return _save(request, instance, None, {name: text_of(form, name) for name in _FIELDS})


@router.post("/bureau/referents/{adviser_id}")
def change_adviser(
    request: Request, instance: TheInstance, visitor: Marketing, adviser_id: int, form: TheForm
) -> Response:
    return _save(request, instance, adviser_id, {name: text_of(form, name) for name in _FIELDS})


def _written(row: Adviser) -> dict[str, str]:
    """The adviser as their form shows them."""
    away = (row.absent_from or "", row.absent_until or "")
    values = (row.name, row.address, row.capacity, *away, row.stand_in_id or "", row.account_id or "")
    return dict(zip(_FIELDS, map(str, values), strict=True))


def _save(request: Request, instance: Instance, adviser_id: int | None, typed: dict[str, str]) -> Response:
    try:
        form = _form(typed)
        with instance.store.transaction() as session:
            row = people.save(session, form, adviser_id=adviser_id)
    except RefusedError as error:
        return _adviser_page(request, instance, adviser_id, typed=typed, error=error)
    return say_and_go(
        request, f"/bureau/referents/{row.id}", _("La fiche de {name} est enregistrée.").format(name=row.name)
    )


def _form(typed: dict[str, str]) -> AdviserForm:
    try:
        return AdviserForm(
            name=typed["name"],
            address=typed["address"],
            capacity=int(typed["capacity"] or 50),
            absent_from=date.fromisoformat(typed["absent_from"]) if typed["absent_from"] else None,
            absent_until=date.fromisoformat(typed["absent_until"]) if typed["absent_until"] else None,
            stand_in_id=int(typed["stand_in"]) if typed["stand_in"] else None,
            account_id=int(typed["account"]) if typed["account"] else None,
        )
    except ValueError:
        raise RefusedError(_("Un nombre ou une date n’est pas lisible : vérifiez la capacité et l’absence.")) from None


def _adviser_page(
    request: Request,
    instance: Instance,
    adviser_id: int | None,
    *,
    typed: dict[str, str],
    error: NewsletterError | None = None,
) -> Response:
    with instance.store.reading() as session:
        offered = lists.adviser_choices(session, adviser_id=adviser_id)
    return render(
        request,
        "leads/adviser.html",
        status=400 if error else 200,
        adviser_id=adviser_id,
        typed=typed,
        error=str(error) if error else "",
        others=[(row.id, row.name) for row in offered.others],
        accounts=[(row.id, f"{row.name} ({row.login})") for row in offered.accounts],
        rules=offered.rules,
        epcis=[(row.siren, row.name) for row in offered.epcis],
        sectors=[(row.code, row.name_fr) for row in offered.sectors],
    )


@router.post("/bureau/referents/{adviser_id}/territoires")
def add_territory(
    request: Request, instance: TheInstance, visitor: Marketing, adviser_id: int, epci: _Typed = "", sector: _Typed = ""
) -> Response:
    with instance.store.transaction() as session:
        people.add_territory_rule(session, adviser_id, epci=epci or None, sector=sector or None)
    return say_and_go(request, f"/bureau/referents/{adviser_id}", _("Le territoire est ajouté."))


@router.post("/bureau/referents/{adviser_id}/territoires/{rule_id}/retirer")
def drop_territory(
    request: Request, instance: TheInstance, visitor: Marketing, adviser_id: int, rule_id: int
) -> Response:
    with instance.store.transaction() as session:
        people.drop_territory_rule(session, rule_id)
    return say_and_go(
        request, f"/bureau/referents/{adviser_id}", _("Le territoire est retiré ; les pistes déjà confiées restent.")
    )
