"""The first page of the back office: what leaves next, who is warm, and what waits for a person."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.reports.overview import overview, own_leads
from newsletter.reports.waiting import ToDo, ToDoPlace
from newsletter.web.pages import Staff, TheInstance, render
from newsletter.words import Role

router = APIRouter()
_PLACES = {
    ToDoPlace.lock: "/bureau/verrou",
    ToDoPlace.issue: "/bureau/numeros/{issue_id}",
    ToDoPlace.issues: "/bureau/numeros",
    ToDoPlace.leads: "/bureau/pistes",
    ToDoPlace.people: "/bureau/personnes",
    ToDoPlace.catalogue: "/bureau/catalogue",
}


@router.get("/bureau")
def home(request: Request, instance: TheInstance, visitor: Staff) -> Response:
    if visitor.role is Role.adviser:
        return render(request, "home/adviser.html", leads=own_leads(instance, visitor.account_id))
    return render(request, "home/home.html", seen=overview(instance), today=instance.clock.now(), where=_where)


def _where(thing: ToDo) -> str:
    """The page on which a person settles this."""
    return _PLACES[thing.place].format(issue_id=thing.issue_id)
