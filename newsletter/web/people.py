"""The people of the list: finding one, everything we hold about them, and why they are in a segment."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from newsletter.audience import people, record
from newsletter.countries import country_names
from newsletter.i18n import lazy
from newsletter.instance import Instance
from newsletter.reports.people import person_report
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, text_of
from newsletter.words import Horizon, MailState, label

router = APIRouter()
_PAGE = "/bureau/personnes"
_MAIL_STATES = {
    MailState.planned: lazy("à envoyer"),
    MailState.armed: lazy("en cours d’envoi"),
    MailState.accepted: lazy("acceptée par le serveur"),
    MailState.deferred: lazy("à réessayer"),
    MailState.refused: lazy("refusée"),
    MailState.suppressed: lazy("retirée : la personne était partie"),
    MailState.in_doubt: lazy("dans le doute"),
    MailState.settled: lazy("arrivée (doute levé)"),
    MailState.cancelled: lazy("annulée"),
}
"""What became of one letter; the labels of words.py count many."""
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get(_PAGE)
def list_people(request: Request, instance: TheInstance, visitor: Marketing, page: str = "1") -> Response:
    return _list_page(request, instance, number=_page_number(page))


@router.post(_PAGE)
def find_people(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm) -> Response:
    """A POST that changes nothing: what is sought may be an address, and no address stands in a URL or a log."""
    number = _page_number(text_of(form, "page"))
    return _list_page(request, instance, number=number, sought=text_of(form, "cherche")[:200])


def _page_number(typed: str) -> int:
    return int(typed[:6]) if typed.isdecimal() and typed.isascii() else 1


def _list_page(request: Request, instance: Instance, *, number: int, sought: str = "") -> Response:
    with instance.store.reading() as session:
        seen = people.people_overview(session, number=number, sought=sought)
    return render(
        request,
        "people/list.html",
        found=seen.found,
        sought=sought,
        waiting=seen.waiting,
        aside=seen.aside,
        countries=country_names(),
        root=_PAGE,
    )


@router.get(_PAGE + "/{number}")
def show_person(
    request: Request, instance: TheInstance, visitor: Marketing, number: _Number, segment: str = ""
) -> Response:
    seen = person_report(instance, number, segment=segment)
    return render(
        request,
        "people/person.html",
        held=seen.held,
        segment=segment,
        answer=seen.membership,
        countries=country_names(),
        answers={word.value: label(word) for word in Horizon},
        mail_states=_MAIL_STATES,
        root=_PAGE,
    )


@router.get(_PAGE + "/{number}/copie.json")
def copy_person(instance: TheInstance, visitor: Marketing, number: _Number) -> Response:
    """Everything we hold about them, as a file to hand over. Its name says no name."""
    with instance.store.reading() as session:
        copy = record.copy_of(session, number, now=instance.clock.now())
    return Response(
        copy,
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="personne-{number}.json"'},
    )
