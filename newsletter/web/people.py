"""The people of the list: finding one, everything we hold about them, and why they are in a segment."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlmodel import Session

import segments
from newsletter.audience import people, record
from newsletter.clock import paris_day
from newsletter.countries import country_names
from newsletter.i18n import lazy
from newsletter.instance import Instance
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, text_of
from newsletter.words import Horizon, MailState, label

router = APIRouter()
ROOT = "/bureau/personnes"
OF_A_MAIL = {
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
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a person is in a segment or not; or why the segment cannot be read."""

    sentence: str = ""
    told: segments.Explanation | None = None
    wrong: str = ""


@router.get(ROOT)
def list_people(request: Request, instance: TheInstance, visitor: Marketing, page: str = "1") -> Response:
    return _list_page(request, instance, number=_page_number(page))


@router.post(ROOT)
def find_people(request: Request, instance: TheInstance, visitor: Marketing, form: TheForm) -> Response:
    """A POST that changes nothing: what is sought may be an address, and no address stands in a URL or a log."""
    number = _page_number(text_of(form, "page"))
    return _list_page(request, instance, number=number, sought=text_of(form, "cherche")[:200])


def _page_number(typed: str) -> int:
    return int(typed[:6]) if typed.isdecimal() and typed.isascii() else 1


def _list_page(request: Request, instance: Instance, *, number: int, sought: str = "") -> Response:
    with instance.store.reading() as session:
        found = people.people_page(session, number=number, sought=sought)
        waiting, aside = people.quarantined_rows(session) if found.number == 1 and not sought else (0, ())
    return render(
        request,
        "people/list.html",
        found=found,
        sought=sought,
        waiting=waiting,
        aside=aside,
        countries=country_names(),
        root=ROOT,
    )


@router.get(ROOT + "/{number}")
def show_person(
    request: Request, instance: TheInstance, visitor: Marketing, number: Number, segment: str = ""
) -> Response:
    with instance.store.reading() as session:
        held = record.record_of(session, number)
        answer = _why(session, instance, number, segment) if segment.strip() else None
    return render(
        request,
        "people/person.html",
        held=held,
        segment=segment,
        answer=answer,
        countries=country_names(),
        answers={word.value: label(word) for word in Horizon},
        mail_states=OF_A_MAIL,
        root=ROOT,
    )


@router.get(ROOT + "/{number}/copie.json")
def copy_person(instance: TheInstance, visitor: Marketing, number: Number) -> Response:
    """Everything we hold about them, as a file to hand over. Its name says no name."""
    with instance.store.reading() as session:
        copy = record.copy_of(session, number, now=instance.clock.now())
    return Response(
        copy,
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="personne-{number}.json"'},
    )


def _why(session: Session, instance: Instance, number: int, text: str) -> Answer:
    try:
        tree = segments.understand(session, text)
    except segments.SegmentError as error:
        return Answer(wrong=str(error))
    told = segments.explain(session, tree, number, today=paris_day(instance.clock.now()))
    return Answer(sentence=segments.sentence(tree), told=told)
